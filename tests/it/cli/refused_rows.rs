//! What is refused about one team's resource holds up that team alone.

use serde_json::Value;

use super::support::{Stage, root, team, tells};

const PLAN: &str = "plan teams.toml --sandbox=sandbox.json";
const SYNC: &str = "sync teams.toml --sandbox=sandbox.json --auto-approve";
const LEFT_OUT: &str =
    "The plan is incomplete: 1 resource is refused, 2 resources wait for what is refused.";

/// Three teams, of which one names an identity that another estate has made.
fn three_teams() -> Stage {
    let stage = Stage::new();
    let clusters = ["weu"];
    let theirs = team("ops", &clusters).replace("namespace = \"ops\"", "namespace = \"theirs\"");
    stage.write("beta.toml", root("beta", &clusters) + &theirs);
    stage.expect(0, &SYNC.replace("teams", "beta"));
    let teams: String = ["data", "ops", "web"].map(|name| team(name, &clusters)).concat();
    stage.write("teams.toml", root("acme", &clusters) + &teams);
    stage
}

fn addresses(rows: &Value) -> Vec<&str> {
    rows.as_array().unwrap().iter().map(|row| row["address"].as_str().unwrap()).collect()
}

fn is_held_up(address: &str) -> bool {
    address.contains("id-ops") || address.contains("account/ops")
}

#[test]
fn a_refused_row_and_what_needs_it_are_shown_beside_the_rest_in_every_format() {
    let stage = three_teams();
    let text = stage.expect(1, PLAN);
    assert!(tells(&text.stdout, "error[WID-OTHER-ESTATE]", "azure/identity/id-ops"), "{text:#?}");
    assert!(text.stdout.contains("+ weu/service-account/web/app"), "{text:#?}");
    assert!(text.stdout.contains("? weu/service-account/ops/app"), "{text:#?}");
    assert!(text.stdout.contains("Plan: 0 to adopt, 9 to add, 0 to change, 0 to destroy.\n"));
    assert_eq!(text.last(), LEFT_OUT);

    let markdown = stage.expect(1, &format!("{PLAN} --format markdown")).stdout;
    for part in [
        LEFT_OUT,
        "### Refused\n\n- `WID-OTHER-ESTATE` `azure/identity/id-ops`: ",
        "### Waiting\n\n- `azure/federated-credential/id-ops/",
        "not written, because `azure/identity/id-ops` is not\n- `weu/service-account/ops/app`: not written, because `azure/federated-credential/id-ops/",
    ] {
        assert!(markdown.contains(part), "{part}: {markdown}");
    }

    let plan = stage.expect(1, &format!("{PLAN} --format json")).json();
    assert_eq!(plan["complete"], false);
    assert_eq!(addresses(&plan["refused"]), ["azure/identity/id-ops"]);
    assert_eq!(addresses(&plan["waiting"]).len(), 2);
    assert!(!addresses(&plan["changes"]).into_iter().any(is_held_up), "{plan:#}");

    let events = stage.expect(1, &format!("{PLAN} --json")).events();
    let told = |code: &str| events.iter().filter(|event| event["code"] == code).count();
    assert_eq!((told("WID-OTHER-ESTATE"), told("WID-WAITING")), (1, 2), "{events:#?}");
    let last = &events.last().unwrap()["changes"];
    assert_eq!(
        (&last["add"], &last["refused"], &last["waiting"]),
        (&9.into(), &1.into(), &2.into())
    );
}

#[test]
fn the_rest_is_written_where_that_is_allowed_and_nothing_otherwise() {
    let stage = three_teams();
    let before = stage.read("sandbox.json");
    let refused = stage.expect(1, SYNC);
    assert!(
        tells(&refused.stderr, "error[WID-OTHER-ESTATE]", "azure/identity/id-ops"),
        "{refused:#?}"
    );
    assert!(refused.stderr.contains("1 refusal: nothing was written."), "{refused:#?}");
    let events = stage.expect(1, &format!("{SYNC} --json")).events();
    assert_eq!(events.last().unwrap()["changes"]["add"], 9);
    assert_eq!(stage.read("sandbox.json"), before);

    let partly = stage.expect(5, &format!("{SYNC} --allow-incomplete"));
    assert_eq!(
        partly.last(),
        "Apply incomplete. 9 added, 0 changed, 0 destroyed; 3 refused or waiting for what is. Run again to resume."
    );
    let written = stage.read("sandbox.json");
    assert!(written.contains("id-web") && written.contains("id-data"));
    let rest = stage.expect(1, &format!("{PLAN} --format json")).json();
    assert_eq!(rest["changes"].as_array().unwrap().len(), 0, "{rest:#}");
    assert_eq!(addresses(&rest["refused"]), ["azure/identity/id-ops"]);
}

#[test]
fn an_approval_writes_nothing_of_what_was_refused_even_if_it_no_longer_is() {
    let stage = three_teams();
    stage.expect(1, &format!("{PLAN} --out plan.json"));
    assert_eq!(addresses(&stage.json("plan.json")["refused"]), ["azure/identity/id-ops"]);
    let apply = "apply teams.toml --plan plan.json --sandbox=sandbox.json";
    let before = stage.read("sandbox.json");
    let refused = stage.expect(1, apply);
    assert!(
        tells(&refused.stderr, "error[WID-OTHER-ESTATE]", "azure/identity/id-ops"),
        "{refused:#?}"
    );
    assert_eq!(stage.read("sandbox.json"), before);

    let fine = stage.read("sandbox.json").replace("\"beta\"", "\"acme\"");
    stage.write("sandbox.json", fine);
    let outdated = stage.expect(3, &format!("{apply} --allow-incomplete"));
    assert!(outdated.stderr.contains("weu/service-account/ops/app"), "{outdated:#?}");
    stage.write("sandbox.json", before);
    stage.expect(5, &format!("{apply} --allow-incomplete"));
}
