//! A pod as a subject: its own checks, what made it, and what could not be read.

use serde_json::{Value, json};

use super::estate::Report;
use super::pod::{OBJECT, changed, pod, text, verify, with_pod};

#[test]
fn a_pod_whose_account_names_no_identity_fails_the_check_of_its_account_whatever_its_label() {
    let only = |code: &str| [(OBJECT.to_owned(), code.to_owned())].into();
    let default = changed(false, |state| {
        pod(state)["spec"].as_object_mut().unwrap().remove("serviceAccountName");
        pod(state)["spec"]["containers"][0]["env"].as_array_mut().unwrap().remove(1);
        let mut account = state.objects()["/serviceaccounts/team-1/flows"].clone();
        account["metadata"]["name"] = "default".into();
        account["metadata"].as_object_mut().unwrap().remove("annotations");
        state.objects()["/serviceaccounts/team-1/default"] = account;
    });
    let report = verify(&default, 6, "");
    assert_eq!(report.with("fail"), only("WID-V-POD-ACCOUNT"), "{:#}", report.0);
    let check = report.check(OBJECT, "WID-V-POD-ACCOUNT");
    assert_eq!(check["wanted"], "an account with an identity");
    assert_eq!(check["found"], "account default, without a client id");
    let unlabelled = changed(true, |state| {
        state.annotations("flows").clear();
        pod(state)["metadata"]["labels"].as_object_mut().unwrap().clear();
    });
    let report = verify(&unlabelled, 6, "");
    let both = ["WID-V-POD-ACCOUNT", "WID-V-POD-LABEL"];
    assert_eq!(report.with("fail"), both.map(|code| (OBJECT.into(), code.into())).into());
    assert_eq!(report.0["subjects"].as_array().unwrap().len(), 2, "{:#}", report.0);
    let ran = text(&unlabelled, 6, "");
    assert!(!ran.stdout.contains("team \n"), "{ran:#?}");
    assert!(
        ran.stderr.contains("Pod team-1/etl-x uses account flows and names no identity."),
        "{ran:#?}"
    );
}

#[test]
fn a_pod_is_checked_with_what_made_it_and_nothing_else_is() {
    let template = |label: Value| {
        json!({ "metadata": { "labels": label }, "spec": {
            "serviceAccountName": "flows", "containers": [{ "name": "main", "image": "busybox" }],
        } })
    };
    let estate = with_pod();
    estate.damage(|state| {
        state.put(
            "batch/cronjobs",
            "etl",
            json!({ "jobTemplate": { "spec": { "template": template(json!({})) } } }),
        );
        let made_by = |kind: &str| json!([{ "kind": kind, "name": "etl", "controller": true }]);
        let job = state.put("batch/jobs", "etl", json!({ "template": template(json!({})) }));
        job["metadata"]["ownerReferences"] = made_by("CronJob");
        job["status"]["conditions"] = json!([{ "type": "Failed", "status": "True" }]);
        pod(state)["metadata"]["ownerReferences"] = made_by("Job");
        // Others of the account are left alone.
        state.put("batch/jobs", "other", json!({ "template": template(json!({})) }));
        state.put("/pods", "other", template(json!({}))["spec"].clone());
    });
    let made = "k/cron-job/team-1/etl";
    let label = [(made.to_owned(), "WID-V-POD-LABEL".to_owned())];
    for line in ["verify", "verify teams.toml"] {
        let line = format!("{line} --pod team-1/etl-x --sandbox --format json");
        let report = Report(estate.0.expect(6, &line).json());
        assert_eq!(report.with("fail"), label.clone().into(), "{:#}", report.0);
        assert_eq!(report.check(OBJECT, "WID-V-POD-INJECTED")["status"], "pass");
        let subjects = report.0["subjects"].as_array().unwrap();
        assert!(
            subjects.iter().all(|subject| !subject["address"].as_str().unwrap().ends_with("other"))
        );
    }
    // Owners that own each other end the search.
    estate.damage(|state| {
        let own = json!([{ "kind": "Job", "name": "etl", "controller": true }]);
        state.object("cronjobs/team-1/etl")["metadata"]["ownerReferences"] = own;
    });
    verify(&estate, 0, "");
}

#[test]
fn a_pod_is_checked_where_nobody_may_list_pods_and_what_made_it_is_unknown_then() {
    let estate = with_pod();
    let closed = |kinds: &[&str]| {
        let rule = |kind: &&str| {
            format!("[[rules]]\npath = \"*/{kind}\"\nmethod = \"GET\"\neffect = \"forbidden\"\n")
        };
        estate.0.write("faults.toml", kinds.iter().map(rule).collect::<String>());
    };
    closed(&["pods", "jobs"]);
    let report = verify(&estate, 0, "--sandbox-faults faults.toml");
    assert_eq!(report.check(OBJECT, "WID-V-POD-LABEL")["status"], "pass");
    estate.damage(|state| {
        pod(state)["metadata"]["ownerReferences"] =
            json!([{ "kind": "Job", "name": "etl", "controller": true }]);
    });
    let report = verify(&estate, 1, "--sandbox-faults faults.toml");
    let unread = [("k/job/team-1/*".to_owned(), "WID-V-POD-LABEL".to_owned())];
    assert_eq!(report.with("unknown"), unread.into(), "{:#}", report.0);
}

#[test]
fn the_webhook_of_the_pods_cluster_is_read() {
    let estate = with_pod();
    estate.damage(|state| {
        state.delete_object(
            "mutatingwebhookconfigurations//azure-wi-webhook-mutating-webhook-configuration",
        );
    });
    let report = verify(&estate, 6, "");
    assert_eq!(
        report.with("fail"),
        [("k".into(), "WID-V-WEBHOOK".into())].into(),
        "{:#}",
        report.0
    );
}
