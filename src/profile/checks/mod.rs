//! The checks over the merged profile, and the table of all rules.

mod duplicates;
mod grants;
mod guardrails;
mod isolation;
mod limits;
mod rbac;
pub(super) mod version;
mod workloads;

use super::rule::Rule;

/// All rules, sorted by code.
pub(crate) const RULES: &[&Rule] = &[
    &super::read::names::ACCOUNT_NAME,
    &super::read::names::AKS_NAME,
    &super::read::tokens::AUDIENCE,
    &super::read::names::CLOUD_NAME,
    &super::merge::clusters::NO_CLUSTER_KIND,
    &guardrails::CLUSTER_FEDERATION,
    &super::read::names::CLUSTER_KEY,
    &super::read::rules::CONTROL_CHARACTER,
    &limits::CREDENTIALS,
    &guardrails::DENIED_NAMESPACE,
    &guardrails::DENIED_ROLE,
    &guardrails::DENIED_SCOPE,
    &duplicates::DUPLICATE_CLUSTER,
    &duplicates::DUPLICATE_FEDERATION,
    &duplicates::DUPLICATE_IDENTITY,
    &duplicates::DUPLICATE_ROLE,
    &duplicates::DUPLICATE_TEAM,
    &duplicates::DUPLICATE_WORKLOAD,
    &workloads::EMPTY_RULE,
    &super::read::texts::EMPTY_TEXT,
    &super::read::names::ESTATE_NAME,
    &super::read::names::FEDERATION_NAME,
    &super::read::rules::FILE,
    &super::read::globs::GLOB,
    &grants::GRANT_IDENTITY,
    &grants::GRANT_ISSUER,
    &grants::GRANT_NAMESPACE,
    &grants::GRANT_PLACE,
    &grants::GRANT_RULE,
    &grants::GRANT_SCOPE,
    &super::read::azure::GUID,
    &super::read::names::IDENTITY_NAME,
    &super::read::tokens::ISSUER,
    &super::read::azure::LOCATION,
    &super::read::rules::MISSING_KEY,
    &workloads::MODE,
    &super::read::names::NAMESPACE_NAME,
    &super::merge::workloads::NO_CLUSTER,
    &super::merge::workloads::NO_IDENTITY,
    &super::merge::workloads::NO_NAMESPACE,
    &super::merge::identities::NO_PLACE,
    &limits::PER_CLUSTER_NAME,
    &limits::PER_CLUSTER_UNUSED,
    &guardrails::PRIVILEGED_ROLE,
    &duplicates::REPEATED_IDENTITY,
    &super::read::texts::REQUIRED_VERSION,
    &super::read::names::GROUP_NAME,
    &super::read::azure::ROLE_NAME,
    &super::read::rules::ROOT_FILE,
    &super::read::azure::SCOPE,
    &super::read::variables::SECRET_VARIABLE,
    &isolation::SHARED_IDENTITY,
    &isolation::SHARED_NAMESPACE,
    &isolation::SHARED_SUBJECT,
    &super::read::tokens::SUBJECT,
    &super::read::rules::SYNTAX,
    &limits::TAGS,
    &super::read::names::TEAM_NAME,
    &super::read::tokens::TOKEN_EXPIRATION,
    &super::read::rules::TOO_LARGE,
    &super::read::rules::WRONG_TYPE,
    &super::merge::workloads::UNKNOWN_CLUSTER,
    &super::merge::workloads::UNKNOWN_IDENTITY,
    &super::read::rules::UNKNOWN_KEY,
    &super::read::rules::VARIABLE,
    &super::read::rules::VERSION,
    &super::read::texts::WORD,
];
