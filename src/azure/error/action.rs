//! Which right a refused request would have needed, and the smallest role that has it.

use azure_core::http::Method;

use super::AzureRequest;

const PROVIDERS: &str = "/providers/";
const AUTHORIZATION: &str = "Microsoft.Authorization";

/// A right that the caller lacks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Missing {
    /// `Microsoft.ManagedIdentity/userAssignedIdentities/write`
    pub(crate) action: Option<String>,
    /// Where it is missing.
    pub(crate) scope: Option<String>,
    /// The object id of the caller who lacks it, where the answer names it.
    pub(crate) caller: Option<String>,
}

impl Missing {
    /// The right as the answer words it, else as the request implies it.
    pub(crate) fn new(asked: &AzureRequest<'_>, message: Option<&str>) -> Self {
        let quoted = |after: &str| {
            let rest = message?.split_once(after)?.1;
            let text = rest.split_once('\'')?.0;
            is_plain(text).then(|| text.to_owned())
        };
        let (action, scope) = implied(asked.method, asked.path).unzip();
        Self {
            action: quoted("perform action '").or(action),
            scope: quoted("over scope '").or(scope),
            caller: quoted("with object id '"),
        }
    }

    /// The smallest built-in role with the right.
    /// <https://learn.microsoft.com/azure/role-based-access-control/built-in-roles>
    pub(crate) fn role(&self) -> Option<&'static str> {
        let action = self.action.as_deref()?.to_ascii_lowercase();
        let (subject, verb) = action.rsplit_once('/')?;
        match (subject, verb) {
            (_, "read") => Some("Reader"),
            (_, "write" | "delete") if subject.starts_with("microsoft.managedidentity/") => {
                Some("Managed Identity Contributor")
            }
            ("microsoft.authorization/roleassignments", "write" | "delete") => {
                Some("Role Based Access Control Administrator")
            }
            ("microsoft.managedidentity/userassignedidentities/assign", "action") => {
                Some("Managed Identity Operator")
            }
            ("microsoft.containerservice/managedclusters/listclusterusercredential", "action") => {
                Some("Azure Kubernetes Service Cluster User Role")
            }
            _ => None,
        }
    }

    /// Where to assign the role. A resource that is still to be created has no place to assign it at, so
    /// writes name the resource group.
    pub(crate) fn assignable_scope(&self) -> Option<&str> {
        let scope = self.scope.as_deref()?;
        let is_read = self.action.as_deref().is_some_and(|action| action.ends_with("/read"));
        let folded = scope.to_ascii_lowercase();
        let group = folded.find("/providers/microsoft.managedidentity/");
        Some(match group {
            Some(end) if !is_read => &scope[..end],
            _ => scope,
        })
    }
}

/// Whether a text is safe in a command that people paste.
pub(super) fn is_plain(text: &str) -> bool {
    let is_plain = |character: char| character.is_alphanumeric() || "/-_.() *".contains(character);
    text.chars().all(is_plain)
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
    let verb = if matches!(method, Method::Get | Method::Head) {
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
    }
}
