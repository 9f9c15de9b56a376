//! All checks, each after those that it needs.

use crate::model::kinds::identity::IdentityKey;
use crate::model::text::ClusterName;
use crate::verify::checks::{account, cluster, credential, exchange, rights, token};
use crate::verify::scene::{Case, Chain};
use crate::verify::verdict::Verdict;

/// One check.
pub struct Check {
    /// Its stable code.
    pub code: &'static str,
    /// What it checks, as a statement that holds where it passes.
    pub title: &'static str,
    /// The codes of the checks that have to pass first: of the same thing, or of its cluster.
    pub needs: &'static [&'static str],
    pub(super) run: Run,
}

/// What a check is about, and what it does.
pub(super) enum Run {
    Cluster(fn(&Case<'_, ClusterName>) -> Verdict),
    Identity(fn(&Case<'_, IdentityKey>) -> Verdict),
    Workload(fn(&Case<'_, Chain<'_>>) -> Verdict),
}

/// Builds the table.
macro_rules! checks {
    ($($about:ident $code:literal, $title:literal, [$($need:literal),*], $run:path;)+) => {
        /// All checks.
        pub static CHECKS: &[Check] = &[$(Check {
            code: $code,
            title: $title,
            needs: &[$($need),*],
            run: Run::$about($run),
        }),+];
    };
}

/// The check of the exchange: what it needs has to pass before a token is sent to Entra.
pub(super) const EXCHANGE: &str = "WID-V-EXCHANGE";

checks! {
    Cluster "WID-V-CLUSTER", "the API server answers", [], cluster::reached;
    Cluster "WID-V-ISSUER-ENABLED", "the OIDC issuer is enabled", [], cluster::issuer_enabled;
    Cluster "WID-V-DISCOVERY", "the issuer's public document can be read without signing in",
        ["WID-V-ISSUER-ENABLED"], cluster::discovery;
    Cluster "WID-V-ISSUER", "the document and the tokens name the same issuer, byte for byte",
        ["WID-V-DISCOVERY"], cluster::issuer;
    Cluster "WID-V-JWKS", "the issuer publishes keys for RS256", ["WID-V-DISCOVERY"], cluster::keys;
    Identity "WID-V-ROLES", "the identity has the role assignments of the profile", [], rights::roles;
    Workload "WID-V-ACCOUNT", "the service account exists", ["WID-V-CLUSTER"], account::exists;
    Workload "WID-V-ANNOTATIONS", "the webhook's annotations are well formed",
        ["WID-V-ACCOUNT"], account::annotations;
    Workload "WID-V-CLIENT-ID", "the account names the identity of the profile",
        ["WID-V-ANNOTATIONS"], account::client_id;
    Workload "WID-V-TENANT-ID", "the account names the tenant of the identity",
        ["WID-V-CLIENT-ID"], account::tenant_id;
    Workload "WID-V-CREDENTIAL", "the identity has a federated credential for the account",
        ["WID-V-CLIENT-ID"], credential::exists;
    Workload "WID-V-CREDENTIAL-ISSUER", "the credential's issuer is the cluster's, byte for byte",
        ["WID-V-CREDENTIAL"], credential::issuer;
    Workload "WID-V-CREDENTIAL-SUBJECT", "the credential's subject is the account's, byte for byte",
        ["WID-V-CREDENTIAL"], credential::subject;
    Workload "WID-V-CREDENTIAL-AUDIENCE", "the credential's audience is the token's, byte for byte",
        ["WID-V-CREDENTIAL"], credential::audience;
    Workload "WID-V-TOKEN", "the API server gives a token of the account, bound to no pod",
        ["WID-V-ACCOUNT"], token::issued;
    Workload "WID-V-TOKEN-CLAIMS", "the token is about the account and for the audience",
        ["WID-V-TOKEN"], token::claims;
    Workload "WID-V-TOKEN-SIGNATURE", "a published key verifies the token",
        ["WID-V-TOKEN", "WID-V-JWKS"], token::signature;
    Workload "WID-V-TOKEN-REVIEW", "the API server takes the token for the account's",
        ["WID-V-TOKEN"], token::review;
    Workload "WID-V-EXCHANGE", "Entra exchanges the token for one of the identity",
        [
            "WID-V-TENANT-ID", "WID-V-CREDENTIAL-ISSUER", "WID-V-CREDENTIAL-SUBJECT",
            "WID-V-CREDENTIAL-AUDIENCE", "WID-V-TOKEN-CLAIMS"
        ], exchange::exchanged;
    Workload "WID-V-EXCHANGE-IDENTITY", "the access token's tenant, client and principal are the identity's",
        ["WID-V-EXCHANGE"], exchange::identity;
    Workload "WID-V-RBAC", "the account's Role and RoleBinding are as the profile wants",
        ["WID-V-CLUSTER"], rights::rbac;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::CHECKS;

    #[test]
    fn codes_are_unique_and_each_check_comes_after_what_it_needs() {
        let mut seen = BTreeSet::new();
        for check in CHECKS {
            for need in check.needs {
                assert!(seen.contains(need), "{} needs {need}", check.code);
            }
            assert!(seen.insert(check.code), "{} is there twice", check.code);
        }
        assert!(seen.contains(super::EXCHANGE));
    }
}
