//! What of a pod, or of a template, decides about its identity.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::error::clean;
use crate::model::pod::LABEL_USE;
use crate::model::workload_kind::Template;
use crate::observed::pods::{Container, OLD_TOKEN_FILE, PodFacts, ProjectedToken, Variable};

/// The annotation that names containers to be left alone, behind semicolons.
const SKIP_CONTAINERS: &str = "azure.workload.identity/skip-containers";
/// The driver of the Secrets Store.
/// <https://secrets-store-csi-driver.sigs.k8s.io/concepts>
const SECRETS_STORE: &str = "secrets-store.csi.k8s.io";

/// The values at a path; behind `[]` each item of a list.
pub(super) fn at<'a>(value: &'a Value, path: &str) -> Vec<&'a Value> {
    let mut found = vec![value];
    for step in path.split('.').filter(|step| !step.is_empty()) {
        let (name, is_list) = step.strip_suffix("[]").map_or((step, false), |name| (name, true));
        let inside = found.into_iter().map(|value| &value[name]);
        found = if is_list {
            inside.flat_map(items).collect()
        } else {
            inside.filter(|value| !value.is_null()).collect()
        };
    }
    found
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> Option<Arc<str>> {
    value.as_str().map(|text| clean(text).into())
}

/// The pods that an object describes at a place; none where it has nothing there.
pub(super) fn facts(object: &Value, template: &Template) -> Vec<PodFacts> {
    let pods = at(object, template.base).into_iter();
    pods.map(|pod| one(pod, template)).collect()
}

fn one(pod: &Value, template: &Template) -> PodFacts {
    let first = |path: &str| at(pod, path).into_iter().next();
    let map = |path: &str, name: &str| first(path).and_then(|map| text(&map[name]));
    let account = first(template.account).and_then(text).filter(|name| !name.is_empty());
    let skipped = map(template.annotations, SKIP_CONTAINERS).unwrap_or_default();
    let named = skipped.split(';').map(str::trim).filter(|name| !name.is_empty());
    let mut facts = PodFacts {
        account: account.unwrap_or_else(|| "default".into()),
        label: map(template.labels, LABEL_USE),
        label_is_annotation: map(template.annotations, LABEL_USE).is_some(),
        skipped: named.map(Into::into).collect(),
        ..PodFacts::default()
    };
    if let Some(spec) = template.spec.and_then(first) {
        of_spec(spec, &mut facts);
    }
    facts
}

fn of_spec(spec: &Value, facts: &mut PodFacts) {
    let containers: Vec<&Value> =
        items(&spec["initContainers"]).chain(items(&spec["containers"])).collect();
    for found in &containers {
        facts.containers.push(container(found));
        let by_reference = at(found, "envFrom[].configMapRef.name").into_iter();
        let by_key = at(found, "env[].valueFrom.configMapKeyRef.name");
        facts.config_maps.extend(by_reference.chain(by_key).filter_map(text));
    }
    for volume in items(&spec["volumes"]) {
        if volume["csi"]["driver"] == SECRETS_STORE {
            facts.uses_secrets_store = true;
            // https://secrets-store-csi-driver.sigs.k8s.io/getting-started/usage#update-your-deployment-yaml
            let class = at(volume, "csi.volumeAttributes.secretProviderClass");
            facts.secret_classes.extend(class.into_iter().filter_map(text));
        }
        let maps = at(volume, "configMap.name").into_iter();
        let projected = at(volume, "projected.sources[].configMap.name");
        facts.config_maps.extend(maps.chain(projected).filter_map(text));
        for token in at(volume, "projected.sources[].serviceAccountToken") {
            let path = token["path"].as_str().unwrap_or_default();
            let mounts = containers.iter().flat_map(|found| items(&found["volumeMounts"]));
            let mount = mounts.into_iter().find(|mount| mount["name"] == volume["name"]);
            let mount = mount.and_then(|mount| mount["mountPath"].as_str());
            let file = mount.map(|mount| format!("{}/{path}", mount.trim_end_matches('/')));
            facts.tokens.push(ProjectedToken {
                audience: text(&token["audience"]).filter(|audience| !audience.is_empty()),
                file: file.map(|file| clean(&file).into()),
            });
        }
    }
}

fn container(found: &Value) -> Container {
    let mut variables = BTreeMap::new();
    for entry in items(&found["env"]) {
        let is_it = |variable: &Variable| entry["name"] == variable.name();
        if let Some(variable) = Variable::ALL.into_iter().find(is_it) {
            let is_public = Variable::INJECTED.contains(&variable);
            let value = is_public.then(|| entry.get("value")).flatten();
            // An empty text is what Kubernetes makes of no value at all.
            let value = match (value, entry.get("valueFrom")) {
                (None, None) if is_public => Some("".into()),
                (value, _) => value.and_then(text),
            };
            variables.insert(variable, value);
        }
    }
    let texts = items(&found["command"]).chain(items(&found["args"]));
    let mut texts = texts.chain(items(&found["env"]).map(|entry| &entry["value"]));
    Container {
        name: text(&found["name"]).unwrap_or_default(),
        variables,
        names_old_token_file: texts
            .any(|found| found.as_str().is_some_and(|text| text.contains(OLD_TOKEN_FILE))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{at, facts};
    use crate::model::workload_kind::{by_kind, pods};
    use crate::observed::pods::{OLD_TOKEN_FILE, Variable};

    #[test]
    fn a_path_goes_through_lists() {
        let value = json!({ "a": [{ "b": 1 }, { "b": 2 }, {}] });
        assert_eq!(at(&value, "a[].b"), [&json!(1), &json!(2)]);
        assert_eq!(at(&value, ""), [&value]);
        assert_eq!(at(&value, "a.c").len(), 0);
    }

    #[test]
    fn secrets_and_what_other_variables_say_are_not_kept() {
        let pod = json!({ "spec": { "containers": [{ "name": "main", "env": [
            { "name": "AZURE_CLIENT_SECRET", "value": "hush" },
            { "name": "AZURE_CLIENT_ID", "value": "id" },
            { "name": "AZURE_TENANT_ID", "valueFrom": { "secretKeyRef": {} } },
            { "name": "PASSWORD", "value": "hush" },
        ] }] } });
        let found = facts(&pod, &pods().templates[0]);
        assert!(!format!("{found:?}").contains("hush"));
        let variables = &found[0].containers[0].variables;
        assert_eq!(variables[&Variable::ClientSecret], None);
        assert_eq!(variables[&Variable::ClientId].as_deref(), Some("id"));
        assert_eq!(variables[&Variable::TenantId], None);
        assert_eq!(variables.len(), 3);
    }

    #[test]
    fn each_group_of_a_cluster_of_ray_is_a_template() {
        let cluster = json!({ "spec": {
            "headGroupSpec": { "template": { "spec": { "serviceAccountName": "flows" } } },
            "workerGroupSpecs": [{ "template": { "metadata": { "labels": {
                "azure.workload.identity/use": "true" } }, "spec": {} } }],
        } });
        let templates = by_kind("RayCluster").unwrap().templates;
        let found: Vec<_> = templates.iter().flat_map(|place| facts(&cluster, place)).collect();
        let told = found.iter().map(|pod| (&*pod.account, pod.label.as_deref()));
        assert_eq!(told.collect::<Vec<_>>(), [("flows", None), ("default", Some("true"))]);
    }

    #[test]
    fn the_old_path_is_found_in_arguments_and_the_token_at_its_mount() {
        let pod = json!({ "spec": {
            "containers": [{
                "name": "main", "args": [format!("--file={OLD_TOKEN_FILE}")],
                "env": [{ "name": "AZURE_FEDERATED_TOKEN_FILE", "value": "/x/t" }],
                "volumeMounts": [{ "name": "v", "mountPath": "/x/" }],
                "envFrom": [{ "configMapRef": { "name": "settings" } }],
            }],
            "volumes": [{ "name": "v", "projected": { "sources": [
                { "serviceAccountToken": { "path": "t", "audience": "a" } } ] } }],
        } });
        let found = &facts(&pod, &pods().templates[0])[0];
        assert!(found.containers[0].names_old_token_file);
        assert_eq!(found.token().unwrap().audience.as_deref(), Some("a"));
        assert!(found.config_maps.contains("settings"));
    }
}
