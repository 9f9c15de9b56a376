//! Federations of pipelines are compared field by field; their exchange is nobody's here to try.

use serde_json::json;

use super::estate::{Estate, State};

const FEDERATION: &str = "WID-V-FEDERATION";

/// The estate whose second team lets a pipeline in.
fn estate() -> Estate {
    let estate = Estate::new();
    let profile = estate.0.read("teams.toml");
    let identity = profile.rfind("[[team.workload]]\nservice_account = \"flows\"").unwrap();
    let (before, after) = profile.split_at(identity);
    let federation = "[[team.identity.federation]]\nname = \"deploy\"\nissuer = \"https://token.actions.githubusercontent.com\"\nsubject = \"repo:contoso@1/web@2:environment:production\"\n\n";
    estate.0.write("teams.toml", format!("{before}{federation}{after}"));
    estate.0.expect(0, "sync teams.toml --sandbox --auto-approve");
    estate
}

fn address(state: &State) -> String {
    let path = state.credential_path("-deploy");
    format!("azure/federated-credential/id-team-2/{path}")
}

#[test]
fn a_pipelines_credential_is_compared_and_its_exchange_is_not_provable() {
    let estate = estate();
    let report = estate.verify(0, "");
    let unknown: Vec<_> = report.with("unknown").into_iter().collect();
    let [(at, code)] = unknown.as_slice() else { panic!("{unknown:?}") };
    assert_eq!(code, "WID-V-FEDERATION-EXCHANGE");
    assert_eq!(report.check(at, FEDERATION)["status"], "pass");
    assert_eq!(report.check(at, code)["cause"], "not-provable");
    let text = estate.0.expect(0, "verify teams.toml --sandbox").stdout;
    let line = "✓ team team-2: 2 accounts, 1 identity, 1 federation, 34 checks passed";
    assert!(text.contains(line), "{text}");
    for filter in ["--team team-1", "--workload team-2/flows", "--cluster k"] {
        let report = estate.verify(0, filter);
        assert_eq!(report.with("unknown"), [].into(), "{filter}");
    }
}

#[test]
fn what_differs_is_shown_and_the_printed_command_repairs_it() {
    let estate = estate();
    for (field, value) in [
        ("issuer", json!("https://token.actions.githubusercontent.com/")),
        ("subject", json!("repo:contoso@1/web@2:environment:Production")),
        ("audiences", json!(["api://AzureADTokenExchangeUSGov"])),
    ] {
        let mut at = String::new();
        estate.damage(|state| {
            at = address(state);
            state.properties("-deploy")[field] = value.clone();
        });
        let report = estate.verify(6, "");
        assert_eq!(report.with("fail"), [(at.clone(), FEDERATION.to_owned())].into());
        let found = value.as_str().or_else(|| value[0].as_str()).unwrap();
        assert_eq!(report.check(&at, FEDERATION)["found"], found);
        assert_eq!(report.check(&at, "WID-V-FEDERATION-EXCHANGE")["status"], "skipped");
        estate.run(&report.fix(&at, FEDERATION));
        assert_eq!(estate.verify(0, "").check(&at, FEDERATION)["status"], "pass");
    }
    estate.damage(|state| state.delete_resource(&["/federatedidentitycredentials/", "-deploy"]));
    let report = estate.verify(6, "");
    let failed: Vec<_> = report.with("fail").into_iter().collect();
    assert_eq!(report.check(&failed[0].0, FEDERATION)["found"], "there is none");
}
