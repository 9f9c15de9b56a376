//! The command: what it prints, what it asks, which workloads it is about.

use std::collections::BTreeMap;

use serde_json::Value;

use super::estate::{Estate, Report, profile_of};
use crate::cli::support::Stage;

#[test]
fn a_fresh_sync_is_green_and_each_team_is_one_line() {
    let estate = Estate::new();
    estate.0.expect(0, "sync teams.toml --sandbox --auto-approve");
    let ran = estate.0.expect(0, "verify teams.toml --sandbox");
    insta::assert_snapshot!(ran.stdout);
}

#[test]
fn a_failure_is_shown_with_what_differs_and_what_repairs_it() {
    let estate = Estate::synced();
    estate.damage(|state| {
        let issuer = state.credential("flows")["issuer"].as_str().unwrap().to_owned();
        state.credential("flows")["issuer"] = issuer.trim_end_matches('/').into();
    });
    let ran = estate.0.expect(6, "verify teams.toml --sandbox");
    insta::assert_snapshot!("failure_text", ran.stdout);
    let ran = estate.0.expect(6, "verify teams.toml --sandbox --format markdown");
    insta::assert_snapshot!("failure_markdown", ran.stdout);
    let mut json = estate.verify(6, "").0;
    // Two sign-ins of the run, and no exchange for the account that Entra would refuse.
    assert_eq!(json["run"]["requests"]["token_requests"], 2 + 3);
    json["run"] = "…".into();
    json["created_at"] = "…".into();
    let subjects = json["subjects"].as_array_mut().unwrap();
    subjects.retain(|subject| subject["address"] == "k/service-account/team-1/flows");
    insta::assert_json_snapshot!("failure_json", json);
}

#[test]
fn a_sync_verifies_what_it_wrote() {
    let estate = Estate::new();
    let ran = estate.0.expect(0, "sync teams.toml --sandbox --auto-approve --verify");
    assert!(ran.stdout.contains("Apply complete!"), "{ran:#?}");
    assert!(ran.stdout.contains("✓ team team-1: 2 accounts, 1 identity"), "{ran:#?}");
    // Nothing is left to write, and it verifies all the same.
    estate.0.expect(0, "sync teams.toml --sandbox --verify");
}

#[test]
fn a_sync_waits_until_entra_knows_what_it_wrote() {
    let estate = Estate::new();
    estate.0.write("faults.toml", "credential_propagation = 1\n");
    let line = "sync teams.toml --sandbox --sandbox-faults faults.toml --auto-approve --verify";
    let ran = estate.0.expect(0, line);
    assert!(ran.stdout.contains("✓ team team-2: 2 accounts, 1 identity"), "{ran:#?}");
}

#[cfg(unix)]
#[test]
fn a_signal_during_the_verification_says_that_the_sync_is_complete() {
    let estate = Estate::new();
    // Entra never takes a workload's token; the run's own two sign-ins come before.
    estate.0.write(
        "faults.toml",
        "[[rules]]\napi = \"entra\"\nmethod = \"POST\"\nskip = 2\n\
         effect = { answer = { status = 400, code = \"700213\", message = \"no\" } }\n",
    );
    let line = "sync teams.toml --sandbox --sandbox-faults faults.toml --auto-approve --verify";
    let mut sync = estate.0.start(line);
    sync.wait_for("Apply complete!");
    sync.signal("INT");
    let stopped = sync.end();
    assert_eq!(stopped.code, 130, "{stopped:#?}");
    assert!(
        stopped.stderr.contains("the sync is complete, and it was not verified"),
        "{stopped:#?}"
    );
    assert!(!stopped.stderr.contains("nothing was written"), "{stopped:#?}");
}

#[test]
fn filters_choose_what_is_verified() {
    let estate = Estate::synced();
    let addresses = |more: &str| {
        let report = estate.verify(0, more);
        let subjects = report.0["subjects"].as_array().unwrap().iter();
        let addresses = subjects.map(|subject| subject["address"].as_str().unwrap().to_owned());
        addresses.collect::<Vec<_>>()
    };
    let workload = ["k", "azure/identity/id-team-1", "k/service-account/team-1/worker"];
    assert_eq!(addresses("--workload team-1/worker"), workload);
    assert_eq!(addresses("--team team-1 --workload */worker"), workload);
    assert_eq!(addresses("--team team-2").len(), 4);
    assert_eq!(addresses("--cluster k").len(), 7);
    for (filter, said) in [
        ("--workload team-3/worker", "`--workload team-3/worker` matches no workload"),
        ("--team nobody", "`--team nobody` matches no team"),
    ] {
        let ran = estate.0.expect(64, &format!("verify teams.toml --sandbox {filter}"));
        assert!(ran.stderr.contains(said), "{ran:#?}");
    }
    estate.0.expect(64, "verify teams.toml --sandbox --wait 10m");
}

#[test]
fn without_exchanges_entra_is_asked_for_the_sign_in_alone() {
    let estate = Estate::synced();
    let report = estate.verify(0, "--no-exchange");
    assert_eq!(report.0["run"]["requests"]["token_requests"], 2);
    let flows = "k/service-account/team-1/flows";
    assert_eq!(report.check(flows, "WID-V-EXCHANGE")["cause"], "not-provable");
    assert_eq!(report.check(flows, "WID-V-TOKEN-SIGNATURE")["status"], "pass");
}

#[test]
fn what_may_not_be_read_is_unknown_and_names_the_right() {
    let estate = Estate::synced();
    estate.0.write("faults.toml", "[[rules]]\npath = \"*/tokenreviews\"\neffect = \"forbidden\"\n");
    let report = estate.verify(1, "--sandbox-faults faults.toml");
    assert_eq!(report.with("fail"), [].into());
    let check = report.check("k/service-account/team-1/flows", "WID-V-TOKEN-REVIEW");
    assert_eq!(check["cause"], "unread");
    assert!(check["why"].as_str().unwrap().contains("tokenreviews"), "{check}");
    estate.0.write(
        "faults.toml",
        "[[denied]]\nverb = \"create\"\nresource = \"serviceaccounts/token\"\n",
    );
    let report = estate.verify(1, "--sandbox-faults faults.toml");
    let check = report.check("k/service-account/team-1/flows", "WID-V-TOKEN");
    assert!(check["why"].as_str().unwrap().contains("serviceaccounts/token"), "{check}");
}

#[test]
fn a_cluster_that_does_not_answer_is_unknown_and_hides_no_finding_in_azure() {
    let estate = Estate::synced();
    estate.damage(|state| {
        state.delete_resource(&["/storageaccounts/team-1/", "/roleassignments/"]);
    });
    estate.0.write("faults.toml", "[[rules]]\napi = \"kubernetes\"\neffect = \"not-json\"\n");
    let report = estate.verify(6, "--sandbox-faults faults.toml");
    let roles = ("azure/identity/id-team-1".to_owned(), "WID-V-ROLES".to_owned());
    assert_eq!(report.with("fail"), [roles].into());
    assert_eq!(report.with("unknown"), [("k".to_owned(), "WID-V-CLUSTER".to_owned())].into());
    let account = report.check("k/service-account/team-1/flows", "WID-V-ACCOUNT");
    assert_eq!(account["blocked_by"], "WID-V-CLUSTER");
}

/// A cluster whose issuer is pinned; an account with two identities, and one that is only trusted.
const OTHER_KINDS: &str = r#"version = 1
estate = "kinds"

[azure]
subscription = "00000000-0000-4000-8000-000000000001"
resource_group = "rg-wi"
location = "westeurope"

[clusters.onprem]
context = "onprem"
issuer = "https://oidc.example.com/onprem"

[[team]]
name = "web"
owner = "a@example.com"
namespace = "web"
clusters = ["onprem"]
create_namespace = true

[[team.identity]]
name = "id-web"

[[team.identity]]
name = "id-mail"

[[team.workload]]
service_account = "app"
identity = "id-web"
extra_identities = ["id-mail"]

[[team.workload]]
service_account = "controller"
identity = "id-web"
mode = "trust-only"
"#;

#[test]
fn an_account_with_two_identities_is_verified_for_each_and_a_trusted_one_for_its_token() {
    let stage = Stage::new();
    stage.write("teams.toml", OTHER_KINDS);
    stage.expect(0, "sync teams.toml --sandbox --auto-approve");
    let estate = Estate(stage);
    let statuses = |report: &Report, address: &str, identity: &str| {
        let mut subjects = report.0["subjects"].as_array().unwrap().iter();
        let found = subjects
            .find(|subject| subject["address"] == address && subject["identity"] == identity)
            .unwrap();
        let checks = found["checks"].as_array().unwrap().iter();
        let status = |check: &Value| check["status"].as_str().unwrap().to_owned();
        let code = |check: &Value| check["code"].as_str().unwrap().to_owned();
        checks.map(|check| (code(check), status(check))).collect::<BTreeMap<_, _>>()
    };
    let (app, controller) =
        ("onprem/service-account/web/app", "onprem/service-account/web/controller");
    // Nobody has made the account that the profile only trusts.
    let report = estate.verify(6, "");
    assert_eq!(report.with("fail"), [(controller.into(), "WID-V-ACCOUNT".into())].into());
    assert!(report.check(controller, "WID-V-ACCOUNT")["fix"].is_null());
    assert_eq!(report.check("onprem", "WID-V-ISSUER-ENABLED")["status"], "not-applicable");
    assert_eq!(report.check("onprem", "WID-V-JWKS")["status"], "pass");
    for identity in ["id-web", "id-mail"] {
        let statuses = statuses(&report, app, identity);
        assert_eq!(statuses["WID-V-EXCHANGE-IDENTITY"], "pass", "{identity}");
        let annotated = if identity == "id-web" { "pass" } else { "not-applicable" };
        assert_eq!(statuses["WID-V-CLIENT-ID"], annotated, "{identity}");
    }
    estate.damage(|state| state.copy_account("onprem-onprem", "app", "controller"));
    let report = estate.verify(0, "");
    let statuses = statuses(&report, controller, "id-web");
    assert_eq!(statuses["WID-V-ACCOUNT"], "pass");
    assert_eq!(statuses["WID-V-ANNOTATIONS"], "not-applicable");
    assert_eq!(statuses["WID-V-EXCHANGE"], "pass");
}

#[test]
fn it_asks_few_questions_and_azure_no_more_than_a_plan() {
    // A cluster: the accounts, the webhook and the issuer, six kinds that make pods, the API groups, the ClusterRoles and
    // their bindings. Presets want Roles and RoleBindings as well.
    for (preset, a_cluster) in [("preset = \"prefect-worker\"\n", 14), ("", 12)] {
        let estate = Estate::new();
        let profile = profile_of(&["team-1", "team-2"]);
        estate.0.write("teams.toml", profile.replace("preset = \"prefect-worker\"\n", preset));
        estate.0.expect(0, "sync teams.toml --sandbox --auto-approve");
        let plan = estate.0.expect(0, "plan teams.toml --sandbox --format json").json();
        let report = estate.verify(0, "");
        let count = |class: &str| report.0["run"]["requests"][class].as_u64().unwrap();
        assert_eq!(count("arm_reads"), plan["run"]["requests"]["arm_reads"].as_u64().unwrap());
        assert_eq!((count("arm_writes"), count("cluster_writes")), (0, 0));
        // An account: a token, its review, a pod for show, an exchange. Beside them two public documents, which are not
        // the cluster's, and the run signs in, to Azure and for the cluster.
        let (accounts, documents, sign_ins) = (4, 2, 2);
        assert_eq!(count("token_requests"), accounts + sign_ins);
        assert_eq!(count("cluster_reads"), 3 * accounts + a_cluster + documents);
    }
}

#[test]
fn no_token_is_ever_shown() {
    let estate = Estate::synced();
    let ran = estate.0.expect(0, "verify teams.toml --sandbox -vvv");
    for stream in [&ran.stdout, &ran.stderr] {
        assert!(!stream.contains("eyJ"), "{stream}");
    }
    assert!(ran.stderr.contains("/tokenreviews"), "the log shows the requests");
}

#[test]
fn every_field_is_in_the_published_schema() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/verify.schema.json");
    let schema = widctl::report::verify_json::schema();
    #[expect(clippy::disallowed_methods, reason = "asked for by whoever runs the tests")]
    if std::env::var_os("WIDCTL_BLESS").is_some() {
        std::fs::write(path, &schema).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), schema);
}

/// A sync that waits for nothing, of a sandbox where Entra refuses every exchange of a workload, or of one that is healthy.
fn sync_and_verify(refuses: bool, how: &str) -> Value {
    let estate = Estate::new();
    let (faults, code) = if refuses { (REFUSED_FOR_GOOD, 6) } else { ("", 0) };
    estate.0.write("faults.toml", faults);
    let line = format!(
        "sync teams.toml --sandbox --sandbox-faults faults.toml --auto-approve --verify {how}"
    );
    let ran = estate.0.expect(code, &line);
    if how == "--json" {
        let lines = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap());
        Value::Array(lines.collect())
    } else {
        ran.json()
    }
}

/// Entra refuses what is no matter of time; the run's own sign-ins come before.
const REFUSED_FOR_GOOD: &str = "[[rules]]\napi = \"entra\"\nmethod = \"POST\"\nskip = 2\n\
     effect = { answer = { status = 400, code = \"700223\", message = \"no\" } }\n";

#[test]
fn a_document_of_a_sync_holds_what_was_verified() {
    for refuses in [false, true] {
        let document = sync_and_verify(refuses, "--format json");
        assert_eq!(document["summary"]["added"], 18, "{document:#}");
        let failed = if refuses { 4 } else { 0 };
        assert_eq!(document["verification"]["summary"]["fail"], failed, "{document:#}");
        assert_eq!(document["verification"]["estate"], "verify");
    }
    // Nothing is left to write: the document is the plan's.
    let estate = Estate::synced();
    let again = |more: &str| {
        estate.0.expect(0, &format!("sync teams.toml --sandbox --format json {more}")).json()
    };
    assert_eq!(again("--verify")["verification"]["summary"]["fail"], 0);
    assert_eq!(again("").as_object().unwrap()["verification"], Value::Null);
}

#[test]
fn a_sync_that_fails_prints_its_document_without_a_verification() {
    let estate = Estate::new();
    estate.0.write("faults.toml", "[[denied]]\nverb = \"patch\"\nresource = \"serviceaccounts\"\n");
    let line = "sync teams.toml --sandbox --sandbox-faults faults.toml --auto-approve --verify --format json";
    let document = estate.0.expect(5, line).json();
    assert_eq!(document["complete"], false);
    assert_eq!(document.as_object().unwrap()["verification"], Value::Null);
}

#[test]
fn an_event_stream_tells_what_was_verified_before_its_summary() {
    for (refuses, level) in [(false, "info"), (true, "error")] {
        let events = sync_and_verify(refuses, "--json");
        let [.., verification, summary] = events.as_array().unwrap().as_slice() else { panic!() };
        assert_eq!(verification["type"], "verification", "{verification:#}");
        assert_eq!(verification["@level"], level);
        assert!(verification["@message"].as_str().unwrap().starts_with("Verify: "));
        let failed = if refuses { 4 } else { 0 };
        assert_eq!(verification["verification"]["summary"]["fail"], failed);
        assert_eq!(summary["type"], "change_summary");
        assert_eq!(summary["changes"]["add"], 18);
    }
}
