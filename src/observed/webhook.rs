//! The workload identity webhook as a cluster registers it.
//! <https://azure.github.io/azure-workload-identity/docs/installation/mutating-admission-webhook.html>

use std::sync::Arc;

use jiff::Timestamp;

/// Its entry in the `MutatingWebhookConfiguration`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Webhook {
    /// Whether pods are created without it while it does not answer.
    pub ignores_failures: bool,
    /// Whether it is called again after another webhook has changed a pod.
    pub is_reinvoked: bool,
    /// The namespaces that it is called for, as written; none where it is called for all.
    pub namespaces: Option<Arc<str>>,
    /// Where it is.
    pub target: WebhookTarget,
    /// When the last of the certificates expires that the API server knows it by; none where there are none, or
    /// none that can be read.
    pub trusted_until: Option<Timestamp>,
}

/// Where a webhook is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum WebhookTarget {
    /// At an address outside the cluster, or beside the API server.
    #[default]
    Address,
    /// Behind a service.
    Service {
        /// The service's namespace.
        namespace: Arc<str>,
        /// Its name.
        name: Arc<str>,
    },
}
