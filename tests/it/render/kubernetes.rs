//! What Argo CD or Flux own, as files for Git.

use serde_json::Value;

use crate::cli::support::{Ran, Stage, repository, root, team};
use crate::page;

const PAGE: &str = "docs/gitops.md";

/// The tables of a team without a namespace of its own to make.
const ANNOTATE: &str = "service_account = \"etl\"\nmode            = \"annotate\"";
const TRUST_ONLY: &str = "service_account = \"shop\"\nmode            = \"trust-only\"";

/// The profile of two teams whose accounts are in Git.
fn gitops() -> Stage {
    let stage = Stage::new();
    stage.write("teams.toml", repository("profiles/gitops.toml"));
    stage
}

/// Makes the identities and writes down what exists; the client id of the identity.
fn synced(stage: &Stage, identity: &str) -> String {
    stage.expect(0, "sync teams.toml --sandbox=sandbox.json --auto-approve");
    let status = stage.expect(0, "status teams.toml --sandbox=sandbox.json --format json");
    stage.write("status.json", &status.stdout);
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    let teams = status["teams"].as_array().unwrap().iter();
    let identities = teams.flat_map(|team| team["identities"].as_array().unwrap());
    let mut found = identities.filter(|found| found["name"] == identity);
    found.next().unwrap()["client_id"].as_str().unwrap().to_owned()
}

/// The refusal of a profile with this changed.
fn refused(code: i32, from: &str, to: &str, line: &str) -> Ran {
    let stage = gitops();
    stage.edit("teams.toml", from, to);
    stage.expect(code, line)
}

#[test]
fn an_account_that_widctl_annotates_is_rendered_without_what_widctl_writes() {
    let stage = gitops();
    let ran = stage.expect(0, "render teams.toml --target kubernetes --team data-eng");
    insta::assert_snapshot!("annotated", format!("{}{}", ran.stdout, ran.stderr));
    let marks = ("--target kubernetes --team data-eng\n", "```\n\nA namespace is rendered");
    page::shows(PAGE, marks, &ran.stdout);
    for target in ["kustomize", "flux"] {
        let line =
            format!("render teams.toml --target {target} --team data-eng --out-dir {target}");
        stage.expect(0, &line);
        assert_eq!(stage.read(&format!("{target}/weu/team-data-eng.yaml")), ran.stdout);
    }
    let built = stage.read("kustomize/weu/kustomization.yaml");
    assert!(!built.contains("replacements"), "no account names a client id: {built}");
    assert!(!stage.exists("kustomize/weu/widctl-identities.yaml"));
}

#[test]
fn an_account_that_widctl_leaves_alone_has_its_client_id_from_the_status_file() {
    let stage = gitops();
    stage.edit(
        "teams.toml",
        "location ",
        "tenant = \"72f988bf-0000-4000-8000-000000000001\"\nlocation ",
    );
    let id = synced_in_its_tenant(&stage);
    let line = "render teams.toml --target kubernetes --team web --status status.json";
    let ran = stage.expect(0, line);
    insta::assert_snapshot!("inline", ran.stdout.replace(&id, "CLIENT-ID"));
}

/// A sandbox has a tenant of its own, so the profile pins it after the status was written.
fn synced_in_its_tenant(stage: &Stage) -> String {
    let pinned = stage.read("teams.toml");
    stage.write("teams.toml", repository("profiles/gitops.toml"));
    let id = synced(stage, "id-web");
    stage.write("teams.toml", pinned);
    id
}

#[test]
fn kustomize_has_client_ids_in_one_file_and_copies_them_into_accounts() {
    let stage = gitops();
    let id = synced(&stage, "id-web");
    let ran =
        stage.expect(0, "render teams.toml --target kustomize --status status.json --out-dir git");
    let marks =
        ("--target kustomize --status status.json --out-dir git\n", "```\n\nThe ConfigMap has");
    page::shows(PAGE, marks, &ran.stderr);
    let files = ["kustomization", "team-data-eng", "team-web", "widctl-identities"];
    let files =
        files.map(|file| format!("# {file}\n{}", stage.read(&format!("git/weu/{file}.yaml"))));
    let files = files.concat().replace(&id, "CLIENT-ID");
    insta::assert_snapshot!("kustomize", format!("{files}{}", ran.stderr));
}

#[test]
fn flux_substitutes_client_ids_that_git_does_not_have() {
    let stage = gitops();
    stage.expect(0, "render teams.toml --target flux --out-dir none");
    assert!(!stage.exists("none/widctl-identities.weu.yaml"), "nobody said what the ids are");
    let id = synced(&stage, "id-web");
    let ran = stage.expect(0, "render teams.toml --target flux --status status.json --out-dir git");
    let marks = ("--target flux --status status.json --out-dir git\n", "```\n\nCommit the folder");
    page::shows(PAGE, marks, &ran.stderr);
    let config_map = stage.read("git/widctl-identities.weu.yaml");
    let web = stage.read("git/weu/team-web.yaml");
    assert_eq!(web, stage.read("none/weu/team-web.yaml"));
    assert!(!web.contains(&id), "{web}");
    let text = format!("{web}# the ConfigMap\n{config_map}{}", ran.stderr);
    insta::assert_snapshot!("flux", text.replace(&id, "CLIENT-ID"));
}

#[test]
fn an_identity_for_each_cluster_has_a_client_id_for_each() {
    let stage = Stage::new();
    let table = team("web", &["neu", "weu"])
        .replace("name = \"id-web\"", "name = \"id-web\"\nper_cluster = true")
        .replace("\"app\"", "\"app\"\nmode = \"trust-only\"");
    stage.write("teams.toml", root("acme", &["neu", "weu"]) + &table);
    let ids = [synced(&stage, "id-web-neu"), synced(&stage, "id-web-weu")];
    stage.expect(0, "render teams.toml --target kubernetes --status status.json --out-dir git");
    for (cluster, id) in ["neu", "weu"].iter().zip(ids) {
        assert!(stage.read(&format!("git/{cluster}/team-web.yaml")).contains(&id), "{cluster}");
    }
    stage.expect(0, "render teams.toml --target flux --out-dir flux");
    let web = stage.read("flux/neu/team-web.yaml");
    assert!(web.contains("\"${id_web_neu_client_id}\""), "{web}");
}

#[test]
fn a_namespace_of_two_teams_is_in_one_file_and_in_none_where_widctl_makes_it() {
    let stage = Stage::new();
    let of = |name: &str, mode: &str| {
        let table = team(name, &["weu"]).replace("namespace = \"b\"", "namespace = \"a\"");
        table.replace("\"app\"", &format!("\"app-{name}\"\nmode = \"{mode}\""))
    };
    let profile = |of_b: &str| {
        let policy = "[policy]\nshared_namespaces = true\n\n";
        root("acme", &["weu"]) + policy + &of("a", "annotate") + &of("b", of_b)
    };
    let rendered = |team: &str| {
        let line = format!("render teams.toml --target kubernetes --team {team}");
        stage.expect(0, &line).stdout.matches("kind: \"Namespace\"").count()
    };
    stage.write("teams.toml", profile("annotate"));
    assert_eq!([rendered("a"), rendered("b")], [1, 0]);
    stage.write("teams.toml", profile("manage"));
    assert_eq!(rendered("a"), 0);
}

#[test]
fn what_cannot_be_rendered_is_refused_with_what_helps() {
    let kubernetes = "render teams.toml --target kubernetes --team";
    let mut said = Vec::new();
    let managed =
        refused(64, ANNOTATE, "service_account = \"etl\"", &format!("{kubernetes} data-eng"));
    said.push(managed);
    let web = format!("{kubernetes} web");
    said.push(refused(
        64,
        TRUST_ONLY,
        "service_account = \"shop\"\n[[team.workload]]\nservice_account = \"api\"",
        &web,
    ));
    said.push(refused(64, "service_account = \"shop\"", "service_account = \"shop\"", &web));
    let none = format!("[[team.workload]]\n{TRUST_ONLY}");
    said.push(refused(64, &none, "", &web));
    said.push(refused(64, TRUST_ONLY, TRUST_ONLY, &format!("{kubernetes} wb")));
    let second = format!(
        "{TRUST_ONLY}\nidentity = \"id-web\"\n[[team.workload]]\nservice_account = \"api\"\nmode = \"trust-only\"\nidentity = \"id_web\"\n[[team.identity]]\nname = \"id_web\"",
    );
    said.push(refused(64, TRUST_ONLY, &second, "render teams.toml --target flux --team web"));
    let said: Vec<String> = said.into_iter().map(|ran| ran.stderr).collect();
    insta::assert_snapshot!("refusals", said.join("\n"));
}

#[test]
fn a_status_file_that_does_not_fit_leaves_no_file() {
    let stage = gitops();
    synced(&stage, "id-web");
    let good = stage.read("status.json");
    let id = stage.json("status.json")["teams"][1]["identities"][0]["client_id"].to_string();
    let mut said = String::new();
    for text in [
        "[]".to_owned(),
        good.replace("gitops-prod", "other"),
        good.replace(&id, "null"),
        good.replace(&id, "\"no guid\""),
        good.replace("/subscriptions/", "subscriptions/"),
    ] {
        stage.write("status.json", text);
        let line = "render teams.toml --target kustomize --status status.json --out-dir git";
        said += &stage.expect(1, line).stderr;
        assert!(!stage.exists("git"), "{said}");
    }
    insta::assert_snapshot!("status_files", said);
}

#[test]
fn a_file_that_somebody_changed_is_left_unless_force_is_given() {
    let stage = gitops();
    let line = "render teams.toml --target flux --out-dir git";
    stage.expect(0, line);
    stage.write("git/weu/team-web.yaml", "mine");
    let ran = stage.expect(1, line);
    assert!(ran.stderr.contains("`git/weu/team-web.yaml` has other text"), "{}", ran.stderr);
    assert_eq!(stage.read("git/weu/team-web.yaml"), "mine");
    stage.expect(0, &format!("{line} --force"));
    assert!(stage.read("git/weu/team-web.yaml").contains("ServiceAccount"));
}
