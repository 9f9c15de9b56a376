//! Breakages of the injection branch that people have reported: of the webhook, of what makes pods, and of pods. The
//! trust branch stays green.

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::estate::{Estate, Report, State};

const CLUSTER: &str = "k";
const FLOWS: &str = "k/service-account/team-1/flows";
const USE: &str = "azure.workload.identity/use";
const OLD: &str = "/var/run/secrets/azure/tokens/azure-identity-token";
const NEW: &str = "/var/run/secrets/azure/wi/token/azure-identity-token";

/// Damages a synced estate and expects this one finding, and what is skipped; all else is as before.
fn finds(
    damage: impl FnOnce(&mut State),
    (exit, status): (i32, &str),
    (address, code): (&str, &str),
    skipped: &[(&str, &str)],
) -> (Estate, Report) {
    let estate = Estate::synced();
    let healthy = estate.verify(0, "");
    estate.damage(damage);
    let report = estate.verify(exit, "");
    let told = |(address, code): &(&str, &str)| ((*address).to_owned(), (*code).to_owned());
    for other in ["fail", "warn", "unknown"] {
        let expected = if other == status { vec![told(&(address, code))] } else { Vec::new() };
        assert_eq!(report.with(other), expected.into_iter().collect(), "{other}: {:#}", report.0);
    }
    let skipped: std::collections::BTreeSet<_> = skipped.iter().map(told).collect();
    assert_eq!(report.with("skipped"), skipped);
    let mut passed = healthy.with("pass");
    passed.retain(|check| *check != told(&(address, code)) && !skipped.contains(check));
    let now = report.with("pass");
    assert!(passed.is_subset(&now), "{:#?}", passed.difference(&now).collect::<Vec<_>>());
    (estate, report)
}

fn fails(damage: impl FnOnce(&mut State), address: &str, code: &str) -> Report {
    finds(damage, (6, "fail"), (address, code), &[]).1
}

/// Another state in which nothing is broken.
fn stays_green(change: impl FnOnce(&mut State)) -> Report {
    let estate = Estate::synced();
    estate.damage(change);
    let report = estate.verify(0, "");
    for status in ["fail", "warn", "unknown", "skipped"] {
        assert_eq!(report.with(status), std::collections::BTreeSet::new(), "{:#}", report.0);
    }
    report
}

/// All accounts of the estate.
fn accounts() -> [&'static str; 4] {
    [
        FLOWS,
        "k/service-account/team-1/worker",
        "k/service-account/team-2/flows",
        "k/service-account/team-2/worker",
    ]
}

/// These checks of the cluster and one check of each account.
fn of_all(cluster: &[&'static str], account: &'static str) -> Vec<(&'static str, &'static str)> {
    let of_cluster = cluster.iter().map(|code| (CLUSTER, *code));
    of_cluster.chain(accounts().map(|address| (address, account))).collect()
}

/// A template whose pods get the identity of `flows`.
fn template() -> Value {
    json!({
        "metadata": { "labels": { "app": "api", USE: "true" } },
        "spec": {
            "serviceAccountName": "flows",
            "containers": [{ "name": "main", "image": "busybox" }],
        },
    })
}

fn deployment(template: &Value) -> Value {
    json!({ "replicas": 0, "selector": { "matchLabels": { "app": "api" } }, "template": template })
}

#[test]
fn s01_the_label_is_on_the_job_and_not_on_its_template() {
    let report = fails(
        |state| {
            let mut template = template();
            template["metadata"]["labels"].as_object_mut().unwrap().remove(USE);
            let job = state.put("batch/jobs", "etl", json!({ "template": template }));
            job["metadata"]["labels"] = json!({ USE: "true" });
        },
        "k/job/team-1/etl",
        "WID-V-POD-LABEL",
    );
    let check = report.check("k/job/team-1/etl", "WID-V-POD-LABEL");
    assert_eq!(check["found"], "the label among the Job's own, not among its template's");
    assert_eq!(check["fix"], Value::Null, "the template of a Job cannot be changed");
    assert!(check["why"].as_str().unwrap().contains("delete and create it"), "{check}");
}

#[test]
fn s02_no_label_anywhere() {
    let report = fails(
        |state| {
            let mut template = template();
            template["metadata"]["labels"].as_object_mut().unwrap().remove(USE);
            state.put("apps/deployments", "api", deployment(&template));
        },
        "k/deployment/team-1/api",
        "WID-V-POD-LABEL",
    );
    let fix = report.fix("k/deployment/team-1/api", "WID-V-POD-LABEL");
    assert_eq!(fix[..3], ["kubectl", "patch", "deployment/api"]);
    let patch: Value = serde_json::from_str(&fix[5]).unwrap();
    assert_eq!(patch["spec"]["template"]["metadata"]["labels"][USE], "true");
    assert_eq!(fix[6..], ["--namespace", "team-1"]);
}

#[test]
fn a_label_with_another_value_is_none() {
    for value in ["True", "false", "yes"] {
        let report = fails(
            |state| {
                let mut template = template();
                template["metadata"]["labels"][USE] = value.into();
                state.put("apps/statefulsets", "api", deployment(&template));
            },
            "k/stateful-set/team-1/api",
            "WID-V-POD-LABEL",
        );
        let found = &report.check("k/stateful-set/team-1/api", "WID-V-POD-LABEL")["found"];
        assert_eq!(*found, format!("{USE}: \"{value}\""));
    }
}

#[test]
fn s07_a_labelled_template_names_no_account() {
    let report = fails(
        |state| {
            let mut template = template();
            template["spec"].as_object_mut().unwrap().remove("serviceAccountName");
            state.put("batch/jobs", "etl", json!({ "template": template }));
        },
        "k/job/team-1/etl",
        "WID-V-POD-ACCOUNT",
    );
    let check = report.check("k/job/team-1/etl", "WID-V-POD-ACCOUNT");
    assert_eq!(check["found"], "account default, without a client id");
    assert_eq!(check["wanted"], "an account with an identity: flows, worker");
}

#[test]
fn s08_the_webhook_is_not_registered() {
    let behind = of_all(
        &["WID-V-WEBHOOK-READY", "WID-V-WEBHOOK-CERT", "WID-V-WEBHOOK-ONCE"],
        "WID-V-INJECTION",
    );
    let damage = |state: &mut State| {
        state.delete_object("azure-wi-webhook-mutating-webhook-configuration");
    };
    let (_, report) = finds(damage, (6, "fail"), (CLUSTER, "WID-V-WEBHOOK"), &behind);
    let fix = report.fix(CLUSTER, "WID-V-WEBHOOK");
    assert_eq!(
        fix[..5],
        ["az", "aks", "update", "--enable-oidc-issuer", "--enable-workload-identity"]
    );
}

#[test]
fn s10_nothing_is_behind_the_webhooks_service() {
    let behind = of_all(&["WID-V-WEBHOOK-CERT"], "WID-V-INJECTION");
    let damage = |state: &mut State| {
        state.object("azure-wi-webhook-webhook-service-1")["endpoints"] = json!([]);
    };
    let (_, report) = finds(damage, (6, "fail"), (CLUSTER, "WID-V-WEBHOOK-READY"), &behind);
    let fix = report.fix(CLUSTER, "WID-V-WEBHOOK-READY");
    assert_eq!(fix[..3], ["kubectl", "get", "pods"]);
    assert!(fix.contains(&"kube-system".to_owned()));
}

#[test]
fn s11_the_webhook_is_installed_twice() {
    let damage = |state: &mut State| {
        let chart = state.put("apps/deployments", "azure-wi-webhook-controller-manager", json!({}));
        chart["metadata"]["annotations"] = json!({ "meta.helm.sh/release-name": "wi" });
    };
    let (_, report) = finds(damage, (0, "warn"), (CLUSTER, "WID-V-WEBHOOK-ONCE"), &[]);
    let fix = report.fix(CLUSTER, "WID-V-WEBHOOK-ONCE");
    assert_eq!(fix, ["helm", "uninstall", "wi", "--namespace", "team-1"]);
}

#[test]
fn s17_the_template_sets_the_token_file() {
    let report = fails(
        |state| {
            let mut template = template();
            template["spec"]["containers"][0]["env"] = json!([{
                "name": "AZURE_FEDERATED_TOKEN_FILE",
                "value": "/var/run/secrets/kubernetes.io/serviceaccount/token",
            }]);
            state.put("apps/deployments", "api", deployment(&template));
        },
        "k/deployment/team-1/api",
        "WID-V-POD-ENV",
    );
    let fix = report.fix("k/deployment/team-1/api", "WID-V-POD-ENV");
    let expected = ["kubectl", "set", "env", "deployment/api", "AZURE_FEDERATED_TOKEN_FILE-"];
    assert_eq!(fix[..5], expected);
}

#[test]
fn a_secret_goes_before_the_token_and_is_not_shown() {
    let report = fails(
        |state| {
            let mut template = template();
            template["spec"]["containers"][0]["env"] =
                json!([{ "name": "AZURE_CLIENT_SECRET", "value": "hush" }]);
            state.put(
                "batch/cronjobs",
                "nightly",
                json!({ "jobTemplate": { "spec": { "template": template } } }),
            );
        },
        "k/cron-job/team-1/nightly",
        "WID-V-POD-ENV",
    );
    assert!(!report.0.to_string().contains("hush"));
}

#[test]
fn s18_an_argument_has_the_tokens_old_path() {
    fails(
        |state| {
            let mut template = template();
            template["spec"]["containers"][0]["args"] = json!([format!("--oidc-token-file={OLD}")]);
            state.put("apps/deployments", "provider", deployment(&template));
        },
        "k/deployment/team-1/provider",
        "WID-V-POD-PATH",
    );
}

#[test]
fn a_config_map_has_the_tokens_old_path() {
    let report = fails(
        |state| {
            let mut template = template();
            template["spec"]["volumes"] =
                json!([{ "name": "settings", "configMap": { "name": "settings" } }]);
            state.put("apps/daemonsets", "agent", deployment(&template));
            let map = state.put("/configmaps", "settings", Value::Null);
            map["data"] = json!({ "provider.yaml": format!("tokenFile: {OLD}\n") });
        },
        "k/daemon-set/team-1/agent",
        "WID-V-POD-PATH",
    );
    let found = &report.check("k/daemon-set/team-1/agent", "WID-V-POD-PATH")["found"];
    assert_eq!(*found, format!("{OLD} in ConfigMap settings"));
}

#[test]
fn s21_an_expiration_that_the_webhook_refuses() {
    let (estate, report) = finds(
        |state| {
            let key = "azure.workload.identity/service-account-token-expiration";
            state.annotations("flows")[key] = json!("600");
        },
        (6, "fail"),
        (FLOWS, "WID-V-ANNOTATIONS"),
        &[(FLOWS, "WID-V-INJECTION")],
    );
    estate.run(&report.fix(FLOWS, "WID-V-ANNOTATIONS"));
    estate.verify(0, "");
}

/// A pod as the webhook has left it.
fn pod(client: &Value) -> Value {
    let mut pod = template()["spec"].clone();
    pod["containers"][0]["env"] = json!([
        { "name": "AZURE_CLIENT_ID", "value": client },
        { "name": "AZURE_TENANT_ID", "value": "5a0db0c5-0000-4000-8000-0000000007e2" },
        { "name": "AZURE_FEDERATED_TOKEN_FILE", "value": NEW },
        { "name": "AZURE_AUTHORITY_HOST", "value": "https://login.microsoftonline.com/" },
    ]);
    pod["containers"][0]["volumeMounts"] =
        json!([{ "name": "wi", "mountPath": "/var/run/secrets/azure/wi" }]);
    let token =
        json!({ "path": "token/azure-identity-token", "audience": "api://AzureADTokenExchange" });
    pod["volumes"] =
        json!([{ "name": "wi", "projected": { "sources": [{ "serviceAccountToken": token }] } }]);
    pod
}

/// A labelled pod of a Deployment.
fn put_pod(state: &mut State, spec: Value) -> &mut Value {
    state.put("apps/deployments", "api", deployment(&template()))["spec"]["replicas"] = json!(1);
    let pod = state.put("/pods", "api-5d4f-x", spec);
    pod["metadata"]["labels"] = json!({ USE: "true", "pod-template-hash": "5d4f" });
    pod["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "api-5d4f", "controller": true,
        "uid": "22222222-2222-4222-8222-222222222222",
    }]);
    pod["status"] = json!({ "phase": "Running" });
    pod
}

const POD: &str = "k/pod/team-1/api-5d4f-x";

#[test]
fn a_healthy_deployment_with_its_pod_is_green_and_the_token_is_bound_to_the_pod() {
    let report = stays_green(|state| {
        let client = state.client_id("team-1");
        put_pod(state, pod(&client));
    });
    let bound = |account: &str| {
        report.check(&format!("k/service-account/team-1/{account}"), "WID-V-TOKEN")["found"].clone()
    };
    assert_eq!(bound("flows"), "a token bound to pod api-5d4f-x");
    assert_eq!(bound("worker"), "a token bound to no pod");
}

/// A pod that is gone when the token is asked for, and one that somebody else has made under its name.
#[test]
fn a_pod_that_vanishes_between_two_reads_is_none_to_bind_a_token_to() {
    for status in [404, 409] {
        let estate = Estate::synced();
        estate.damage(|state| {
            let client = state.client_id("team-1");
            put_pod(state, pod(&client));
        });
        let answer = format!("status = {status}, code = \"NotFound\", message = \"no such pod\"");
        let rule = format!(
            "[[rules]]\napi = \"kubernetes\"\nmethod = \"POST\"\npath = \"*/serviceaccounts/flows/token\"\ntimes = 1\neffect = {{ answer = {{ {answer} }} }}\n"
        );
        estate.0.write("faults.toml", rule);
        let report = estate.verify(0, "--sandbox-faults faults.toml --team team-1");
        let check = report.check(FLOWS, "WID-V-TOKEN");
        assert_eq!(check["found"], "a token bound to no pod", "{status}");
    }
}

#[test]
fn a_cluster_without_the_batch_api_is_named_and_changes_no_exit_code() {
    let estate = Estate::synced();
    let rule = "[[rules]]\napi = \"kubernetes\"\npath = \"*/apis/batch/*\"\neffect = { answer = { status = 404, code = \"NotFound\", message = \"the server could not find the requested resource\" } }\n";
    estate.0.write("faults.toml", rule);
    let report = estate.verify(0, "--sandbox-faults faults.toml");
    let check = report.check("k/job/team-1/*", "WID-V-POD-LABEL");
    assert_eq!(check["cause"], "not-provable");
    assert_eq!(check["why"], "the API server has no jobs of version batch/v1");
}

#[test]
fn a_pod_that_was_created_while_the_webhook_was_away() {
    let report = fails(
        |state| {
            put_pod(state, template()["spec"].clone());
        },
        POD,
        "WID-V-POD-INJECTED",
    );
    let fix = report.fix(POD, "WID-V-POD-INJECTED");
    assert_eq!(fix, ["kubectl", "rollout", "restart", "deployment/api", "--namespace", "team-1"]);
}

#[test]
fn a_pod_that_has_the_client_id_of_before() {
    let report = fails(
        |state| {
            put_pod(state, pod(&json!("99999999-0000-4000-8000-000000000001")));
        },
        POD,
        "WID-V-POD-AGE",
    );
    let found = report.check(POD, "WID-V-POD-AGE")["found"].as_str().unwrap();
    assert!(found.starts_with("AZURE_CLIENT_ID=99999999-"), "{found}");
}

#[test]
fn a_pod_of_identity_bindings_is_not_provable() {
    let damage = |state: &mut State| {
        let client = state.client_id("team-1");
        let pod = put_pod(state, pod(&client));
        pod["spec"]["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"]["audience"] =
            "api://AKSIdentityBinding".into();
    };
    finds(damage, (0, "unknown"), (POD, "WID-V-POD-AGE"), &[]);
}

#[test]
fn what_runs_without_pods_is_tried() {
    let report = stays_green(|state| {
        state.put("batch/jobs", "etl", json!({ "template": template() }));
    });
    let check = report.check("k/job/team-1/etl", "WID-V-POD-ADMISSION");
    assert_eq!(check["status"], "pass");
}

#[test]
fn t05_a_webhook_whose_failures_are_ignored_is_a_warning_at_most() {
    let damage = |state: &mut State| {
        let configuration = state.object("azure-wi-webhook-mutating-webhook-configuration");
        configuration["webhooks"][0]["failurePolicy"] = "Ignore".into();
    };
    finds(damage, (0, "warn"), (CLUSTER, "WID-V-WEBHOOK"), &[]);
}

#[test]
fn t07_accounts_that_others_ask_tokens_for_need_no_webhook() {
    let behind = of_all(
        &["WID-V-WEBHOOK-READY", "WID-V-WEBHOOK-CERT", "WID-V-WEBHOOK-ONCE"],
        "WID-V-INJECTION",
    );
    let damage = |state: &mut State| {
        state.delete_object("azure-wi-webhook-mutating-webhook-configuration");
    };
    let (_, report) = finds(damage, (6, "fail"), (CLUSTER, "WID-V-WEBHOOK"), &behind);
    for account in accounts() {
        assert_eq!(report.check(account, "WID-V-EXCHANGE-IDENTITY")["status"], "pass");
    }
}

#[test]
fn what_is_healthy_in_another_way_stays_green() {
    stays_green(|state| {
        // The Secrets Store's driver asks for the token itself.
        let mut secrets = template();
        secrets["metadata"]["labels"].as_object_mut().unwrap().remove(USE);
        secrets["spec"]["volumes"] =
            json!([{ "name": "s", "csi": { "driver": "secrets-store.csi.k8s.io" } }]);
        state.put("apps/deployments", "secrets", deployment(&secrets));
        // A container that the webhook leaves alone may set what it likes.
        let mut skips = template();
        skips["metadata"]["annotations"] =
            json!({ "azure.workload.identity/skip-containers": "proxy; main" });
        skips["spec"]["containers"][0]["env"] =
            json!([{ "name": "AZURE_CLIENT_ID", "value": "mine" }]);
        state.put("apps/deployments", "skips", deployment(&skips));
        // What is over is nobody's business.
        let mut old = template();
        old["metadata"] = json!({});
        let job = state.put("batch/jobs", "old", json!({ "template": old }));
        job["status"] = json!({ "conditions": [{ "type": "Complete", "status": "True" }] });
        // An account of nobody's that somebody else has annotated.
        let mut other = template();
        other["spec"]["serviceAccountName"] = "theirs".into();
        state.put("apps/deployments", "theirs", deployment(&other));
        let account = state.put("/serviceaccounts", "theirs", Value::Null);
        account["metadata"]["annotations"] =
            json!({ "azure.workload.identity/client-id": "99999999-0000-4000-8000-000000000001" });
    });
}

#[test]
fn what_may_not_be_listed_is_unknown_and_named() {
    let estate = Estate::synced();
    let denied = "[[denied]]\nverb = \"list\"\nresource = \"cronjobs\"\n";
    estate.0.write("faults.toml", denied);
    let report = estate.verify(1, "--sandbox-faults faults.toml");
    let unknown = ["team-1", "team-2"].map(|team| format!("k/cron-job/{team}/*"));
    let unknown = unknown.map(|address| (address, "WID-V-POD-LABEL".to_owned()));
    assert_eq!(report.with("unknown"), unknown.into());
    let check = report.check("k/cron-job/team-1/*", "WID-V-POD-LABEL");
    assert_eq!(check["cause"], "unread");
    let why = check["why"].as_str().unwrap();
    assert!(why.contains("resources: [\"cronjobs\"], verbs: [\"list\"]"), "{why}");
}

#[test]
fn without_a_pod_for_show_the_webhook_is_judged_by_its_endpoints_and_the_date_of_its_authority() {
    const EXPIRED: &str = include_str!("../cluster/expired.pem");
    let verified = |exit, damage: &dyn Fn(&mut State)| {
        let estate = Estate::synced();
        estate.damage(damage);
        let denied = "[[denied]]\nverb = \"create\"\nresource = \"pods\"\n";
        estate.0.write("faults.toml", denied);
        let report = estate.verify(exit, "--sandbox-faults faults.toml");
        let check = |address, code| report.check(address, code).clone();
        let of_webhook = |code| check(CLUSTER, code);
        (
            ["WID-V-WEBHOOK-READY", "WID-V-WEBHOOK-CERT"].map(of_webhook),
            check(FLOWS, "WID-V-INJECTION"),
        )
    };
    // The sandbox's own authority is no certificate.
    let ([ready, certificate], injection) = verified(1, &|_| {});
    assert_eq!((&ready["status"], &certificate["status"]), (&"pass".into(), &"unknown".into()));
    assert_eq!(certificate["cause"], "not-provable");
    let why = injection["why"].as_str().unwrap();
    assert!(why.contains("resources: [\"pods\"], verbs: [\"create\"]"), "{why}");
    let ([ready, certificate], _) = verified(6, &|state| {
        let configuration = state.object("azure-wi-webhook-mutating-webhook-configuration");
        let authority = BASE64.encode(EXPIRED.as_bytes());
        configuration["webhooks"][0]["clientConfig"]["caBundle"] = authority.into();
    });
    assert_eq!((&ready["status"], &certificate["status"]), (&"pass".into(), &"fail".into()));
    assert_eq!(certificate["found"], "the CA bundle expired at 2024-02-01T00:00:00Z");
    let ([ready, _], _) = verified(6, &|state| {
        state.object("azure-wi-webhook-webhook-service-1")["endpoints"] = json!([]);
    });
    assert_eq!(ready["status"], "fail");
}
