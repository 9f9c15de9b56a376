//! Tokens of service accounts: asked for and reviewed.
//! <https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/>

use async_trait::async_trait;
use http::Uri;
use http::header::CONTENT_TYPE;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Resource;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::client::ClusterClient;
use super::error::{ClusterRequest, clean};
use super::kind::is_askable;
use crate::model::kinds::federated_credential::LONGEST_CLAIM;
use crate::model::kinds::service_account::{ServiceAccountKey, ServiceAccounts};
use crate::model::text::Audience;
use crate::observed::evidence::{BoundPod, Issued, Review, TokenClaims};
use crate::ports::answer;
use crate::ports::error::{PortError, PortErrorKind};
use crate::ports::workload::{Given, WorkloadToken, WorkloadTokens};

/// The shortest life of a token that API servers give, in seconds.
const LIFETIME: u32 = 600;
/// Where tokens are reviewed: a POST that changes nothing.
const REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";

/// A `TokenRequest` as answered.
#[derive(Deserialize)]
struct Requested {
    status: RequestedStatus,
}

#[derive(Deserialize)]
struct RequestedStatus {
    token: String,
}

/// A `TokenReview` as answered.
#[derive(Deserialize)]
struct Reviewed {
    status: ReviewedStatus,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ReviewedStatus {
    authenticated: bool,
    user: ReviewedUser,
    audiences: Vec<String>,
    error: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ReviewedUser {
    username: String,
}

/// Whether a path is one of these, whose requests change nothing.
pub(super) fn changes_nothing(uri: &Uri) -> bool {
    let is_token = uri.path().ends_with("/token") && uri.path().contains("/serviceaccounts/");
    is_token || uri.path() == REVIEWS
}

#[async_trait]
impl WorkloadTokens for ClusterClient {
    async fn token(
        &self,
        account: &ServiceAccountKey,
        audience: &Audience,
        pod: Option<&BoundPod>,
    ) -> Result<Given, PortError> {
        let (namespace, name) = (account.namespace.as_str(), account.name.as_str());
        let asked = ClusterRequest {
            operation: format!("get a token of account `{name}` of namespace `{namespace}`"),
            verb: "create",
            resource: "serviceaccounts/token".into(),
            group: String::new(),
            namespace: Some(namespace.to_owned()),
        };
        if !is_askable::<ServiceAccounts>(account) {
            let mut invalid = self.requests().place.error(PortErrorKind::Invalid, &asked);
            invalid.message =
                Some("its name has a character that means something else in a path".into());
            return Err(invalid);
        }
        let path = format!("{}/{name}/token", ServiceAccount::url_path(&(), Some(namespace)));
        let mut spec = json!({ "audiences": [audience], "expirationSeconds": LIFETIME });
        if let Some(BoundPod { name, uid }) = pod {
            spec["boundObjectRef"] =
                json!({ "apiVersion": "v1", "kind": "Pod", "name": name, "uid": uid });
        }
        let request = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec,
        });
        let answered: Requested = match self.post(&asked, &path, &request).await {
            Ok(answered) => answered,
            Err(error) => return not_issued(error),
        };
        let token = WorkloadToken::new(answered.status.token);
        let Some(claims) = token.claims() else { return Err(self.unreadable(&asked)) };
        Ok(Given { issued: Issued::Token(cut(&claims)), token: Some(token) })
    }

    async fn review(
        &self,
        token: &WorkloadToken,
        audience: Option<&Audience>,
    ) -> Result<Review, PortError> {
        let asked = ClusterRequest {
            operation: "have a token reviewed".into(),
            verb: "create",
            resource: "tokenreviews".into(),
            group: "authentication.k8s.io".into(),
            namespace: None,
        };
        let audiences: Vec<&Audience> = audience.into_iter().collect();
        let spec = json!({ "token": token.secret(), "audiences": audiences });
        let request = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec,
        });
        let Reviewed { status } = self.post(&asked, REVIEWS, &request).await?;
        let text = |text: String| (!text.is_empty()).then(|| clean(&text).into());
        Ok(Review {
            authenticated: status.authenticated,
            user: text(status.user.username),
            audiences: status.audiences.into_iter().map(Audience::new).collect(),
            why: text(status.error),
        })
    }
}

impl ClusterClient {
    async fn post<T: DeserializeOwned>(
        &self,
        asked: &ClusterRequest,
        path: &str,
        body: &Value,
    ) -> Result<T, PortError> {
        let request = http::Request::post(path)
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_string().into_bytes())
            .map_err(|_| self.unreadable(asked))?;
        let answer = self.requests().send(asked, request).await?;
        answer::parse(&answer).map_err(|_| self.unreadable(asked))
    }

    /// The error of an answer that is not what it should be. The parser's words can quote a token, so they are not kept.
    fn unreadable(&self, asked: &ClusterRequest) -> PortError {
        self.requests().place.error(PortErrorKind::Malformed, asked)
    }
}

/// What an error of the request says of the account; what says nothing of it stays an error.
fn not_issued(error: PortError) -> Result<Given, PortError> {
    let issued = match error.kind {
        PortErrorKind::NotFound | PortErrorKind::ParentNotFound => Issued::NoAccount,
        PortErrorKind::Forbidden | PortErrorKind::Invalid => {
            Issued::Rejected(error.to_string().into())
        }
        PortErrorKind::Unauthenticated
        | PortErrorKind::Refused { .. }
        | PortErrorKind::PrincipalNotFound
        | PortErrorKind::RoleAssignmentExists
        | PortErrorKind::PairTaken
        | PortErrorKind::ConcurrentWrite
        | PortErrorKind::Conflict { .. }
        | PortErrorKind::Throttled
        | PortErrorKind::ServiceFault
        | PortErrorKind::Unreachable
        | PortErrorKind::AnswerLost
        | PortErrorKind::TimedOut
        | PortErrorKind::Malformed
        | PortErrorKind::ForeignOrigin
        | PortErrorKind::Bug => return Err(error),
    };
    Ok(Given { issued, token: None })
}

/// Claims no longer than Azure takes them.
fn cut(claims: &TokenClaims) -> TokenClaims {
    let cut = |text: &str| text.chars().take(LONGEST_CLAIM + 1).collect::<String>();
    TokenClaims {
        issuer: cut(claims.issuer.as_str()).as_str().into(),
        subject: cut(claims.subject.as_str()).as_str().into(),
        audiences: claims.audiences.iter().map(|text| cut(text.as_str()).as_str().into()).collect(),
        lifetime: claims.lifetime,
    }
}
