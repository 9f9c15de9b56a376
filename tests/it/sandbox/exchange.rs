//! A workload's way to a token: an account's token from its cluster, exchanged at Entra.

use axum::http::StatusCode;
use serde_json::{Value, json};
use widctl::sandbox::{Faults, Unverified, World};

use super::support::{ARM_SCOPE, Caller, IDENTITY, Reply, SUBSCRIPTION, credential, issuer, world};

const SUBJECT: &str = "system:serviceaccount:data-eng:worker";
const AUDIENCE: &str = "api://AzureADTokenExchange";

struct Workload {
    world: World,
    caller: Caller,
    client_id: String,
    assertion: String,
}

impl Workload {
    async fn new() -> Self {
        let (world, caller) = world().await;
        world.grow_identity(SUBSCRIPTION, "rgName", "resourceName", "eastus");
        world.grow_service_account("weu", "data-eng", "worker");
        let identity = caller.get(&format!("{IDENTITY}?api-version=2023-01-31")).await;
        let client_id = identity.body["properties"]["clientId"].as_str().unwrap().to_owned();
        let assertion = account_token(&caller, AUDIENCE, 3600).await;
        Self { world, caller, client_id, assertion }
    }

    async fn trusts(&self, credential: &Value) {
        let path = format!("{IDENTITY}/federatedIdentityCredentials/fic?api-version=2023-01-31");
        let written = self.caller.put(&path, credential).await;
        assert!(written.status.is_success(), "{}", written.body);
    }

    async fn exchange(&self) -> Reply {
        self.exchange_as(&self.client_id, &self.assertion).await
    }

    async fn exchange_as(&self, client_id: &str, assertion: &str) -> Reply {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client_id),
            ("scope", ARM_SCOPE),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion),
        ];
        self.caller.token(&self.world.tenant(), &form).await
    }

    fn issuer(&self) -> String {
        issuer(&self.world, "weu")
    }
}

async fn account_token(caller: &Caller, audience: &str, seconds: u64) -> String {
    let path = "/clusters/weu/api/v1/namespaces/data-eng/serviceaccounts/worker/token";
    let body = json!({
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": { "audiences": [audience], "expirationSeconds": seconds },
    });
    let reply = caller.post(path, &body).await;
    assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.body);
    reply.body["status"]["token"].as_str().unwrap().to_owned()
}

fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    let bytes = data_encoding::BASE64URL_NOPAD.decode(part.as_bytes()).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn refused(reply: &Reply, status: u16, error: &str, number: u64) {
    assert_eq!(reply.status.as_u16(), status, "{}", reply.body);
    assert_eq!(reply.body["error"], error);
    assert_eq!(reply.body["error_codes"], json!([number]));
    let text = reply.body["error_description"].as_str().unwrap();
    assert!(text.starts_with(&format!("AADSTS{number}: ")), "{text}");
    assert!(text.contains(" Trace ID: ") && text.contains(" Timestamp: "), "{text}");
}

#[tokio::test]
async fn v31_a_matching_credential_gives_a_token() {
    let workload = Workload::new().await;
    workload.trusts(&credential(&workload.issuer(), SUBJECT)).await;
    let given = workload.exchange().await;
    assert_eq!(given.status, StatusCode::OK, "{}", given.body);
    assert_eq!(given.body["token_type"], "Bearer");
    assert_eq!(given.body["expires_in"], 3600);
    let claims = claims(given.body["access_token"].as_str().unwrap());
    assert_eq!(claims["tid"], workload.world.tenant());
    assert_eq!(claims["appid"], workload.client_id);
    assert_eq!(claims["aud"], "https://management.azure.com");
    let identity = workload.caller.get(&format!("{IDENTITY}?api-version=2023-01-31")).await;
    assert_eq!(claims["oid"], identity.body["properties"]["principalId"]);
}

#[tokio::test]
async fn v31_each_mismatch_has_its_own_code() {
    let workload = Workload::new().await;
    let issuer = workload.issuer();
    let without_slash = issuer.trim_end_matches('/');
    workload.trusts(&credential(without_slash, SUBJECT)).await;
    refused(&workload.exchange().await, 401, "invalid_client", 700_211);
    workload.trusts(&credential(&issuer, "system:serviceaccount:data-eng:workers")).await;
    refused(&workload.exchange().await, 401, "invalid_client", 700_213);
    workload.trusts(&credential(&issuer, "system:serviceaccount:data-eng:Worker")).await;
    refused(&workload.exchange().await, 401, "invalid_client", 7_002_138);
    let mut other_audience = credential(&issuer, SUBJECT);
    other_audience["properties"]["audiences"] = json!(["api://AzureADTokenExchanges"]);
    workload.trusts(&other_audience).await;
    refused(&workload.exchange().await, 401, "invalid_client", 700_212);
    workload.trusts(&credential(&issuer, SUBJECT)).await;
    assert_eq!(workload.exchange().await.status, StatusCode::OK);
}

#[tokio::test]
async fn v31_a_fresh_credential_fails_as_often_as_asked_and_then_works() {
    let workload = Workload::new().await;
    workload.world.set_faults(Faults { credential_propagation: 3, ..Faults::default() });
    workload.trusts(&credential(&workload.issuer(), SUBJECT)).await;
    for _ in 0..3 {
        refused(&workload.exchange().await, 401, "invalid_client", 700_211);
    }
    assert_eq!(workload.exchange().await.status, StatusCode::OK);
    workload.trusts(&credential(&workload.issuer(), SUBJECT)).await;
    assert_eq!(workload.exchange().await.status, StatusCode::OK, "nothing changed");
}

#[tokio::test]
async fn the_general_code_prints_what_was_presented() {
    let workload = Workload::new().await;
    let unverified = Unverified { exchange_gives_general_code: true, ..Unverified::default() };
    workload.world.set_faults(Faults { unverified, ..Faults::default() });
    workload.trusts(&credential("https://other.example", SUBJECT)).await;
    let reply = workload.exchange().await;
    refused(&reply, 400, "invalid_request", 70_021);
    assert!(reply.body["error_description"].as_str().unwrap().contains(SUBJECT));
}

#[tokio::test]
async fn an_unknown_client_and_one_without_credentials_are_told_apart() {
    let workload = Workload::new().await;
    let stranger = "00000000-0000-0000-0000-00000000abcd";
    let unknown = workload.exchange_as(stranger, &workload.assertion).await;
    refused(&unknown, 400, "unauthorized_client", 700_016);
    refused(&workload.exchange().await, 401, "invalid_client", 70_025);
}

#[tokio::test]
async fn an_assertion_is_good_for_its_time_only() {
    let workload = Workload::new().await;
    workload.trusts(&credential(&workload.issuer(), SUBJECT)).await;
    let exp = claims(&workload.assertion)["exp"].as_i64().unwrap();
    workload.world.set_time(jiff::Timestamp::from_second(exp).unwrap());
    refused(&workload.exchange().await, 401, "invalid_client", 700_024);
}

#[tokio::test]
async fn an_assertion_with_another_signature_is_refused() {
    let workload = Workload::new().await;
    workload.trusts(&credential(&workload.issuer(), SUBJECT)).await;
    let (message, _) = workload.assertion.rsplit_once('.').unwrap();
    let other = account_token(&workload.caller, "other", 3600).await;
    let (_, signature) = other.rsplit_once('.').unwrap();
    let forged = format!("{message}.{signature}");
    let reply = workload.exchange_as(&workload.client_id, &forged).await;
    refused(&reply, 401, "invalid_client", 700_027);
    let nonsense = workload.exchange_as(&workload.client_id, "nonsense").await;
    refused(&nonsense, 401, "invalid_client", 50_027);
}

#[tokio::test]
async fn an_issuer_is_https_or_loopback() {
    for (issuer, number) in [
        ("http://oidc.example", Some(70_022)),
        ("https://oidc.example?x=1", Some(70_022)),
        ("https://oidc.example#x", Some(70_022)),
        ("http://127.0.0.1:4280/oidc", None),
    ] {
        let mut workload = Workload::new().await;
        workload.world.set_issuer("weu", issuer);
        workload.assertion = account_token(&workload.caller, AUDIENCE, 3600).await;
        workload.trusts(&credential(issuer, SUBJECT)).await;
        let reply = workload.exchange().await;
        match number {
            Some(number) => refused(&reply, 401, "invalid_client", number),
            None => assert_eq!(reply.status, StatusCode::OK, "{}", reply.body),
        }
    }
}

#[tokio::test]
async fn a_recreated_cluster_has_an_issuer_that_no_credential_names() {
    let mut workload = Workload::new().await;
    let before = workload.issuer();
    workload.trusts(&credential(&before, SUBJECT)).await;
    workload.world.set_issuer("weu", "https://westeurope.oic.sandbox.invalid/new/");
    workload.assertion = account_token(&workload.caller, AUDIENCE, 3600).await;
    refused(&workload.exchange().await, 401, "invalid_client", 700_211);
}

#[tokio::test]
async fn tokens_from_before_a_key_rotation_still_work_after_one() {
    let workload = Workload::new().await;
    workload.trusts(&credential(&workload.issuer(), SUBJECT)).await;
    let path = format!(
        "{}/rotateServiceAccountSigningKeys?api-version=2025-10-01",
        super::support::CLUSTER
    );
    assert_eq!(workload.caller.post(&path, &json!({})).await.status, StatusCode::ACCEPTED);
    assert_eq!(workload.exchange().await.status, StatusCode::OK);
    let fresh = account_token(&workload.caller, AUDIENCE, 3600).await;
    let reply = workload.exchange_as(&workload.client_id, &fresh).await;
    assert_eq!(reply.status, StatusCode::OK);
}
