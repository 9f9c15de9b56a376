//! Which of Azure's limits a request counts against.
//!
//! The documented limits of the managed identity provider, per second:
//!
//! | | subscription | identity |
//! |---|---|---|
//! | create, update, delete | 2 | 0.25 |
//! | get | 10 | 0.5 |
//! | list | 5 | 0.25 |
//!
//! <https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations>
//! Everything else counts against ARM's own: 25 reads and 10 writes or deletes.
//! <https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling>

use azure_core::http::Method;
use url::Url;

const IDENTITY_TYPE: &str = "/providers/microsoft.managedidentity/userassignedidentities";
const PROVIDERS: &str = "/providers/";
const CREDENTIAL_TYPE: &str = "/federatedidentitycredentials";

/// What a request does, as far as limits tell it apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Verb {
    Get,
    List,
    Write,
    Delete,
}

/// One limit: where, and for what.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Bucket {
    /// A subscription or an identity, by its path in lower case.
    pub(crate) scope: String,
    /// Whether it is a limit of the managed identity provider.
    pub(crate) of_identities: bool,
    pub(crate) verb: Verb,
}

/// A bucket and the rate that is documented for it, in requests per second.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Limit {
    pub(crate) bucket: Bucket,
    pub(crate) documented: f64,
}

/// All limits that a request counts against, the wider first.
pub(crate) fn limits(method: Method, url: &Url) -> Vec<Limit> {
    let path = url.path().to_ascii_lowercase();
    let subscription = subscription(&path).to_owned();
    // What another provider keeps at an identity, as permissions, is not the identity provider's.
    let identities = path.rfind(IDENTITY_TYPE);
    let Some(start) = identities.filter(|start| path.rfind(PROVIDERS) == Some(*start)) else {
        let verb = verb(method, false);
        let documented = match verb {
            Verb::Get | Verb::List => 25.0,
            Verb::Write | Verb::Delete => 10.0,
        };
        return vec![limit(subscription, false, verb, documented)];
    };
    let below = &path[start + IDENTITY_TYPE.len()..];
    let verb = verb(method, below.is_empty() || below.ends_with(CREDENTIAL_TYPE));
    let (per_subscription, per_identity) = match verb {
        Verb::Get => (10.0, 0.5),
        Verb::List => (5.0, 0.25),
        Verb::Write | Verb::Delete => (2.0, 0.25),
    };
    let mut limits = vec![limit(subscription, true, verb, per_subscription)];
    if let Some(name) = below.split('/').nth(1) {
        let identity = format!("{}{IDENTITY_TYPE}/{name}", &path[..start]);
        limits.push(limit(identity, true, verb, per_identity));
    }
    limits
}

fn limit(scope: String, of_identities: bool, verb: Verb, documented: f64) -> Limit {
    Limit { bucket: Bucket { scope, of_identities, verb }, documented }
}

fn verb(method: Method, is_list: bool) -> Verb {
    if matches!(method, Method::Get | Method::Head) {
        if is_list { Verb::List } else { Verb::Get }
    } else if method == Method::Delete {
        Verb::Delete
    } else {
        Verb::Write
    }
}

/// The subscription's path, or `/` where the path has none.
fn subscription(path: &str) -> &str {
    let is_subscription = path.starts_with("/subscriptions/");
    let end = path.match_indices('/').nth(2).map(|(end, _)| end);
    match end {
        Some(end) if is_subscription => &path[..end],
        None if is_subscription => path,
        _ => "/",
    }
}

#[cfg(test)]
mod tests {
    use azure_core::http::Method;

    use super::{Verb, limits};

    const IDENTITIES: &str = "https://management.azure.com/subscriptions/S1/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities";

    fn counted(method: Method, url: &str) -> Vec<(String, Verb, f64)> {
        limits(method, &url.parse().unwrap())
            .into_iter()
            .map(|limit| (limit.bucket.scope, limit.bucket.verb, limit.documented))
            .collect()
    }

    #[test]
    fn a_credentials_write_counts_against_its_subscription_and_its_identity() {
        let url = format!("{IDENTITIES}/id-a/federatedIdentityCredentials/widctl-1");
        let identity = "/subscriptions/s1/resourcegroups/rg/providers/microsoft.managedidentity/userassignedidentities/id-a";
        assert_eq!(
            counted(Method::Put, &url),
            [("/subscriptions/s1".into(), Verb::Write, 2.0), (identity.into(), Verb::Write, 0.25),]
        );
    }

    #[test]
    fn a_list_of_identities_counts_against_its_subscription_alone() {
        let url = "https://management.azure.com/subscriptions/S1/providers/Microsoft.ManagedIdentity/userAssignedIdentities?api-version=2023-01-31";
        assert_eq!(counted(Method::Get, url), [("/subscriptions/s1".into(), Verb::List, 5.0)]);
    }

    #[test]
    fn what_the_caller_may_do_at_an_identity_counts_against_the_subscription_as_other_reads_do() {
        let url = format!("{IDENTITIES}/id-a/providers/Microsoft.Authorization/permissions");
        assert_eq!(counted(Method::Get, &url), [("/subscriptions/s1".into(), Verb::Get, 25.0)]);
    }

    #[test]
    fn role_assignments_of_the_tenant_count_against_the_tenant() {
        let url =
            "https://management.azure.com/providers/Microsoft.Authorization/roleAssignments/1";
        assert_eq!(counted(Method::Delete, url), [("/".into(), Verb::Delete, 10.0)]);
    }
}
