//! The tokens of service accounts: who asks for them, what they say, whom the API server takes them from.

use data_encoding::BASE64URL_NOPAD;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenReview, TokenReviewStatus};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde_json::{Value, json};
use widctl::ports::read::ClusterRead;

use super::create;
use crate::cluster::site::Site;

on_both_grounds! {
    a_token_says_who_it_is_for
    a_token_is_signed_with_a_key_that_the_issuer_publishes
    a_token_that_would_end_within_ten_minutes_is_invalid
    a_review_says_whose_token_it_is_and_for_whom
    a_review_for_somebody_else_knows_no_token
    a_review_without_audiences_is_for_the_api_server_itself
    a_token_is_bound_to_a_pod_of_its_account
    a_token_is_not_bound_to_a_pod_of_another_account
    a_token_is_not_bound_to_what_is_not_there
    a_token_ends_with_the_pod_that_it_is_bound_to
    a_token_ends_with_its_account
}

/// Whom Entra takes tokens for.
const AUDIENCE: &str = "api://AzureADTokenExchange";

/// A token of the account `flows`, as a spec asks for it.
async fn request(site: &Site, spec: &Value) -> kube::Result<String> {
    let request: TokenRequest = serde_json::from_value(json!({ "spec": spec })).unwrap();
    let accounts = site.accounts();
    let options = PostParams::default();
    let answer = accounts.create_token_request("flows", &options, &request);
    Ok(answer.await?.status.unwrap().token)
}

/// A token of the new account `flows` for the exchange at Entra.
async fn token(site: &Site) -> String {
    create(site).await;
    let spec = json!({ "audiences": [AUDIENCE], "expirationSeconds": 3600 });
    request(site, &spec).await.unwrap()
}

/// The status and reason of a refusal.
fn refusal(answer: kube::Result<String>) -> (u16, String) {
    let Err(kube::Error::Api(status)) = answer else {
        panic!("{answer:?}");
    };
    (status.code, status.reason)
}

/// A spec that binds a token to a pod.
fn bound(pod: &str, uid: Option<&str>) -> Value {
    json!({
        "audiences": [AUDIENCE],
        "boundObjectRef": { "apiVersion": "v1", "kind": "Pod", "name": pod, "uid": uid },
    })
}

fn pods(site: &Site) -> Api<Pod> {
    Api::namespaced(site.cluster.client().clone(), &site.namespace)
}

/// A new pod of an account, `runner`; its uid.
async fn run(site: &Site, account: &str) -> String {
    let pod = json!({
        "metadata": { "name": "runner" },
        "spec": {
            "serviceAccountName": account,
            "containers": [{ "name": "main", "image": "example.com/none" }],
        },
    });
    let pod = serde_json::from_value(pod).unwrap();
    let made = pods(site).create(&PostParams::default(), &pod).await;
    made.unwrap().metadata.uid.unwrap()
}

/// What the API server says of a token.
async fn review(site: &Site, token: &str, audiences: &[&str]) -> TokenReviewStatus {
    let review = json!({ "spec": { "token": token, "audiences": audiences } });
    let review: TokenReview = serde_json::from_value(review).unwrap();
    let reviews: Api<TokenReview> = Api::all(site.cluster.client().clone());
    let answer = reviews.create(&PostParams::default(), &review).await;
    answer.unwrap().status.unwrap()
}

async fn is_taken(site: &Site, token: &str) -> bool {
    let said = review(site, token, &[AUDIENCE]).await;
    said.authenticated == Some(true)
}

fn decoded(part: &str) -> Vec<u8> {
    BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()
}

fn parsed(part: &str) -> Value {
    serde_json::from_slice(&decoded(part)).unwrap()
}

async fn a_token_says_who_it_is_for(site: &Site) {
    let token = token(site).await;
    let claims = parsed(token.split('.').nth(1).unwrap());
    assert_eq!(claims["aud"], json!([AUDIENCE]));
    let subject = format!("system:serviceaccount:{}:flows", site.namespace);
    assert_eq!(claims["sub"], subject);
    let issuer = site.cluster.issuer().await.unwrap();
    assert_eq!(claims["iss"], issuer.as_str());
    let lifetime = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert_eq!(lifetime, 3600);
}

async fn a_token_is_signed_with_a_key_that_the_issuer_publishes(site: &Site) {
    let token = token(site).await;
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let header = parsed(signed.split('.').next().unwrap());
    assert_eq!(header["alg"], "RS256");
    let keys = http::Request::get("/openid/v1/jwks").body(Vec::new()).unwrap();
    let keys: Value = site.cluster.client().request(keys).await.unwrap();
    let mut keys = keys["keys"].as_array().unwrap().iter();
    let key = keys.find(|key| key["kid"] == header["kid"]).unwrap();
    let key = RsaPublicKeyComponents {
        n: decoded(key["n"].as_str().unwrap()),
        e: decoded(key["e"].as_str().unwrap()),
    };
    let verified = key.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &decoded(signature));
    assert!(verified.is_ok());
}

async fn a_token_that_would_end_within_ten_minutes_is_invalid(site: &Site) {
    create(site).await;
    let spec = json!({ "audiences": [AUDIENCE], "expirationSeconds": 599 });
    let refused = refusal(request(site, &spec).await);
    assert_eq!(refused, (422, "Invalid".into()));
}

async fn a_review_says_whose_token_it_is_and_for_whom(site: &Site) {
    let token = token(site).await;
    let said = review(site, &token, &["https://vault.example.com", AUDIENCE]).await;
    assert_eq!(said.authenticated, Some(true), "{said:?}");
    assert_eq!(said.audiences, Some(vec![AUDIENCE.into()]));
    let user = said.user.unwrap();
    let name = format!("system:serviceaccount:{}:flows", site.namespace);
    assert_eq!(user.username, Some(name));
    let account = site.accounts().get("flows").await.unwrap();
    assert_eq!(user.uid, account.metadata.uid);
    let groups = [
        "system:serviceaccounts".into(),
        format!("system:serviceaccounts:{}", site.namespace),
        "system:authenticated".into(),
    ];
    assert_eq!(user.groups.unwrap(), groups);
}

async fn a_review_for_somebody_else_knows_no_token(site: &Site) {
    let token = token(site).await;
    for (text, audience) in [(token.as_str(), "https://vault.example.com"), ("no token", AUDIENCE)]
    {
        let said = review(site, text, &[audience]).await;
        assert_ne!(said.authenticated, Some(true));
        assert!(said.error.is_some());
    }
}

async fn a_review_without_audiences_is_for_the_api_server_itself(site: &Site) {
    let for_entra = token(site).await;
    assert_ne!(review(site, &for_entra, &[]).await.authenticated, Some(true));
    let for_itself = request(site, &json!({ "expirationSeconds": 3600 })).await.unwrap();
    assert_eq!(review(site, &for_itself, &[]).await.authenticated, Some(true));
}

async fn a_token_is_bound_to_a_pod_of_its_account(site: &Site) {
    create(site).await;
    let uid = run(site, "flows").await;
    for uid in [None, Some(uid.as_str())] {
        let token = request(site, &bound("runner", uid)).await.unwrap();
        assert!(is_taken(site, &token).await);
    }
    let token = request(site, &bound("runner", None)).await.unwrap();
    let claims = parsed(token.split('.').nth(1).unwrap());
    let pod = &claims["kubernetes.io"]["pod"];
    assert_eq!(*pod, json!({ "name": "runner", "uid": uid }));
    let extra = review(site, &token, &[AUDIENCE]).await.user.unwrap().extra;
    let extra = extra.unwrap();
    let said = |name: &str| &extra[&format!("authentication.kubernetes.io/{name}")];
    assert_eq!(*said("pod-name"), ["runner"]);
    assert_eq!(*said("pod-uid"), [uid]);
}

async fn a_token_is_not_bound_to_a_pod_of_another_account(site: &Site) {
    create(site).await;
    site.make_account("other", &json!({})).await;
    run(site, "other").await;
    let refused = refusal(request(site, &bound("runner", None)).await);
    assert_eq!(refused, (400, "BadRequest".into()));
}

async fn a_token_is_not_bound_to_what_is_not_there(site: &Site) {
    create(site).await;
    let refused = refusal(request(site, &bound("runner", None)).await);
    assert_eq!(refused, (404, "NotFound".into()));
    run(site, "flows").await;
    let other = "11111111-1111-1111-1111-111111111111";
    let refused = refusal(request(site, &bound("runner", Some(other))).await);
    assert_eq!(refused, (409, "Conflict".into()));
    let mut of_no_kind = bound("runner", None);
    of_no_kind["boundObjectRef"]["kind"] = json!("ConfigMap");
    let refused = refusal(request(site, &of_no_kind).await);
    assert_eq!(refused, (400, "BadRequest".into()));
}

async fn a_token_ends_with_the_pod_that_it_is_bound_to(site: &Site) {
    create(site).await;
    run(site, "flows").await;
    let token = request(site, &bound("runner", None)).await.unwrap();
    let options = DeleteParams::default();
    pods(site).delete("runner", &options).await.unwrap();
    site.until(async || !is_taken(site, &token).await).await;
    run(site, "flows").await;
    assert!(!is_taken(site, &token).await);
}

async fn a_token_ends_with_its_account(site: &Site) {
    let token = token(site).await;
    site.remove_account("flows").await;
    site.until(async || !is_taken(site, &token).await).await;
    create(site).await;
    assert!(!is_taken(site, &token).await);
}
