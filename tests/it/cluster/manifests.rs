//! What `render` writes for Git, applied by a real `kubectl` as Argo CD and Flux do: neither undoes what the other wrote.

use serde_json::Value;

use super::definitions::plane;
use super::estate::Estate;
use super::site::Ground;
use crate::cli::support::repository;

const TEAM: &str = r#"create_namespace = true

[[team.identity]]
name = "id-data"

[[team.workload]]
service_account = "etl"
mode = "annotate"

[[team.workload]]
service_account = "shop"
mode = "trust-only"
"#;
const SYNC: &str = "sync teams.toml --auto-approve";
const NO_CHANGES: &str = "No changes. Live state matches the profile.";

/// Runs `kubectl` in the folder of the estate; its exit code and what it printed.
pub(super) fn kubectl(estate: &Estate, line: &str) -> (i32, String) {
    let Ground::Real(plane) = &estate.site.ground else { unreachable!("the site is real") };
    plane.kubectl(&estate.stage.path(""), &line.split_whitespace().collect::<Vec<_>>())
}

/// The client id of the one identity.
fn client_id(estate: &Estate) -> String {
    let status = estate.expect(0, "status teams.toml --format json");
    estate.stage.write("status.json", &status.stdout);
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    status["teams"][0]["identities"][0]["client_id"].as_str().unwrap().to_owned()
}

/// What an account is annotated with.
async fn annotated(estate: &Estate, account: &str) -> Option<String> {
    let annotations = estate.site.accounts().get(account).await.unwrap().metadata.annotations;
    annotations?.get("azure.workload.identity/client-id").cloned()
}

/// Git has the accounts: `flags` says how they are applied.
async fn lives_beside(flags: &str) {
    let Some(estate) = Estate::new(TEAM).await else { return };
    let (render, apply) = ("render teams.toml --status status.json", format!("apply {flags}"));
    estate.site.remove_namespace().await;
    estate.site.until(async || estate.site.is_gone().await).await;
    let made = estate.expect(0, SYNC);
    assert!(made.stdout.contains("warning[WID-ACCOUNT-WAITING]"), "{made:#?}");
    let id = client_id(&estate);

    estate.expect(0, &format!("{render} --target kubernetes --out-dir git"));
    let compare = format!("diff {flags} -f git/real/team-data.yaml");
    assert_ne!(kubectl(&estate, &compare).0, 0, "the cluster has no account yet");
    let apply = format!("{apply} -f git/real/team-data.yaml");
    let (code, printed) = kubectl(&estate, &apply);
    assert_eq!(code, 0, "{printed}");
    assert_eq!(annotated(&estate, "shop").await, Some(id.clone()));
    assert_eq!(annotated(&estate, "etl").await, None);

    let synced = estate.expect(0, SYNC);
    assert!(synced.last().starts_with("Apply complete! 0 added, 1 changed"), "{synced:#?}");
    assert_eq!(annotated(&estate, "etl").await, Some(id.clone()));
    assert_eq!(kubectl(&estate, &compare), (0, String::new()));
    let (code, printed) = kubectl(&estate, &apply);
    assert_eq!(code, 0, "{printed}");
    assert_eq!(annotated(&estate, "etl").await, Some(id.clone()));
    assert_eq!(estate.expect(0, SYNC).last(), NO_CHANGES);

    // The same objects by way of kustomize.
    estate.expect(0, &format!("{render} --target kustomize --out-dir kustomized"));
    let (code, built) = kubectl(&estate, "kustomize kustomized/real");
    assert_eq!(code, 0, "{built}");
    assert!(built.contains(&format!("azure.workload.identity/client-id: {id}\n")), "{built}");
    assert!(!built.contains("ConfigMap"), "{built}");
    let compare = format!("diff {flags} -k kustomized/real");
    assert_eq!(kubectl(&estate, &compare), (0, String::new()));
    estate.site.leave().await;
}

const CONTROLLERS: &str = r"
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 0
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: main, image: none }] }
---
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: queue }
spec:
  replicas: 0
  serviceName: queue
  selector: { matchLabels: { app: queue } }
  template:
    metadata: { labels: { app: queue } }
    spec: { containers: [{ name: main, image: none }] }
";

#[tokio::test]
#[ignore = "needs an API server: just test-cluster"]
async fn the_restart_that_a_sync_proposes_reaches_deployments_and_stateful_sets() {
    let team =
        "[[team.identity]]\nname = \"id-data\"\n[[team.workload]]\nservice_account = \"etl\"\n";
    let Some(estate) = Estate::new(team).await else { return };
    estate.expect(0, SYNC);
    estate.stage.write("controllers.yaml", CONTROLLERS);
    let namespace = &estate.site.namespace;
    let (code, printed) = kubectl(&estate, &format!("create -f controllers.yaml -n {namespace}"));
    assert_eq!(code, 0, "{printed}");
    let account = "service_account = \"etl\"";
    estate.stage.edit("teams.toml", account, &format!("{account}\ntoken_expiration = \"2h\""));
    let ran = estate.expect(0, SYNC);
    let command = ran.stderr.lines().find_map(|line| line.strip_prefix("  kubectl ")).unwrap();
    let (code, printed) = kubectl(&estate, command);
    assert_eq!(code, 0, "{command}: {printed}");
    assert!(printed.contains("deployment.apps/web restarted"), "{printed}");
    assert!(printed.contains("statefulset.apps/queue restarted"), "{printed}");
    estate.site.leave().await;
}

#[tokio::test]
#[ignore = "needs an API server: just test-cluster"]
async fn git_and_widctl_share_an_account_that_is_applied_on_the_server() {
    lives_beside("--server-side").await;
}

#[tokio::test]
#[ignore = "needs an API server: just test-cluster"]
async fn git_and_widctl_share_an_account_that_is_applied_by_the_client() {
    lives_beside("").await;
}

#[tokio::test]
#[ignore = "needs an API server: just test-cluster"]
async fn flux_knows_every_field_of_the_kustomization_that_the_page_shows() {
    let Some(plane) = plane() else { return };
    let page = repository("docs/gitops.md");
    let (_, shown) = page.split_once("```yaml\nspec:\n").unwrap();
    let (shown, _) = shown.split_once("```").unwrap();
    let whole = format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{ name: x, namespace: default }}\n\
         spec:\n{shown}  interval: 10m\n  prune: true\n  sourceRef: {{ kind: GitRepository, name: x }}\n"
    );
    let folder = tempfile::tempdir().unwrap();
    let create = |text: &str| {
        std::fs::write(folder.path().join("flux.yaml"), text).unwrap();
        let line = "create --dry-run=server --validate=strict -f flux.yaml";
        plane.kubectl(folder.path(), &line.split(' ').collect::<Vec<_>>())
    };
    let (code, said) = create(&whole);
    assert_eq!(code, 0, "{said}");
    let (code, said) = create(&whole.replace("substituteFrom", "substitutesFrom"));
    assert!(
        code == 1 && said.contains("unknown field \"spec.postBuild.substitutesFrom\""),
        "{said}"
    );
}
