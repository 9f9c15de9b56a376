//! Calls of services: the command over the sandbox, from the profile of the folder to the proof.

use serde_json::{Value, json};

use crate::cli::support::{Stage, repository};
use crate::page;

const NAME: &str = "service-to-service.toml";
const CALLS: [&str; 2] =
    ["weu/service/data/prices/shop/frontend", "weu/service/data/prices/shop/checkout"];

fn stage() -> Stage {
    let stage = Stage::new();
    stage.write(NAME, repository(&format!("profiles/{NAME}")));
    stage
}

/// The addresses of calls in a document, with what each came to.
fn calls(report: &Value) -> Vec<(String, String)> {
    let subjects = report["subjects"].as_array().unwrap().iter();
    let services = subjects.filter(|subject| subject["kind"] == "service");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    services
        .map(|subject| {
            let [check] = subject["checks"].as_array().unwrap().as_slice() else {
                panic!("{subject}")
            };
            assert_eq!(check["code"], "WID-V-SERVICE");
            (text(&subject["address"]), text(&check["status"]))
        })
        .collect()
}

#[test]
fn the_profile_of_the_folder_is_planned_applied_and_each_call_is_proved() {
    let stage = stage();
    let planned = stage.expect(0, &format!("plan {NAME} --sandbox --format json")).json();
    assert!(!planned.to_string().contains("prices.data"), "a plan has nothing of services");
    stage.expect(0, &format!("sync {NAME} --sandbox --auto-approve"));
    let ran = stage.expect(0, &format!("verify {NAME} --sandbox"));
    page::shows(
        "docs/services.md",
        ("widctl verify service-to-service.toml\n", "```\n\n`CLUSTER"),
        &ran.stdout,
    );
    let report = stage.expect(0, &format!("verify {NAME} --sandbox --format json")).json();
    let passed = |address: &&str| ((*address).to_owned(), "pass".to_owned());
    assert_eq!(calls(&report), CALLS.iter().map(passed).collect::<Vec<_>>());
}

#[test]
fn filters_choose_the_calls_of_a_teams_services_or_of_an_account() {
    let stage = stage();
    stage.expect(0, &format!("sync {NAME} --sandbox --auto-approve"));
    let found = |filter: &str| {
        let line = format!("verify {NAME} --sandbox --format json {filter}");
        let calls = calls(&stage.expect(0, &line).json());
        calls.into_iter().map(|(address, _)| address).collect::<Vec<_>>()
    };
    assert_eq!(found("--team data"), CALLS);
    assert_eq!(found("--team shop"), [""; 0]);
    assert_eq!(found("--workload shop/frontend"), CALLS[..1]);
    assert_eq!(found("--workload data/prices"), CALLS);
}

#[test]
fn a_caller_whose_account_is_gone_holds_up_its_own_call_alone() {
    let stage = stage();
    stage.expect(0, &format!("sync {NAME} --sandbox --auto-approve"));
    let mut sandbox = stage.json(".widctl/sandbox.json");
    let objects = sandbox["clusters"].as_object_mut().unwrap().values_mut().next().unwrap();
    let removed =
        objects["objects"].as_object_mut().unwrap().remove("/serviceaccounts/shop/frontend");
    assert_ne!(removed, None);
    stage.write(".widctl/sandbox.json", sandbox.to_string());
    let report = stage.expect(6, &format!("verify {NAME} --sandbox --format json")).json();
    let expected = [(CALLS[0], "skipped"), (CALLS[1], "pass")];
    let expected = expected.map(|(address, status)| (address.to_owned(), status.to_owned()));
    assert_eq!(calls(&report), expected);
    let subjects = report["subjects"].as_array().unwrap();
    let call = subjects.iter().find(|subject| subject["address"] == CALLS[0]).unwrap();
    assert_eq!(call["checks"][0]["blocked_by"], json!("WID-V-ACCOUNT"));
}
