//! Which right a refused request would have needed: as the answer words it, else as the request implies it.

use azure_core::http::Method;

use super::AzureRequest;
use super::text::clean;

const PROVIDERS: &str = "/providers/";
const AUTHORIZATION: &str = "Microsoft.Authorization";

/// The action that is missing and where, for a caller without the right.
pub(super) fn missing(
    asked: &AzureRequest<'_>,
    message: Option<&str>,
) -> (Option<String>, Option<String>) {
    let (action, scope) = implied(asked.method, &asked.plain_path()).unzip();
    (
        quoted(message, "perform action '", "'").or(action),
        quoted(message, "over scope '", "' or the scope").or(scope),
    )
}

/// The action that is missing on a resource that the request refers to, and that resource.
pub(super) fn linked(message: Option<&str>) -> (Option<String>, Option<String>) {
    (
        quoted(message, "perform action(s) '", "'"),
        quoted(message, "on the linked scope(s) '", "' (respectively)"),
    )
}

/// What a message quotes behind some words.
pub(super) fn quoted(message: Option<&str>, before: &str, behind: &str) -> Option<String> {
    let (_, rest) = message?.split_once(before)?;
    let (text, _) = rest.split_once(behind).or_else(|| rest.split_once('\''))?;
    Some(clean(text))
}

/// The action and scope that a request needs, from its method and path.
/// <https://learn.microsoft.com/azure/role-based-access-control/resource-provider-operations>
fn implied(method: Method, path: &str) -> Option<(String, String)> {
    let path = path.trim_end_matches('/');
    let Some(start) = path.rfind(PROVIDERS) else {
        return Some((
            "Microsoft.Resources/subscriptions/resourceGroups/read".into(),
            path.to_owned(),
        ));
    };
    let (scope, resource) = (&path[..start], &path[start + PROVIDERS.len()..]);
    let (provider, below) = resource.split_once('/')?;
    let mut below: Vec<&str> = below.split('/').collect();
    // Resource Graph is asked by a POST to a type.
    let is_query = method == Method::Post && below.len() == 1;
    let verb = if matches!(method, Method::Get | Method::Head) || is_query {
        "read".to_owned()
    } else if method == Method::Delete {
        "delete".to_owned()
    } else if method == Method::Post {
        format!("{}/action", below.pop()?)
    } else {
        "write".to_owned()
    };
    let types: Vec<&str> = below.iter().step_by(2).copied().collect();
    let has_name = below.len().is_multiple_of(2);
    // An assignment is decided where it holds, a list where its parent is.
    let scope = if provider.eq_ignore_ascii_case(AUTHORIZATION) || below.len() == 1 {
        scope.to_owned()
    } else if method == Method::Post || !has_name {
        path.rsplit_once('/')?.0.to_owned()
    } else {
        path.to_owned()
    };
    let scope = if scope.is_empty() { "/".into() } else { scope };
    Some((format!("{provider}/{}/{verb}", types.join("/")), scope))
}

#[cfg(test)]
mod tests {
    use azure_core::http::Method;

    use super::implied;

    const GROUP: &str = "/subscriptions/s/resourceGroups/rg";

    fn needed(method: Method, below: &str) -> (String, String) {
        let (action, scope) = implied(method, &format!("{GROUP}/providers/{below}")).unwrap();
        (action, scope.replace(GROUP, "RG"))
    }

    #[test]
    fn the_right_that_a_request_needs_is_read_from_its_path() {
        let credential =
            "Microsoft.ManagedIdentity/userAssignedIdentities/id/federatedIdentityCredentials";
        let action =
            "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials";
        let identity = "RG/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id";
        assert_eq!(
            needed(Method::Put, &format!("{credential}/fic")),
            (format!("{action}/write"), format!("{identity}/federatedIdentityCredentials/fic"))
        );
        assert_eq!(
            needed(Method::Get, credential),
            (format!("{action}/read"), identity.to_owned())
        );
        assert_eq!(
            needed(Method::Put, "Microsoft.Authorization/roleAssignments/1"),
            ("Microsoft.Authorization/roleAssignments/write".into(), "RG".into())
        );
        assert_eq!(
            needed(
                Method::Post,
                "Microsoft.ContainerService/managedClusters/aks/listClusterUserCredential"
            ),
            (
                "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action"
                    .into(),
                "RG/providers/Microsoft.ContainerService/managedClusters/aks".into()
            )
        );
        assert_eq!(
            implied(Method::Post, "/providers/Microsoft.ResourceGraph/resources"),
            Some(("Microsoft.ResourceGraph/resources/read".into(), "/".into()))
        );
    }
}
