//! The subject of a service account's token.

use crate::model::text::{Namespace, ObjectName, Subject};

const PREFIX: &str = "system:serviceaccount:";

/// The subject that Kubernetes writes into a service account's tokens.
/// <https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/>
pub fn of_service_account(namespace: &Namespace, name: &ObjectName) -> Subject {
    Subject::new(format!("{PREFIX}{namespace}:{name}"))
}

/// The namespace and the name of the account that a subject stands for, if it stands for one.
pub fn account(subject: &Subject) -> Option<(&str, &str)> {
    subject.as_str().strip_prefix(PREFIX)?.split_once(':')
}
