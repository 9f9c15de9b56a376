//! Lists without end.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use serde_json::{Value, json};
use widctl::azure::client::AzureClient;
use widctl::azure::transport::Transport;
use widctl::model::arm_id::ArmId;
use widctl::ports::error::{PortError, PortErrorKind};
use widctl::ports::read::AzureRead;
use widctl::ports::right::ArmRights;

use super::super::stage::{SUBSCRIPTION, client_over, identity};
use super::{json, numbered};

/// Where a server that was not stopped ends its list all the same: more than five lists of a thousand pages.
const ENOUGH: usize = 7_001;

/// What each list of ours gives, by the last segment of its path.
async fn every_list(client: &AzureClient) -> BTreeMap<&'static str, Result<(), PortError>> {
    let subscription = SUBSCRIPTION.parse().unwrap();
    let scope = ArmId::of_subscription(subscription);
    let role = "My role".into();
    BTreeMap::from([
        ("userAssignedIdentities", client.identities(subscription).await.map(drop)),
        ("federatedIdentityCredentials", client.credentials(&identity("id-a")).await.map(drop)),
        ("roleAssignments", client.role_assignments(&scope).await.map(drop)),
        ("roleDefinitions", client.role_by_name(&scope, &role).await.map(drop)),
        ("permissions", client.permissions(&scope).await.map(drop)),
    ])
}

/// Asks for every list; each must end in an error that names the bound.
async fn refused(transport: Transport, bound: &str) {
    let client = client_over(transport, &Arc::default());
    for (list, read) in every_list(&client).await {
        let error = read.expect_err(list);
        assert_eq!(error.kind, PortErrorKind::Malformed, "{list}: {error}");
        assert!(error.to_string().contains(bound), "{list}: {error}");
    }
}

/// The page of this number, and a link to the next one that was never given before.
fn page(number: usize, request: &Request, entries: &[Value]) -> Response<Body> {
    let path = request.uri().path();
    let next = format!("https://management.azure.com{path}?page={number}");
    let next = (!number.is_multiple_of(ENOUGH)).then_some(next);
    json(200, &json!({ "value": entries, "nextLink": next }))
}

#[tokio::test(start_paused = true)]
async fn links_that_are_always_new_are_followed_a_thousand_times() {
    let count = Arc::<AtomicUsize>::default();
    let endless = numbered(&count, |number, request| page(number, &request, &[]));
    refused(endless, "it has more than 1000 pages").await;
    assert_eq!(count.load(Ordering::Relaxed), 5 * 1_000);
}

#[tokio::test(start_paused = true)]
async fn a_list_has_a_hundred_thousand_entries_at_most() {
    let count = Arc::<AtomicUsize>::default();
    let endless = numbered(&count, |number, request| {
        let entry = json!({ "name": "widctl-1", "properties": { "issuer": "i", "audiences": [] } });
        page(number, &request, &vec![entry; 2_000])
    });
    let client = client_over(endless, &Arc::default());
    let error = client.credentials(&identity("id-a")).await.unwrap_err();
    let told = error.to_string();
    assert!(told.contains("list the federated credentials of id-a"), "{told}");
    assert!(told.contains("it has more than 100000 entries"), "{told}");
    assert_eq!(count.load(Ordering::Relaxed), 51);
}

#[tokio::test(start_paused = true)]
async fn a_list_has_128_megabytes_at_most() {
    let count = Arc::<AtomicUsize>::default();
    let endless = numbered(&count, |number, _| {
        let next = format!("https://management.azure.com/page{number}");
        let padding = "a".repeat(30 << 20);
        let body = format!(r#"{{"value":[],"nextLink":"{next}","padding":"{padding}"}}"#);
        Response::new(Body::from(body))
    });
    let client = client_over(endless, &Arc::default());
    let error = client.credentials(&identity("id-a")).await.unwrap_err();
    let told = error.to_string();
    assert!(told.contains("it has more than 134217728 bytes"), "{told}");
    assert_eq!(count.load(Ordering::Relaxed), 5);
}

#[tokio::test(start_paused = true)]
async fn a_list_whose_pages_take_their_time_ends_as_well() {
    let count = Arc::<AtomicUsize>::default();
    let answers = Arc::clone(&count);
    let slow = Transport::in_process(tower::service_fn(move |request: Request| {
        let number = answers.fetch_add(1, Ordering::Relaxed) + 1;
        async move {
            tokio::time::sleep(Duration::from_secs(50)).await;
            Ok::<_, Infallible>(page(number, &request, &[]))
        }
    }));
    let begun = tokio::time::Instant::now();
    let client = client_over(slow, &Arc::default());
    let error = client.credentials(&identity("id-a")).await.unwrap_err();
    assert!(error.to_string().contains("it takes more than 10 minutes"), "{error}");
    assert!(begun.elapsed() < Duration::from_mins(11));
    assert_eq!(count.load(Ordering::Relaxed), 13);
}

#[tokio::test(start_paused = true)]
async fn a_link_that_was_given_before_ends_the_list_at_once() {
    for circle in [1, 2, 7] {
        let count = Arc::<AtomicUsize>::default();
        let endless =
            numbered(&count, move |number, request| page(1 + number % circle, &request, &[]));
        refused(endless, "leads back to a page that was read").await;
        assert_eq!(count.load(Ordering::Relaxed), 5 * (circle + 1), "{circle}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscription_with_all_that_azure_allows_is_read_whole() {
    let scope = format!("/subscriptions/{SUBSCRIPTION}");
    let count = Arc::<AtomicUsize>::default();
    let large = numbered(&count, move |number, request| {
        let path = request.uri().path();
        let next = format!("https://management.azure.com{path}?page={number}");
        let entry = |index: usize| {
            json!({
                "id": format!("{scope}/providers/Microsoft.Authorization/roleAssignments/a-{number}-{index}"),
                "properties": {
                    "scope": scope,
                    "roleDefinitionId": "/providers/Microsoft.Authorization/roleDefinitions/4633458b-17de-408a-b874-0445c86b69e6",
                    "principalId": "22222222-2222-2222-2222-222222222222",
                },
            })
        };
        let entries: Vec<_> = (0..100).map(entry).collect();
        json(200, &json!({ "value": entries, "nextLink": (number < 80).then_some(next) }))
    });
    let client = client_over(large, &Arc::default());
    let scope = ArmId::of_subscription(SUBSCRIPTION.parse().unwrap());
    let found = client.role_assignments(&scope).await.unwrap();
    assert_eq!(found.len(), 8_000);
}
