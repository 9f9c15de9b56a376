//! One pod as it is read: what is kept of it, and what is not believed.

use std::fs;

use serde_json::{Value, json};
use widctl::kubernetes::kubeconfig::Contexts;
use widctl::model::pod::PodName;
use widctl::model::workload_kind::by_kind;
use widctl::observed::pods::{Variable, Workload, WorkloadKey};
use widctl::ports::error::PortErrorKind;
use widctl::ports::workload::WorkloadRead;

use super::machine::Machine;
use super::script::{Script, status};

fn name() -> PodName {
    "team-1/etl-x".parse().unwrap()
}

fn wire(spec: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "etl-x", "namespace": "team-1", "uid": "1" },
        "spec": spec, "status": { "phase": "Running" },
    })
}

async fn read(pod: &Value) -> Workload {
    Script::default().then(200, pod).cluster().pod(&name()).await.unwrap().unwrap()
}

#[tokio::test]
async fn of_a_pod_its_account_label_client_ids_and_audience_are_kept_and_no_other_value() {
    let variable = |name: &str, value: &str| json!({ "name": name, "value": value });
    let secret = json!({ "name": "PASSWORD", "value": "s3cr3t" });
    let from = json!({ "name": "AZURE_CLIENT_ID", "valueFrom": { "secretKeyRef": { "name": "s", "key": "k" } } });
    let token = |name: &str, audience: &str| {
        json!({ "name": name, "projected": { "sources": [
            { "configMap": { "name": "c" } },
            { "serviceAccountToken": { "audience": audience, "path": "p", "expirationSeconds": 3600 } },
        ]}})
    };
    let mount = |name: &str, path: &str| json!({ "name": name, "mountPath": path });
    let mut pod = wire(&json!({
        "serviceAccountName": "flows",
        "containers": [
            { "name": "main", "env": [variable("AZURE_CLIENT_ID", "one"), variable("AZURE_TENANT_ID", "three"), secret] },
            {
                "name": "side", "env": [from, variable("AZURE_FEDERATED_TOKEN_FILE", "/t/p")],
                "volumeMounts": [mount("kube-api-access-x", "/k"), mount("reserved", "/t")],
            },
            { "name": "plain" },
        ],
        "initContainers": [{ "name": "first", "env": [variable("AZURE_CLIENT_ID", "two")] }],
        "volumes": [token("kube-api-access-x", "other"), token("reserved", "api://AzureADTokenExchange")],
    }));
    pod["metadata"]["labels"] = json!({ "azure.workload.identity/use": "True", "app": "etl" });
    let script = Script::default().then(200, &pod);
    let found = script.cluster().pod(&name()).await.unwrap().unwrap();
    assert_eq!(script.asked(), ["GET /api/v1/namespaces/team-1/pods/etl-x"]);
    assert!(!format!("{found:?}").contains("s3cr3t"), "{found:?}");
    assert!(found.key.is_of(&name()) && !found.is_over);
    let [facts] = found.templates.as_slice() else { panic!("{found:?}") };
    assert_eq!((&*facts.account, facts.label.as_deref()), ("flows", Some("True")));
    assert_eq!(facts.values(Variable::ClientId), ["one", "two"].into());
    assert_eq!(facts.values(Variable::TenantId), ["three"].into());
    let audience = facts.token().unwrap().audience.as_deref();
    assert_eq!(audience, Some("api://AzureADTokenExchange"));
}

#[tokio::test]
async fn a_pod_that_names_no_account_has_the_default_one() {
    for spec in [json!({ "containers": [] }), json!({ "containers": [], "serviceAccountName": "" })]
    {
        let facts = &read(&wire(&spec)).await.templates[0];
        assert_eq!((&*facts.account, facts.value(Variable::TokenFile)), ("default", None));
    }
}

#[tokio::test]
async fn a_pod_that_has_ended_or_is_ending_says_so() {
    let spec = json!({ "containers": [] });
    for (phase, is_over) in [("Succeeded", true), ("Failed", true), ("Pending", false)] {
        let mut pod = wire(&spec);
        pod["status"]["phase"] = phase.into();
        assert_eq!(read(&pod).await.is_over, is_over);
    }
    let mut pod = wire(&spec);
    pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    assert!(read(&pod).await.is_over);
}

#[tokio::test]
async fn a_pod_that_does_not_exist_is_none_and_a_missing_path_is_an_error() {
    let gone = status(404, "NotFound", "pods \"etl-x\" not found", &json!({ "kind": "pods" }));
    let cluster = Script::default().then(404, &gone).then(404, &json!("no such page")).cluster();
    assert_eq!(cluster.pod(&name()).await.unwrap(), None);
    assert!(cluster.pod(&name()).await.is_err());
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_not_quoted() {
    let spec = json!({ "containers": "s3cr3t" });
    let mut other = wire(&json!({ "containers": [] }));
    other["metadata"]["name"] = "etl-y".into();
    for pod in [wire(&spec), other] {
        let cluster = Script::default().then(200, &pod).cluster();
        let error = cluster.pod(&name()).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Malformed);
        assert!(!format!("{error:?}").contains("s3cr3t"), "{error:?}");
    }
}

#[tokio::test]
async fn a_template_that_is_no_object_is_malformed() {
    let key = WorkloadKey {
        cluster: "onprem".into(),
        kind: by_kind("Job").unwrap(),
        namespace: "team-1".into(),
        name: "etl".into(),
    };
    for template in [json!("text"), json!([1]), json!({ "metadata": "text" })] {
        let cluster =
            Script::default().then(200, &json!({ "spec": { "template": template } })).cluster();
        let error = cluster.dry_run_of(&key).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Malformed, "{template}");
    }
}

#[tokio::test]
async fn of_the_events_of_refused_pods_the_count_and_the_last_time_of_a_series_are_taken() {
    let about = json!({ "kind": "Job", "name": "etl" });
    let events = json!({ "items": [
        {
            "involvedObject": about, "message": "no\u{1b}quota", "count": 3,
            "lastTimestamp": "2026-11-27T01:00:00Z",
        },
        {
            "involvedObject": about, "eventTime": "2026-11-27T01:00:00.000000Z",
            "series": { "count": 9, "lastObservedTime": "2026-11-27T02:00:00.000000Z" },
        },
        {},
    ] });
    let script = Script::default().then(200, &events);
    let found = script.cluster().refused_creations(&"team-1".into()).await.unwrap();
    let asked = script.asked();
    assert!(asked[0].starts_with("GET /api/v1/namespaces/team-1/events?"), "{asked:?}");
    assert!(asked[0].contains("reason%3DFailedCreate"), "{asked:?}");
    let told: Vec<_> = found.iter().map(|event| (event.count, &*event.last)).collect();
    let times = ["2026-11-27T01:00:00Z", "2026-11-27T02:00:00.000000Z"];
    assert_eq!(told, [(3, times[0]), (9, times[1]), (1, "")]);
    assert!(!found[0].message.contains('\u{1b}'), "{:?}", found[0].message);
}

#[tokio::test]
async fn a_refusal_names_the_right() {
    let why = "pods \"etl-x\" is forbidden: User \"ada\" cannot get resource \"pods\" in API group \"\" in the \
               namespace \"team-1\"";
    let refused = status(403, "Forbidden", why, &json!({ "kind": "pods", "name": "etl-x" }));
    let cluster = Script::default().then(403, &refused).cluster();
    let error = cluster.pod(&name()).await.unwrap_err();
    assert!(error.is_refusal());
    assert!(error.help().contains("resources: [\"pods\"], verbs: [\"get\"]"), "{}", error.help());
}

#[test]
fn the_contexts_are_those_of_all_files_and_the_current_one_is_the_first_files() {
    let mut machine = Machine::new();
    let contexts = |machine: &Machine| Contexts::of_machine(&machine.connector.environment);
    assert_eq!(contexts(&machine).unwrap(), Contexts::default());
    let file = |name: &str, current: &str| {
        let path = machine.home.path().join(name);
        let context = "{cluster: c, user: u}";
        fs::write(
            &path,
            format!(
                "apiVersion: v1\nkind: Config\ncurrent-context: {current}\n\
                 contexts:\n- name: {name}\n  context: {context}\n"
            ),
        )
        .unwrap();
        path
    };
    let paths = [file("none", "''"), file("one", "one"), file("two", "two"), "missing".into()];
    machine.connector.environment.kubeconfig = Some(std::env::join_paths(&paths).unwrap());
    let found = contexts(&machine).unwrap();
    assert_eq!(found.current.as_deref(), Some("one"));
    assert_eq!(found.names, ["none", "one", "two"]);
    fs::write(&paths[1], "{ token: s3cr3t").unwrap();
    let error = contexts(&machine).unwrap_err();
    assert_eq!(error.operation, "find the contexts");
    assert!(!format!("{error:?} {}", error.help()).contains("s3cr3t"), "{error:?}");
}
