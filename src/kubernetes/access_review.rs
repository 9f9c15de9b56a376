//! What the caller may do on a cluster, as the API server tells it beforehand.
//! <https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/self-subject-access-review-v1/>

use async_trait::async_trait;
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::json;

use super::client::ClusterClient;
use super::error::{ClusterRequest, clean};
use crate::model::right::ClusterRight;
use crate::model::text::Namespace;
use crate::ports::answer;
use crate::ports::error::{PortError, PortErrorKind};
use crate::ports::right::ClusterRights;

/// Where reviews are made: a POST that changes nothing.
pub(super) const PATH: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

/// A review on the wire.
#[derive(Deserialize)]
struct Wire {
    status: WireStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireStatus {
    allowed: bool,
    /// Why an authorizer could not decide; then a refusal says nothing.
    #[serde(default)]
    evaluation_error: String,
}

#[async_trait]
impl ClusterRights for ClusterClient {
    async fn may(&self, right: &ClusterRight) -> Result<bool, PortError> {
        let ClusterRight { cluster: _, namespace, group, resource, verb } = right;
        let asked = ClusterRequest {
            operation: format!("ask whether the caller may {verb} {resource}"),
            verb: "create",
            resource: "selfsubjectaccessreviews".into(),
            group: "authorization.k8s.io".into(),
            namespace: None,
        };
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": {
                "namespace": namespace.as_ref().map_or("", Namespace::as_str),
                "verb": verb,
                "group": group,
                "resource": resource,
            } },
        });
        let request = http::Request::post(PATH)
            .header(CONTENT_TYPE, "application/json")
            .body(review.to_string().into_bytes())
            .expect("the path is a constant that makes a request");
        let answer = self.requests().send(&asked, request).await?;
        let wire: Wire =
            answer::parse(&answer).map_err(|error| self.requests().malformed(&asked, error))?;
        let WireStatus { allowed, evaluation_error } = wire.status;
        if !allowed && !evaluation_error.is_empty() {
            let mut undecided = self.requests().place.error(PortErrorKind::ServiceFault, &asked);
            undecided.message = Some(clean(&evaluation_error));
            return Err(undecided);
        }
        Ok(allowed)
    }
}
