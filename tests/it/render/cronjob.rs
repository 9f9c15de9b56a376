//! widctl inside of a cluster, on a schedule.

use std::fs;
use std::process::{Command, Output};

use crate::cli::support::{Stage, repository, root, team};
use crate::page;

const LINE: &str = "render teams.toml --target cronjob --image widctl@sha256:0 --out-dir job";
/// Writes down how it was called, once it was given all that it is given, and answers an id for a query.
const STAND_IN: &str = r#"#!/bin/sh
case "$*" in *apply*) given=$(cat) ;; esac
printf '%s' "${0##*/}" >> calls
for word in "$@"; do printf ' [%s]' "$word" >> calls; done
echo >> calls
case "$*" in
*--dry-run=client*) echo "kind: of $4" ;;
*apply*) echo "$given" >> calls ;;
*clientId*) echo client-1 ;;
*principalId*) echo principal-1 ;;
*issuerUrl*) echo https://issuer.example.com/ ;;
esac
"#;

/// Runs the script with stand-ins of `az` and `kubectl`; what they were called with.
#[cfg(unix)]
fn called(stage: &Stage, script: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    for name in ["bin/az", "bin/kubectl"] {
        stage.write(name, STAND_IN);
        fs::set_permissions(stage.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut shell = Command::new("sh");
    shell.arg(script).current_dir(stage.path("")).env_clear().env("PATH", "bin:/usr/bin:/bin");
    let unset = shell.output().unwrap();
    assert!(!unset.status.success() && !stage.exists("calls"), "{unset:?}");
    let Output { status, stderr, .. } =
        shell.envs([("RESOURCE_GROUP", "rg widctl"), ("CONTEXT", "aks-weu")]).output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    stage.read("calls")
}

#[cfg(unix)]
#[test]
fn a_cluster_of_aks_is_reached_by_the_identity_that_the_script_makes() {
    let stage = Stage::quickstart();
    let ran = stage.expect(0, LINE);
    page::shows(
        "docs/gitops.md",
        ("--image ghcr.io/OWNER/widctl@sha256:… --out-dir job\n", "```\n\nThe first file"),
        &ran.stderr,
    );
    insta::assert_snapshot!("cronjob_aks", stage.read("job/weu/cronjob.yaml"));
    insta::assert_snapshot!("cronjob_aks_calls", called(&stage, "job/weu/bootstrap.sh"));
}

#[cfg(unix)]
#[test]
fn a_job_that_writes_has_rights_in_the_namespaces_of_its_cluster_alone() {
    let stage = Stage::new();
    let context = "context = \"edge\"\nissuer = \"https://oidc.example.com/edge\"\n\n";
    let two = root("Acme.one", &["weu"]) + "[clusters.edge]\n" + context;
    let worker = "service_account = \"app\"\npreset = \"prefect-worker\"";
    let teams = team("web", &["edge", "weu"]).replace("service_account = \"app\"", worker);
    stage.write("teams.toml", two + &teams + &team("data", &["weu"]));
    stage.expect(0, &format!("{LINE} --run sync --schedule 17,@daily"));
    let edge = stage.read("job/edge/cronjob.yaml");
    insta::assert_snapshot!("cronjob_sync", edge);
    assert!(stage.read("job/weu/cronjob.yaml").contains("namespace: \"data\""));
    insta::assert_snapshot!("cronjob_sync_calls", called(&stage, "job/weu/bootstrap.sh"));
}

#[test]
fn files_of_a_folder_are_where_they_were() {
    let stage = Stage::new();
    let files = ["widctl.toml", "teams/data-eng.toml", "teams/web.toml"];
    for file in files {
        let text = repository(&format!("profiles/multi-cluster/{file}"));
        stage.write(&format!("prod/{file}"), text);
    }
    let line = "render prod --target cronjob --image widctl --out-dir job";
    stage.expect(0, line);
    let folder = fs::read_dir(stage.path("job")).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(folder.join("cronjob.yaml")).unwrap();
    for file in files {
        assert!(text.contains(&format!("path: \"{file}\"")), "{file}: {text}");
    }
}

#[test]
fn what_no_job_can_be_made_of_is_refused() {
    let stage = Stage::quickstart();
    let ran = stage.expect(64, "render teams.toml --target cronjob --out-dir job");
    assert!(ran.stderr.contains("give `--image IMAGE`"), "{ran:#?}");
    let ran = stage.expect(64, &format!("{LINE} --team data-eng"));
    assert!(ran.stderr.contains("leave `--team` out"), "{ran:#?}");
    stage.edit("teams.toml", "\"quickstart\"", &format!("\"{}\"", "e".repeat(46)));
    let ran = stage.expect(1, LINE);
    assert!(ran.stderr.contains("a CronJob's name has at most 52 characters"), "{ran:#?}");
    let long = format!("{}\n#{}", repository("profiles/quickstart.toml"), " ".repeat(1 << 20));
    stage.write("teams.toml", long);
    let ran = stage.expect(1, LINE);
    assert!(ran.stderr.contains("and a ConfigMap at most 1048576"), "{ran:#?}");
    assert!(!stage.exists("job"));
}
