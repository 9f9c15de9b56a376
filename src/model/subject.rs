//! The subject of a service account's token.

use crate::model::text::Namespace;
use crate::model::text::ObjectName;
use crate::model::text::Subject;

/// The subject that Kubernetes writes into a service account's tokens.
/// <https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/>
pub fn of_service_account(namespace: &Namespace, name: &ObjectName) -> Subject {
    Subject::new(format!("system:serviceaccount:{namespace}:{name}"))
}
