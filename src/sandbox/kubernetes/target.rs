//! What a path below a cluster names.

use super::super::call::Call;
use super::kinds;
use super::kinds::Row;

/// Objects of a kind: one, those of a namespace, or all.
#[derive(Debug)]
pub(super) struct Target<'a> {
    pub(super) row: &'static Row,
    pub(super) namespace: Option<&'a str>,
    pub(super) name: Option<&'a str>,
    pub(super) subresource: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// Reads the path after `/clusters/{key}`.
    pub(super) fn parse(segments: &[&'a str]) -> Option<Self> {
        let (group, version, rest) = match segments {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        let target = |plural: &str, namespace: Option<&'a str>, name, subresource| {
            let row = kinds::find(group, version, plural)?;
            (row.is_namespaced || namespace.is_none()).then_some(Self {
                row,
                namespace,
                name,
                subresource,
            })
        };
        match *rest {
            ["namespaces", namespace, plural] => target(plural, Some(namespace), None, None),
            ["namespaces", namespace, plural, name] => {
                target(plural, Some(namespace), Some(name), None)
            }
            ["namespaces", namespace, plural, name, part] => {
                target(plural, Some(namespace), Some(name), Some(part))
            }
            [plural] => target(plural, None, None, None),
            [plural, name] => {
                target(plural, None, Some(name), None).filter(|target| !target.row.is_namespaced)
            }
            _ => None,
        }
    }

    /// The verb of the authorization rules for a method on this target
    /// (<https://kubernetes.io/docs/reference/access-authn-authz/authorization/>).
    pub(super) fn verb(&self, call: &Call) -> &'static str {
        match (call.method.as_str(), self.name) {
            ("GET" | "HEAD", Some(_)) => "get",
            ("GET" | "HEAD", None) => "list",
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            ("DELETE", Some(_)) => "delete",
            _ => "deletecollection",
        }
    }

    /// The resource with its subresource, as `serviceaccounts/token`.
    pub(super) fn resource(&self) -> String {
        match self.subresource {
            Some(part) => format!("{}/{part}", self.row.plural),
            None => self.row.plural.to_owned(),
        }
    }

    /// The object's path in the store; only for a target with a name.
    pub(super) fn path(&self) -> String {
        self.row.path(self.namespace, self.name)
    }
}
