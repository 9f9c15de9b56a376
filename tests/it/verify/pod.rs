//! One pod, mostly without a profile: what it asks for is verified as a workload is, and what is in its way is said.

use serde_json::{Value, json};

use super::estate::{Estate, Report, State};
use crate::cli::support::Ran;

const POD: &str = "/pods/team-1/etl-x";
pub(super) const OBJECT: &str = "k/pod/team-1/etl-x";
pub(super) const FLOWS: &str = "k/service-account/team-1/flows";
const CLIENT_ID: &str = "azure.workload.identity/client-id";
pub(super) const SUBSCRIPTION: &str = "00000000-0000-4000-8000-000000000001";
const NOBODY: &str = "11111111-1111-4111-8111-111111111111";

/// A synced estate with a pod of account `flows` that the webhook has seen.
pub(super) fn with_pod() -> Estate {
    let estate = Estate::synced();
    add_pod(&estate);
    estate
}

/// Makes the pod.
pub(super) fn add_pod(estate: &Estate) {
    estate.damage(|state| {
        let client_id = state.client_id("team-1");
        state.objects()[POD] = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": "etl-x", "namespace": "team-1", "resourceVersion": "99",
                "uid": "22222222-2222-4222-8222-222222222222",
                "labels": { "azure.workload.identity/use": "true" },
            },
            "spec": {
                "serviceAccountName": "flows",
                "containers": [{ "name": "main", "image": "busybox", "env": [
                    { "name": "PASSWORD", "value": "s3cr3t" },
                    { "name": "AZURE_CLIENT_ID", "value": client_id },
                    { "name": "AZURE_FEDERATED_TOKEN_FILE", "value": "/token" },
                ]}],
            },
            "status": { "phase": "Running" },
        });
    });
}

/// The same after a change; `bare` takes its variables, as where the webhook never saw it.
pub(super) fn changed(bare: bool, change: impl FnOnce(&mut State)) -> Estate {
    let estate = with_pod();
    estate.damage(|state| {
        if bare {
            pod(state)["spec"]["containers"][0]["env"] = json!([]);
        }
        change(state);
    });
    estate
}

pub(super) fn pod(state: &mut State) -> &mut Value {
    &mut state.objects()[POD]
}

pub(super) fn verify(estate: &Estate, code: i32, more: &str) -> Report {
    let line = format!("verify --pod team-1/etl-x --sandbox --format json {more}");
    Report(estate.0.expect(code, &line).json())
}

pub(super) fn text(estate: &Estate, code: i32, more: &str) -> Ran {
    estate.0.expect(code, &format!("verify --pod team-1/etl-x --sandbox {more}"))
}

/// What is in the way of a pod, and what helps; the errors of a run.
pub(super) fn said(ran: &Ran) -> String {
    let lines = ran.stderr.lines().skip_while(|line| !line.starts_with("error:"));
    lines.collect::<Vec<_>>().join("\n")
}

/// What a `create` or `update` of a credential of team-1's identity is given.
fn federated_credential(verb: &str, name: &str, issuer: &str) -> Vec<String> {
    let arguments = [
        "az",
        "identity",
        "federated-credential",
        verb,
        "--subscription",
        SUBSCRIPTION,
        "--resource-group",
        "rg-wi",
        "--identity-name",
        "id-team-1",
        "--name",
        name,
        "--issuer",
        issuer,
        "--subject",
        "system:serviceaccount:team-1:flows",
        "--audiences",
        "api://AzureADTokenExchange",
    ];
    arguments.map(str::to_owned).to_vec()
}

/// The issuer of the cluster, as the credentials name it.
fn issuer(estate: &Estate) -> String {
    let mut issuer = String::new();
    estate.damage(|state| {
        state.credential("flows")["issuer"].as_str().unwrap().clone_into(&mut issuer);
    });
    issuer
}

#[test]
fn a_healthy_pod_is_green_and_nothing_is_said_of_teams_and_estates() {
    let estate = with_pod();
    let ran = text(&estate, 0, "");
    insta::assert_snapshot!("pod_green", ran.stdout);
    assert!(ran.stderr.contains("Pod team-1/etl-x uses account flows and"), "{ran:#?}");
    let report = verify(&estate, 0, "--context k").0;
    assert_eq!(report["estate"], Value::Null);
    let subjects = report["subjects"].as_array().unwrap();
    let of =
        |field: &str| subjects.iter().map(|subject| subject[field].clone()).collect::<Vec<_>>();
    assert_eq!(of("address"), ["k", FLOWS, OBJECT]);
    assert_eq!(of("team"), [Value::Null, Value::Null, Value::Null]);
    assert_eq!(report["summary"]["not_applicable"], 6);
    let requests = &report["run"]["requests"];
    // The query, the identity, its credentials; pod, issuer, webhook, account, token, review, two public documents, a dry
    // run, and what makes pods in its namespace.
    let counts = ["arm_reads", "arm_writes", "cluster_reads", "cluster_writes"];
    assert_eq!(counts.map(|count| requests[count].as_u64().unwrap()), [3, 0, 19, 0]);
}

#[test]
fn a_pod_whose_account_nobody_annotated_through_widctl_is_as_good() {
    let estate = changed(true, |state| {
        let account = &mut state.objects()["/serviceaccounts/team-1/flows"]["metadata"];
        for own in ["labels", "managedFields"] {
            account.as_object_mut().unwrap().remove(own);
        }
        let annotations = state.annotations("flows");
        annotations.retain(|key, _| key.as_str() == CLIENT_ID);
        annotations.insert("azure.workload.identity/use".to_owned(), "true".into());
        state.objects()[POD]["spec"]["containers"][0]["env"] =
            json!([{ "name": "AZURE_FEDERATED_TOKEN_FILE", "value": "/token" }]);
    });
    let report = verify(&estate, 0, "");
    // The webhook has a tenant of its own for it, and passes over the stray key.
    let warned = ["WID-V-ANNOTATIONS", "WID-V-TENANT-ID"].map(|code| (FLOWS.into(), code.into()));
    assert_eq!(report.with("warn"), warned.into());
    let tenant = report.check(FLOWS, "WID-V-TENANT-ID")["wanted"].as_str().unwrap();
    let expected = [
        "kubectl",
        "annotate",
        "serviceaccount",
        "flows",
        &format!("azure.workload.identity/tenant-id={tenant}"),
        "--overwrite",
        "--namespace",
        "team-1",
        "--context",
        "k",
    ];
    assert_eq!(report.fix(FLOWS, "WID-V-TENANT-ID"), expected);
}

#[test]
fn a_value_that_the_webhook_refuses_is_set_by_kubectl() {
    for (key, bad, good) in
        [("tenant-id", "x", None), ("service-account-token-expiration", "600", Some("3600"))]
    {
        let key = format!("azure.workload.identity/{key}");
        let estate = changed(false, |state| {
            state.annotations("flows").insert(key.clone(), bad.into());
        });
        let fix = verify(&estate, 6, "").fix(FLOWS, "WID-V-ANNOTATIONS");
        let value = fix[4].strip_prefix(&format!("{key}=")).unwrap();
        assert!(good.map_or(value.len() == 36, |good| value == good), "{value}");
        assert_eq!(fix[..3], ["kubectl", "annotate", "serviceaccount"]);
    }
}

#[test]
fn a_credential_with_another_issuer_gets_one_beside_it() {
    let estate = with_pod();
    let good = issuer(&estate);
    estate.damage(|state| {
        state.credential("flows")["issuer"] = good.trim_end_matches('/').into();
    });
    let report = verify(&estate, 6, "");
    let fix = report.fix(FLOWS, "WID-V-CREDENTIAL-ISSUER");
    assert_eq!(fix, federated_credential("create", "team-1-flows-k", &good));
    let failed = [(FLOWS.to_owned(), "WID-V-CREDENTIAL-ISSUER".to_owned())];
    assert_eq!(report.with("fail"), failed.into());
    insta::assert_snapshot!("pod_issuer", text(&estate, 6, "").stdout);
}

#[test]
fn a_missing_credential_gets_a_name_that_no_other_has() {
    let estate = with_pod();
    let good = issuer(&estate);
    estate.damage(|state| {
        state.delete_resource(&["/federatedidentitycredentials/", "-k-team-1-flows"]);
    });
    let fix = verify(&estate, 6, "").fix(FLOWS, "WID-V-CREDENTIAL");
    assert_eq!(fix, federated_credential("create", "team-1-flows-k", &good));
    estate.damage(|state| state.rename_credential("worker", "Team-1-flows-k"));
    let fix = verify(&estate, 6, "").fix(FLOWS, "WID-V-CREDENTIAL");
    assert_eq!(fix, federated_credential("create", "team-1-flows-k-2", &good));
}

#[test]
fn a_credential_with_another_audience_is_changed_because_its_pair_is_taken() {
    let estate = with_pod();
    let good = issuer(&estate);
    let mut name = String::new();
    estate.damage(|state| {
        state.credential("flows")["audiences"] = json!(["api://AzureADTokenExchangeUSGov"]);
        name = state.credential_name("flows");
    });
    let fix = verify(&estate, 6, "").fix(FLOWS, "WID-V-CREDENTIAL-AUDIENCE");
    assert_eq!(fix, federated_credential("update", &name, &good));
}

#[test]
fn the_audience_is_that_of_the_pods_own_token() {
    let audience = "api://AzureADTokenExchangeUSGov";
    let with_audience = |audience: &str| {
        changed(false, |state| {
            let token = json!({ "audience": audience, "path": "token" });
            pod(state)["spec"]["volumes"] = json!([{
                "name": "azure-identity-token",
                "projected": { "sources": [{ "serviceAccountToken": token }] },
            }]);
            pod(state)["spec"]["containers"][0]["volumeMounts"] =
                json!([{ "name": "azure-identity-token", "mountPath": "/" }]);
        })
    };
    let report = verify(&with_audience(audience), 6, "");
    assert_eq!(report.check(FLOWS, "WID-V-CREDENTIAL-AUDIENCE")["wanted"], audience);
    let ran = text(&with_audience("api://AKSIdentityBinding"), 1, "");
    assert!(said(&ran).contains("uses an identity binding of AKS"), "{ran:#?}");
}

#[test]
fn a_pod_that_is_not_there_is_an_error_with_the_command_that_lists_pods() {
    let estate = with_pod();
    let ran = estate.0.expect(1, "verify --pod team-1/etl-y --sandbox");
    insta::assert_snapshot!("pod_missing", said(&ran));
    assert_eq!(ran.stdout, "");
}

#[test]
fn a_pod_without_an_identity_says_which_link_is_missing() {
    let told = |estate: &Estate| {
        let ran = text(estate, 6, "");
        assert_eq!(ran.stdout, "");
        said(&ran)
    };
    let no_guid = changed(true, |state| {
        state.annotations("flows").insert(CLIENT_ID.into(), "/subscriptions/x".into());
    });
    let gone = changed(true, |state| state.delete_object("/serviceaccounts/team-1/flows"));
    let own = changed(false, |state| {
        pod(state)["spec"]["containers"][0]["env"][1]["value"] = "flows".into();
    });
    let all = [no_guid, gone, own].map(|estate| told(&estate)).join("\n\n");
    insta::assert_snapshot!("pod_without_identity", all);
}

#[test]
fn a_client_id_of_nobody_is_named_and_nothing_is_guessed() {
    let estate = changed(true, |state| {
        state.annotations("flows").insert(CLIENT_ID.into(), NOBODY.into());
    });
    let ran = text(&estate, 6, "");
    insta::assert_snapshot!("pod_of_nobody", said(&ran));
    assert_eq!(ran.stdout, "");
    let listed = text(&estate, 6, &format!("--subscription {SUBSCRIPTION}"));
    let place = format!("no identity in subscription {SUBSCRIPTION} has it");
    assert!(said(&listed).contains(&place), "{listed:#?}");
}

#[test]
fn of_several_identities_each_is_verified_and_the_unknown_one_told() {
    let estate = with_pod();
    estate.damage(|state| {
        let other = state.client_id("team-2");
        let side = |value: Value| {
            json!({ "name": "side", "env": [
            { "name": "AZURE_CLIENT_ID", "value": value },
            { "name": "AZURE_FEDERATED_TOKEN_FILE", "value": "/token" },
        ] })
        };
        let containers = pod(state)["spec"]["containers"].as_array_mut().unwrap();
        containers.extend([side(other), side(NOBODY.into())]);
    });
    let ran = text(&estate, 6, "--format json");
    assert!(said(&ran).contains(NOBODY), "{ran:#?}");
    let report = Report(ran.json());
    let subjects = report.0["subjects"].as_array().unwrap();
    let identities: Vec<&Value> = subjects.iter().map(|subject| &subject["identity"]).collect();
    assert_eq!(identities, [&Value::Null, &"id-team-1".into(), &"id-team-2".into(), &Value::Null]);
    let failed = [(FLOWS.to_owned(), "WID-V-CREDENTIAL".to_owned())];
    assert_eq!(report.with("fail"), failed.into());
}

#[test]
fn a_pod_that_asks_for_another_identity_than_its_account_names_is_verified_for_its_own() {
    let estate = with_pod();
    estate.damage(|state| {
        let other = state.client_id("team-2");
        state.annotations("flows").insert(CLIENT_ID.into(), other);
    });
    let report = verify(&estate, 0, "");
    assert_eq!(report.check(FLOWS, "WID-V-CLIENT-ID")["status"], "not-applicable");
    assert_eq!(report.check(FLOWS, "WID-V-EXCHANGE-IDENTITY")["status"], "pass");
}

#[test]
fn a_pod_that_signs_in_to_another_tenant_than_its_identitys_is_told() {
    for (tenant, code) in [("5a0db0c5-0000-4000-8000-0000000007e2", 0), (NOBODY, 6), ("common", 6)]
    {
        let estate = changed(false, |state| {
            let env = pod(state)["spec"]["containers"][0]["env"].as_array_mut().unwrap();
            env.push(json!({ "name": "AZURE_TENANT_ID", "value": tenant }));
        });
        let ran = text(&estate, code, "");
        let told =
            format!("has AZURE_TENANT_ID `{tenant}`, and its identity is in tenant `5a0db0c5-");
        assert_eq!(said(&ran).contains(&told), code == 6, "{ran:#?}");
    }
}

#[test]
fn who_may_not_read_the_clusters_document_learns_the_issuer_from_the_token() {
    let estate = with_pod();
    let rule = "[[rules]]\npath = \"/clusters/*/.well-known/openid-configuration\"\neffect = \"forbidden\"\n";
    estate.0.write("faults.toml", rule);
    verify(&estate, 0, "--sandbox-faults faults.toml");
    let more = "[[rules]]\npath = \"*/token\"\nmethod = \"POST\"\napi = \"kubernetes\"\neffect = \"forbidden\"\n";
    estate.0.write("faults.toml", format!("{rule}{more}"));
    let ran = text(&estate, 4, "--sandbox-faults faults.toml");
    assert!(said(&ran).contains("could not read the discovery document"), "{ran:#?}");
}

#[test]
fn who_may_not_read_the_account_verifies_what_the_pod_was_given() {
    let rule =
        "[[rules]]\npath = \"*/serviceaccounts/flows\"\nmethod = \"GET\"\neffect = \"forbidden\"\n";
    let estate = with_pod();
    estate.0.write("faults.toml", rule);
    let report = verify(&estate, 0, "--sandbox-faults faults.toml");
    assert_eq!(report.check(FLOWS, "WID-V-CLIENT-ID")["status"], "not-applicable");
    let estate = changed(true, |_| {});
    estate.0.write("faults.toml", rule);
    let ran = text(&estate, 1, "--sandbox-faults faults.toml");
    assert!(
        said(&ran).contains("account `flows` of pod `team-1/etl-x` could not be read"),
        "{ran:#?}"
    );
}

#[test]
fn what_is_in_the_way_of_a_pod_is_told_beside_its_identity() {
    for label in [json!({}), json!({ "azure.workload.identity/use": "True" })] {
        let estate = changed(true, |state| pod(state)["metadata"]["labels"] = label);
        let report = verify(&estate, 6, "");
        let failed = [(OBJECT.to_owned(), "WID-V-POD-LABEL".to_owned())];
        assert_eq!(report.with("fail"), failed.into(), "{:#}", report.0);
        assert_eq!(report.check(FLOWS, "WID-V-EXCHANGE")["status"], "pass");
        assert_eq!(said(&text(&estate, 6, "")), "");
    }
    let told = |change: fn(&mut Value)| {
        let estate = changed(false, |state| change(pod(state)));
        let ran = text(&estate, 1, "");
        assert!(ran.stdout.contains("✓ cluster k: 1 account, 1 pod, 28 checks passed"), "{ran:#?}");
        said(&ran)
    };
    let all = [
        told(|pod| pod["status"]["phase"] = "Failed".into()),
        told(|pod| pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into()),
    ];
    // A pod may have failed for what the webhook did not give it.
    let failed = changed(true, |state| pod(state)["status"]["phase"] = "Failed".into());
    let report = verify(&failed, 6, "");
    assert_eq!(report.check(OBJECT, "WID-V-POD-INJECTED")["status"], "fail");
    insta::assert_snapshot!("pod_in_the_way", all.join("\n\n"));
    // Who mounts a token by hand needs no label.
    let by_hand = |mounts: Value| {
        changed(false, move |state| {
            let pod = pod(state);
            pod["metadata"].as_object_mut().unwrap().remove("labels");
            let token = json!({ "path": "token", "audience": "api://AzureADTokenExchange" });
            let sources = json!({ "sources": [{ "serviceAccountToken": token }] });
            pod["spec"]["volumes"] = json!([{ "name": "own", "projected": sources }]);
            pod["spec"]["containers"][0]["volumeMounts"] = mounts;
        })
    };
    let estate = by_hand(json!([{ "name": "own", "mountPath": "/" }]));
    let label = verify(&estate, 0, "").check(OBJECT, "WID-V-POD-LABEL")["status"].clone();
    assert_eq!(label, "not-applicable");
    // The variable alone brings no token.
    let estate = by_hand(json!([]));
    let failed = [(OBJECT.to_owned(), "WID-V-POD-LABEL".to_owned())];
    assert_eq!(verify(&estate, 6, "").with("fail"), failed.into());
}

#[test]
fn where_resource_graph_is_refused_the_subscription_helps() {
    let estate = with_pod();
    estate.0.write("faults.toml", "denied_actions = [\"Microsoft.ResourceGraph/*\"]\n");
    let ran = text(&estate, 1, "--sandbox-faults faults.toml");
    let said = said(&ran);
    assert!(said.contains("403 AuthorizationFailed"), "{said}");
    let fix = "`widctl verify --sandbox=.widctl/sandbox.json --pod team-1/etl-x --context k --subscription ID`";
    assert!(said.contains(fix), "{said}");
    let more = format!("--sandbox-faults faults.toml --subscription {SUBSCRIPTION}");
    assert_eq!(verify(&estate, 0, &more).0["run"]["requests"]["arm_reads"], 2);
    let elsewhere = "--subscription 00000000-0000-4000-8000-000000000002";
    assert!(text(&estate, 1, elsewhere).stderr.contains("SubscriptionNotFound"));
}

#[test]
fn an_exchange_that_may_pass_is_tried_again_by_a_command_that_names_the_pod() {
    let estate = with_pod();
    estate.0.write(
        "faults.toml",
        "[[rules]]\napi = \"entra\"\nmethod = \"POST\"\nskip = 1\n\
         effect = { answer = { status = 400, code = \"700213\", message = \"no\" } }\n",
    );
    let report = verify(&estate, 6, "--sandbox-faults faults.toml");
    let fix = report.fix(FLOWS, "WID-V-EXCHANGE").join(" ");
    let pod = "--pod team-1/etl-x --context k --wait 5m";
    assert_eq!(fix, format!("widctl verify --sandbox=.widctl/sandbox.json {pod}"));
}

#[test]
fn no_value_of_another_variable_is_ever_printed() {
    let estate = changed(false, |state| {
        state.delete_resource(&["/federatedidentitycredentials/", "-k-team-1-flows"]);
    });
    for format in ["text", "json", "markdown"] {
        let ran = text(&estate, 6, &format!("-vvv --format {format}"));
        assert!(!format!("{ran:?}").contains("s3cr3t"), "{ran:#?}");
    }
}
