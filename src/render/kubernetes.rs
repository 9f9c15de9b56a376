//! `kubernetes`, `kustomize` and `flux`: the accounts that Argo CD or Flux own, and their namespaces, without a mark of
//! widctl. Workloads of these modes have no Role: the profile's checks refuse it (`WID-MODE`).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::status::{PRINTED_BY, client_ids};
use super::{Document, Given, Target, Unrendered, yaml};
use crate::model::guid::ClientId;
use crate::model::kinds::identity::IdentityKey;
use crate::model::kinds::service_account::{ANNOTATION_CLIENT_ID, ANNOTATION_TENANT_ID};
use crate::model::text::{ClusterName, Namespace, TeamName};
use crate::profile::resolved::{Mode, Profile, Team, Workload};

/// Client ids in the accounts.
pub(super) const KUBERNETES: Target = Target {
    name: "kubernetes",
    title: "namespaces and service accounts that Argo CD or Flux own, client ids in them",
    render: |given| render(given, Ids::Inline),
};
/// Client ids in one file.
pub(super) const KUSTOMIZE: Target = Target {
    name: "kustomize",
    title: "the same for kustomize, client ids in one file beside them",
    render: |given| render(given, Ids::Kustomize),
};
/// Client ids on the cluster.
pub(super) const FLUX: Target = Target {
    name: "flux",
    title: "the same for Flux, which takes client ids from a ConfigMap on the cluster",
    render: |given| render(given, Ids::Flux),
};

/// The `ConfigMap` of client ids.
const CONFIG_MAP: &str = "widctl-identities";
/// What keeps kustomize from printing an object that others are made with.
/// <https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/resource/>
const LOCAL: &str = "config.kubernetes.io/local-config";

/// Where the client ids are of accounts that widctl does not annotate.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ids {
    /// In the accounts.
    Inline,
    /// In a `ConfigMap` from which kustomize copies them.
    /// <https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/replacements/>
    Kustomize,
    /// In a `ConfigMap` on the cluster whose entries Flux substitutes.
    /// <https://fluxcd.io/flux/components/kustomize/kustomizations/#post-build-variable-substitution>
    Flux,
}

/// What is rendered for one cluster.
struct Folder<'a> {
    profile: &'a Profile,
    cluster: &'a ClusterName,
    ids: Ids,
    /// The client ids that are known; none where nobody gave any.
    known: Option<&'a BTreeMap<IdentityKey, ClientId>>,
    /// Whose file makes a namespace; nobody's where widctl makes it.
    namespaces: BTreeMap<&'a Namespace, Option<&'a TeamName>>,
}

fn render(given: &Given<'_>, ids: Ids) -> Result<Vec<Document>, Unrendered> {
    let profile = given.profile;
    let teams = given.teams()?;
    refuse_managed(&teams)?;
    let known = given.status.map(|text| client_ids(text, &profile.estate)).transpose()?;
    let mut documents = Vec::new();
    for cluster in given.chosen(profile.clusters.keys()) {
        let namespaces = namespaces(profile, cluster);
        let folder = Folder { profile, cluster, ids, known: known.as_ref(), namespaces };
        documents.extend(folder.documents(&teams)?);
    }
    if documents.is_empty() {
        return Err(Unrendered::usage(
            given.nobody_has("workload"),
            "add a `[[team.workload]]` with `mode = \"annotate\"`",
        ));
    }
    Ok(documents)
}

/// Two owners of one account would undo each other's work.
fn refuse_managed(teams: &[&Team]) -> Result<(), Unrendered> {
    let workloads = teams.iter().flat_map(|team| &team.workloads);
    let managed = workloads.filter(|workload| workload.mode == Mode::Manage);
    let names: Vec<String> = managed
        .map(|workload| format!("`{}/{}`", workload.namespace, workload.service_account))
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    let (noun, makes) = match names.len() {
        1 => ("workload", "is of mode `manage`: widctl makes its account"),
        _ => ("workloads", "are of mode `manage`: widctl makes their accounts"),
    };
    Err(Unrendered::usage(
        format!("{noun} {} {makes} itself", names.join(", ")),
        "set `mode = \"annotate\"` or `mode = \"trust-only\"` on what Argo CD or Flux is to own, or choose another team with `--team NAME`",
    ))
}

/// The namespaces of a cluster that the profile wants made. Two files with one object do not build.
fn namespaces<'a>(
    profile: &'a Profile,
    cluster: &ClusterName,
) -> BTreeMap<&'a Namespace, Option<&'a TeamName>> {
    let mut found: BTreeMap<&Namespace, Option<&TeamName>> = BTreeMap::new();
    for team in profile.teams.iter().filter(|team| team.create_namespace) {
        for workload in on(cluster, team) {
            let maker = found.entry(&workload.namespace).or_insert(Some(&team.name));
            if workload.mode == Mode::Manage {
                *maker = None;
            }
        }
    }
    found
}

/// The workloads of a team on a cluster.
fn on<'a>(cluster: &ClusterName, team: &'a Team) -> impl Iterator<Item = &'a Workload> {
    team.workloads.iter().filter(move |workload| workload.clusters.contains(cluster))
}

/// What Flux calls a client id: letters, digits and `_`, the first no digit.
fn variable(identity: &IdentityKey) -> String {
    let name = identity.name().replace('-', "_");
    let first = if name.starts_with(|first: char| first.is_ascii_digit()) { "_" } else { "" };
    format!("{first}{name}_client_id")
}

impl<'a> Folder<'a> {
    fn documents(&self, teams: &[&'a Team]) -> Result<Vec<Document>, Unrendered> {
        let mut named: BTreeMap<IdentityKey, Vec<&Workload>> = BTreeMap::new();
        let workloads = teams.iter().flat_map(|team| on(self.cluster, team));
        for workload in workloads.filter(|workload| workload.mode == Mode::TrustOnly) {
            named.entry(self.identity(workload)).or_default().push(workload);
        }
        self.check(&named)?;
        let documents = teams.iter().filter_map(|team| self.team(team));
        let mut documents: Vec<Document> = documents.collect();
        let config_map = self.config_map(&named);
        if self.ids == Ids::Kustomize && !documents.is_empty() {
            documents.extend(config_map);
            documents.push(self.kustomization(&documents, &named));
        } else {
            documents.extend(config_map);
        }
        Ok(documents)
    }

    /// The identity of an account.
    fn identity(&self, workload: &Workload) -> IdentityKey {
        let mut identities = self.profile.teams.iter().flat_map(|team| &team.identities);
        let identity = identities.find(|identity| identity.name == workload.identity);
        identity.expect("the profile's checks know every identity").key_on(self.cluster)
    }

    /// Whether every client id that is to be written is known, and no two are one variable.
    fn check(&self, named: &BTreeMap<IdentityKey, Vec<&Workload>>) -> Result<(), Unrendered> {
        let mut variables = BTreeMap::new();
        for identity in named.keys() {
            let variable = variable(identity);
            let other = variables.insert(variable.clone(), identity);
            if let Some(other) = other.filter(|_| self.ids == Ids::Flux) {
                let (one, other) = (other.name(), identity.name());
                return Err(Unrendered::usage(
                    format!("identities `{one}` and `{other}` are both `${{{variable}}}` for Flux"),
                    "rename one of them, or render another target",
                ));
            }
        }
        let Some(known) = self.known else {
            if named.is_empty() || self.ids == Ids::Flux {
                return Ok(());
            }
            return Err(Unrendered::usage(
                "accounts of mode `trust-only` name client ids, which Azure alone knows".to_owned(),
                format!("write them with `{PRINTED_BY} > FILE`, and give `--status FILE`"),
            ));
        };
        let unknown = named.keys().filter(|identity| !known.contains_key(identity));
        let unknown: Vec<String> = unknown.map(|key| format!("`{}`", key.name())).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        Err(Unrendered {
            what: format!("the status file has no client id of {}", unknown.join(", ")),
            hint: format!("make the identity with `widctl sync`, then run `{PRINTED_BY}` again"),
            is_usage: false,
        })
    }

    /// The objects of a team.
    fn team(&self, team: &Team) -> Option<Document> {
        let made = self.namespaces.iter().filter(|(_, maker)| **maker == Some(&team.name));
        let namespaces = made.map(|(name, _)| {
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name.as_str() } })
        });
        let accounts = on(self.cluster, team).map(|workload| self.account(workload));
        let objects: Vec<Value> = namespaces.chain(accounts).collect();
        if objects.is_empty() {
            return None;
        }
        let mut next = Vec::new();
        if self.ids == Ids::Inline {
            let diff = "to compare: kubectl --context CONTEXT diff --server-side -f FILE";
            next.push(format!("{diff}, on cluster {}", self.cluster));
        }
        let annotated = on(self.cluster, team).filter(|workload| workload.mode == Mode::Annotate);
        let annotated: Vec<&str> =
            annotated.map(|workload| workload.service_account.as_str()).collect();
        if !annotated.is_empty() {
            next.push(format!(
                "once it is applied, `widctl sync` annotates {}",
                annotated.join(", ")
            ));
        }
        let name = format!("{}/team-{}.yaml", self.cluster, team.name);
        Some(Document { name, text: yaml::file(&objects), next })
    }

    /// An account as its owner in Git writes it: where widctl annotates it, without what widctl writes.
    fn account(&self, workload: &Workload) -> Value {
        let mut annotations = Map::new();
        if workload.mode == Mode::TrustOnly {
            let identity = self.identity(workload);
            let client_id = match self.ids {
                Ids::Inline => self.client_id(&identity),
                Ids::Kustomize => None,
                Ids::Flux => Some(format!("${{{}}}", variable(&identity))),
            };
            let tenant = self.profile.tenant.map(|tenant| tenant.to_string());
            for (name, value) in [(ANNOTATION_CLIENT_ID, client_id), (ANNOTATION_TENANT_ID, tenant)]
            {
                annotations.extend(value.map(|value| (name.to_owned(), value.into())));
            }
        }
        let mut metadata = json!({
            "name": workload.service_account.as_str(),
            "namespace": workload.namespace.as_str(),
        });
        if !annotations.is_empty() {
            metadata["annotations"] = annotations.into();
        }
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata })
    }

    fn client_id(&self, identity: &IdentityKey) -> Option<String> {
        self.known?.get(identity).map(ToString::to_string)
    }

    /// What a client id is called in the `ConfigMap`.
    fn entry(&self, identity: &IdentityKey) -> String {
        match self.ids {
            Ids::Inline | Ids::Kustomize => format!("{}.client-id", identity.name()),
            Ids::Flux => variable(identity),
        }
    }

    /// The client ids in one object. That of Flux is beside the folder, which Flux would need it to read.
    fn config_map(&self, named: &BTreeMap<IdentityKey, Vec<&Workload>>) -> Option<Document> {
        let ids = named.keys().filter_map(|key| Some((self.entry(key), self.client_id(key)?)));
        let ids: Map<String, Value> = ids.map(|(name, id)| (name, id.into())).collect();
        if ids.is_empty() {
            return None;
        }
        let mut metadata = json!({ "name": CONFIG_MAP });
        let apply = "kubectl --context CONTEXT --namespace flux-system apply --server-side -f FILE";
        let (name, next) = match self.ids {
            Ids::Inline => return None,
            Ids::Kustomize => {
                metadata["annotations"] = json!({ LOCAL: "true" });
                (format!("{}/{CONFIG_MAP}.yaml", self.cluster), vec![])
            }
            Ids::Flux => (
                format!("{CONFIG_MAP}.{}.yaml", self.cluster),
                vec![format!("{apply}, on cluster {}", self.cluster)],
            ),
        };
        let object =
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": ids });
        Some(Document { name, text: yaml::file([&object]), next })
    }

    /// What kustomize builds: the other files, and the client ids in their accounts.
    fn kustomization(
        &self,
        documents: &[Document],
        named: &BTreeMap<IdentityKey, Vec<&Workload>>,
    ) -> Document {
        let files = documents.iter().filter_map(|document| document.name.split_once('/'));
        let files: Vec<&str> = files.map(|(_, file)| file).collect();
        let mut object = json!({
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": files,
        });
        let replacements = named.iter().map(|(identity, workloads)| {
            let targets = workloads.iter().map(|workload| {
                json!({
                    "select": {
                        "kind": "ServiceAccount",
                        "name": workload.service_account.as_str(),
                        "namespace": workload.namespace.as_str(),
                    },
                    "fieldPaths": [format!("metadata.annotations.[{ANNOTATION_CLIENT_ID}]")],
                    "options": { "create": true },
                })
            });
            json!({
                "source": {
                    "kind": "ConfigMap",
                    "name": CONFIG_MAP,
                    "fieldPath": format!("data.[{}]", self.entry(identity)),
                },
                "targets": targets.collect::<Value>(),
            })
        });
        let replacements: Vec<Value> = replacements.collect();
        if !replacements.is_empty() {
            object["replacements"] = replacements.into();
        }
        Document {
            name: format!("{}/kustomization.yaml", self.cluster),
            text: yaml::file([&object]),
            next: vec!["to see what it builds: kubectl kustomize \"$(dirname FILE)\"".to_owned()],
        }
    }
}
