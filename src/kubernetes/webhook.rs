//! The workload identity webhook: how it is registered, and whether something is behind its service.
//! <https://azure.github.io/azure-workload-identity/docs/installation/mutating-admission-webhook.html>

use std::sync::Arc;

use data_encoding::BASE64;
use jiff::Timestamp;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use kube::Resource;
use kube::api::GetParams;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde::Deserialize;
use serde_json::Value;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::error::{ClusterRequest, clean};
use super::request::Requests;
use crate::observed::webhook::{Webhook, WebhookTarget};
use crate::ports::answer;
use crate::ports::error::{PortError, PortErrorKind};

/// The configuration's name, in the chart and in the AKS add-on alike.
const CONFIGURATION: &str = "azure-wi-webhook-mutating-webhook-configuration";
/// The name of the webhook in its configuration.
pub(super) const NAME: &str = "mutation.azure-workload-identity.io";

/// A configuration on the wire.
#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    webhooks: Vec<WireWebhook>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireWebhook {
    name: String,
    #[serde(default)]
    failure_policy: String,
    #[serde(default)]
    reinvocation_policy: String,
    #[serde(default)]
    namespace_selector: Value,
    #[serde(default)]
    client_config: WireClient,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct WireClient {
    service: Option<WireService>,
    #[serde(default)]
    ca_bundle: String,
}

#[derive(Deserialize)]
struct WireService {
    namespace: String,
    name: String,
}

impl Requests {
    /// The webhook, if it is registered.
    pub(super) async fn webhook(&self) -> Result<Option<Webhook>, PortError> {
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
            Ok(answer) => {
                let wire: Wire =
                    answer::parse(&answer).map_err(|error| self.malformed(&asked, error))?;
                let mut webhooks = wire.webhooks.iter();
                Ok(webhooks.find(|webhook| webhook.name == NAME).map(webhook))
            }
            Err(error) if error.kind == PortErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn webhook(wire: &WireWebhook) -> Webhook {
    let WireWebhook {
        name: _,
        failure_policy,
        reinvocation_policy,
        namespace_selector,
        client_config,
    } = wire;
    let selects = namespace_selector.as_object().is_some_and(|selector| !selector.is_empty());
    Webhook {
        ignores_failures: failure_policy == "Ignore",
        is_reinvoked: reinvocation_policy == "IfNeeded",
        namespaces: selects.then(|| clean(&namespace_selector.to_string()).into()),
        target: match &client_config.service {
            None => WebhookTarget::Address,
            Some(WireService { namespace, name }) => {
                let text = |text: &str| -> Arc<str> { clean(text).into() };
                WebhookTarget::Service { namespace: text(namespace), name: text(name) }
            }
        },
        trusted_until: trusted_until(&client_config.ca_bundle),
    }
}

/// When the last certificate of a bundle expires.
/// <https://datatracker.ietf.org/doc/html/rfc5280#section-4.1.2.5>
fn trusted_until(bundle: &str) -> Option<Timestamp> {
    let bundle = BASE64.decode(bundle.as_bytes()).ok()?;
    let certificates = CertificateDer::pem_slice_iter(&bundle).filter_map(Result::ok);
    let ends = certificates.filter_map(|der| {
        let certificate = Certificate::from_der(&der).ok()?;
        let end = certificate.tbs_certificate().validity().not_after.to_unix_duration();
        Timestamp::from_second(i64::try_from(end.as_secs()).ok()?).ok()
    });
    ends.max()
}
