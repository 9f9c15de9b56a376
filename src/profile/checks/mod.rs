//! The checks over the merged profile, and the table of all rules.

pub(super) mod version;

use super::rule::Rule;

/// All rules, sorted by code.
pub(crate) const RULES: &[&Rule] = &[
    &super::read::names::ACCOUNT_NAME,
    &super::read::names::AKS_NAME,
    &super::read::tokens::AUDIENCE,
    &super::read::names::CLOUD_NAME,
    &super::merge::clusters::NO_CLUSTER_KIND,
    &super::read::names::CLUSTER_KEY,
    &super::read::rules::CONTROL_CHARACTER,
    &super::read::texts::EMPTY_TEXT,
    &super::read::names::ESTATE_NAME,
    &super::read::names::FEDERATION_NAME,
    &super::read::rules::FILE,
    &super::read::globs::GLOB,
    &super::read::azure::GUID,
    &super::read::names::IDENTITY_NAME,
    &super::read::tokens::ISSUER,
    &super::read::azure::LOCATION,
    &super::read::rules::MISSING_KEY,
    &super::read::names::NAMESPACE_NAME,
    &super::merge::workloads::NO_CLUSTER,
    &super::merge::workloads::NO_IDENTITY,
    &super::merge::workloads::NO_NAMESPACE,
    &super::merge::identities::NO_PLACE,
    &super::read::texts::REQUIRED_VERSION,
    &super::read::names::GROUP_NAME,
    &super::read::azure::ROLE_NAME,
    &super::read::rules::ROOT_FILE,
    &super::read::azure::SCOPE,
    &super::read::tokens::SUBJECT,
    &super::read::rules::SYNTAX,
    &super::read::names::TEAM_NAME,
    &super::read::tokens::TOKEN_EXPIRATION,
    &super::read::rules::WRONG_TYPE,
    &super::merge::workloads::UNKNOWN_CLUSTER,
    &super::merge::workloads::UNKNOWN_IDENTITY,
    &super::read::rules::UNKNOWN_KEY,
    &super::read::rules::VARIABLE,
    &super::read::rules::VERSION,
    &super::read::texts::WORD,
];
