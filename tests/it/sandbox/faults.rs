//! Faults: which requests they strike, and what happens then.

use axum::http::{Method, StatusCode};
use serde_json::json;
use tokio::time::Instant;
use widctl::sandbox::{Api, ConnectionDropped, Denied, Dropped, Effect, FaultRule, Faults, World};

use super::support::{Caller, IDENTITIES, IDENTITY, credential, world};

const ACCOUNTS: &str = "/clusters/weu/api/v1/namespaces/data-eng/serviceaccounts";

fn identity() -> String {
    format!("{IDENTITY}?api-version=2023-01-31")
}

fn body() -> serde_json::Value {
    json!({ "location": "eastus" })
}

fn rule(effect: Effect) -> FaultRule {
    FaultRule { api: None, method: None, path: None, skip: 0, every: None, times: None, effect }
}

async fn with_rule(rule: FaultRule) -> (World, Caller) {
    let (world, caller) = world().await;
    world.set_faults(Faults { rules: vec![rule], ..Faults::default() });
    (world, caller)
}

#[tokio::test]
async fn a_path_of_many_stars_is_looked_at_once() {
    // A look at every way in which the stars may stand would not end.
    let path = format!("{}b", "*a".repeat(40));
    let (_world, caller) = with_rule(FaultRule { path: Some(path), ..rule(Effect::NotJson) }).await;
    let long = format!("{ACCOUNTS}/{}", "A".repeat(200));
    assert_eq!(caller.get(&long).await.status, StatusCode::NOT_FOUND);
    let struck = caller.send(caller.request(&Method::GET, &format!("{long}B"), None));
    assert_eq!(struck.await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn faults_are_read_from_toml() {
    let faults: Faults = toml::from_str(
        r#"
        throttling = "documented"
        stale_reads_ms = 500
        latency = { write_ms = 300 }
        denied = [{ cluster = "weu", verb = "patch", resource = "roles" }]
        unverified = { page_size = 5 }

        [[rules]]
        api = "arm"
        method = "PUT"
        path = "*/federatedIdentityCredentials/*"
        skip = 2
        times = 1
        effect = { answer = { status = 429, code = "TooManyRequests", retry_after = 20 } }

        [[rules]]
        every = 3
        effect = { drop = "after" }

        [[rules]]
        effect = "not-json"
        "#,
    )
    .unwrap();
    assert_eq!(faults.rules.len(), 3);
    assert!(matches!(faults.rules[1].effect, Effect::Drop(Dropped::After)));
    assert_eq!(faults.unverified.page_size, 5);
    assert!(toml::from_str::<Faults>("latencies = 1").is_err());
}

#[tokio::test]
async fn a_rule_strikes_the_requests_it_describes_and_no_others() {
    let faults: Faults = toml::from_str(
        r#"
        [[rules]]
        api = "arm"
        method = "GET"
        path = "*/USERASSIGNEDIDENTITIES/resourceN?me"
        skip = 1
        every = 2
        times = 2
        effect = { answer = { status = 503, code = "Busy", message = "later", retry_after = 7 } }
        "#,
    )
    .unwrap();
    let (world, caller) = world().await;
    caller.put(&identity(), &body()).await;
    world.set_faults(faults);
    let mut statuses = Vec::new();
    for _ in 0..8 {
        statuses.push(caller.get(&identity()).await.status.as_u16());
        assert_eq!(caller.put(&identity(), &body()).await.status, StatusCode::OK);
        let list = format!("{IDENTITIES}?api-version=2023-01-31");
        assert_eq!(caller.get(&list).await.status, StatusCode::OK);
    }
    assert_eq!(statuses, [200, 200, 503, 200, 503, 200, 200, 200]);
}

#[tokio::test]
async fn a_scripted_answer_comes_in_the_envelope_of_the_service() {
    let scripted = widctl::sandbox::ScriptedAnswer {
        status: 503,
        code: "ServiceUnavailable".to_owned(),
        message: "later".to_owned(),
        retry_after: Some(7),
    };
    let (_world, caller) = with_rule(rule(Effect::Answer(scripted))).await;
    let of_arm = caller.get(&identity()).await;
    assert_eq!((of_arm.code(), of_arm.message()), ("ServiceUnavailable", "later"));
    assert_eq!(of_arm.header("retry-after"), Some("7"));
    let of_cluster = caller.get(ACCOUNTS).await;
    assert_eq!(of_cluster.body["kind"], "Status");
    assert_eq!(of_cluster.body["reason"], "ServiceUnavailable");
}

#[tokio::test]
async fn a_connection_dropped_before_has_no_effect_and_one_dropped_after_has() {
    for (when, left) in [(Dropped::Before, StatusCode::NOT_FOUND), (Dropped::After, StatusCode::OK)]
    {
        let rule = FaultRule { method: Some("put".to_owned()), ..rule(Effect::Drop(when)) };
        let (world, caller) = with_rule(rule).await;
        let request = caller.request(&Method::PUT, &identity(), Some(&body()));
        let response = caller.send(request).await;
        assert!(response.extensions().get::<ConnectionDropped>().is_some());
        assert!(axum::body::to_bytes(response.into_body(), usize::MAX).await.is_err());
        assert_eq!(world.requests()[0].status, 0);
        assert_eq!(caller.get(&identity()).await.status, left);
    }
}

#[tokio::test]
async fn an_answer_can_end_half_way_or_not_be_json_at_all() {
    for (effect, start) in [(Effect::Truncate, "{\"value\""), (Effect::NotJson, "<html>")] {
        let (world, caller) = with_rule(rule(effect)).await;
        world.grow_identity(super::support::SUBSCRIPTION, "rgName", "one", "eastus");
        let list = format!("{IDENTITIES}?api-version=2023-01-31");
        let response = caller.send(caller.request(&Method::GET, &list, None)).await;
        assert_eq!(response.status(), StatusCode::OK);
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert!(bytes.starts_with(start.as_bytes()));
        assert!(serde_json::from_slice::<serde_json::Value>(&bytes).is_err());
    }
}

#[tokio::test]
async fn a_next_link_can_lead_to_another_origin() {
    let effect = Effect::ForeignNextLink("https://evil.example".to_owned());
    let (_world, caller) = with_rule(rule(effect)).await;
    let list = caller.get(&format!("{IDENTITIES}?api-version=2023-01-31")).await;
    assert_eq!(list.body["nextLink"], "https://evil.example/next");
}

#[tokio::test]
async fn a_policy_or_a_missing_permission_is_told_as_azure_tells_it() {
    let (_world, caller) = with_rule(rule(Effect::PolicyDenial)).await;
    let denied = caller.put(&identity(), &body()).await;
    assert_eq!((denied.status.as_u16(), denied.code()), (403, "RequestDisallowedByPolicy"));
    let (_world, caller) = with_rule(rule(Effect::Forbidden)).await;
    let denied = caller.put(&identity(), &body()).await;
    assert_eq!((denied.status.as_u16(), denied.code()), (403, "AuthorizationFailed"));
    let action = "perform action 'Microsoft.ManagedIdentity/userAssignedIdentities/write'";
    assert!(denied.message().contains(action), "{}", denied.message());
    let denied = caller.get(ACCOUNTS).await;
    assert_eq!(
        denied.message(),
        "serviceaccounts is forbidden: User \"sandbox\" cannot list resource \"serviceaccounts\" in API group \"\" in the namespace \"data-eng\""
    );
}

#[tokio::test]
async fn what_is_denied_in_a_cluster_is_denied_to_requests_and_in_reviews() {
    let (world, caller) = world().await;
    let denied = Denied {
        cluster: Some("weu".to_owned()),
        verb: Some("create".to_owned()),
        resource: Some("serviceaccounts/token".to_owned()),
        namespace: None,
    };
    world.set_faults(Faults { denied: vec![denied], ..Faults::default() });
    let token = caller.post(&format!("{ACCOUNTS}/default/token"), &json!({})).await;
    assert_eq!(token.status, StatusCode::FORBIDDEN);
    for (cluster, allowed) in [("weu", false), ("onprem", true)] {
        let path =
            format!("/clusters/{cluster}/apis/authorization.k8s.io/v1/selfsubjectaccessreviews");
        let review = json!({ "spec": { "resourceAttributes": {
            "namespace": "data-eng", "verb": "create", "resource": "serviceaccounts", "subresource": "token",
        }}});
        let answer = caller.post(&path, &review).await;
        assert_eq!(answer.body["status"]["allowed"], allowed);
    }
}

#[tokio::test(start_paused = true)]
async fn latency_passes_on_the_clock_of_the_runtime_by_the_class_of_the_request() {
    let (world, caller) = world().await;
    let faults = "latency = { read_ms = 10, list_ms = 200, write_ms = 3000, token_ms = 40000 }";
    world.set_faults(toml::from_str(faults).unwrap());
    let list = format!("{IDENTITIES}?api-version=2023-01-31");
    let account = format!("{ACCOUNTS}/default");
    for (method, path, milliseconds) in [
        (Method::GET, identity(), 10),
        (Method::GET, list, 200),
        (Method::PUT, identity(), 3_000),
        (Method::GET, account, 10),
        (Method::GET, ACCOUNTS.to_owned(), 200),
    ] {
        let start = Instant::now();
        caller.call(method, &path, Some(&body())).await;
        assert_eq!(start.elapsed().as_millis(), milliseconds, "{path}");
    }
    let start = Instant::now();
    caller.sign_in(&world, "x/.default").await;
    assert_eq!(start.elapsed().as_millis(), 40_000);
}

#[tokio::test(start_paused = true)]
async fn reads_stay_behind_a_write_for_as_long_as_asked() {
    let (world, caller) = world().await;
    world.set_faults(toml::from_str("stale_reads_ms = 500").unwrap());
    let made = caller.put(&identity(), &body()).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let list = format!("{IDENTITIES}?api-version=2023-01-31");
    let seen = async || {
        let listed = caller.get(&list).await.body["value"].as_array().unwrap().len();
        (caller.get(&identity()).await.status.as_u16(), listed)
    };
    assert_eq!(seen().await, (404, 0));
    assert_eq!(caller.put(&identity(), &body()).await.status, StatusCode::OK);
    tokio::time::advance(std::time::Duration::from_millis(500)).await;
    assert_eq!(seen().await, (200, 1));
    caller.delete(&identity()).await;
    assert_eq!(seen().await, (200, 1));
    let inside = format!("{IDENTITY}/federatedIdentityCredentials/fc-1?api-version=2023-01-31");
    let trust = credential("https://example.com", "repo:contoso/web");
    let orphan = caller.put(&inside, &trust).await;
    assert_eq!(orphan.code(), "ParentResourceNotFound");
    tokio::time::advance(std::time::Duration::from_millis(500)).await;
    assert_eq!(seen().await, (404, 0));
}

#[tokio::test(start_paused = true)]
async fn who_waits_as_long_as_told_is_let_in_again() {
    let (world, caller) = world().await;
    world.set_faults(toml::from_str("throttling = 'documented'").unwrap());
    assert_eq!(caller.put(&identity(), &body()).await.status, StatusCode::CREATED);
    for _ in 0..5 {
        let refused = caller.put(&identity(), &body()).await;
        assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
        let seconds = refused.header("retry-after").unwrap().parse().unwrap();
        tokio::time::advance(std::time::Duration::from_secs(seconds)).await;
        assert_eq!(caller.put(&identity(), &body()).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn requests_are_remembered_with_the_service_they_were_for() {
    let (world, caller) = world().await;
    caller.get(&identity()).await;
    caller.get(ACCOUNTS).await;
    caller.sign_in(&world, "x/.default").await;
    caller.get("/clusters/weu/openid/v1/jwks").await;
    let requests = world.requests();
    let seen: Vec<(Api, &str, u16)> =
        requests.iter().map(|r| (r.api, r.method.as_str(), r.status)).collect();
    assert_eq!(
        seen,
        [
            (Api::Arm, "GET", 404),
            (Api::Kubernetes, "GET", 200),
            (Api::Entra, "POST", 200),
            (Api::Kubernetes, "GET", 200),
        ]
    );
    assert_eq!(requests[0].path, IDENTITY);
}
