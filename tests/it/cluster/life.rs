//! The life of an estate whose cluster is real: made, unchanged, repaired, taken apart.

use serde_json::json;

use super::estate::Estate;
use super::restricted::{allow_as_documented, disallow};

const TEAM: &str = r#"
[[team.identity]]
name = "id-data"

[[team.workload]]
service_account = "flows"
token_expiration = "2h"

[[team.workload]]
service_account = "worker"
preset = "prefect-worker"
"#;

#[tokio::test]
#[ignore = "needs an API server: just test-cluster"]
async fn an_estate_lives_on_a_real_cluster() {
    let Some(estate) = Estate::new(TEAM).await else {
        return;
    };
    let site = &estate.site;

    // Nothing is written by a plan.
    estate.expect(2, "plan teams.toml --detailed-exitcode");
    assert!(site.accounts().get_opt("flows").await.unwrap().is_none());

    let synced = estate.expect(0, "sync teams.toml --auto-approve");
    assert!(synced.last().starts_with("Apply complete"), "{synced:#?}");
    let account = site.account().await;
    let annotations = &account["metadata"]["annotations"];
    let expiration = "azure.workload.identity/service-account-token-expiration";
    assert_eq!(annotations[expiration], "7200");
    let again = estate.expect(0, "sync teams.toml --auto-approve");
    assert_eq!(again.last(), "No changes. Live state matches the profile.", "{again:#?}");

    // A hand edit is named, and taken back.
    site.edit(&json!({ "azure.workload.identity/client-id": "by hand", "note": "mine" })).await;
    let plan = estate.expect(2, "plan teams.toml --detailed-exitcode");
    assert!(plan.stdout.contains("because kubectl-edit changed"), "{plan:#?}");
    assert!(plan.last().contains("1 to change"), "{plan:#?}");
    estate.expect(0, "sync teams.toml --auto-approve");
    let repaired = site.account().await;
    let annotations = &repaired["metadata"]["annotations"];
    assert_eq!(annotations["note"], "mine");
    let id = "azure.workload.identity/client-id";
    assert_eq!(annotations[id], account["metadata"]["annotations"][id]);

    // What left the profile is kept until it is asked for.
    estate.stage.edit("teams.toml", "service_account = \"worker\"", "service_account = \"other\"");
    estate.expect(0, "sync teams.toml --auto-approve");
    assert!(site.accounts().get_opt("worker").await.unwrap().is_some());
    estate.expect(0, "sync teams.toml --auto-approve --prune --allow-mass-delete");
    assert!(site.accounts().get_opt("worker").await.unwrap().is_none());
    assert!(site.accounts().get_opt("other").await.unwrap().is_some());
    let last = estate.expect(0, "plan teams.toml --detailed-exitcode");
    assert_eq!(last.last(), "No changes. Live state matches the profile.");
    estate.site.leave().await;
}

#[tokio::test]
#[ignore = "needs an API server: just test-cluster"]
async fn the_documented_rights_are_enough() {
    let Some(mut estate) = Estate::new(TEAM).await else {
        return;
    };
    let user = format!("{}-pipeline", estate.site.namespace);
    allow_as_documented(&estate.site, &user).await;
    estate.impersonate(&user);
    estate.site.remove_namespace().await;
    estate.site.until(async || estate.site.is_gone().await).await;
    estate.stage.edit(
        "teams.toml",
        "[[team.identity]]",
        "create_namespace = true\n\n[[team.identity]]",
    );
    estate.expect(0, "sync teams.toml --auto-approve");
    let again = estate.expect(0, "plan teams.toml --detailed-exitcode");
    assert_eq!(again.last(), "No changes. Live state matches the profile.");
    let worker = "[[team.workload]]\nservice_account = \"worker\"\npreset = \"prefect-worker\"\n";
    estate.stage.edit("teams.toml", worker, "");
    estate.expect(0, "sync teams.toml --auto-approve --prune --allow-mass-delete");
    assert!(estate.site.accounts().get_opt("worker").await.unwrap().is_none());
    disallow(&estate.site).await;
    estate.site.leave().await;
}
