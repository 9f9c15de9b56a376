//! Issuers and token endpoints that answer anything, or nothing: bounded, named, and never a pass.

use std::future::pending;
use std::time::Duration;

use async_trait::async_trait;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::json;
use tokio::time::Instant;
use widctl::command::condition::Condition;
use widctl::event::Silent;
use widctl::model::text::Issuer;
use widctl::observed::evidence::{Document, Keys};
use widctl::oidc::public::PublicIssuers;
use widctl::ports::error::PortError;
use widctl::ports::read::IssuerRead;
use widctl::verify::verdict::{Cause, Verdict};

use super::estate::Estate;
use super::process::{Process, failed, verdict};
use crate::kubernetes::issuers::host;

/// What a host answers; it depends on the first segment of the path.
fn answer(origin: &str, path: &str) -> Response {
    let Some(case) = path.strip_suffix("/.well-known/openid-configuration") else {
        let count = path.strip_prefix("/keys/").and_then(|count| count.parse().ok());
        let key = json!({ "kty": "RSA", "kid": "a", "n": "AQAB", "e": "AQAB" });
        return match count {
            Some(count) => json!({ "keys": vec![key; count] }).to_string().into_response(),
            None => "<html>no keys</html>".into_response(),
        };
    };
    let document = |keys: &str| {
        let keys = format!("{origin}/keys/{keys}");
        json!({ "issuer": "https://other.example.com/", "jwks_uri": keys }).to_string()
    };
    match case {
        "/html" => "<html>sign in</html>".into_response(),
        "/huge" => "x".repeat(10 * 1024 * 1024).into_response(),
        "/away" => Redirect::temporary("http://localhost:1/").into_response(),
        "/none" => document("0").into_response(),
        "/many" => document("500").into_response(),
        "/garbage" => document("garbage").into_response(),
        _ => StatusCode::FORBIDDEN.into_response(),
    }
}

/// Real fetches, all of them at one address.
struct At(PublicIssuers, Issuer);

#[async_trait]
impl IssuerRead for At {
    async fn discover(&self, _: &Issuer) -> Result<Issuer, PortError> {
        self.0.discover(&self.1).await
    }

    async fn document(&self, _: &Issuer) -> Result<Document, PortError> {
        self.0.document(&self.1).await
    }

    async fn keys(&self, issuer: &Issuer, keys_at: &str) -> Result<Keys, PortError> {
        self.0.keys(issuer, keys_at).await
    }
}

#[tokio::test]
async fn what_is_no_document_or_no_key_fails_and_is_named() {
    let origin = host(answer).await;
    let mut process = Process::synced().await;
    for (case, code, said) in [
        ("/html", "WID-V-DISCOVERY", "could not be understood"),
        ("/huge", "WID-V-DISCOVERY", "larger than 1048576 bytes"),
        ("/away", "WID-V-DISCOVERY", "leads to another origin"),
        ("/private", "WID-V-DISCOVERY", "answered 403"),
        ("/none", "WID-V-JWKS", "0 keys, none of them for RS256"),
        ("/garbage", "WID-V-JWKS", "could not be understood"),
    ] {
        let public = PublicIssuers::new(Vec::new(), std::sync::Arc::new(Silent)).unwrap();
        process.connection.issuers = Box::new(At(public, Issuer::new(format!("{origin}{case}"))));
        let verified = process.verify(false, Duration::ZERO).await;
        assert_eq!(verified.condition(), Condition::Unverified, "{case}");
        let Verdict::Fail(finding) = verdict(&verified.results, code) else {
            panic!("{case}: {:?}", verdict(&verified.results, code));
        };
        assert!(finding.found.contains(said), "{case}: {}", finding.found);
    }
    let public = PublicIssuers::new(Vec::new(), std::sync::Arc::new(Silent)).unwrap();
    process.connection.issuers = Box::new(At(public, Issuer::new(format!("{origin}/many"))));
    let verified = process.verify(false, Duration::ZERO).await;
    let Verdict::Warn(finding) = verdict(&verified.results, "WID-V-JWKS") else {
        panic!("{:#?}", verified.results);
    };
    assert_eq!(finding.found, "500 keys");
    // The document is another issuer's, and none of the keys is the cluster's.
    assert_eq!(failed(&verified.results), ["WID-V-ISSUER", "WID-V-TOKEN-SIGNATURE"]);
}

/// An issuer that takes the request and says nothing.
struct Hangs;

#[async_trait]
impl IssuerRead for Hangs {
    async fn discover(&self, _: &Issuer) -> Result<Issuer, PortError> {
        pending().await
    }

    async fn document(&self, _: &Issuer) -> Result<Document, PortError> {
        pending().await
    }

    async fn keys(&self, _: &Issuer, _: &str) -> Result<Keys, PortError> {
        pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_hangs_holds_up_nothing_for_long() {
    let mut process = Process::synced().await;
    process.connection.issuers = Box::new(Hangs);
    let begun = Instant::now();
    let verified = process.verify(false, Duration::ZERO).await;
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
    assert_eq!(verified.condition(), Condition::Failed);
    let Verdict::Unknown { cause: Cause::Unread, why } =
        verdict(&verified.results, "WID-V-DISCOVERY")
    else {
        panic!("{:#?}", verified.results);
    };
    assert!(why.contains("no answer within 30 s"), "{why}");
    // Where Entra takes the tokens, nobody needs to read the documents from here.
    let verified = process.verify(true, Duration::ZERO).await;
    assert_eq!(verified.condition(), Condition::Done);
}

#[tokio::test(start_paused = true)]
async fn exchanges_are_tried_again_for_as_long_as_is_asked_for() {
    let process = Process::synced().await;
    let faults = |times| {
        let text = format!(
            "[[rules]]\napi = \"entra\"\nmethod = \"POST\"\ntimes = {times}\n\
             effect = {{ answer = {{ status = 400, code = \"700213\", message = \"no\" }} }}\n"
        );
        toml::from_str(&text).unwrap()
    };
    process.world.set_faults(faults(4));
    let begun = Instant::now();
    let verified = process.verify(true, Duration::from_secs(20)).await;
    assert_eq!(failed(&verified.results), [""; 0]);
    // After 1, 2, 4 and 8 s.
    assert_eq!(begun.elapsed().as_secs(), 15);
    process.world.set_faults(faults(99));
    let verified = process.verify(true, Duration::from_secs(20)).await;
    assert_eq!(failed(&verified.results), ["WID-V-EXCHANGE"]);
    assert_eq!(verified.condition(), Condition::Unverified);
}

#[test]
fn a_token_endpoint_that_answers_nonsense_is_unknown_and_named() {
    let estate = Estate::synced();
    for (effect, said) in [
        ("\"not-json\"", "exchange the workload's token"),
        ("\"truncate\"", "exchange the workload's token"),
        ("{ answer = { status = 503, code = \"0\", message = \"busy\" } }", "answered 503"),
    ] {
        estate.0.write(
            "faults.toml",
            format!("[[rules]]\napi = \"entra\"\nmethod = \"POST\"\nskip = 2\neffect = {effect}\n"),
        );
        let report = estate.verify(1, "--workload team-1/flows --sandbox-faults faults.toml");
        let check = report.check("k/service-account/team-1/flows", "WID-V-EXCHANGE");
        assert_eq!(check["cause"], "unread", "{effect}");
        assert!(check["why"].as_str().unwrap().contains(said), "{effect}: {check}");
    }
}
