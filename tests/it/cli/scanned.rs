//! `validate --format sarif`: what code scanning reads.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::support::{Ran, Stage, root, team};
use crate::cluster::tools;

/// The documents of a profile with an error of each sort, of one with a warning, and of none.
fn documents() -> [Value; 3] {
    let stage = Stage::new();
    stage.write("a profile/root.toml", root("acme", &["weu"]).replace("estate", "estat"));
    stage.write("a profile/teams/one.toml", team("one", &["weu"]).replace("id-one", "id-two"));
    let mut command = stage.command("validate --format sarif");
    command.arg("a profile");
    let wrong = Ran::of(command);
    assert_eq!(wrong.code, 1, "{wrong:#?}");

    let quickstart = Stage::quickstart();
    let federation = "[[team.identity.federation]]\nname = \"main\"\n\
                      issuer = \"https://token.actions.githubusercontent.com\"\n\
                      subject = \"repo:contoso/web:ref:refs/heads/main\"\n\n[[team.workload]]";
    quickstart.edit("teams.toml", "[[team.workload]]", federation);
    let warned = quickstart.expect(0, "validate teams.toml --format sarif");
    let unread = quickstart.expect(1, "validate missing.toml --format sarif");
    [wrong.json(), warned.json(), unread.json()]
}

fn results(document: &Value) -> &Vec<Value> {
    document["runs"][0]["results"].as_array().unwrap()
}

#[test]
fn each_error_is_a_result_of_its_rule_at_its_place() {
    let [wrong, warned, unread] = documents();
    let rules = wrong["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    let codes: BTreeSet<&str> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    assert_eq!(codes.len(), rules.len());
    for result in results(&wrong).iter().chain(results(&warned)) {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uriBaseId"], "%SRCROOT%");
        assert!(place["region"]["startLine"].as_u64().unwrap() > 0);
    }
    let place = |result: &Value| {
        let place = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
        place.as_str().unwrap().to_owned()
    };
    assert_eq!(results(&wrong)[0]["ruleId"], "WID-UNKNOWN-KEY");
    assert_eq!(place(&results(&wrong)[0]), "a%20profile/root.toml");
    assert_eq!(results(&warned)[0]["ruleId"], "WID-MUTABLE-SUBJECT");
    assert_eq!(
        (&results(&warned)[0]["level"], place(&results(&warned)[0])),
        (&"warning".into(), "teams.toml".to_owned())
    );
    assert_eq!(results(&unread).len(), 0);
    let invocation = &unread["runs"][0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    let told = invocation["toolExecutionNotifications"][0]["message"]["text"].as_str();
    assert!(told.unwrap().contains("missing.toml"), "{invocation}");
}

#[test]
fn places_are_told_from_the_root_of_the_sources_and_lines_are_marked_once() {
    let mut stage = Stage::new();
    stage.write("infra/teams.toml", "version = 1\nestate = 1\n");
    let sources = stage.path("");
    stage.set("GITHUB_ACTIONS", Some("true"));
    stage.set("GITHUB_WORKSPACE", Some(sources));
    let mut command = stage.command("validate teams.toml --format sarif");
    command.current_dir(stage.path("infra"));
    let ran = Ran::of(command);
    let document = ran.json();
    let place = &results(&document)[0]["locations"][0]["physicalLocation"]["artifactLocation"];
    assert_eq!(place["uri"], "infra/teams.toml");
    assert!(!ran.stderr.contains("::error"), "code scanning marks the lines: {ran:#?}");
}

#[test]
fn no_text_of_a_profile_is_a_link() {
    let stage = Stage::new();
    stage
        .write("teams.toml", "version = 1\nestate = \"a\"\n\"[here](https://evil.example)\" = 1\n");
    let document = stage.expect(1, "validate teams.toml --format sarif").json();
    let text = results(&document)[0]["message"]["text"].as_str().unwrap();
    assert!(text.contains("[here]") && !text.contains("]("), "{text}");
}

#[test]
#[ignore = "needs Go: just test-pipelines"]
fn the_published_schema_of_sarif_holds() {
    let Some(folder) = tools::build("pipelines", &["./sarif"]) else { return };
    let module = "github.com/owenrumney/go-sarif/v3";
    let found = tools::go("pipelines", &["list", "-m", "-f", "{{.Dir}}", module]).unwrap();
    let schema = format!("{}/pkg/report/v210/sarif/schema.go", found.trim());
    let holds = |document: &Value| {
        let mut program = Command::new(folder.join("sarif"));
        program.arg(&schema);
        program.stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut program = program.spawn().unwrap();
        program.stdin.take().unwrap().write_all(document.to_string().as_bytes()).unwrap();
        let done = program.wait_with_output().unwrap();
        (done.status.success(), String::from_utf8(done.stderr).unwrap())
    };
    for document in documents() {
        assert_eq!(holds(&document), (true, String::new()));
    }
    let [mut wrong, ..] = documents();
    wrong["runs"][0]["results"][0]["level"] = "bad".into();
    assert!(!holds(&wrong).0, "a control");
}
