//! Whom a grant of subjects lets in.

use super::{Refused, team_file};

const GITHUB: &str = "https://token.actions.githubusercontent.com";

/// What becomes of a team's own file with this federation under grants of these subjects.
fn federation(grants: &str, issuer: &str, subject: &str) -> Refused {
    let policy = format!("[policy.grants]\nfederations = [{grants}]\n");
    let table = format!(
        "[[team.identity.federation]]\nname = \"main\"\nissuer = {issuer:?}\nsubject = {subject:?}\n"
    );
    team_file(&policy, "data", &table)
}

fn grant(issuer: &str, subject: &str) -> String {
    format!("{{ issuer = {issuer:?}, subjects = [{subject:?}] }}")
}

#[test]
fn a_star_of_a_granted_subject_crosses_neither_a_colon_nor_a_slash() {
    const TEAM: &str = "repo:contoso@1234/{team}-*:*";
    for (glob, subject, granted) in [
        (TEAM, "repo:contoso@1234/data-x@5:ref:refs/heads/main", true),
        (TEAM, "repo:contoso@1234/data-x@5:environment:prod/eu", true),
        (TEAM, "repo:contoso@1234/data-x@5:pull_request", true),
        (TEAM, "repo:contoso@1234/data-x@5:", false),
        (TEAM, "repo:contoso@1234/data-x@5", false),
        (TEAM, "repo:contoso@1234/web-x@5:pull_request", false),
        (TEAM, "repo:contoso@1234/data@5:pull_request", false),
        (TEAM, "repo:contoso@12345/data-x@5:pull_request", false),
        (TEAM, "repo:some-stranger/x:pull_request", false),
        (TEAM, "repo:some-stranger@9/x@8:repo:contoso@1234/data-x@5:pull_request", false),
        (TEAM, "repo:contoso@1234/a/data-x@5:pull_request", false),
        (TEAM, "REPO:contoso@1234/data-x@5:pull_request", false),
        (TEAM, "repo:Contoso@1234/data-x@5:pull_request", false),
        // Cyrillic `о`, and a fullwidth colon.
        (TEAM, "repo:c\u{43e}ntoso@1234/data-x@5:pull_request", false),
        (TEAM, "repo\u{ff1a}contoso@1234/data-x@5:pull_request", false),
        ("repo:contoso@1/x@2:ref:refs/heads/*", "repo:contoso@1/x@2:ref:refs/heads/main", true),
        ("repo:contoso@1/x@2:ref:refs/heads/*", "repo:contoso@1/x@2:ref:refs/heads/a/b", false),
        ("repo:contoso@1/x@2:ref:*", "repo:contoso@1/x@2:ref:refs/heads/a/b", true),
        ("repo:contoso@1/x@2:ref:*", "repo:contoso@1/x@2:pull_request", false),
        ("repo:contoso@1/*:pull_request", "repo:contoso@1/x@2:pull_request", true),
        ("repo:contoso@1/*:pull_request", "repo:contoso@1/x@2:a:pull_request", false),
        ("repo:contoso@1/x@2:*", "repo:contoso@1/x@22:pull_request", false),
        ("s", "s", true),
        ("s", "S", false),
        ("*", "repo:some-stranger/x:pull_request", true),
    ] {
        let refused = federation(&grant(GITHUB, glob), GITHUB, subject);
        assert_eq!(refused.codes().is_empty(), granted, "{glob} {subject}: {:?}", refused.codes());
        assert!(granted || refused.codes() == ["WID-GRANT-SUBJECT"], "{:?}", refused.codes());
    }
}

#[test]
fn a_grant_of_subjects_is_one_of_its_issuer_byte_for_byte() {
    let grants = grant(GITHUB, "*") + ", " + &grant("https://example.com", "s");
    for (issuer, subject, granted) in [
        (GITHUB, "a", true),
        ("https://example.com", "s", true),
        ("https://example.com", "a", false),
        ("https://example.com/", "s", false),
        ("https://token.actions.githubusercontent.com/contoso", "a", false),
        ("https://TOKEN.actions.githubusercontent.com", "a", false),
    ] {
        let codes = federation(&grants, issuer, subject).codes();
        assert_eq!(codes, if granted { vec![] } else { vec!["WID-GRANT-SUBJECT"] }, "{issuer}");
    }
    assert_eq!(federation("", GITHUB, "a").codes(), ["WID-GRANT-SUBJECT"], "nothing by default");
}

#[test]
fn a_repository_on_github_is_granted_by_the_subject_that_it_makes() {
    for (repository, granted) in [("data-x", true), ("web", false)] {
        let policy = format!(
            "[policy.grants]\nfederations = [{}]\n",
            grant(GITHUB, "repo:contoso@1234/{team}-*:*")
        );
        let table = format!(
            "[[team.identity.federation]]\nname = \"main\"\n\
             github = {{ owner = \"contoso\", owner_id = 1234, repository = {repository:?}, repository_id = 5, pull_request = true }}\n"
        );
        let codes = team_file(&policy, "data", &table).codes();
        assert_eq!(codes, if granted { vec![] } else { vec!["WID-GRANT-SUBJECT"] });
    }
}

#[test]
fn a_line_that_grants_a_hostile_subject_grants_that_subject_alone() {
    let issuer = "https://example.com/\"],\"";
    let subject = "x\"] }, { issuer = \"https://example.com\", subjects = [\"\\";
    let refused = federation("", issuer, subject);
    let help = refused.helps("WID-GRANT-SUBJECT").remove(0);
    let (_, line) = help.split_once("[policy.grants.teams.data]\n").unwrap();
    let parsed: toml::Table = line.parse().unwrap();
    let grants = parsed["federations"].as_array().unwrap();
    assert_eq!(grants.len(), 1, "{line}");
    assert_eq!(grants[0]["issuer"].as_str(), Some(issuer));
    assert_eq!(grants[0]["subjects"][0].as_str(), Some(subject));
}
