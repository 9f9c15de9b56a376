//! `--format junit`: what pipelines show of a verification.

use proptest::prelude::*;
use proptest::sample::select;
use roxmltree::{Document, Node};
use widctl::report::verify_junit::text;
use widctl::verify::results::{CheckResult, Outcome, Results, SubjectKind, SubjectResults};
use widctl::verify::verdict::{Cause, Finding, Verdict};

use super::estate::Estate;

fn of_team(address: &str, outcomes: Vec<Outcome>) -> Results {
    let check = |outcome| CheckResult { code: "WID-V-ROLES", title: "it has its roles", outcome };
    let subject = SubjectResults {
        kind: SubjectKind::Account,
        address: address.to_owned(),
        identity: Some("id-web".to_owned()),
        team: Some("web".into()),
        cluster: Some("k".into()),
        checks: outcomes.into_iter().map(check).collect(),
    };
    Results { subjects: vec![subject], probes: None }
}

fn outcomes(wanted: &str, found: &str) -> Vec<Outcome> {
    let finding = || Finding {
        wanted: wanted.to_owned(),
        found: found.to_owned(),
        why: "without it nothing works",
        fix: Some(vec!["widctl".to_owned(), "sync".to_owned(), found.to_owned()]),
        spares: &[],
    };
    let unknown = |cause| Outcome::Checked(Verdict::Unknown { cause, why: found.to_owned() });
    vec![
        Outcome::Checked(Verdict::Pass),
        Outcome::Checked(Verdict::Fail(finding())),
        Outcome::Checked(Verdict::Warn(finding())),
        unknown(Cause::Unread),
        unknown(Cause::NotProvable),
        Outcome::Skipped { blocked_by: "WID-V-CLUSTER" },
        Outcome::Checked(Verdict::NotApplicable),
    ]
}

#[test]
fn each_outcome_has_its_place() {
    insta::assert_snapshot!("outcomes", text(&of_team("k/a/web/app", outcomes("a", "b <&>"))));
}

#[test]
fn a_failure_is_a_case_of_its_team() {
    let estate = Estate::synced();
    estate.damage(|state| {
        state.credential("flows")["audiences"] = serde_json::json!(["api://other"]);
    });
    let ran = estate.0.expect(6, "verify teams.toml --sandbox --format junit");
    let document = Document::parse(&ran.stdout).unwrap();
    let suites = document.root_element().children().filter(Node::is_element);
    let told = suites.map(|suite| {
        let count = |name| suite.attribute(name).unwrap().parse::<usize>().unwrap();
        (suite.attribute("name").unwrap(), count("failures"), count("skipped"))
    });
    let expected = [("cluster k", 0, 0), ("team team-1", 1, 2), ("team team-2", 0, 0)];
    assert_eq!(told.collect::<Vec<_>>(), expected);
    let failure = document.descendants().find(|node| node.has_tag_name("failure")).unwrap();
    let case = failure.parent().unwrap();
    let classname = "k/service-account/team-1/flows as id-team-1";
    assert_eq!(case.attribute("classname"), Some(classname));
    assert!(case.attribute("name").unwrap().starts_with("WID-V-CREDENTIAL-AUDIENCE the "));
    let text = failure.text().unwrap();
    assert!(
        text.contains("found:  api://other\n") && text.contains("\nhint: widctl sync"),
        "{text}"
    );
}

#[test]
fn it_is_a_format_of_verify_alone() {
    let estate = Estate::new();
    for command in ["plan", "sync", "sync --verify", "apply --plan p"] {
        let ran = estate.0.expect(64, &format!("{command} teams.toml --sandbox --format junit"));
        assert!(ran.stderr.contains("[possible values: text, json, markdown]"), "{ran:#?}");
    }
    let ran = estate.0.expect(64, "verify teams.toml --format xml");
    assert!(ran.stderr.contains("[possible values: text, json, markdown, junit]"), "{ran:#?}");
}

/// Characters that XML forbids, that it gives a meaning, and any other.
fn hostile() -> impl Strategy<Value = String> {
    let special: Vec<char> =
        "\0\u{8}\u{b}\u{1b}[31m\u{7f}\u{85}\u{fffe}\u{ffff}]]>&<\"'\r\n\t:#".chars().collect();
    let character = prop_oneof![any::<char>(), select(special)];
    proptest::collection::vec(character, 0..24).prop_map(|text| text.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn whatever_is_found_an_xml_parser_reads_it(
        address in hostile(), wanted in hostile(), found in hostile(),
    ) {
        let text = text(&of_team(&address, outcomes(&wanted, &found)));
        let document = Document::parse(&text);
        prop_assert!(document.is_ok(), "{document:?}\n{text}");
        let cases = |node: &Node<'_, '_>| node.has_tag_name("testcase");
        prop_assert_eq!(document.unwrap().descendants().filter(cases).count(), 6);
    }
}
