//! Whose a client id is, in whatever subscription: what is asked, and what is believed of the answer.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use widctl::event::RequestClass;
use widctl::model::guid::ClientId;
use widctl::ports::error::PortErrorKind;
use widctl::sandbox::{Faults, World};

use super::stage::{
    Remembered, SUBSCRIPTION, ScriptedArm, answer, client_of, client_of_world, failure, grown_world,
};

const CLIENT: &str = "11111111-1111-1111-1111-111111111111";

fn clients(texts: &[&str]) -> BTreeSet<ClientId> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// A world with an identity, and its client id.
fn with_identity() -> (World, String) {
    let world = grown_world();
    world.grow_identity(SUBSCRIPTION, "rg-wi", "id-a", "westeurope");
    world.grow_identity(SUBSCRIPTION, "rg-wi", "id-b", "westeurope");
    let state = world.to_json();
    let mut resources = state["resources"].as_object().unwrap().iter();
    let (_, found) = resources.find(|(path, _)| path.ends_with("/id-a")).unwrap();
    (world, found["properties"]["clientId"].as_str().unwrap().to_owned())
}

#[tokio::test(start_paused = true)]
async fn an_identity_is_found_by_its_client_id_and_read_as_it_is() {
    let (world, client_id) = with_identity();
    let events = Arc::new(Remembered::default());
    let client = client_of_world(&world, &events);
    let asked = clients(&[CLIENT, &client_id]);
    let found = client.identities_by_client(&asked).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].id.name(), found[0].client_id.to_string()), ("id-a", client_id));
    // The query is a POST that changes nothing.
    assert_eq!(events.sent(RequestClass::ArmRead), 2);
    assert_eq!(events.sent(RequestClass::ArmWrite), 0);
    assert!(client.identities_by_client(&clients(&[CLIENT])).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn all_client_ids_are_one_query_without_a_subscription() {
    let arm = ScriptedArm::new([answer(200, json!({ "data": [] }).to_string())]);
    let client = client_of(arm.router(), &Arc::default());
    let other = "22222222-2222-2222-2222-222222222222";
    client.identities_by_client(&clients(&[CLIENT, other])).await.unwrap();
    let [seen] = arm.seen().try_into().unwrap();
    assert_eq!(seen.method, "POST");
    assert_eq!(seen.target, "/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01");
    let body: Value = serde_json::from_str(&seen.body).unwrap();
    assert_eq!(
        body,
        json!({ "query": format!(
            "resources | where type =~ 'Microsoft.ManagedIdentity/userAssignedIdentities' \
             | where properties.clientId in~ ('{CLIENT}', '{other}') | project id"
        )})
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_names_something_else_is_not_followed() {
    for id in [
        "/subscriptions/12345678-1234-5678-9012-123456789012/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv",
        "/subscriptions/12345678-1234-5678-9012-123456789012",
        "../../evil",
    ] {
        let rows = json!({ "data": [{ "id": id }] });
        let arm = ScriptedArm::new([answer(200, rows.to_string())]);
        let client = client_of(arm.router(), &Arc::default());
        let error = client.identities_by_client(&clients(&[CLIENT])).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Malformed, "{id}");
        assert_eq!(arm.seen().len(), 1, "{id}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_is_gone_or_made_anew_by_now_is_not_found() {
    let (world, client_id) = with_identity();
    let state = world.to_json();
    let mut paths = state["resources"].as_object().unwrap().keys();
    let path = paths.find(|path| path.ends_with("/id-a")).unwrap();
    let id = json!({ "data": [{ "id": state["resources"][path]["id"] }] });
    let mut anew = state["resources"][path].clone();
    anew["properties"]["clientId"] = CLIENT.into();
    for now in [failure(404, "ResourceNotFound", "gone"), answer(200, anew.to_string())] {
        let arm = ScriptedArm::new([answer(200, id.to_string()), now]);
        let client = client_of(arm.router(), &Arc::default());
        assert!(client.identities_by_client(&clients(&[&client_id])).await.unwrap().is_empty());
        assert_eq!(arm.seen().len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_query_that_failed_is_repeated() {
    let (busy, empty) = (failure(503, "Busy", "busy"), json!({ "data": [] }).to_string());
    let arm = ScriptedArm::new([busy, answer(200, empty)]);
    let client = client_of(arm.router(), &Arc::default());
    assert!(client.identities_by_client(&clients(&[CLIENT])).await.unwrap().is_empty());
    assert_eq!(arm.seen().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_names_the_right_that_a_query_needs() {
    let (world, client_id) = with_identity();
    let action = "Microsoft.ResourceGraph/resources/read";
    let denied_actions = vec![action.to_owned()];
    world.set_faults(Faults { denied_actions, ..Faults::default() });
    let client = client_of_world(&world, &Arc::default());
    let error = client.identities_by_client(&clients(&[&client_id])).await.unwrap_err();
    let PortErrorKind::Refused { action: Some(found), .. } = &error.kind else {
        panic!("{error:?}");
    };
    assert_eq!(found, action);
}
