//! An estate on the sandbox that was synced and can be damaged behind widctl's back.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::cli::support::{Ran, Stage};

/// Where the sandbox keeps its state.
const STATE: &str = ".widctl/sandbox.json";

/// Two teams on one cluster, each with an identity, a role and the accounts `flows` and `worker`.
pub(super) struct Estate(pub(super) Stage);

/// The sandbox's state between two runs.
pub(super) struct State(Value);

impl Estate {
    /// A fresh sync.
    pub(super) fn synced() -> Self {
        let estate = Self::new();
        estate.0.expect(0, "sync teams.toml --sandbox --auto-approve");
        estate
    }

    /// The profile alone.
    pub(super) fn new() -> Self {
        Self::of(&["team-1", "team-2"])
    }

    /// The profile of these teams alone.
    pub(super) fn of(teams: &[&str]) -> Self {
        let stage = Stage::new();
        stage.write("teams.toml", profile_of(teams));
        Self(stage)
    }

    /// Changes what the sandbox holds.
    pub(super) fn damage(&self, damage: impl FnOnce(&mut State)) {
        let mut state = State(self.0.json(STATE));
        damage(&mut state);
        self.0.write(STATE, state.0.to_string());
    }

    /// Verifies and expects an exit code.
    pub(super) fn verify(&self, code: i32, more: &str) -> Report {
        let line = format!("verify teams.toml --sandbox --format json {more}");
        Report(self.0.expect(code, &line).json())
    }

    /// Runs a printed command. A sync asks before it writes, and nobody is here to answer.
    pub(super) fn run(&self, command: &[String]) -> Ran {
        assert_eq!(command[0], "widctl");
        self.0.expect(0, &format!("{} --auto-approve", command[1..].join(" ")))
    }
}

const ROOT: &str = r#"version = 1
estate = "verify"

[azure]
subscription = "00000000-0000-4000-8000-000000000001"
resource_group = "rg-wi"
location = "westeurope"

[clusters.k]
resource_group = "rg-aks"
name = "aks-k"

"#;

/// The profile of these teams.
pub(super) fn profile_of(teams: &[&str]) -> String {
    let teams: String = teams.iter().map(|name| team(name)).collect();
    format!("{ROOT}{teams}")
}

fn team(name: &str) -> String {
    format!(
        r#"[[team]]
name = "{name}"
owner = "a@example.com"
namespace = "{name}"
clusters = ["k"]
create_namespace = true

[[team.identity]]
name = "id-{name}"
roles = [{{ role = "Reader", scope = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-data/providers/Microsoft.Storage/storageAccounts/{name}" }}]

[[team.workload]]
service_account = "flows"

[[team.workload]]
service_account = "worker"
preset = "prefect-worker"

"#
    )
}

impl State {
    /// The annotations of an account of team-1.
    pub(super) fn annotations(&mut self, account: &str) -> &mut serde_json::Map<String, Value> {
        let path = format!("/serviceaccounts/team-1/{account}");
        let account = &mut self.objects()[&path];
        account["metadata"]["annotations"].as_object_mut().unwrap()
    }

    /// The properties of the credential for an account of team-1.
    pub(super) fn credential(&mut self, account: &str) -> &mut Value {
        self.properties(&format!("-k-team-1-{account}"))
    }

    /// The properties of the one credential whose name ends so.
    pub(super) fn properties(&mut self, end: &str) -> &mut Value {
        let resources = self.0["resources"].as_object_mut().unwrap();
        let (_, found) = resources.iter_mut().find(|(path, _)| path.ends_with(end)).unwrap();
        &mut found["properties"]
    }

    /// The name of the one credential whose name ends so.
    pub(super) fn credential_path(&self, end: &str) -> String {
        let mut resources = self.0["resources"].as_object().unwrap().values();
        let names =
            resources.find_map(|found| found["name"].as_str().filter(|name| name.ends_with(end)));
        names.unwrap().to_owned()
    }

    /// The name of the credential for an account of team-1.
    pub(super) fn credential_name(&self, account: &str) -> String {
        let tail = format!("-k-team-1-{account}");
        let resources = self.0["resources"].as_object().unwrap();
        let (_, found) = resources.iter().find(|(path, _)| path.ends_with(&tail)).unwrap();
        found["name"].as_str().unwrap().to_owned()
    }

    /// Gives the credential for an account of team-1 another name.
    pub(super) fn rename_credential(&mut self, account: &str, name: &str) {
        let old = self.credential_name(account);
        let resources = self.0["resources"].as_object_mut().unwrap();
        let path = resources.keys().find(|path| path.ends_with(&old)).unwrap().clone();
        let mut found = resources.remove(&path).unwrap();
        found["name"] = name.into();
        found["id"] = found["id"].as_str().unwrap().replace(&old, name).into();
        resources.insert(path.replace(&old, &name.to_lowercase()), found);
    }

    /// Takes the last slash off the cluster's issuer as ARM shows it.
    pub(super) fn cut_slash_in_arm(&mut self) {
        let resources = self.0["resources"].as_object_mut().unwrap();
        let (_, found) = resources
            .iter_mut()
            .find(|(path, _)| path.ends_with("/managedclusters/aks-k"))
            .unwrap();
        let issuer = &mut found["properties"]["oidcIssuerProfile"]["issuerURL"];
        *issuer = issuer.as_str().unwrap().trim_end_matches('/').into();
    }

    /// Deletes the one resource whose path contains all of this.
    pub(super) fn delete_resource(&mut self, parts: &[&str]) {
        let resources = self.0["resources"].as_object_mut().unwrap();
        let is_it = |path: &&String| parts.iter().all(|part| path.contains(part));
        let found: Vec<String> = resources.keys().filter(is_it).cloned().collect();
        let [path] = found.as_slice() else { panic!("{found:?}") };
        resources.remove(path);
    }

    /// Deletes the one object whose path ends so.
    pub(super) fn delete_object(&mut self, end: &str) {
        let objects = self.objects().as_object_mut().unwrap();
        let found: Vec<String> =
            objects.keys().filter(|path| path.ends_with(end)).cloned().collect();
        let [path] = found.as_slice() else { panic!("{found:?}") };
        objects.remove(path);
    }

    /// Somebody makes an account like another one of the namespace `web`, without its marks and annotations.
    pub(super) fn copy_account(&mut self, cluster: &str, from: &str, to: &str) {
        let objects = &mut self.0["clusters"][cluster]["objects"];
        let mut account = objects[&format!("/serviceaccounts/web/{from}")].clone();
        let metadata = account["metadata"].as_object_mut().unwrap();
        for own in ["annotations", "labels", "managedFields"] {
            metadata.remove(own);
        }
        metadata["name"] = to.into();
        metadata["uid"] = "11111111-1111-4111-8111-111111111111".into();
        objects[&format!("/serviceaccounts/web/{to}")] = account;
    }

    /// The client id of a team's identity.
    pub(super) fn client_id(&self, team: &str) -> Value {
        let end = format!("/userassignedidentities/id-{team}");
        let mut resources = self.0["resources"].as_object().unwrap().iter();
        let (_, found) = resources.find(|(path, _)| path.ends_with(&end)).unwrap();
        found["properties"]["clientId"].clone()
    }

    /// The one object whose path ends so.
    pub(super) fn object(&mut self, end: &str) -> &mut Value {
        let objects = self.objects().as_object_mut().unwrap();
        let mut found = objects.iter_mut().filter(|(path, _)| path.ends_with(end));
        found.next().unwrap().1
    }

    /// Somebody makes an object of a kind, as `apps/deployments`, in the namespace of team-1.
    pub(super) fn put(&mut self, kind: &str, name: &str, spec: Value) -> &mut Value {
        let (group, plural) = kind.split_once('/').unwrap();
        let kind = match plural {
            "pods" => "Pod",
            "serviceaccounts" => "ServiceAccount",
            "configmaps" => "ConfigMap",
            "deployments" => "Deployment",
            "statefulsets" => "StatefulSet",
            "daemonsets" => "DaemonSet",
            "jobs" => "Job",
            "cronjobs" => "CronJob",
            other => panic!("{other}"),
        };
        let version = if group.is_empty() { "v1".to_owned() } else { format!("{group}/v1") };
        let uid = uuid::Uuid::new_v4().to_string();
        let mut object = serde_json::json!({
            "apiVersion": version,
            "kind": kind,
            "metadata": {
                "name": name, "namespace": "team-1", "uid": uid, "resourceVersion": "1",
                "creationTimestamp": "2026-01-01T00:00:00Z",
            },
        });
        if !spec.is_null() {
            object["spec"] = spec;
        }
        let path = format!("{group}/{plural}/team-1/{name}");
        let objects = self.objects();
        objects[&path] = object;
        &mut objects[&path]
    }

    /// Somebody makes this object at this path of the cluster.
    pub(super) fn insert(&mut self, path: &str, object: Value) {
        self.objects()[path] = object;
    }

    /// Somebody puts a credential for this subject of this issuer on a team's identity.
    pub(super) fn add_credential(&mut self, team: &str, name: &str, issuer: &str, subject: &str) {
        let path = format!("{}/federatedidentitycredentials/{name}", self.identity(team));
        let properties = json!({
            "issuer": issuer, "subject": subject, "audiences": ["api://AzureADTokenExchange"],
        });
        self.0["resources"][&path] = json!({ "id": path, "name": name, "properties": properties });
    }

    /// Somebody opens a team's identity to the cluster.
    pub(super) fn add_identity_binding(&mut self, team: &str, name: &str) {
        let identity = json!({ "resourceId": self.identity(team) });
        let resources = self.0["resources"].as_object_mut().unwrap();
        let cluster = resources.keys().find(|path| path.ends_with("/managedclusters/aks-k"));
        let path = format!("{}/identitybindings/{name}", cluster.unwrap());
        let binding =
            json!({ "id": path, "name": name, "properties": { "managedIdentity": identity } });
        resources.insert(path, binding);
    }

    /// Somebody makes a `ClusterRole` with this rule, and gives it to these subjects everywhere.
    pub(super) fn give_everywhere(&mut self, name: &str, allows: &Value, subjects: &Value) {
        let metadata = json!({ "name": name });
        let reference = json!({ "kind": "ClusterRole", "name": name });
        let group = "rbac.authorization.k8s.io";
        let role = json!({ "metadata": metadata, "rules": [allows] });
        let binding = json!({ "metadata": metadata, "roleRef": reference, "subjects": subjects });
        self.objects()[&format!("{group}/clusterroles//{name}")] = role;
        self.objects()[&format!("{group}/clusterrolebindings//{name}")] = binding;
    }

    /// Takes the estate's tags off a team's identity.
    pub(super) fn forget_tags(&mut self, team: &str) {
        let path = self.identity(team);
        self.0["resources"][&path]["tags"] = json!({});
    }

    /// The issuer of the cluster.
    pub(super) fn issuer(&self) -> String {
        self.0["clusters"]["rg-aks-aks-k"]["issuer"].as_str().unwrap().to_owned()
    }

    /// The path of a team's identity.
    fn identity(&self, team: &str) -> String {
        let end = format!("/userassignedidentities/id-{team}");
        let mut paths = self.0["resources"].as_object().unwrap().keys();
        paths.find(|path| path.ends_with(&end)).unwrap().clone()
    }

    pub(super) fn objects(&mut self) -> &mut Value {
        &mut self.0["clusters"]["rg-aks-aks-k"]["objects"]
    }
}

/// What a run found.
pub(super) struct Report(pub(super) Value);

impl Report {
    /// The checks of this status: address and code.
    pub(super) fn with(&self, status: &str) -> BTreeSet<(String, String)> {
        let mut found = BTreeSet::new();
        for (subject, check) in self.checks() {
            if check["status"] == status {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                found.insert((text(&subject["address"]), text(&check["code"])));
            }
        }
        found
    }

    /// One check.
    pub(super) fn check(&self, address: &str, code: &str) -> &Value {
        let mut checks = self.checks();
        let is_it = |(subject, check): &(&Value, &Value)| {
            subject["address"] == address && check["code"] == code
        };
        checks.find(is_it).unwrap().1
    }

    /// The command that one check prints.
    pub(super) fn fix(&self, address: &str, code: &str) -> Vec<String> {
        let fix = self.check(address, code)["fix"].as_array().unwrap();
        fix.iter().map(|argument| argument.as_str().unwrap().to_owned()).collect()
    }

    /// What one address is about.
    pub(super) fn subject(&self, address: &str) -> &Value {
        let mut subjects = self.0["subjects"].as_array().unwrap().iter();
        subjects.find(|subject| subject["address"] == address).unwrap()
    }

    fn checks(&self) -> impl Iterator<Item = (&Value, &Value)> {
        let subjects = self.0["subjects"].as_array().unwrap().iter();
        subjects.flat_map(|subject| {
            subject["checks"].as_array().unwrap().iter().map(move |check| (subject, check))
        })
    }
}
