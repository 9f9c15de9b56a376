use serde_json::{Value, json};

use super::{DEFAULT, FIXED, Pins, template};

const PINS: Pins<'_> = Pins { namespace: "team-a", account: "team-a-flows" };

/// The base with a change.
fn changed(change: impl FnOnce(&mut Value)) -> Result<Value, super::Unrendered> {
    let mut base: Value = serde_json::from_str(DEFAULT).unwrap();
    change(&mut base);
    template(Some(&base.to_string()), PINS)
}

fn refusal(change: impl FnOnce(&mut Value)) -> (String, String) {
    let unrendered = changed(change).unwrap_err();
    assert!(!unrendered.is_usage, "{unrendered}");
    (unrendered.what, unrendered.hint)
}

#[test]
fn account_namespaces_labels_annotations_and_cluster_are_literals() {
    let made = template(None, PINS).unwrap();
    let at = |path: &str| made.pointer(path).unwrap();
    let label = json!({ "azure.workload.identity/use": "true" });
    for labels in [
        "/job_configuration/labels",
        "/job_configuration/job_manifest/metadata/labels",
        "/job_configuration/job_manifest/spec/template/metadata/labels",
    ] {
        assert_eq!(*at(labels), label, "{labels}");
    }
    for annotations in
        ["/job_configuration/annotations", "/job_configuration/job_manifest/metadata/annotations"]
    {
        assert_eq!(*at(annotations), json!({}), "{annotations}");
    }
    for namespace in
        ["/job_configuration/namespace", "/job_configuration/job_manifest/metadata/namespace"]
    {
        assert_eq!(*at(namespace), "team-a", "{namespace}");
    }
    assert_eq!(*at("/job_configuration/cluster_config"), Value::Null);
    let account = "/job_configuration/job_manifest/spec/template/spec/serviceAccountName";
    assert_eq!(*at(account), "team-a-flows");
}

#[test]
fn no_variable_is_left_that_could_change_them() {
    let made = template(None, PINS).unwrap();
    let variables = &made["variables"];
    assert_eq!(variables["additionalProperties"], false);
    for name in FIXED {
        assert_eq!(variables["properties"].get(name), None, "{name}");
    }
    assert_eq!(
        variables["properties"]["env"]["propertyNames"],
        json!({ "not": { "enum": [
            "AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_AUTHORITY_HOST",
        ] } })
    );
    assert_eq!(variables.get("definitions"), None, "nothing refers to the cluster's definition");
}

#[test]
fn what_the_base_spells_out_stays() {
    let made = changed(|base| {
        base["job_configuration"]["labels"] = json!({ "cost": "4711" });
        let pod = &mut base["job_configuration"]["job_manifest"]["spec"]["template"];
        pod["metadata"] = json!({
            "labels": { "azure.workload.identity/use": "false", "cost": "4711" },
            "annotations": { "azure.workload.identity/skip-containers": "prefect-job", "own": "x" },
        });
        pod["spec"]["tolerations"] = json!([{ "key": "spot" }]);
        pod["spec"]["serviceAccount"] = "{{ service_account_name }}".into();
        base["variables"]["required"] = json!(["image", "namespace"]);
    })
    .unwrap();
    let label = json!({ "cost": "4711", "azure.workload.identity/use": "true" });
    assert_eq!(made["job_configuration"]["labels"], label);
    let pod = &made["job_configuration"]["job_manifest"]["spec"]["template"];
    assert_eq!(pod["metadata"]["labels"], label);
    assert_eq!(pod["metadata"]["annotations"], json!({ "own": "x" }));
    assert_eq!(pod["spec"]["tolerations"][0]["key"], "spot");
    assert_eq!(pod["spec"].get("serviceAccount"), None);
    assert_eq!(made["variables"]["required"], json!(["image"]));
}

#[test]
fn a_rendered_template_is_rendered_to_itself() {
    let made = template(None, PINS).unwrap();
    assert_eq!(template(Some(&made.to_string()), PINS).unwrap(), made);
}

#[test]
fn an_environment_under_another_name_is_guarded_as_well() {
    let made = changed(|base| {
        base["job_configuration"]["env"] = "{{ variables_of_runs }}".into();
        base["variables"]["properties"]["variables_of_runs"] =
            json!({ "type": "object", "propertyNames": { "maxLength": 20 } });
    })
    .unwrap();
    let names = &made["variables"]["properties"]["variables_of_runs"]["propertyNames"]["allOf"];
    assert_eq!(names[0], json!({ "maxLength": 20 }));
    assert_eq!(names[1]["not"]["enum"][0], "AZURE_CLIENT_ID");
}

#[test]
fn a_base_that_cannot_be_fixed_is_refused_with_what_is_wrong() {
    let broken = template(Some("no: json"), PINS).unwrap_err();
    assert!(broken.what.starts_with("the base template is not JSON: "), "{}", broken.what);
    let (what, _) = refusal(|base| *base = json!([]));
    assert_eq!(what, "the base template has no object `job_configuration`");
    let (what, _) = refusal(|base| base["job_configuration"] = "x".into());
    assert_eq!(what, "the base template has no object `job_configuration`");
    let (what, hint) = refusal(|base| base["job_configuration"] = json!({ "command": "x" }));
    assert_eq!(
        what,
        "the base template is not of a Kubernetes work pool: `job_configuration` has no `job_manifest`"
    );
    assert!(hint.contains("get-default-base-job-template --type kubernetes"), "{hint}");
    let (what, _) = refusal(|base| {
        base["job_configuration"]["job_manifest"] = "{{ manifest }}".into();
    });
    assert_eq!(what, "the base template has no object `job_configuration.job_manifest`");
    let (what, _) = refusal(|base| base["variables"]["properties"] = Value::Null);
    assert_eq!(what, "the base template has no object `variables.properties`");
}

#[test]
fn a_placeholder_without_a_variable_is_refused_with_its_place() {
    let (what, hint) = refusal(|base| {
        base["job_configuration"]["job_manifest"]["spec"]["suspend"] = "{{ paused }}".into();
    });
    assert_eq!(
        what,
        "the base template takes the variable `paused` at `job_configuration.job_manifest.spec.suspend`, which it does not define"
    );
    assert!(hint.contains("variables.properties"), "{hint}");
    let (_, hint) = refusal(|base| {
        base["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]["hostname"] =
            "{{ namespace }}".into();
    });
    assert!(hint.contains("so that no deployment can change it"), "{hint}");
    let of_prefect = changed(|base| {
        base["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]["hostname"] =
            "{{ prefect.variables.host }}".into();
    });
    assert!(of_prefect.is_ok());
}
