//! `admission`: policies by which the API server refuses pods, and what makes pods, that do not fit the profile.
//! <https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/>
//!
//! A team has two policies on each of its clusters. `pods` needs no parameter: names of accounts, variables, tokens.
//! `identity` compares with the annotations of the pod's account, its parameter, so that no client id is copied into
//! a policy. Its one binding selects every account of the request's own namespace, and a match condition picks the
//! pod's. A binding for each account, by name, would be a trap: an API server looks parameters up before it
//! evaluates match conditions, so that one missing account would refuse every pod of its namespace
//! (<https://github.com/kubernetes/apiserver/blob/master/pkg/admission/plugin/policy/generic/policy_dispatcher.go>).
//! The pods of a missing account are refused by the API server itself.
//!
//! An update is looked at only where it changes what pods are made of. Otherwise a Deployment from before the
//! policies could not be corrected: its old ReplicaSet could not be scaled down.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Document, Given, Target, Unrendered, pretty};
use crate::model::text::{ClusterName, Estate, TOKEN_EXCHANGE_AUDIENCE, token_exchange_audience};
use crate::model::webhook::{BINDING_AUDIENCE, OLD_TOKEN_FILE, TOKEN_FILE, Variable};
use crate::presets::Shape;
use crate::profile::resolved::{Profile, Team, Workload};

/// The policies.
const POLICIES: &str = include_str!("admission.toml");
/// The version of policies and bindings, since Kubernetes 1.30.
const VERSION: &str = "admissionregistration.k8s.io/v1";
/// How many accounts a message offers; one of more than 5 KiB is not shown.
const MOST_OFFERED: usize = 10;

/// The target.
pub(super) const TARGET: Target = Target {
    name: "admission",
    title: "policies of the API server that refuse a team's pods where they do not fit the profile",
    render,
};

/// The policies as they are written.
#[derive(Deserialize)]
struct Written {
    rule: Vec<Value>,
    condition: Vec<Named>,
    variable: Vec<Named>,
    policy: Vec<Policy>,
}

/// A policy as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Policy {
    name: String,
    param_kind: Option<Value>,
    #[serde(default)]
    match_conditions: Vec<Named>,
    variables: Vec<Named>,
    validations: Vec<Validation>,
}

/// A variable or condition.
#[derive(Clone, Deserialize, Serialize)]
struct Named {
    name: String,
    /// Empty where the profile decides it.
    #[serde(default)]
    expression: String,
}

/// A rule and what its refusal says.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Validation {
    expression: String,
    message_expression: String,
}

/// The accounts of a namespace.
#[derive(Default)]
struct Accounts<'a> {
    names: BTreeSet<&'a str>,
    /// Those whose pods need no label: a controller asks for their tokens.
    unlabelled: BTreeSet<&'a str>,
    /// Whom their tokens are for.
    audiences: BTreeSet<&'a str>,
}

fn render(given: &Given<'_>) -> Result<Vec<Document>, Unrendered> {
    let mut documents = Vec::new();
    for team in given.teams()? {
        let clusters = team.workloads.iter().flat_map(|workload| &workload.clusters);
        for cluster in given.chosen(clusters).collect::<BTreeSet<_>>() {
            documents.push(Document {
                name: format!("{cluster}.{}.json", team.name),
                text: pretty(&objects(given.profile, team, cluster)),
                next: vec![format!(
                    "kubectl --context CONTEXT apply --server-side -f FILE, on cluster {cluster}"
                )],
            });
        }
    }
    if documents.is_empty() {
        let hint = "add a `[[team.workload]]`: its namespace is what the policies are for";
        return Err(Unrendered::usage(given.nobody_has("workload"), hint));
    }
    Ok(documents)
}

/// The policies of a team on a cluster, and their bindings.
fn objects(profile: &Profile, team: &Team, cluster: &ClusterName) -> Value {
    let namespaces = namespaces(profile, team, cluster);
    let decided = decided(profile, cluster, &namespaces);
    let Written { rule, condition, variable, policy } =
        toml::from_str(POLICIES).expect("a test reads the file");
    let matched = json!({
        "namespaceSelector": { "matchExpressions": [{
            "key": "kubernetes.io/metadata.name", "operator": "In",
            "values": namespaces.keys().collect::<Vec<_>>(),
        }] },
        "resourceRules": rule,
    });
    let mut items = Vec::new();
    for policy in policy {
        let name = format!("{}.{}.{}.widctl.dev", policy.name, team.name, labels(&profile.estate));
        let mut bound = json!({ "policyName": name, "validationActions": ["Deny"] });
        let mut spec = json!({ "failurePolicy": "Fail" });
        if let Some(kind) = policy.param_kind {
            spec["paramKind"] = kind;
            bound["paramRef"] = json!({ "selector": {}, "parameterNotFoundAction": "Deny" });
        }
        let made = |named: Vec<Named>, more: &[Named]| -> Value {
            let all = more.iter().cloned().chain(named);
            all.map(|named| json!(named.made(&decided))).collect()
        };
        spec["matchConstraints"] = matched.clone();
        spec["matchConditions"] = made(policy.match_conditions, &condition);
        spec["variables"] = made(policy.variables, &variable);
        spec["validations"] = policy.validations.iter().map(Validation::made).collect();
        for (kind, spec) in [("", spec), ("Binding", bound)] {
            items.push(json!({
                "apiVersion": VERSION,
                "kind": format!("ValidatingAdmissionPolicy{kind}"),
                "metadata": { "name": name },
                "spec": spec,
            }));
        }
    }
    json!({ "apiVersion": "v1", "kind": "List", "items": items })
}

impl Named {
    fn made(self, decided: &BTreeMap<&str, String>) -> Self {
        let expression = match decided.get(&*self.name).filter(|_| self.expression.is_empty()) {
            Some(decided) => decided.clone(),
            None => expanded(&self.expression),
        };
        Self { expression, ..self }
    }
}

impl Validation {
    fn made(&self) -> Value {
        json!({
            "expression": expanded(&self.expression),
            "messageExpression": expanded(&self.message_expression),
            "reason": "Forbidden",
        })
    }
}

/// The accounts of a team's namespaces on a cluster, those of other teams and of controllers there too.
fn namespaces<'a>(
    profile: &'a Profile,
    team: &'a Team,
    cluster: &ClusterName,
) -> BTreeMap<&'a str, Accounts<'a>> {
    let here = |workload: &&Workload| workload.clusters.contains(cluster);
    let own = team.workloads.iter().filter(here);
    let mut namespaces: BTreeMap<&str, Accounts<'_>> =
        own.map(|workload| (workload.namespace.as_str(), Accounts::default())).collect();
    for workload in profile.teams.iter().flat_map(|team| &team.workloads).filter(here) {
        if let Some(accounts) = namespaces.get_mut(workload.namespace.as_str()) {
            let name = workload.service_account.as_str();
            accounts.names.insert(name);
            if workload.preset.is_some_and(|preset| preset.shape() == Shape::Token) {
                accounts.unlabelled.insert(name);
            }
            accounts.audiences.insert(workload.audience.as_str());
        }
        if let Some((namespace, name)) = &workload.controller
            && let Some(accounts) = namespaces.get_mut(namespace.as_str())
        {
            accounts.names.insert(name.as_str());
        }
    }
    namespaces
}

/// What the profile decides, as expressions: JSON is CEL.
/// <https://github.com/google/cel-spec/blob/master/doc/langdef.md#values>
fn decided(
    profile: &Profile,
    cluster: &ClusterName,
    namespaces: &BTreeMap<&str, Accounts<'_>>,
) -> BTreeMap<&'static str, String> {
    let here = |of: fn(&Accounts<'_>) -> Value| {
        let each = namespaces.iter().map(|(name, accounts)| ((*name).to_owned(), of(accounts)));
        format!("{}[request.namespace]", Value::Object(each.collect()))
    };
    let mut audiences: BTreeSet<&str> =
        namespaces.values().flat_map(|accounts| accounts.audiences.iter().copied()).collect();
    audiences.extend([
        TOKEN_EXCHANGE_AUDIENCE,
        token_exchange_audience(&profile.cloud),
        BINDING_AUDIENCE,
    ]);
    let injected = Variable::ALL.into_iter().filter_map(|variable| {
        injected(variable, &profile.cloud).map(|values| (variable.name().to_owned(), json!(values)))
    });
    BTreeMap::from([
        ("cluster", json!(cluster).to_string()),
        ("accounts", here(|accounts| json!(accounts.names))),
        ("offered", here(|accounts| json!(offered(&accounts.names)))),
        ("unlabelled", here(|accounts| json!(accounts.unlabelled))),
        ("audiences", json!(audiences).to_string()),
        ("overriding", json!(Variable::ALL.map(Variable::name)).to_string()),
        ("injected", Value::Object(injected.collect()).to_string()),
    ])
}

/// What a pod's variable may be, whoever its account is; none where the account or nobody says.
fn injected(variable: Variable, cloud: &str) -> Option<Vec<&'static str>> {
    match variable {
        Variable::ClientId | Variable::TenantId => None,
        Variable::TokenFile => Some(vec![TOKEN_FILE, OLD_TOKEN_FILE]),
        // https://github.com/Azure/go-autorest/blob/main/autorest/azure/environments.go
        Variable::AuthorityHost => match cloud {
            "public" => Some(vec!["https://login.microsoftonline.com/"]),
            "usgovernment" => Some(vec!["https://login.microsoftonline.us/"]),
            "china" => Some(vec!["https://login.chinacloudapi.cn/"]),
            _ => None,
        },
        Variable::ClientSecret | Variable::ClientCertificatePath | Variable::Username => {
            Some(Vec::new())
        }
    }
}

/// Accounts to choose from, for people.
fn offered(names: &BTreeSet<&str>) -> String {
    let first: Vec<&str> = names.iter().copied().take(MOST_OFFERED).collect();
    let more = names.len() - first.len();
    let more = if more == 0 { String::new() } else { format!(" or one of {more} more") };
    format!("{}{more}", first.join(", "))
}

/// An expression on one line, with the place of the pods' description in it.
fn expanded(written: &str) -> String {
    let mut text = written.split_whitespace().collect::<Vec<_>>().join(" ");
    for object in ["object", "oldObject"] {
        let template = format!(
            "(request.kind.kind == 'Pod' ? dyn({object}) : request.kind.kind == 'CronJob' ? dyn({object}).spec.jobTemplate.spec.template : dyn({object}).spec.template)"
        );
        text = text.replace(&format!("TEMPLATE({object})"), &template);
    }
    text
}

/// An estate's name as a part of an object's: <https://kubernetes.io/docs/concepts/overview/working-with-objects/names/>.
/// Names that are written alike get a label of their own each, their hash. No estate's own name has a dot left.
fn labels(estate: &Estate) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let readable: String = estate.as_str().chars().map(letter).collect();
    if readable == estate.as_str() {
        return readable;
    }
    format!("{readable}.{}", HEXLOWER.encode(&Sha256::digest(estate.as_str())[..8]))
}
