//! What is told of profiles that are right: every case of `remarked/` gives exactly the text beside it.
//! `WIDCTL_BLESS=1` writes the texts anew.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use widctl::desired::derive::derive;
use widctl::profile;

use super::{files, load, load_text, repository, root_file, team_table};

#[test]
fn what_is_remarked_is_as_written_down_and_every_remark_is_made() {
    let mut made = BTreeSet::new();
    let mut wrong = String::new();
    let entries = fs::read_dir(repository("tests/it/profile/remarked")).unwrap();
    for case in entries.map(|entry| entry.unwrap().path()) {
        if case.extension().is_none_or(|end| end != "toml") {
            continue;
        }
        let mut found = String::new();
        for remark in load(&files(&case)).unwrap().remarks {
            made.insert(remark.code);
            let (place, text, fix) = (remark.place, remark.text, remark.fix);
            writeln!(found, "{} {place}\n  {text}\n  hint: {fix}", remark.code).unwrap();
        }
        let written = case.with_extension("txt");
        #[expect(clippy::disallowed_methods, reason = "whether to write the texts anew")]
        if std::env::var_os("WIDCTL_BLESS").is_some() {
            fs::write(&written, &found).unwrap();
        }
        if fs::read_to_string(&written).unwrap_or_default() != found {
            writeln!(wrong, "{}:\n{found}", case.display()).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    let rules = profile::remarks().map(|rule| rule.code).chain(["WID-MUTABLE-SUBJECT"]);
    assert_eq!(made, rules.collect());
}

#[test]
fn the_page_about_the_profile_names_every_remark() {
    let page = fs::read_to_string(repository("docs/profile.md")).unwrap();
    for rule in profile::remarks() {
        let row = format!("| warning | `{}` | {} |", rule.code, rule.title);
        assert!(page.contains(&row), "{row}");
    }
}

#[test]
fn the_profiles_of_the_folder_give_no_cause_for_a_remark() {
    for name in [
        "quickstart.toml",
        "prefect-teams.toml",
        "argo.toml",
        "airflow.toml",
        "gitops.toml",
        "multi-cluster",
        "pipelines/runners.toml",
    ] {
        let profile = load(&files(&repository("profiles").join(name))).unwrap();
        assert_eq!(profile.remarks, [], "{name}");
    }
}

/// The federation of a team with this table.
fn federation(cloud: &str, table: &str) -> (String, String, String) {
    let root = root_file("").replace("[azure]", &format!("[azure]\ncloud = {cloud:?}"));
    let table = format!("[[team.identity.federation]]\nname = \"main\"\n{table}\n");
    let profile = load_text(&(root + &team_table("a", &table))).expect("the profile is right");
    assert_eq!(derive(&profile).remarks, profile.remarks);
    let federation = &profile.teams[0].identities[0].federations[0];
    let text = |text: &str| text.to_owned();
    (
        text(federation.issuer.as_str()),
        text(federation.subject.as_str()),
        text(federation.audience.as_str()),
    )
}

#[test]
fn a_repository_on_github_makes_the_subject_that_its_jobs_send() {
    const GITHUB: &str = "https://token.actions.githubusercontent.com";
    let both = "owner = \"Contoso\", owner_id = 1_234, repository = \"web.app\", repository_id = 9223372036854775807";
    for (table, issuer, subject) in [
        (
            format!("github = {{ {both}, ref = \"refs/heads/a/b\" }}"),
            GITHUB.to_owned(),
            "repo:Contoso@1234/web.app@9223372036854775807:ref:refs/heads/a/b",
        ),
        (
            format!("github = {{ {both}, environment = \"Prod:V1 100%\" }}"),
            GITHUB.to_owned(),
            "repo:Contoso@1234/web.app@9223372036854775807:environment:Prod%3AV1 100%",
        ),
        (
            format!("github = {{ {both}, pull_request = true }}\nissuer = \"{GITHUB}/contoso\""),
            format!("{GITHUB}/contoso"),
            "repo:Contoso@1234/web.app@9223372036854775807:pull_request",
        ),
        (
            format!("github = {{ {both}, pull_request = true }}\nissuer = \"https://token.actions.octocorp.ghe.com\""),
            "https://token.actions.octocorp.ghe.com".to_owned(),
            "repo:Contoso@1234/web.app@9223372036854775807:pull_request",
        ),
        (
            "github = { owner = \"contoso\", repository = \"web\", ref = \"refs/tags/v1\" }\nissuer = \"https://github.contoso.com/_services/token\"".to_owned(),
            "https://github.contoso.com/_services/token".to_owned(),
            "repo:contoso/web:ref:refs/tags/v1",
        ),
    ] {
        let (found_issuer, found_subject, _) = federation("public", &table);
        assert_eq!((found_issuer, found_subject.as_str()), (issuer, subject), "{table}");
    }
}

#[test]
fn a_federation_has_the_audience_that_its_cloud_takes_and_a_workload_that_of_the_webhook() {
    let table = "issuer = \"https://example.com\"\nsubject = \"s\"";
    for (cloud, audience) in [
        ("public", "api://AzureADTokenExchange"),
        ("usgovernment", "api://AzureADTokenExchangeUSGov"),
        ("china", "api://AzureADTokenExchangeChina"),
        ("ours", "api://AzureADTokenExchange"),
    ] {
        assert_eq!(federation(cloud, table).2, audience);
        assert_eq!(federation(cloud, &format!("{table}\naudience = \"own\"")).2, "own");
        let root = root_file("").replace("[azure]", &format!("[azure]\ncloud = {cloud:?}"));
        let workload = team_table("a", "[[team.workload]]\nservice_account = \"app\"\n");
        let profile = load_text(&(root + &workload)).unwrap();
        let workload = &profile.teams[0].workloads[0];
        assert_eq!(workload.audience.as_str(), "api://AzureADTokenExchange");
    }
}
