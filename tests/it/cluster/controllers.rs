//! Objects of controllers on a real API server, which has their kind once somebody has defined it.

use http::Method;
use serde_json::{Value, json};
use widctl::command::rehearsal::assumptions::grow;
use widctl::sandbox::World;
use widctl::verify::results::{Outcome, Results, SubjectResults};
use widctl::verify::verdict::{Finding, Verdict};

use super::site::Site;
use super::verify::{over, text};
use crate::verify::process::{outcome, profile};

const CODE: &str = "WID-V-CONTROLLER-CLIENT-ID";
const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const DEFINITION: &str = "triggerauthentications.keda.sh";
const NAMESPACES: &str = "/api/v1/namespaces";

async fn send(site: &Site, method: Method, path: &str, body: &Value) -> bool {
    let request = http::Request::builder().method(method).uri(path);
    let request = request.header("content-type", "application/json");
    let request = request.body(body.to_string().into_bytes()).unwrap();
    site.cluster.client().request_text(request).await.is_ok()
}

/// The smallest definition of KEDA's kind that there can be.
async fn define(site: &Site) {
    let open = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let version = json!({
        "name": "v1alpha1", "served": true, "storage": true, "schema": { "openAPIV3Schema": open },
    });
    let names = json!({ "plural": "triggerauthentications", "kind": "TriggerAuthentication" });
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": DEFINITION },
        "spec": { "group": "keda.sh", "scope": "Namespaced", "names": names, "versions": [version] },
    });
    assert!(send(site, Method::POST, DEFINITIONS, &definition).await);
    let list = "/apis/keda.sh/v1alpha1/triggerauthentications";
    site.until(|| send(site, Method::GET, list, &Value::Null)).await;
}

/// Somebody runs KEDA elsewhere than it usually is.
async fn deploy(site: &Site, namespace: &str) {
    let place = json!({ "metadata": { "name": namespace } });
    assert!(send(site, Method::POST, NAMESPACES, &place).await);
    let labels = json!({ "app": "keda-operator" });
    let container = json!({ "name": "main", "image": "registry.k8s.io/pause:3.10" });
    let pod = json!({ "serviceAccountName": "operator", "containers": [container] });
    let template = json!({ "metadata": { "labels": labels }, "spec": pod });
    let spec =
        json!({ "replicas": 0, "selector": { "matchLabels": labels }, "template": template });
    let metadata = json!({ "name": "keda-operator" });
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec,
    });
    let deployments = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
    assert!(send(site, Method::POST, &deployments, &deployment).await);
}

fn of<'a>(results: &'a Results, address: &str) -> &'a SubjectResults {
    results.subjects.iter().find(|subject| subject.address == address).unwrap()
}

#[tokio::test]
#[ignore = "needs an API server: just test-cluster"]
async fn s22_the_operator_is_not_trusted_by_the_identity_that_its_object_names() {
    let Some(site) = Site::real().await else {
        return;
    };
    let text = text(&site).await;
    let (profiled, world) = (profile(&text), World::in_memory());
    grow(&world, &profiled);
    let process = over(&site, &site.cluster, &profiled, &world).await;
    process.sync().await;
    define(&site).await;
    let elsewhere = format!("{}-keda", site.namespace);
    deploy(&site, &elsewhere).await;
    let state = world.to_json();
    let mut resources = state["resources"].as_object().unwrap().iter();
    let (_, identity) = resources.find(|(path, _)| path.ends_with("/id-data")).unwrap();
    let object = json!({
        "apiVersion": "keda.sh/v1alpha1", "kind": "TriggerAuthentication",
        "metadata": { "name": "x" },
        "spec": { "podIdentity": {
            "provider": "azure-workload", "identityId": identity["properties"]["clientId"],
        } },
    });
    let namespace = &site.namespace;
    let path = format!("/apis/keda.sh/v1alpha1/namespaces/{namespace}/triggerauthentications");
    assert!(send(&site, Method::POST, &path, &object).await);

    let address = format!("weu/trigger-authentication/{namespace}/x");
    let verified = process.verify(false, std::time::Duration::ZERO).await;
    let outcome_of = outcome(of(&verified.results, &address), CODE).unwrap();
    let Outcome::Checked(Verdict::Fail(Finding { wanted, .. })) = outcome_of else {
        panic!("{outcome_of:?}");
    };
    let operator = format!("system:serviceaccount:{elsewhere}:operator");
    assert_eq!(*wanted, format!("a credential on azure/identity/id-data for {operator}"));

    let trusting = profile(&format!(
        "{text}\n[[team.workload]]\nservice_account = \"operator\"\nnamespace = \"{elsewhere}\"\nmode = \"trust-only\"\n"
    ));
    let process = over(&site, &site.cluster, &trusting, &world).await;
    process.sync().await;
    let verified = process.verify(false, std::time::Duration::ZERO).await;
    let outcome_of = outcome(of(&verified.results, &address), CODE);
    assert_eq!(outcome_of, Some(&Outcome::Checked(Verdict::Pass)));
    for path in [format!("{NAMESPACES}/{elsewhere}"), format!("{DEFINITIONS}/{DEFINITION}")] {
        assert!(send(&site, Method::DELETE, &path, &Value::Null).await);
    }
    site.leave().await;
}
