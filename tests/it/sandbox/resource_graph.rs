//! Azure Resource Graph: one query, and no other.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::support::{IDENTITY, world};

const QUERY: &str = "/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01";

fn query(client: &Value) -> Value {
    let client = client.as_str().unwrap().to_uppercase();
    json!({ "query": format!(
        "Resources\n| where type =~ 'microsoft.managedIdentity/userAssignedIdentities'\n\
         | where properties.clientId in~ ('{client}') | project id, name"
    )})
}

#[tokio::test]
async fn a_query_by_client_id_shows_what_is_projected_of_an_identity() {
    let (_world, caller) = world().await;
    let identity = format!("{IDENTITY}?api-version=2023-01-31");
    let made = caller.put(&identity, &json!({ "location": "eastus" })).await.body;
    let found = caller.post(QUERY, &query(&made["properties"]["clientId"])).await;
    assert_eq!(found.status, StatusCode::OK, "{}", found.body);
    assert_eq!(
        found.body,
        json!({
            "totalRecords": 1, "count": 1, "facets": [], "resultTruncated": "false",
            "data": [{ "id": made["id"], "name": "resourceName" }],
        })
    );
    let nobody = Value::from("11111111-1111-1111-1111-111111111111");
    assert_eq!(caller.post(QUERY, &query(&nobody)).await.body["data"], json!([]));
}

#[tokio::test]
async fn every_other_query_is_refused_in_words() {
    let (_world, caller) = world().await;
    for query in ["resources", "resources | where type =~ 'x' | where a in~ ('b') | project id", ""]
    {
        let refused = caller.post(QUERY, &json!({ "query": query })).await;
        assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, "BadRequest"));
        assert!(refused.message().contains("one query alone"), "{query}");
    }
    assert_eq!(caller.get(QUERY).await.status, StatusCode::METHOD_NOT_ALLOWED);
}
