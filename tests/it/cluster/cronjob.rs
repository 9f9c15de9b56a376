//! The scheduled job on a real API server: taken as it is rendered, and run with the rights of its account alone.

use std::fs;

use serde_json::Value;

use super::estate::Estate;
use super::manifests::kubectl;

const TEAM: &str = r#"create_namespace = true

[[team.identity]]
name = "id-data"

[[team.workload]]
service_account = "etl"
preset = "prefect-worker"
"#;
const NO_CHANGES: &str = "No changes. Live state matches the profile.";

fn succeed(estate: &Estate, line: &str) -> String {
    let (code, printed) = kubectl(estate, line);
    assert_eq!(code, 0, "{line}: {printed}");
    printed
}

/// Renders the job for what it is to do, applies it, and mounts what its pod has: the arguments of its container.
fn apply(estate: &mut Estate, run: &str) -> String {
    estate.use_administrator();
    let line = format!("render teams.toml --target cronjob --image widctl --run {run}");
    estate.expect(0, &format!("{line} --out-dir job --force"));
    succeed(
        estate,
        "apply --server-side --force-conflicts --validate=strict -f job/real/cronjob.yaml",
    );
    let name = format!("widctl-{}", estate.site.namespace);
    let get = |what: &str| -> Value {
        let text = succeed(estate, &format!("get {what} {name} --namespace widctl --output json"));
        serde_json::from_str(&text).unwrap()
    };
    let (job, map) = (get("cronjob"), get("configmap"));
    let pod = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    for volume in pod["volumes"].as_array().unwrap() {
        for item in volume["configMap"]["items"].as_array().unwrap() {
            let of = |key: &str| item[key].as_str().unwrap();
            let path = format!("pod/{}/{}", volume["name"].as_str().unwrap(), of("path"));
            estate.stage.write(&path, map["data"][of("key")].as_str().unwrap());
        }
    }
    let token = succeed(estate, &format!("create token {name} --namespace widctl"));
    estate.stage.write("pod/own/token", token.trim());
    estate.use_own_account();
    let arguments = pod["containers"][0]["args"].as_array().unwrap().iter();
    let arguments: Vec<&str> = arguments.map(|word| word.as_str().unwrap()).collect();
    // The pod signs in to Azure as its identity; here the sandbox knows a secret.
    let line = arguments.join(" ").replace(" --auth workload-identity", "");
    line.replace("/profile", "pod/profile")
}

#[tokio::test]
#[ignore = "needs an API server: just test-cluster"]
async fn a_scheduled_job_compares_and_repairs_with_the_rights_of_its_account_alone() {
    let Some(mut estate) = Estate::new(TEAM).await else { return };
    estate.expect(0, "sync teams.toml --auto-approve");
    let check = apply(&mut estate, "check");
    assert_eq!(estate.expect(0, &check).last(), NO_CHANGES);

    let namespace = estate.site.namespace.clone();
    succeed(&estate, &format!("delete serviceaccount etl --namespace {namespace}"));
    succeed(&estate, &format!("delete rolebinding --all --namespace {namespace}"));
    estate.expect(2, &check);
    let refused = estate.expect(1, &check.replace("--check", "--auto-approve"));
    assert!(refused.stderr.contains("403"), "{refused:#?}");

    let sync = apply(&mut estate, "sync");
    let ran = estate.expect(0, &sync);
    assert!(ran.last().starts_with("Apply complete! 2 added"), "{ran:#?}");
    assert_eq!(estate.expect(0, &sync).last(), NO_CHANGES);

    // Nothing beyond the namespaces of its profile, and nobody else's tokens or secrets there.
    let account = format!("system:serviceaccount:widctl:widctl-{namespace}");
    for (may, what) in [
        ("yes", format!("patch serviceaccounts --namespace {namespace}")),
        ("yes", format!("create roles --namespace {namespace}")),
        ("no", "patch serviceaccounts --namespace default".to_owned()),
        ("no", format!("delete serviceaccounts --namespace {namespace}")),
        ("no", format!("create serviceaccounts --subresource token --namespace {namespace}")),
        ("no", format!("get secrets --namespace {namespace}")),
        ("no", "create namespaces".to_owned()),
        ("no", "create clusterrolebindings".to_owned()),
    ] {
        let (_, said) = kubectl(&estate, &format!("auth can-i {what} --as {account}"));
        assert_eq!(said.lines().next(), Some(may), "{what}: {said}");
    }
    kubectl(&estate, "delete -f job/real/cronjob.yaml --ignore-not-found --wait=false");
    estate.site.leave().await;
}

/// The Job of docs/estates.md.
#[tokio::test]
#[ignore = "needs an API server: just test-cluster"]
async fn the_indexed_job_of_the_page_about_estates_is_taken() {
    let Some(estate) = Estate::new(TEAM).await else { return };
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/estates.md")).unwrap();
    let (_, job) = page.split_once("```yaml\napiVersion: batch/v1\n").unwrap();
    let (job, _) = job.split_once("```").unwrap();
    let job = format!("apiVersion: batch/v1\n{job}");
    let namespace = format!("namespace: {}", estate.site.namespace);
    estate.stage.write("job.yaml", job.replace("namespace: widctl", &namespace));
    let apply = "apply --server-side --validate=strict --dry-run=server -f job.yaml";
    assert!(succeed(&estate, apply).contains("serverside-applied"));
    estate.site.leave().await;
}
