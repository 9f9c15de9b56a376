//! An estate of fifty teams on three clusters, and what becomes of it.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;
use widctl::sandbox;
use widctl::sandbox::World;

use super::support::{Stage, root, team};

const TEAMS: usize = 50;
const CLUSTERS: [&str; 3] = ["neu", "sea", "weu"];
const SYNC: &str = "sync profile --sandbox=sandbox.json --auto-approve";
const PLAN: &str = "plan profile --sandbox=sandbox.json --format json";
/// The team that leaves.
const LEAVING: &str = "team-13";

fn fifty_teams() -> Stage {
    let stage = Stage::new();
    stage.write("profile/root.toml", root("acme", &CLUSTERS));
    for number in 1..=TEAMS {
        let name = format!("team-{number:02}");
        stage.write(&format!("profile/teams/{name}.toml"), team(&name, &CLUSTERS));
    }
    stage
}

/// The addresses in a list of a plan.
fn addresses(rows: &Value) -> BTreeSet<String> {
    let rows = rows.as_array().unwrap();
    let address = |row: &Value| row["address"].as_str().unwrap().to_owned();
    rows.iter().map(address).collect()
}

/// Those of them that have this text.
fn with(addresses: &BTreeSet<String>, text: &str) -> BTreeSet<String> {
    let with = addresses.iter().filter(|address| address.contains(text));
    with.cloned().collect()
}

/// What happens to an estate while nobody looks: a credential is deleted, an account is edited, a cluster is
/// made anew.
async fn drift(stage: &Stage) {
    let mut document = stage.json("sandbox.json");
    let resources = document["resources"].as_object_mut().unwrap();
    let before = resources.len();
    resources.retain(|path, _| {
        !(path.contains("/federatedidentitycredentials/") && path.ends_with("-weu-team-07-app"))
    });
    assert_eq!(resources.len(), before - 1);
    stage.write("sandbox.json", document.to_string());

    let world = World::open(&stage.path("sandbox.json")).unwrap();
    let annotation =
        json!({ "metadata": { "annotations": { "azure.workload.identity/client-id": "edited" } } });
    let request = Request::patch(
        "http://sandbox/clusters/rg-aks-aks-sea/api/v1/namespaces/team-11/serviceaccounts/app",
    )
    .header("authorization", format!("Bearer {}", sandbox::STATIC_TOKEN))
    .header("content-type", "application/merge-patch+json")
    .header("user-agent", "k9s/0.50")
    .body(Body::from(annotation.to_string()));
    let answer = sandbox::router(world.clone()).oneshot(request.unwrap()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let anew = "https://westeurope.oic.sandbox.invalid/anew/";
    assert!(world.set_issuer("rg-aks-aks-neu", anew));
    world.flush().unwrap();
}

#[tokio::test]
async fn an_estate_is_repaired_where_it_drifted_and_a_team_that_left_is_kept_until_it_is_pruned() {
    let stage = fifty_teams();
    let all = addresses(&stage.expect(0, PLAN).json()["changes"]);
    assert_eq!(all.len(), TEAMS * (1 + 3 * CLUSTERS.len()));
    stage.expect(0, SYNC);
    let settled = stage.expect(0, PLAN).json();
    assert_eq!(settled["summary"]["unchanged"], all.len());
    assert_eq!(settled["changes"], json!([]));

    drift(&stage).await;
    std::fs::remove_file(stage.path(&format!("profile/teams/{LEAVING}.toml"))).unwrap();
    let left = with(&all, LEAVING);

    let plan = stage.expect(0, PLAN).json();
    assert_eq!(addresses(&plan["kept"]), left);
    let wanted: BTreeMap<&str, &Value> = plan["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| (change["address"].as_str().unwrap(), change))
        .collect();
    let deleted = with(&with(&all, "azure/federated-credential/id-team-07/"), "-weu-");
    let touched = BTreeSet::from(["sea/service-account/team-11/app".to_owned()]);
    let moved = with(&with(&all, "azure/federated-credential/"), "-neu-");
    let moved: BTreeSet<String> = moved.difference(&left).cloned().collect();
    assert_eq!((deleted.len(), moved.len()), (1, TEAMS - 1));
    let expected: BTreeSet<&str> =
        deleted.iter().chain(&touched).chain(&moved).map(String::as_str).collect();
    assert_eq!(wanted.keys().copied().collect::<BTreeSet<_>>(), expected);
    let said = |address: &String| {
        let change = wanted[address.as_str()];
        let (action, reason) = (&change["action"], &change["reason"]);
        format!("{}: {}", action.as_str().unwrap(), reason.as_str().unwrap())
    };
    let reasons: BTreeSet<String> = expected.iter().map(|a| said(&(*a).to_owned())).collect();
    insta::assert_snapshot!("reasons_of_repairs", Vec::from_iter(reasons).join("\n"));
    let manager = &wanted["sea/service-account/team-11/app"]["managers"];
    assert_eq!(manager["azure.workload.identity/client-id"], "k9s");

    let repaired = stage.expect(0, SYNC);
    let unchanged = all.len() - left.len() - expected.len();
    assert_eq!(
        repaired.last(),
        format!("Apply complete! 1 added, 50 changed, 0 destroyed. {unchanged} unchanged.")
    );
    pruned(&stage, &all, &left);
}

/// The rest of the story: nothing but the kept rows is left, and a prune takes what may be deleted.
fn pruned(stage: &Stage, all: &BTreeSet<String>, left: &BTreeSet<String>) {
    let after = stage.expect(2, &format!("{PLAN} --detailed-exitcode")).json();
    assert_eq!(after["changes"], json!([]));
    assert_eq!(addresses(&after["kept"]), *left);

    let text = stage.expect(0, &PLAN.replace("json --format json", "json"));
    assert!(!text.stdout.contains("No changes."), "{text:#?}");
    assert!(text.stdout.contains("kept, not in the profile (use --prune)"), "{text:#?}");

    let stays: BTreeSet<String> = left
        .iter()
        .filter(|address| address.contains("/identity/") || address.contains("/namespace/"))
        .cloned()
        .collect();
    assert_eq!((left.len(), stays.len()), (10, 4));
    let pruned = stage.expect(0, &format!("{SYNC} --prune --allow-mass-delete"));
    let unchanged = all.len() - left.len();
    assert_eq!(
        pruned.last(),
        format!("Apply complete! 0 added, 0 changed, 6 destroyed. {unchanged} unchanged.")
    );
    let rest = stage.expect(0, PLAN).json();
    assert_eq!(addresses(&rest["kept"]), stays);
    assert_eq!(rest["changes"], json!([]));
}
