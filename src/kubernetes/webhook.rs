//! Whether the workload identity webhook is registered.
//! <https://azure.github.io/azure-workload-identity/docs/installation/mutating-admission-webhook.html>

use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use kube::Resource;
use kube::api::GetParams;

use super::error::ClusterRequest;
use super::request::Requests;
use crate::ports::error::{PortError, PortErrorKind};

/// The configuration's name, in the chart and in the AKS add-on alike.
const CONFIGURATION: &str = "azure-wi-webhook-mutating-webhook-configuration";

impl Requests {
    /// Whether the webhook's configuration exists.
    pub(super) async fn has_webhook(&self) -> Result<bool, PortError> {
        let asked = ClusterRequest {
            operation: "look for the workload identity webhook".into(),
            verb: "get",
            resource: MutatingWebhookConfiguration::plural(&()).into_owned(),
            group: MutatingWebhookConfiguration::group(&()).into_owned(),
            namespace: None,
        };
        let path = kube::core::Request::new(MutatingWebhookConfiguration::url_path(&(), None));
        let request = path
            .get(CONFIGURATION, &GetParams::default())
            .expect("the name is a constant that makes a path");
        match self.send(&asked, request).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind == PortErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}
