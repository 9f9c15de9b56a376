//! Public issuers: what is fetched, and what is not.

use std::error::Error;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use reqwest::Certificate;
use widctl::event::{EventSink, Silent};
use widctl::model::text::Issuer;
use widctl::oidc::public::PublicIssuers;
use widctl::ports::error::PortErrorKind;
use widctl::ports::read::IssuerRead;

use super::script::{Kept, sent};
use super::tls::{AUTHORITY, OTHER_AUTHORITY, SERVER};
use crate::cli::ways::relay;

/// An issuer's host on loopback: what it answers depends on its own origin and the path.
pub(crate) async fn host(answer: fn(&str, &str) -> Response) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let own = origin.clone();
    let router = Router::new().fallback(move |request: Request| {
        let answer = answer(&own, request.uri().path());
        async move { answer }
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    origin
}

fn answer(origin: &str, path: &str) -> Response {
    let Some(case) = path.strip_suffix("/.well-known/openid-configuration") else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let document = |issuer: &str| format!("{{\"issuer\":\"{issuer}\",\"jwks_uri\":\"x\"}}");
    match case {
        "/slash" => document(&format!("{origin}/slash/")).into_response(),
        "/bare" => document(&format!("{origin}/bare")).into_response(),
        "/moved" => Redirect::temporary("/bare/.well-known/openid-configuration").into_response(),
        "/away" => Redirect::temporary("http://localhost:1/bare/.well-known/openid-configuration")
            .into_response(),
        "/round" => Redirect::temporary("/round/.well-known/openid-configuration").into_response(),
        "/huge" => format!("{{\"issuer\":\"{}\"}}", "x".repeat(2 * 1024 * 1024)).into_response(),
        "/html" => "<html>sign in</html>".into_response(),
        "/silent" => "{\"jwks_uri\":\"x\"}".into_response(),
        "/busy" => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        "/private" => StatusCode::FORBIDDEN.into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A reader of issuers, and the events that it sends.
fn reader() -> (PublicIssuers, Arc<Kept>) {
    let kept = Arc::new(Kept::default());
    let sink = Arc::clone(&kept) as Arc<dyn EventSink>;
    (PublicIssuers::new(Vec::new(), sink).unwrap(), kept)
}

#[tokio::test]
async fn the_documents_issuer_is_taken_byte_for_byte() {
    let (host, (issuers, kept)) = (host(answer).await, reader());
    for (asked, found) in [
        ("/slash", "/slash/"),
        ("/slash/", "/slash/"),
        ("/bare/", "/bare"),
        ("/bare", "/bare"),
        ("/moved", "/bare"),
    ] {
        let before = sent(&kept);
        let asked = Issuer::new(format!("{host}{asked}"));
        let issuer = issuers.discover(&asked).await.unwrap();
        assert_eq!(issuer.as_str(), format!("{host}{found}"));
        assert_eq!(sent(&kept) - before, 1);
    }
}

#[tokio::test]
async fn what_is_no_discovery_document_is_an_error() {
    let (host, (issuers, kept)) = (host(answer).await, reader());
    let mut all = String::new();
    for (case, kind, requests) in [
        ("/missing", PortErrorKind::NotFound, 1),
        ("/private", PortErrorKind::Invalid, 1),
        ("/html", PortErrorKind::Malformed, 1),
        ("/silent", PortErrorKind::Malformed, 1),
        ("/huge", PortErrorKind::Malformed, 1),
        ("/away", PortErrorKind::ForeignOrigin, 1),
        ("/round", PortErrorKind::Invalid, 1),
        ("/busy", PortErrorKind::ServiceFault, 1),
    ] {
        let before = sent(&kept);
        let asked = Issuer::new(format!("{host}{case}"));
        let error = issuers.discover(&asked).await.unwrap_err();
        let requests_sent = sent(&kept) - before;
        assert_eq!((&error.kind, requests_sent), (&kind, requests), "{case}");
        all = format!("{all}{error}\n");
        let below = std::iter::successors(error.source(), |error| (*error).source());
        for error in below {
            all = format!("{all}  {error}\n");
        }
    }
    insta::assert_snapshot!(all.replace(&host, "[host]"), @"
could not read the discovery document of `[host]/missing`: the OIDC issuer answered 404
could not read the discovery document of `[host]/private`: the OIDC issuer answered 403
could not read the discovery document of `[host]/html`: the OIDC issuer gave an answer that could not be understood
  the discovery document has no issuer
  expected value at line 1 column 1
could not read the discovery document of `[host]/silent`: the OIDC issuer gave an answer that could not be understood
  the discovery document has no issuer
  missing field `issuer` at line 1 column 16
could not read the discovery document of `[host]/huge`: the OIDC issuer gave an answer that could not be understood
  the document is larger than 1048576 bytes
could not read the discovery document of `[host]/away`: the OIDC issuer named another origin, which was not followed
  error following redirect
  the redirect leads to another origin
could not read the discovery document of `[host]/round`: the OIDC issuer cannot be used
  error following redirect
  there are more than 3 redirects
could not read the discovery document of `[host]/busy`: the OIDC issuer answered 503
");
}

#[tokio::test(start_paused = true)]
async fn what_a_finding_depends_on_is_asked_for_three_times() {
    let (host, (issuers, kept)) = (host(answer).await, reader());
    let busy = Issuer::new(format!("{host}/busy"));
    let error = issuers.document(&busy).await.unwrap_err();
    assert_eq!((error.kind, sent(&kept)), (PortErrorKind::ServiceFault, 3));
}

#[tokio::test]
async fn an_issuer_on_loopback_over_https_is_trusted_by_the_given_authority_alone() {
    let host = host(answer).await;
    let secure = format!("https://{}/bare", relay(SERVER, &host));
    for (authority, is_trusted) in
        [(Some(AUTHORITY), true), (Some(OTHER_AUTHORITY), false), (None, false)]
    {
        let authority = authority.map(|pem| Certificate::from_pem(pem.as_bytes()).unwrap());
        let issuers =
            PublicIssuers::new(authority.into_iter().collect(), Arc::new(Silent)).unwrap();
        let discovered = issuers.discover(&Issuer::new(secure.clone())).await;
        assert_eq!(discovered.is_ok(), is_trusted, "{discovered:?}");
    }
}

#[tokio::test]
async fn plain_http_is_never_sent_to_another_machine() {
    let (issuers, kept) = reader();
    for issuer in ["http://oidc.example.com/", "oidc.example.com", "https://a/?b"] {
        let error = issuers.discover(&issuer.into()).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Invalid);
    }
    assert_eq!(sent(&kept), 0);
}
