//! What strangers have besides: subscriptions that no profile here names, copies of the estate's objects, and objects
//! that their tools declare.

use fastrand::Rng;
use serde_json::{Value, json};
use widctl::desired::naming::{Trusted, credential_name, origin};
use widctl::model::arm_id::ArmId;
use widctl::model::kinds::marks::{ANNOTATION_CREATED, LABEL_MANAGED_BY};
use widctl::model::kinds::namespace::{NamespaceKey, Namespaces};
use widctl::model::kinds::rbac::{RoleBindingKey, RoleBindings, RoleKey, Roles};
use widctl::model::kinds::role_assignment;
use widctl::model::kinds::service_account::{
    ANNOTATION_CLIENT_ID, ServiceAccountKey, ServiceAccounts,
};
use widctl::model::text::{Estate, Subject};
use widctl::plan::contents::Refused;
use widctl::plan::scope::{Reason, ScopeRead};
use widctl::sandbox::{Effect, FaultRule, Faults, World};

use super::foreigners::{
    ELSEWHERE, Foreigners, Place, Work, clusters, credential, deletion, identity_path, object_path,
    see,
};
use super::scenario::SUBSCRIPTION;

/// A subscription that the caller sees and may not read.
const REFUSING: &str = "ffffffff-0000-4000-8000-000000000002";
/// The identity that an earlier profile had in a subscription which this one does not name.
const MOVED: &str = "id-moved";
/// The built-in role `Reader`.
const READER: &str = "acdd72a7-3385-48ef-bd42-f606fba81ae7";

const CLIENT_ID: [&str; 2] = ["annotations", ANNOTATION_CLIENT_ID];
const MANAGED_BY: [&str; 2] = ["labels", LABEL_MANAGED_BY];
/// An account that the profile wants and that a tool may have made first.
const INSTALLED: &str = "/serviceaccounts/team-0/sa-0";

/// A label or an annotation, by its map and key, and its value.
type Mark = ([&'static str; 2], &'static str);

/// Tools by the field manager that they write as, and the mark that they leave.
const TOOLS: [(&str, Option<Mark>); 8] = [
    ("helm", Some((MANAGED_BY, "Helm"))),
    ("argocd-controller", Some((["annotations", "argocd.argoproj.io/tracking-id"], "apps:x"))),
    ("helm-controller", Some((["labels", "helm.toolkit.fluxcd.io/name"], "x"))),
    ("kustomize-controller", Some((["labels", "kustomize.toolkit.fluxcd.io/name"], "x"))),
    ("Terraform", None),
    ("HashiCorp", None),
    ("pulumi-kubernetes", Some((MANAGED_BY, "pulumi"))),
    (
        "kubectl-client-side-apply",
        Some((["annotations", "kubectl.kubernetes.io/last-applied-configuration"], "{}")),
    ),
];

/// An object of the estate on a cluster.
pub(super) struct OurObject {
    pub(super) cluster: String,
    pub(super) path: String,
    value: Value,
}

/// The objects whose mark names them.
pub(super) fn ours(world: &World) -> Vec<OurObject> {
    let state = world.to_json();
    let mut ours = Vec::new();
    for (cluster, held) in state["clusters"].as_object().into_iter().flatten() {
        let named = held["arm_path"].as_str().unwrap();
        for (path, value) in held["objects"].as_object().into_iter().flatten() {
            if is_ours(named, path, value) {
                let (cluster, path, value) = (cluster.clone(), path.clone(), value.clone());
                ours.push(OurObject { cluster, path, value });
            }
        }
    }
    ours
}

fn is_ours(cluster: &str, path: &str, object: &Value) -> bool {
    let Some(mark) = object["metadata"]["annotations"][ANNOTATION_CREATED].as_str() else {
        return false;
    };
    let [_, plural, namespace, name] = parts(path);
    let origin = match plural {
        "namespaces" => {
            let key = NamespaceKey { cluster: "any".into(), namespace: name.into() };
            origin::<Namespaces>(cluster, &key, mark)
        }
        "roles" => origin::<Roles>(cluster, &RoleKey::new("any", namespace, name), mark),
        "rolebindings" => {
            origin::<RoleBindings>(cluster, &RoleBindingKey::new("any", namespace, name), mark)
        }
        _ => {
            let key = ServiceAccountKey::new("any", namespace, name);
            origin::<ServiceAccounts>(cluster, &key, mark)
        }
    };
    origin.is_some()
}

/// Whether a manager holds a field of an object.
fn holds(object: &Value, manager: &str, [map, key]: [&str; 2]) -> bool {
    let entries = object["metadata"]["managedFields"].as_array().into_iter().flatten();
    let mut own = entries.filter(|entry| entry["manager"] == manager);
    own.any(|entry| {
        let held = &entry["fieldsV1"]["f:metadata"][format!("f:{map}")];
        !held[format!("f:{key}")].is_null()
    })
}

/// `GROUP/PLURAL/NAMESPACE/NAME`.
fn parts(path: &str) -> [&str; 4] {
    path.split('/').collect::<Vec<_>>().try_into().unwrap()
}

impl Foreigners {
    /// Subscriptions of others: one that refuses to be read, and one with identities of others, of another estate, and
    /// of this estate by an earlier profile.
    pub(super) async fn settle_elsewhere(&mut self) {
        for (subscription, name, estate) in [
            (REFUSING, "id-hidden", "prod"),
            (ELSEWHERE, "id-rival", "rival"),
            (ELSEWHERE, MOVED, "prod"),
        ] {
            let identity = self.tagged(subscription, name, estate);
            let of_identity = [
                named_credential(&identity, estate),
                self.named_role(subscription, &identity, estate),
            ];
            let is_moved = name == MOVED;
            for work in of_identity {
                let done = work.carry_out(&self.world).await;
                assert!(done, "{work:?}");
                if !is_moved {
                    self.learn(&work, done);
                }
            }
            if !is_moved {
                let place = Place::Document(identity);
                let seen = see(&self.world, &place);
                self.theirs.insert(place, seen);
            }
        }
        for cluster in clusters(&self.world) {
            self.world.grow_namespace(&cluster, "elsewhere");
        }
    }

    /// An identity with the tags of an estate.
    fn tagged(&self, subscription: &str, name: &str, estate: &str) -> String {
        self.world.grow_identity(subscription, "rg-wi", name, "westeurope");
        let path = identity_path(name).replace(SUBSCRIPTION, subscription);
        let tags =
            json!({ "managed-by": "widctl", "widctl-estate": estate, "widctl-team": "team-7" });
        assert!(self.world.edit_resource(&path, |found| found["tags"] = tags));
        path
    }

    /// A role with the name and the description that an estate gives it.
    fn named_role(&self, subscription: &str, identity: &str, estate: &str) -> Work {
        let principal = self.world.resource(identity).unwrap()["properties"]["principalId"].clone();
        let scope = format!(
            "/subscriptions/{subscription}/resourcegroups/rg-wi/providers/microsoft.keyvault/vaults/kv"
        );
        let estate = Estate::from(estate);
        let name = role_assignment::name(&role_assignment::RoleAssignment {
            scope: ArmId::parse(&scope).unwrap(),
            role: READER.parse().unwrap(),
            principal: principal.as_str().unwrap().parse().unwrap(),
            condition: None,
            estate: estate.clone(),
        });
        let path = format!("{scope}/providers/microsoft.authorization/roleassignments/{name}");
        let definition = format!(
            "/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{READER}"
        );
        let body = json!({ "properties": {
            "roleDefinitionId": definition, "principalId": principal, "principalType": "ServicePrincipal",
            "description": role_assignment::description(&estate),
        } });
        Work { method: "PUT", body, manager: "", place: Some(Place::Document(path.clone())), path }
    }

    /// A tool makes an account that the profile wants, before widctl does.
    pub(super) async fn install(&mut self, rng: &mut Rng) {
        let (manager, value) =
            *rng.choice(&[("helm", "Helm"), ("pulumi-kubernetes", "pulumi")]).unwrap();
        for cluster in clusters(&self.world) {
            let annotations = json!({ ANNOTATION_CLIENT_ID: "of the chart" });
            let metadata = json!({
                "name": "sa-0", "namespace": "team-0", "annotations": annotations,
                "labels": { LABEL_MANAGED_BY: value },
            });
            let work = created(
                &cluster,
                INSTALLED,
                manager,
                json!({
                    "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata,
                }),
            );
            let done = work.carry_out(&self.world).await;
            assert!(done, "{work:?}");
            self.learn(&work, done);
        }
    }

    /// What takes the accounts away again that a tool made first.
    pub(super) fn uninstall(&self) -> Vec<Work> {
        let installed = |place: &Place| match place {
            Place::Object(cluster, path) if path == INSTALLED => {
                Some(deletion(object_path(cluster, path)))
            }
            Place::Document(_) | Place::Object(..) | Place::Field(..) => None,
        };
        self.theirs.keys().filter_map(installed).collect()
    }

    /// `kubectl get -o yaml | kubectl create` of an object of the estate, with or without its field managers.
    pub(super) fn copy(&self, rng: &mut Rng) -> Vec<Work> {
        let Some(OurObject { cluster, path, mut value }) = rng.choice(ours(&self.world)) else {
            return Vec::new();
        };
        let [group, plural, namespace, name] = parts(&path);
        let copied = format!("copy-{}", self.count);
        let to = *rng.choice(&["kube-system", "elsewhere", "team-0"]).unwrap();
        let (to, name) = match (namespace, to) {
            ("", _) => ("", copied.as_str()),
            (_, "team-0") => (to, copied.as_str()),
            _ => (to, name),
        };
        let metadata = value["metadata"].as_object_mut().unwrap();
        for own in ["uid", "resourceVersion", "creationTimestamp", "namespace"] {
            metadata.remove(own);
        }
        let managers = metadata.remove("managedFields");
        metadata.insert("name".into(), name.into());
        if to.is_empty() {
            metadata["labels"]["kubernetes.io/metadata.name"] = name.into();
        } else {
            metadata.insert("namespace".into(), to.into());
        }
        let path = format!("{group}/{plural}/{to}/{name}");
        let work = created(&cluster, &path, "kubectl-create", value);
        if rng.bool() {
            return vec![work];
        }
        let body = json!({ "metadata": { "managedFields": managers } });
        let path = object_path(&cluster, &path);
        vec![work.clone(), Work { method: "PATCH", path, body, ..work }]
    }

    /// A tool writes to an account of the estate: its mark, another value, or the same by apply.
    pub(super) fn declare(&self, rng: &mut Rng) -> Vec<Work> {
        let mut accounts = ours(&self.world);
        accounts.retain(|object| object.path.starts_with("/serviceaccounts/"));
        let Some(account) = rng.choice(accounts) else {
            return Vec::new();
        };
        let (manager, mark) = *rng.choice(&TOOLS).unwrap();
        let mark = mark.filter(|_| rng.bool());
        let mut works: Vec<Work> = mark
            .map(|(field, value)| update(&account, manager, field, value))
            .into_iter()
            .collect();
        works.push(if rng.bool() {
            let value = format!("of {manager} {}", self.count);
            update(&account, manager, CLIENT_ID, &value)
        } else {
            apply_the_same(&account, manager)
        });
        works
    }

    /// Whether a tool declares what a run was refused.
    pub(super) fn is_declared(&self, refusal: &Refused) -> bool {
        let parts: Vec<&str> = refusal.address.split('/').collect();
        let [cluster, "service-account", namespace, name] = parts[..] else {
            return false;
        };
        let cluster = format!("rg-aks-aks-{cluster}");
        let path = format!("/serviceaccounts/{namespace}/{name}");
        let Some(account) = self.world.object(&cluster, &path) else {
            return false;
        };
        match &*refusal.code {
            "WID-FIELD-HELD" => TOOLS.iter().any(|(manager, _)| {
                [CLIENT_ID, MANAGED_BY].into_iter().any(|field| holds(&account, manager, field))
            }),
            "WID-MANAGED-BY" => self.theirs.contains_key(&Place::Object(cluster, path)),
            _ => false,
        }
    }

    /// What tools declare of the estate's own fields may be taken from now on.
    pub(super) fn let_go(&mut self) {
        self.theirs.retain(|place, _| {
            !matches!(place, Place::Field(_, _, field) if [CLIENT_ID, MANAGED_BY].contains(field))
        });
    }
}

/// A credential with the name that an estate gives it.
fn named_credential(identity: &str, estate: &str) -> Work {
    let subject = Subject::from("system:serviceaccount:far:away");
    let trusted = Trusted::Account { cluster: "far", subject: &subject };
    let name = credential_name(&Estate::from(estate), trusted, "far");
    let path = format!("{identity}/federatedidentitycredentials/{name}");
    Work {
        method: "PUT",
        body: credential("https://far.example.com/", subject.as_str()),
        manager: "",
        place: Some(Place::Document(path.clone())),
        path,
    }
}

/// The creation of an object of theirs.
fn created(cluster: &str, path: &str, manager: &'static str, body: Value) -> Work {
    let api_path = object_path(cluster, path);
    let (list, _) = api_path.rsplit_once('/').unwrap();
    let place = Some(Place::Object(cluster.to_owned(), path.to_owned()));
    Work { method: "POST", path: list.to_owned(), body, manager, place }
}

/// A tool's write of one field, as an update.
fn update(
    account: &OurObject,
    manager: &'static str,
    field: [&'static str; 2],
    value: &str,
) -> Work {
    let [map, key] = field;
    let body = json!({ "metadata": { map: { key: value } } });
    field_of(account, manager, field, body)
}

/// A tool's apply of the client id that the account has, bound to this very account.
fn apply_the_same(account: &OurObject, manager: &'static str) -> Work {
    let [_, _, namespace, name] = parts(&account.path);
    let found = &account.value["metadata"];
    let annotations = json!({ ANNOTATION_CLIENT_ID: found["annotations"][ANNOTATION_CLIENT_ID] });
    let body = json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {
            "name": name, "namespace": namespace, "uid": found["uid"], "annotations": annotations,
        },
    });
    field_of(account, manager, CLIENT_ID, body)
}

fn field_of(
    account: &OurObject,
    manager: &'static str,
    field: [&'static str; 2],
    body: Value,
) -> Work {
    let OurObject { cluster, path, .. } = account;
    let place = Some(Place::Field(cluster.clone(), path.clone(), field));
    Work { method: "PATCH", path: object_path(cluster, path), body, manager, place }
}

/// No faults but the refusal of one subscription.
pub(super) fn refusing() -> Faults {
    let rule = FaultRule {
        api: None,
        method: None,
        path: Some(format!("/subscriptions/{REFUSING}/*")),
        skip: 0,
        every: None,
        times: None,
        effect: Effect::Forbidden,
    };
    Faults { rules: vec![rule], ..Faults::default() }
}

/// The plan of a run without interference says which subscription was not read, and read the others.
pub(super) fn assert_said(scope: &ScopeRead) {
    let unread = scope.subscriptions.not_read.iter();
    let unread: Vec<_> = unread.map(|unread| (&*unread.name, unread.reason)).collect();
    assert_eq!(unread, [(REFUSING, Reason::Refused)]);
    assert_eq!(scope.subscriptions.read, [SUBSCRIPTION, ELSEWHERE]);
    assert_eq!(scope.unlisted, None);
}

/// Whether what an earlier profile left in another subscription is kept, and of it the identity alone once leftovers
/// were pruned; nothing else is left then.
pub(super) fn is_kept(kept: &[String], pruned: bool) -> bool {
    let has = |text: &str| kept.iter().any(|address| address.starts_with(text));
    let credential = has(&format!("azure/federated-credential/{MOVED}/"));
    let role = has(&format!("azure/role-assignment/{MOVED}/"));
    let identity = has(&format!("azure/identity/{MOVED}"));
    identity && if pruned { kept.len() == 1 } else { credential && role }
}
