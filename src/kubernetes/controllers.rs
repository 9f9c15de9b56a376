//! What controllers are given identities in, read within bounds and reduced to whose they are.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use kube::api::ListParams;
use serde_json::Value;

use super::client::ClusterClient;
use super::error::clean;
use super::list::List;
use super::pod_facts::{at, facts};
use super::texts::Texts;
use super::workloads::{PAGE, asked, path};
use crate::model::controller_kind::{Caller, ControllerKind};
use crate::model::kinds::service_account::ServiceAccountKey;
use crate::model::text::{ClusterName, Namespace, ObjectName};
use crate::model::workload_kind::by_kind;
use crate::observed::controllers::{ControllerKey, ControllerObject};
use crate::ports::error::PortError;
use crate::ports::workload::ControllerRead;

#[async_trait]
impl ControllerRead for ClusterClient {
    async fn controller_objects(
        &self,
        kind: &'static ControllerKind,
        namespace: Option<&Namespace>,
    ) -> Result<Vec<ControllerObject>, PortError> {
        let ControllerKind { group, version, plural, .. } = kind;
        let namespace = namespace.map(Namespace::as_str);
        let (operation, path) = match namespace {
            Some(namespace) => (
                format!("list the {plural} in namespace `{namespace}`"),
                format!("/apis/{group}/{version}/namespaces/{namespace}/{plural}"),
            ),
            None => (format!("list the {plural}"), format!("/apis/{group}/{version}/{plural}")),
        };
        let asked = asked(operation, "list", (group, plural), namespace);
        let options = ListParams::default().limit(PAGE);
        let list = List { asked: &asked, path, options, most_pages: None };
        let requests = self.requests();
        let cluster = &requests.place.cluster;
        let take = |object: &Value, _: &mut Texts| Ok(object_of(kind, cluster, object));
        let (found, _) = requests.listed(&list, take).await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn deployed_as(
        &self,
        deployment: &str,
    ) -> Result<BTreeSet<ServiceAccountKey>, PortError> {
        let kind = by_kind("Deployment").expect("the table has it");
        let operation = format!("list the deployments that are called `{deployment}`");
        let asked = asked(operation, "list", (kind.group, kind.plural), None);
        let options =
            ListParams::default().limit(PAGE).fields(&format!("metadata.name={deployment}"));
        let list = List { asked: &asked, path: path(kind, None, None), options, most_pages: None };
        let requests = self.requests();
        let take = |object: &Value, _: &mut Texts| {
            let namespace = text(&object["metadata"]["namespace"]).map(Namespace::new);
            let namespace = namespace.unwrap_or_else(|| "".into());
            let pods = kind.templates.iter().flat_map(|template| facts(object, template));
            let accounts = pods.map(|pod| {
                let (namespace, name) = (namespace.clone(), ObjectName::new(pod.account));
                ServiceAccountKey::new(requests.place.cluster.clone(), namespace, name)
            });
            Ok(accounts.collect::<Vec<_>>())
        };
        let (found, _) = requests.listed(&list, take).await?;
        Ok(found.into_iter().flatten().collect())
    }
}

/// A text that says something.
fn text(value: &Value) -> Option<Arc<str>> {
    let text = clean(value.as_str()?);
    Some(text.trim().into()).filter(|text: &Arc<str>| !text.is_empty())
}

/// What an object says of an identity; nothing where it says nothing.
fn object_of(
    kind: &'static ControllerKind,
    cluster: &ClusterName,
    object: &Value,
) -> Option<ControllerObject> {
    let first = |path: &str| at(object, path).into_iter().next();
    let is_used = kind.uses.is_none_or(|(path, value)| first(path).is_some_and(|is| is == value));
    if !is_used || kind.unless.iter().any(|path| first(path).is_some_and(is_true)) {
        return None;
    }
    let mut found = ControllerObject {
        key: ControllerKey {
            cluster: cluster.clone(),
            kind,
            namespace: text(&object["metadata"]["namespace"]).map(Namespace::new),
            name: text(&object["metadata"]["name"])?,
        },
        client_ids: BTreeSet::new(),
        is_elsewhere: false,
        account: None,
    };
    match &kind.caller {
        Caller::Named { account, elsewhere } => {
            let named = first(account)?;
            let namespace = text(&named["namespace"]).map(Namespace::new);
            found.account = Some((namespace, text(&named["name"])?));
            found.is_elsewhere = first(elsewhere).is_some();
        }
        Caller::Pods | Caller::Own(_) => {
            found.client_ids = at(object, kind.client_ids).into_iter().filter_map(text).collect();
            if found.client_ids.is_empty() {
                return None;
            }
        }
    }
    Some(found)
}

/// Whether a parameter is one that Go takes for true.
/// <https://pkg.go.dev/strconv#ParseBool>
fn is_true(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default().trim();
    matches!(text, "1" | "t" | "T" | "true" | "TRUE" | "True")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::object_of;
    use crate::model::controller_kind::KINDS;
    use crate::observed::controllers::ControllerObject;

    fn of(kind: &str, spec: &Value) -> Option<ControllerObject> {
        let kind = KINDS.iter().find(|known| known.kind == kind).unwrap();
        let metadata = json!({ "name": "x", "namespace": "team-1" });
        object_of(kind, &"k".into(), &json!({ "metadata": metadata, "spec": spec }))
    }

    fn ids(kind: &str, spec: &Value) -> Vec<String> {
        let found = of(kind, spec).into_iter().flat_map(|found| found.client_ids);
        found.map(|id| id.to_string()).collect()
    }

    #[test]
    fn a_client_id_counts_where_workload_identity_is_used() {
        for (kind, used, other) in [
            (
                "TriggerAuthentication",
                json!({ "podIdentity": { "provider": "azure-workload", "identityId": "a" } }),
                json!({ "podIdentity": { "provider": "azure", "identityId": "a" } }),
            ),
            (
                "SecretProviderClass",
                json!({ "provider": "azure", "parameters": { "clientID": " a ", "usePodIdentity": "false" } }),
                json!({ "provider": "azure", "parameters": { "clientID": "a", "useVMManagedIdentity": "True" } }),
            ),
            (
                "SecretProviderClass",
                json!({ "provider": "azure", "parameters": { "clientID": "a" } }),
                json!({ "provider": "vault", "parameters": { "clientID": "a" } }),
            ),
            (
                "ClusterIssuer",
                json!({ "acme": { "solvers": [
                    { "http01": {} },
                    { "dns01": { "azureDNS": { "managedIdentity": { "clientID": "a" } } } },
                ] } }),
                json!({ "acme": { "solvers": [{ "dns01": { "azureDNS": { "clientID": "a" } } }] } }),
            ),
        ] {
            assert_eq!(ids(kind, &used), ["a"], "{used}");
            assert_eq!(of(kind, &other), None, "{other}");
        }
    }

    #[test]
    fn a_store_names_an_account_and_may_have_its_client_id_elsewhere() {
        let store = |more: &Value| {
            let mut azure = json!({ "authType": "WorkloadIdentity", "identityId": "a" });
            azure.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            of("SecretStore", &json!({ "provider": { "azurekv": azure } }))
        };
        let named = json!({ "serviceAccountRef": { "name": "flows" } });
        let found = store(&named).unwrap();
        assert_eq!(found.account, Some((None, "flows".into())));
        assert!(found.client_ids.is_empty() && !found.is_elsewhere);
        let mut elsewhere = named;
        elsewhere["authSecretRef"] = json!({ "clientId": { "name": "s", "key": "k" } });
        assert!(store(&elsewhere).unwrap().is_elsewhere);
        // The controller's own account, with what is in its own environment.
        assert_eq!(store(&json!({})), None);
    }
}
