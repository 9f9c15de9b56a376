//! Answers that send a request elsewhere, over real sockets: nothing follows them, least of all a token.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use widctl::azure::sign_in::method::Method;
use widctl::azure::sign_in::sign_in;
use widctl::azure::sign_in::variables::CredentialVariables;
use widctl::ports::error::PortErrorKind;
use widctl::ports::read::AzureRead;

use super::super::stage::{SUBSCRIPTION, TENANT, identity};
use super::bodies::{application_of_cloud, client_of_cloud, served};

const STATUSES: [u16; 4] = [301, 302, 307, 308];
const SCOPE: &str = "https://management.azure.com/.default";

/// Counts what reaches it, and gives it a welcome.
fn elsewhere(reached: &Arc<AtomicUsize>) -> Router {
    let reached = Arc::clone(reached);
    Router::new().fallback(move || {
        reached.fetch_add(1, Ordering::Relaxed);
        async { r#"{"value":[],"access_token":"t","expires_in":3600}"# }
    })
}

/// Redirects the first request of each path, and welcomes what comes back.
fn redirecting(status: u16, to: String, count: &Arc<AtomicUsize>) -> Router {
    let count = Arc::clone(count);
    Router::new().fallback(move |request: Request| {
        count.fetch_add(1, Ordering::Relaxed);
        let to = to.clone();
        async move {
            if request.uri().path() == "/welcome" {
                return Response::new(Body::from(r#"{"value":[]}"#));
            }
            let answer = Response::builder().status(status).header("location", to);
            answer.body(Body::from("{}")).unwrap()
        }
    })
}

#[tokio::test]
async fn azure_resource_manager_sends_nobody_elsewhere() {
    for status in STATUSES {
        let reached = Arc::<AtomicUsize>::default();
        let other = served(elsewhere(&reached)).await.arm;
        let targets = [
            (format!("{other}welcome?secret=s"), other.as_str()),
            ("/welcome".to_owned(), "http://127.0.0.1"),
            ("http://169.254.169.254/latest".to_owned(), "http://169.254.169.254"),
        ];
        for (target, told) in targets {
            let count = Arc::<AtomicUsize>::default();
            let client = client_of_cloud(served(redirecting(status, target, &count)).await);
            let subscription = SUBSCRIPTION.parse().unwrap();
            let generated = client.identities(subscription).await.unwrap_err();
            let ours = client.credentials(&identity("id-a")).await.unwrap_err();
            for error in [generated, ours] {
                assert_eq!(error.kind, PortErrorKind::ForeignOrigin);
                assert_eq!(error.status, Some(status));
                let text = error.to_string();
                assert!(text.contains(told.trim_end_matches('/')), "{text}");
                assert!(!text.contains("secret"), "{text}");
            }
            assert_eq!(count.load(Ordering::Relaxed), 2, "one attempt each");
        }
        assert_eq!(reached.load(Ordering::Relaxed), 0, "{status}");
    }
}

#[tokio::test]
async fn neither_entra_nor_the_host_of_a_pipeline_sends_a_secret_elsewhere() {
    for status in STATUSES {
        let reached = Arc::<AtomicUsize>::default();
        let other = served(elsewhere(&reached)).await.arm;
        let count = Arc::<AtomicUsize>::default();
        let cloud = served(redirecting(status, other.to_string(), &count)).await;
        let token_url = cloud.arm.join("github").unwrap();
        let github = CredentialVariables::from([
            ("AZURE_TENANT_ID", TENANT),
            ("AZURE_CLIENT_ID", "app-1"),
            ("ACTIONS_ID_TOKEN_REQUEST_URL", token_url.as_str()),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "the-bearer"),
        ]);
        let entra = application_of_cloud(cloud.clone());
        let mut job = application_of_cloud(cloud);
        (job.environment, job.method) = (github, Some(Method::GithubActions));
        for options in [entra, job] {
            let error = sign_in(options).token(SCOPE).await.unwrap_err();
            assert_eq!(error.kind, PortErrorKind::ForeignOrigin, "{error}");
            let text = error.to_string();
            assert!(text.contains(other.as_str().trim_end_matches('/')), "{text}");
        }
        assert_eq!(reached.load(Ordering::Relaxed), 0, "{status}");
        assert_eq!(count.load(Ordering::Relaxed), 2, "{status}");
    }
}
