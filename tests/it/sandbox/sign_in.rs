//! Getting tokens, and what the services do without the right one.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::json;
use widctl::sandbox::PRINCIPAL_CLIENT_ID;

use super::support::{ARM_SCOPE, Caller, ORIGIN, Reply, SUBSCRIPTION, read, world};

const AKS_SCOPE: &str = "6dae42f8-4368-4678-94ff-3960e28e3630/.default";

async fn with_token(caller: &Caller, path: &str, token: Option<&str>) -> Reply {
    let mut request = Request::get(format!("{ORIGIN}{path}"));
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    read(caller.send(request.body(Body::empty()).unwrap()).await).await
}

fn subscription() -> String {
    format!("/subscriptions/{SUBSCRIPTION}?api-version=2022-12-01")
}

#[tokio::test]
async fn arm_asks_for_a_token_and_names_the_tenant() {
    let (world, caller) = world().await;
    let reply = with_token(&caller, &subscription(), None).await;
    assert_eq!((reply.status, reply.code()), (StatusCode::UNAUTHORIZED, "AuthenticationFailed"));
    let challenge = reply.header("www-authenticate").unwrap();
    let tenant = format!("authorization_uri=\"{ORIGIN}/{}\"", world.tenant());
    assert!(challenge.contains(&tenant), "{challenge}");
}

#[tokio::test]
async fn arm_takes_only_tokens_of_its_own_entra_for_its_own_audience_in_their_time() {
    let (world, caller) = world().await;
    let good = caller.sign_in(&world, ARM_SCOPE).await;
    assert_eq!(with_token(&caller, &subscription(), Some(&good)).await.status, StatusCode::OK);
    let for_aks = caller.sign_in(&world, AKS_SCOPE).await;
    let (message, _) = good.rsplit_once('.').unwrap();
    let (_, other_signature) = for_aks.rsplit_once('.').unwrap();
    let forged = format!("{message}.{other_signature}");
    for token in ["nonsense", &for_aks, &forged] {
        let reply = with_token(&caller, &subscription(), Some(token)).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
        assert_eq!(reply.code(), "InvalidAuthenticationToken");
    }
    world.set_time("2099-01-01T00:00:00Z".parse().unwrap());
    let late = with_token(&caller, &subscription(), Some(&good)).await;
    assert_eq!(late.code(), "ExpiredAuthenticationToken");
}

#[tokio::test]
async fn a_cluster_takes_entra_tokens_for_aks_and_its_own() {
    let (world, caller) = world().await;
    let path = "/clusters/weu/api/v1/namespaces";
    let nobody = with_token(&caller, path, None).await;
    assert_eq!(
        nobody.body,
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "Unauthorized", "reason": "Unauthorized", "code": 401,
        })
    );
    let for_aks = caller.sign_in(&world, AKS_SCOPE).await;
    assert_eq!(with_token(&caller, path, Some(&for_aks)).await.status, StatusCode::OK);
    let for_arm = caller.sign_in(&world, ARM_SCOPE).await;
    assert_eq!(with_token(&caller, path, Some(&for_arm)).await.status, StatusCode::UNAUTHORIZED);
    let account = "/clusters/weu/api/v1/namespaces/data-eng/serviceaccounts/default/token";
    let issued = caller.post(account, &json!({ "spec": {} })).await;
    let own = issued.body["status"]["token"].as_str().unwrap();
    assert_eq!(with_token(&caller, path, Some(own)).await.status, StatusCode::OK);
    let elsewhere = with_token(&caller, "/clusters/onprem/api/v1/namespaces", Some(own)).await;
    assert_eq!(elsewhere.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_token_endpoint_says_what_is_wrong_with_a_request() {
    let (world, caller) = world().await;
    let good = [
        ("grant_type", "client_credentials"),
        ("client_id", PRINCIPAL_CLIENT_ID),
        ("client_secret", "any"),
        ("scope", ARM_SCOPE),
    ];
    let tenant = world.tenant();
    assert_eq!(caller.token(&tenant, &good).await.status, StatusCode::OK);
    let other = "00000000-0000-0000-0000-000000000000";
    assert_eq!(caller.token(other, &good).await.body["error_codes"], json!([90_002]));
    for (field, value, number) in [
        ("grant_type", "password", 70_003),
        ("client_id", other, 700_016),
        ("client_secret", "", 900_144),
        ("scope", "https://management.azure.com", 70_011),
    ] {
        let form = good.map(|(name, kept)| (name, if name == field { value } else { kept }));
        let reply = caller.token(&tenant, &form).await;
        assert!(reply.status.is_client_error());
        assert_eq!(reply.body["error_codes"], json!([number]), "{field}");
    }
}

#[tokio::test]
async fn entra_describes_itself() {
    let (world, caller) = world().await;
    let tenant = world.tenant();
    let path = format!("/{tenant}/v2.0/.well-known/openid-configuration");
    let document = caller.get(&path).await;
    let endpoint = format!("{ORIGIN}/{tenant}/oauth2/v2.0/token");
    assert_eq!(document.body["token_endpoint"], endpoint);
    let keys = caller.get(document.body["jwks_uri"].as_str().unwrap()).await;
    assert_eq!(keys.body["keys"][0]["kid"], "sandbox-entra");
}
