//! Breakages of the trust branch that people have reported: exactly one check fails, what needs it is skipped, nothing
//! else changes, and the printed command repairs it.

use serde_json::json;

use super::estate::{Estate, State};

const FLOWS: &str = "k/service-account/team-1/flows";
const WORKER: &str = "k/service-account/team-1/worker";
const IDENTITY: &str = "azure/identity/id-team-1";
const CLIENT_ID: &str = "azure.workload.identity/client-id";
const EXCHANGE: [&str; 2] = ["WID-V-EXCHANGE", "WID-V-EXCHANGE-IDENTITY"];
const CREDENTIAL_FIELDS: [&str; 5] = [
    "WID-V-CREDENTIAL-ISSUER",
    "WID-V-CREDENTIAL-SUBJECT",
    "WID-V-CREDENTIAL-AUDIENCE",
    EXCHANGE[0],
    EXCHANGE[1],
];
const BEHIND_CLIENT_ID: [&str; 7] = [
    "WID-V-TENANT-ID",
    "WID-V-CREDENTIAL",
    CREDENTIAL_FIELDS[0],
    CREDENTIAL_FIELDS[1],
    CREDENTIAL_FIELDS[2],
    EXCHANGE[0],
    EXCHANGE[1],
];
const BEHIND_ANNOTATIONS: [&str; 8] = [
    "WID-V-CLIENT-ID",
    BEHIND_CLIENT_ID[0],
    BEHIND_CLIENT_ID[1],
    BEHIND_CLIENT_ID[2],
    BEHIND_CLIENT_ID[3],
    BEHIND_CLIENT_ID[4],
    EXCHANGE[0],
    EXCHANGE[1],
];

/// Damages a synced estate, expects the one failure and what is skipped, and repairs it with what is printed.
fn breaks(damage: impl FnOnce(&mut State), address: &str, code: &str, skipped: &[&str]) {
    let estate = Estate::synced();
    let healthy = estate.verify(0, "");
    estate.damage(damage);
    let report = estate.verify(6, "");
    let at = |code: &str| (address.to_owned(), code.to_owned());
    assert_eq!(report.with("fail"), [at(code)].into(), "{:#}", report.0);
    assert_eq!(report.with("skipped"), skipped.iter().map(|code| at(code)).collect());
    let mut passed = healthy.with("pass");
    passed.retain(|check| *check != at(code) && !skipped.iter().any(|code| *check == at(code)));
    assert_eq!(report.with("pass"), passed, "everything else is as before");
    estate.run(&report.fix(address, code));
    let repaired = estate.verify(0, "");
    // A key that nobody reads stays where somebody wrote it.
    let mut passed = repaired.with("pass");
    passed.extend(repaired.with("warn"));
    assert_eq!(passed, healthy.with("pass"));
}

#[test]
fn s03_a_misspelt_key_of_an_annotation() {
    breaks(
        |state| {
            let annotations = state.annotations("flows");
            let value = annotations.remove(CLIENT_ID).unwrap();
            annotations.insert("azure.workload.identity/client_id".into(), value);
        },
        FLOWS,
        "WID-V-ANNOTATIONS",
        &BEHIND_ANNOTATIONS,
    );
}

#[test]
fn s04_a_client_id_that_is_the_id_of_a_resource() {
    breaks(
        |state| {
            let id = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-a";
            state.annotations("flows")[CLIENT_ID] = json!(id);
        },
        FLOWS,
        "WID-V-ANNOTATIONS",
        &BEHIND_ANNOTATIONS,
    );
}

#[test]
fn s05_the_client_id_of_another_teams_identity() {
    breaks(
        |state| state.annotations("flows")[CLIENT_ID] = state.client_id("team-2"),
        FLOWS,
        "WID-V-CLIENT-ID",
        &BEHIND_CLIENT_ID,
    );
}

#[test]
fn s06_no_annotation_at_all() {
    breaks(
        |state| {
            let annotations = state.annotations("flows");
            annotations.remove(CLIENT_ID);
            annotations.remove("azure.workload.identity/tenant-id");
        },
        FLOWS,
        "WID-V-CLIENT-ID",
        &BEHIND_CLIENT_ID,
    );
}

#[test]
fn s12_the_credential_is_gone_and_the_identity_has_another() {
    breaks(
        |state| state.delete_resource(&["/federatedidentitycredentials/", "-k-team-1-flows"]),
        FLOWS,
        "WID-V-CREDENTIAL",
        &CREDENTIAL_FIELDS,
    );
}

#[test]
fn s13_an_issuer_with_one_slash_more() {
    breaks(
        |state| {
            let issuer = state.credential("flows")["issuer"].as_str().unwrap().to_owned();
            state.credential("flows")["issuer"] = json!(format!("{issuer}/"));
        },
        FLOWS,
        "WID-V-CREDENTIAL-ISSUER",
        &EXCHANGE,
    );
}

#[test]
fn s13_an_issuer_with_one_slash_less() {
    breaks(
        |state| {
            let issuer = state.credential("flows")["issuer"].as_str().unwrap().to_owned();
            state.credential("flows")["issuer"] = json!(issuer.trim_end_matches('/'));
        },
        FLOWS,
        "WID-V-CREDENTIAL-ISSUER",
        &EXCHANGE,
    );
}

#[test]
fn s14_the_issuer_of_another_cluster() {
    breaks(
        |state| state.credential("flows")["issuer"] = json!("https://other.oic.example.com/t/c/"),
        FLOWS,
        "WID-V-CREDENTIAL-ISSUER",
        &EXCHANGE,
    );
}

#[test]
fn s15_the_audience_of_another_cloud() {
    breaks(
        |state| {
            state.credential("flows")["audiences"] = json!(["api://AzureADTokenExchangeUSGov"]);
        },
        FLOWS,
        "WID-V-CREDENTIAL-AUDIENCE",
        &EXCHANGE,
    );
}

#[test]
fn a_subject_that_differs_in_case_alone() {
    breaks(
        |state| state.credential("flows")["subject"] = json!("system:serviceaccount:Team-1:flows"),
        FLOWS,
        "WID-V-CREDENTIAL-SUBJECT",
        &EXCHANGE,
    );
}

#[test]
fn s19_the_account_is_gone() {
    breaks(
        |state| state.delete_object("/serviceaccounts/team-1/flows"),
        FLOWS,
        "WID-V-ACCOUNT",
        &[
            &["WID-V-ANNOTATIONS", "WID-V-INJECTION"][..],
            &BEHIND_ANNOTATIONS[..],
            &["WID-V-TOKEN", "WID-V-TOKEN-CLAIMS", "WID-V-TOKEN-SIGNATURE", "WID-V-TOKEN-REVIEW"],
        ]
        .concat(),
    );
}

#[test]
fn s20_the_binding_of_the_preset_is_gone() {
    breaks(
        |state| state.delete_object("/rolebindings/team-1/widctl-worker"),
        WORKER,
        "WID-V-RBAC",
        &[],
    );
}

#[test]
fn s23_the_role_assignment_is_gone() {
    breaks(
        |state| state.delete_resource(&["/storageaccounts/team-1/", "/roleassignments/"]),
        IDENTITY,
        "WID-V-ROLES",
        &[],
    );
}

/// The documents are refused, and Entra says that it could not read them.
const REFUSED_DOCUMENTS: &str = r#"
[[rules]]
api = "oidc"
effect = { answer = { status = 403, code = "Forbidden", message = "sign in" } }
"#;

/// Entra's answer to every exchange; what comes before is the run's own sign-in.
fn entra_says(code: u32, times: &str) -> String {
    format!(
        "\n[[rules]]\napi = \"entra\"\nmethod = \"POST\"\nskip = 2\n{times}\n\
         effect = {{ answer = {{ status = 400, code = \"{code}\", message = \"no\" }} }}\n"
    )
}

#[test]
fn s16_documents_that_nobody_may_read() {
    let estate = Estate::synced();
    estate.0.write("faults.toml", format!("{REFUSED_DOCUMENTS}{}", entra_says(90_061, "")));
    let report = estate.verify(6, "--sandbox-faults faults.toml");
    assert_eq!(report.with("fail"), [("k".to_owned(), "WID-V-DISCOVERY".to_owned())].into());
    let skipped = report.with("skipped");
    for (address, code) in [
        ("k", "WID-V-ISSUER"),
        ("k", "WID-V-JWKS"),
        (FLOWS, "WID-V-TOKEN-SIGNATURE"),
        (FLOWS, "WID-V-EXCHANGE-IDENTITY"),
    ] {
        assert!(skipped.contains(&(address.to_owned(), code.to_owned())), "{address} {code}");
    }
    let exchange = report.check(FLOWS, "WID-V-EXCHANGE");
    assert_eq!(
        (&exchange["status"], &exchange["cause"]),
        (&json!("unknown"), &json!("not-provable"))
    );
    assert!(exchange["why"].as_str().unwrap().contains("WID-V-DISCOVERY"));
}

#[test]
fn documents_that_this_machine_alone_cannot_read_are_no_failure() {
    let estate = Estate::synced();
    estate.0.write("faults.toml", REFUSED_DOCUMENTS);
    let report = estate.verify(0, "--sandbox-faults faults.toml");
    assert_eq!(report.with("fail"), [].into());
    let document = report.check("k", "WID-V-DISCOVERY");
    assert_eq!(document["cause"], "not-provable");
    assert_eq!(report.check(FLOWS, "WID-V-EXCHANGE")["status"], "pass");
}

#[test]
fn t01_what_entra_does_not_know_yet_is_waited_for() {
    let estate = Estate::synced();
    estate.0.write("faults.toml", entra_says(700_213, "times = 4"));
    let report = estate.verify(6, "--sandbox-faults faults.toml");
    assert_eq!(report.with("fail").len(), 4, "{:#}", report.0);
    let fix = report.fix(FLOWS, "WID-V-EXCHANGE").join(" ");
    assert!(fix.starts_with("widctl verify teams.toml") && fix.ends_with("--wait 5m"), "{fix}");
    let report = estate.verify(0, "--sandbox-faults faults.toml --wait 30s");
    assert_eq!(report.with("fail"), [].into());
}

#[test]
fn a_refusal_that_does_not_pass_by_itself_is_not_waited_for() {
    let estate = Estate::synced();
    estate.0.write("faults.toml", entra_says(700_223, ""));
    let begun = std::time::Duration::from_secs(20);
    let report = estate.verify(6, "--sandbox-faults faults.toml --wait 5m");
    assert!(report.0["run"]["seconds"].as_f64().unwrap() < begun.as_secs_f64());
    assert!(report.check(FLOWS, "WID-V-EXCHANGE")["fix"].is_null());
}

#[test]
fn two_breaks_at_once_are_both_seen() {
    let estate = Estate::synced();
    estate.damage(|state| {
        let credential = state.credential("flows");
        credential["issuer"] = json!("https://other.oic.example.com/t/c/");
        credential["audiences"] = json!(["api://other"]);
        state.annotations("worker").remove(CLIENT_ID);
        state.delete_resource(&["/storageaccounts/team-1/", "/roleassignments/"]);
    });
    let report = estate.verify(6, "");
    let expected = [
        (FLOWS, "WID-V-CREDENTIAL-ISSUER"),
        (FLOWS, "WID-V-CREDENTIAL-AUDIENCE"),
        (WORKER, "WID-V-CLIENT-ID"),
        (IDENTITY, "WID-V-ROLES"),
    ];
    let expected = expected.map(|(address, code)| (address.to_owned(), code.to_owned()));
    assert_eq!(report.with("fail"), expected.into());
    estate.run(&report.fix(FLOWS, "WID-V-CREDENTIAL-ISSUER"));
    estate.verify(0, "");
}

#[test]
fn a_key_that_the_webhook_passes_over_is_a_warning_where_nothing_is_missing() {
    let estate = Estate::synced();
    estate.damage(|state| {
        state.annotations("flows").insert("azure.workload.identity/use".into(), json!("true"));
    });
    let report = estate.verify(0, "");
    assert_eq!(report.with("warn"), [(FLOWS.to_owned(), "WID-V-ANNOTATIONS".to_owned())].into());
    assert_eq!(report.with("skipped"), [].into());
}
