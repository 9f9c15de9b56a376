//! Client ids in objects of controllers: each kind as it works and as it does not, and what is not read.

use serde_json::{Value, json};

use super::estate::{Estate, Report, State};

const CODE: &str = "WID-V-CONTROLLER-CLIENT-ID";
const KEDA: &str = "k/trigger-authentication/team-1/x";
const OPERATOR: &str = "system:serviceaccount:keda:keda-operator";

/// A kind of objects, and one that names an identity.
struct Kind {
    resource: &'static str,
    address: &'static str,
    /// Who asks.
    subject: &'static str,
    spec: fn(&Value) -> Value,
}

const KINDS: &[Kind] = &[
    Kind {
        resource: "secrets-store.csi.x-k8s.io/v1/secretproviderclasses/SecretProviderClass",
        address: "k/secret-provider-class/team-1/x",
        subject: "system:serviceaccount:team-1:csi",
        spec: |id| json!({ "provider": "azure", "parameters": { "clientID": id } }),
    },
    Kind {
        resource: "keda.sh/v1alpha1/triggerauthentications/TriggerAuthentication",
        address: KEDA,
        subject: OPERATOR,
        spec: |id| json!({ "podIdentity": { "provider": "azure-workload", "identityId": id } }),
    },
    Kind {
        resource: "keda.sh/v1alpha1/clustertriggerauthentications/ClusterTriggerAuthentication",
        address: "k/cluster-trigger-authentication/x",
        subject: OPERATOR,
        spec: |id| json!({ "podIdentity": { "provider": "azure-workload", "identityId": id } }),
    },
    Kind {
        resource: "cert-manager.io/v1/issuers/Issuer",
        address: "k/issuer/team-1/x",
        subject: "system:serviceaccount:cert-manager:cert-manager",
        spec: azure_dns,
    },
    Kind {
        resource: "cert-manager.io/v1/clusterissuers/ClusterIssuer",
        address: "k/cluster-issuer/x",
        subject: "system:serviceaccount:cert-manager:cert-manager",
        spec: azure_dns,
    },
    Kind {
        resource: "external-secrets.io/v1/secretstores/SecretStore",
        address: "k/secret-store/team-1/x",
        subject: "system:serviceaccount:team-1:store",
        spec: |_| store(&json!({ "serviceAccountRef": { "name": "store" } })),
    },
    Kind {
        resource: "external-secrets.io/v1/clustersecretstores/ClusterSecretStore",
        address: "k/cluster-secret-store/x",
        subject: "system:serviceaccount:team-1:store",
        spec: |_| {
            store(&json!({ "serviceAccountRef": { "name": "store", "namespace": "team-1" } }))
        },
    },
];

fn azure_dns(id: &Value) -> Value {
    let solver = json!({ "dns01": { "azureDNS": { "managedIdentity": { "clientID": id } } } });
    json!({ "acme": { "solvers": [{ "http01": {} }, solver] } })
}

fn store(more: &Value) -> Value {
    let mut azure = json!({ "authType": "WorkloadIdentity" });
    azure.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "provider": { "azurekv": azure } })
}

/// Somebody makes an object of a kind that is called `x`.
fn put(state: &mut State, kind: &str, spec: &Value) {
    let parts: Vec<&str> = kind.split('/').collect();
    let [group, version, plural, kind] = parts.as_slice() else { panic!("{kind}") };
    let namespace = (!kind.starts_with("Cluster")).then_some("team-1");
    let metadata = json!({ "name": "x", "namespace": namespace });
    let object = json!({
        "apiVersion": format!("{group}/{version}"), "kind": kind, "metadata": metadata, "spec": spec,
    });
    state.insert(&format!("{group}/{plural}/{}/x", namespace.unwrap_or_default()), object);
}

/// Somebody runs a pod of an account that mounts the class `x`, and annotates the account of a store.
fn put_users(state: &mut State, client: &Value) {
    let volume = json!({ "name": "s", "csi": {
        "driver": "secrets-store.csi.k8s.io", "volumeAttributes": { "secretProviderClass": "x" },
    } });
    let container = json!([{ "name": "main", "image": "busybox" }]);
    let spec = json!({ "serviceAccountName": "csi", "containers": container, "volumes": [volume] });
    state.put("/pods", "mounts", spec);
    let account = state.put("/serviceaccounts", "store", Value::Null);
    account["metadata"]["annotations"] = json!({ "azure.workload.identity/client-id": client });
}

/// Trusts an account for the identity of a team.
fn trust(state: &mut State, team: &str, subject: &str) {
    let issuer = state.issuer();
    state.add_credential(team, "by-hand", &issuer, subject);
}

/// An estate in which somebody made a `TriggerAuthentication` with this client id.
fn with_keda(id: &Value) -> Estate {
    let estate = Estate::synced();
    estate.damage(|state| put(state, KINDS[1].resource, &(KINDS[1].spec)(id)));
    estate
}

fn own_id(estate: &Estate) -> Value {
    let mut id = Value::Null;
    estate.damage(|state| id = state.client_id("team-1"));
    id
}

/// What was told beside what is always green: one check of one thing.
fn only(report: &Report, status: &str, address: &str) {
    for other in ["fail", "unknown", "skipped"] {
        let expected = (other == status).then(|| (address.to_owned(), CODE.to_owned()));
        assert_eq!(report.with(other), expected.into_iter().collect(), "{:#}", report.0);
    }
}

#[test]
fn s22_the_operator_is_not_trusted_by_the_identity_that_its_object_names() {
    let id = own_id(&Estate::synced());
    let estate = with_keda(&id);
    let report = estate.verify(6, "");
    only(&report, "fail", KEDA);
    let check = report.check(KEDA, CODE);
    assert_eq!(check["wanted"], format!("a credential on azure/identity/id-team-1 for {OPERATOR}"));
    let found = check["found"].as_str().unwrap();
    assert!(found.contains("trusts system:serviceaccount:team-1:flows; "), "{found}");
    assert!(found.contains("usual account, as there is no Deployment `keda-operator`"), "{found}");
    assert!(check["why"].as_str().unwrap().contains("mode `trust-only`"));
    assert_eq!(check["fix"], Value::Null);
    let subject = report.subject(KEDA);
    assert_eq!((&subject["team"], &subject["kind"]), (&json!("team-1"), &json!("workload")));
    // What the finding says: the operator's account is a workload of the identity.
    let profile = estate.0.read("teams.toml");
    let workload = "[[team.workload]]\nservice_account = \"keda-operator\"\nnamespace = \"keda\"\nmode = \"trust-only\"\n\n";
    let (before, after) = profile.split_once("[[team]]\nname = \"team-2\"").unwrap();
    estate.0.write("teams.toml", format!("{before}{workload}[[team]]\nname = \"team-2\"{after}"));
    estate.damage(|state| {
        let metadata = json!({ "name": "keda-operator", "namespace": "keda" });
        let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata });
        state.insert("/serviceaccounts/keda/keda-operator", account);
    });
    estate.0.expect(0, "sync teams.toml --sandbox --auto-approve");
    assert_eq!(estate.verify(0, "").check(KEDA, CODE)["status"], "pass");
}

#[test]
fn each_kind_passes_where_the_identity_trusts_who_asks_and_fails_where_not() {
    for Kind { resource, address, subject, spec } in KINDS {
        let estate = Estate::synced();
        estate.damage(|state| {
            let id = state.client_id("team-1");
            put_users(state, &id);
            put(state, resource, &spec(&id));
        });
        let report = estate.verify(6, "");
        only(&report, "fail", address);
        let check = report.check(address, CODE);
        assert_eq!(
            check["wanted"],
            format!("a credential on azure/identity/id-team-1 for {subject}"),
            "{resource}"
        );
        assert_eq!(report.subject(address)["team"], "team-1");
        estate.damage(|state| trust(state, "team-1", subject));
        let report = estate.verify(0, "");
        assert_eq!(report.check(address, CODE)["status"], "pass", "{resource}");
    }
}

#[test]
fn the_account_of_the_controllers_deployment_is_the_one_that_asks() {
    let id = own_id(&Estate::synced());
    let estate = with_keda(&id);
    let addon = "system:serviceaccount:kube-system:addon";
    estate.damage(|state| {
        let pods = json!({ "template": { "spec": { "serviceAccountName": "addon" } } });
        let deployment = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "keda-operator", "namespace": "kube-system" }, "spec": pods,
        });
        state.insert("apps/deployments/kube-system/keda-operator", deployment);
        trust(state, "team-1", OPERATOR);
    });
    let report = estate.verify(6, "");
    let check = report.check(KEDA, CODE);
    assert_eq!(check["wanted"], format!("a credential on azure/identity/id-team-1 for {addon}"));
    assert!(!check["found"].as_str().unwrap().contains("assuming"), "{check:#}");
    // Who may not see Deployments everywhere is told what is assumed, and why.
    let denied = "[[denied]]\nverb = \"list\"\nresource = \"deployments\"\n";
    estate.0.write("faults.toml", denied);
    estate.damage(|state| state.delete_resource(&["by-hand"]));
    let report = estate.verify(6, "--sandbox-faults faults.toml");
    let check = report.check(KEDA, CODE);
    assert_eq!(check["wanted"], format!("a credential on azure/identity/id-team-1 for {OPERATOR}"));
    let found = check["found"].as_str().unwrap();
    assert!(found.contains("resources: [\"deployments\"], verbs: [\"list\"]"), "{found}");
}

#[test]
fn of_a_controller_that_is_installed_twice_one_account_is_enough() {
    let estate = with_keda(&own_id(&Estate::synced()));
    estate.damage(|state| {
        for namespace in ["blue", "green"] {
            let pods = json!({ "template": { "spec": { "serviceAccountName": "keda" } } });
            let metadata = json!({ "name": "keda-operator", "namespace": namespace });
            let path = format!("apps/deployments/{namespace}/keda-operator");
            state.insert(&path, json!({ "metadata": metadata, "spec": pods }));
        }
        trust(state, "team-1", "system:serviceaccount:green:keda");
    });
    assert_eq!(estate.verify(0, "").check(KEDA, CODE)["status"], "pass");
}

#[test]
fn a_credential_of_another_issuer_serves_nobody_here_and_an_expression_is_not_compared() {
    let estate = with_keda(&own_id(&Estate::synced()));
    estate.damage(|state| {
        state.add_credential("team-1", "by-hand", "https://other.example/", OPERATOR);
    });
    let report = estate.verify(6, "");
    only(&report, "fail", KEDA);
    let found = report.check(KEDA, CODE)["found"].as_str().unwrap();
    assert!(found.contains(&format!("{OPERATOR} of issuer https://other.example/")), "{found}");
    estate.damage(|state| {
        let flows = state.credential("flows").as_object_mut().unwrap();
        flows.remove("subject");
        let value = format!("claims['sub'] matches '{OPERATOR}'");
        let expression = json!({ "value": value, "languageVersion": 1 });
        flows.insert("claimsMatchingExpression".into(), expression);
    });
    let line = "verify teams.toml --sandbox --format json";
    let report = Report(estate.0.widctl(line).json());
    assert_eq!(report.check(KEDA, CODE)["cause"], "not-provable");
}

#[test]
fn what_nobody_mounts_has_nothing_to_check_and_what_everybody_may_use_is_not_provable() {
    let estate = Estate::synced();
    estate.damage(|state| {
        let id = state.client_id("team-1");
        put(state, KINDS[0].resource, &(KINDS[0].spec)(&id));
        put_users(state, &id);
        let pod = state.object("/pods/team-1/mounts");
        pod["spec"]["volumes"][0]["csi"]["volumeAttributes"]["secretProviderClass"] = "y".into();
        let anybody = json!({ "serviceAccountRef": { "name": "flows" } });
        put(state, KINDS[6].resource, &store(&anybody));
        let own = json!({ "serviceAccountRef": { "name": "flows" } });
        put(state, KINDS[5].resource, &store(&own));
    });
    let report = estate.verify(0, "");
    only(&report, "unknown", "k/cluster-secret-store/x");
    let class = "k/secret-provider-class/team-1/x";
    assert_eq!(report.check(class, CODE)["status"], "not-applicable");
    // Of the selected account, what it asks for.
    let report = estate.verify(0, "--workload team-1/flows");
    let told = [("k/secret-store/team-1/x".to_owned(), CODE.to_owned())];
    let mut passed = report.with("pass");
    passed.retain(|(_, code)| code == CODE);
    assert_eq!(passed, told.into());
}

#[test]
fn an_identity_that_the_profile_does_not_name_is_not_judged() {
    let estate = Estate::synced();
    estate.damage(|state| {
        let id = state.client_id("team-2");
        put(state, KINDS[1].resource, &(KINDS[1].spec)(&id));
    });
    let profile = estate.0.read("teams.toml");
    let (team_1, _) = profile.split_once("[[team]]\nname = \"team-2\"").unwrap();
    estate.0.write("teams.toml", team_1);
    let report = estate.verify(0, "");
    only(&report, "unknown", KEDA);
    let why = report.check(KEDA, CODE)["why"].as_str().unwrap();
    assert!(why.contains("azure/identity/id-team-2, which the profile does not name"), "{why}");
}

#[test]
fn an_identity_of_another_team_is_named_with_both_teams() {
    let estate = Estate::synced();
    estate.damage(|state| {
        let id = state.client_id("team-2");
        put(state, KINDS[1].resource, &(KINDS[1].spec)(&id));
        trust(state, "team-2", OPERATOR);
    });
    let report = estate.verify(6, "");
    only(&report, "fail", KEDA);
    let check = report.check(KEDA, CODE);
    assert_eq!(check["wanted"], "the client id of an identity of team team-1");
    let found = check["found"].as_str().unwrap();
    assert!(found.ends_with("the client id of azure/identity/id-team-2 of team team-2"), "{found}");
    assert_eq!(report.subject(KEDA)["team"], "team-2");
}

#[test]
fn an_identity_that_the_profile_shares_with_the_namespace_is_its_own() {
    let estate = Estate::new();
    let shared = "[[team.workload]]\nservice_account = \"shared\"\nidentity = \"id-team-2\"\n\n";
    let profile = estate.0.read("teams.toml");
    let profile = profile.replacen("[[team]]", "[policy]\nshared_identities = true\n\n[[team]]", 1);
    let profile = profile.replacen(
        "[[team]]\nname = \"team-2\"",
        &format!("{shared}[[team]]\nname = \"team-2\""),
        1,
    );
    estate.0.write("teams.toml", profile);
    estate.0.expect(0, "sync teams.toml --sandbox --auto-approve");
    estate.damage(|state| {
        let id = state.client_id("team-2");
        put(state, KINDS[1].resource, &(KINDS[1].spec)(&id));
        trust(state, "team-2", OPERATOR);
    });
    assert_eq!(estate.verify(0, "").check(KEDA, CODE)["status"], "pass");
}

#[test]
fn a_text_that_is_no_client_id_and_one_of_nobody_are_told() {
    let report = with_keda(&json!("/subscriptions/x/id-team-1")).verify(6, "");
    only(&report, "fail", KEDA);
    assert_eq!(report.check(KEDA, CODE)["wanted"], "a client id, a GUID");
    let nobody = json!("99999999-0000-4000-8000-000000000001");
    // An app registration may have it.
    let report = with_keda(&nobody).verify(0, "");
    only(&report, "unknown", KEDA);
    assert_eq!(report.check(KEDA, CODE)["cause"], "not-provable");
    let cluster = Estate::synced();
    cluster.damage(|state| put(state, KINDS[4].resource, &(KINDS[4].spec)(&nobody)));
    let report = cluster.verify(0, "");
    only(&report, "unknown", "k/cluster-issuer/x");
    assert_eq!(report.check("k/cluster-issuer/x", CODE)["cause"], "not-provable");
    assert_eq!(report.subject("k/cluster-issuer/x")["team"], Value::Null);
}

#[test]
fn a_client_id_in_a_secret_is_not_provable_and_an_account_without_one_fails() {
    let address = "k/secret-store/team-1/x";
    let named = json!({ "serviceAccountRef": { "name": "worker-2" } });
    let estate = Estate::synced();
    estate.damage(|state| put(state, KINDS[5].resource, &store(&named)));
    let report = estate.verify(6, "");
    only(&report, "fail", address);
    assert_eq!(report.check(address, CODE)["wanted"], "a client id on the account team-1/worker-2");
    let mut elsewhere = named;
    elsewhere["authSecretRef"] = json!({ "clientId": { "name": "s", "key": "k" } });
    estate.damage(|state| put(state, KINDS[5].resource, &store(&elsewhere)));
    let report = estate.verify(0, "");
    only(&report, "unknown", address);
    assert_eq!(report.check(address, CODE)["cause"], "not-provable");
    // An account of the profile, which trusts it.
    let own = json!({ "serviceAccountRef": { "name": "flows" } });
    estate.damage(|state| put(state, KINDS[5].resource, &store(&own)));
    assert_eq!(estate.verify(0, "").check(address, CODE)["status"], "pass");
}

#[test]
fn what_may_not_be_listed_is_unknown_and_names_the_right() {
    let id = own_id(&Estate::synced());
    let estate = with_keda(&id);
    estate.damage(|state| trust(state, "team-1", OPERATOR));
    for (resource, expected) in [
        (
            "triggerauthentications",
            vec!["k/trigger-authentication/team-1/*", "k/trigger-authentication/team-2/*"],
        ),
        ("clustertriggerauthentications", vec!["k/cluster-trigger-authentication/*"]),
    ] {
        let denied = format!("[[denied]]\nverb = \"list\"\nresource = \"{resource}\"\n");
        estate.0.write("faults.toml", denied);
        let report = estate.verify(1, "--sandbox-faults faults.toml");
        let expected: std::collections::BTreeSet<_> =
            expected.iter().map(|address| ((*address).to_owned(), CODE.to_owned())).collect();
        assert_eq!(report.with("unknown"), expected);
        for (address, code) in &expected {
            let check = report.check(address, code);
            assert_eq!(check["cause"], "unread");
            let why = check["why"].as_str().unwrap();
            let right = format!("resources: [\"{resource}\"], verbs: [\"list\"]");
            assert!(why.contains(&right), "{why}");
        }
    }
}

#[test]
fn nothing_is_asked_where_a_cluster_has_none_of_the_groups_and_one_list_a_kind_where_it_has() {
    let estate = Estate::synced();
    let reads = |report: &Report| report.0["run"]["requests"]["cluster_reads"].as_u64().unwrap();
    let before = reads(&estate.verify(0, ""));
    let ran = estate.0.expect(0, "verify teams.toml --sandbox -vvv");
    assert!(ran.stderr.contains("/serviceaccounts"), "requests are logged");
    for kind in ["secretproviderclasses", "triggerauthentications", "issuers", "secretstores"] {
        assert!(!ran.stderr.contains(&format!("/{kind}")), "{kind}");
    }
    estate.damage(|state| {
        let id = state.client_id("team-1");
        put(state, KINDS[1].resource, &(KINDS[1].spec)(&id));
        trust(state, "team-1", OPERATOR);
    });
    // Two kinds of KEDA, and the Deployments of its name.
    assert_eq!(reads(&estate.verify(0, "")), before + 3);
}

#[test]
fn filters_leave_what_is_of_the_selected_accounts_and_identities() {
    let estate = Estate::synced();
    estate.damage(|state| {
        let id = state.client_id("team-1");
        put_users(state, &id);
        for kind in [&KINDS[0], &KINDS[1], &KINDS[4]] {
            put(state, kind.resource, &(kind.spec)(&id));
        }
    });
    let objects = |more: &str, code| {
        let report = estate.verify(code, more);
        report.with("fail").into_iter().map(|(address, _)| address).collect::<Vec<_>>()
    };
    let issuer = "k/cluster-issuer/x";
    let class = "k/secret-provider-class/team-1/x";
    assert_eq!(objects("--team team-1", 6), [issuer, class, KEDA]);
    assert_eq!(objects("--team team-2", 0), [""; 0]);
    assert_eq!(objects("--workload team-1/flows", 0), [""; 0]);
}
