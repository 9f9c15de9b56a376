//! What `verify` says of rights on a real API server, and what the API server itself says of them.

use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, RoleBinding};
use kube::Api;
use kube::api::DeleteParams;
use serde_json::{Value, json};
use widctl::desired::derive;
use widctl::model::kinds::rbac::PolicyRule;

use super::cluster_wide::{make, remove};
use super::estate::Estate;
use super::presets::{Right, TEAM, may, rights};
use super::site::Site;
use super::webhook;
use crate::verify::process::profile;

/// How a run ends that finds nothing broken: the cluster's issuer shows its documents to nobody without its own certificate.
const UNREAD: i32 = 1;
const FOREIGN: &str = "WID-V-FOREIGN-TRUST";
const HUBS: &str = "WID-V-TOKEN-HUBS";
const RBAC: &str = "WID-V-RBAC";

/// What one check says of one subject, where the run ends so.
fn check(estate: &Estate, ends: i32, address: &str, code: &str) -> Value {
    let report = estate.expect(ends, "verify teams.toml --no-exchange --format json").json();
    let mut subjects = report["subjects"].as_array().unwrap().iter();
    let subject = subjects.find(|subject| subject["address"] == address).unwrap();
    let mut checks = subject["checks"].as_array().unwrap().iter();
    checks.find(|check| check["code"] == code).unwrap().clone()
}

/// Somebody makes a `ClusterRole` with this rule, and gives it to a user everywhere.
async fn give_everywhere(site: &Site, name: &str, allows: Value, to: &Value) {
    let client = site.cluster.client();
    let role = json!({ "metadata": { "name": name }, "rules": [allows] });
    make::<ClusterRole>(client, role).await;
    let reference =
        json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name });
    let binding = json!({ "metadata": { "name": name }, "roleRef": reference, "subjects": [to] });
    make::<ClusterRoleBinding>(client, binding).await;
}

async fn take_back(site: &Site, name: &str) {
    let client = site.cluster.client();
    remove::<ClusterRoleBinding>(client, name).await;
    remove::<ClusterRole>(client, name).await;
}

/// An account of its own: what other tests find on the cluster does not name it.
fn team(site: &Site) -> String {
    format!(
        "[[team.identity]]\nname = \"id-{0}\"\n\n[[team.workload]]\nservice_account = \"{0}\"\n",
        site.namespace
    )
}

#[tokio::test]
#[ignore = "needs an API server: just test-cluster"]
async fn whoever_the_api_server_lets_make_tokens_everywhere_is_named_and_nobody_else() {
    if !webhook::is_registered() {
        return;
    }
    let Some(estate) = Estate::with(team).await else {
        return;
    };
    estate.expect(0, "sync teams.toml --auto-approve");
    let site = &estate.site;
    // What every API server makes for itself is no finding.
    assert_eq!(check(&estate, UNREAD, "real", HUBS)["status"], "pass");
    let cases = [
        ("exact", "create", "", "serviceaccounts/token"),
        ("any-verb", "*", "", "serviceaccounts/token"),
        ("any-part", "create", "*", "*/token"),
        ("anything", "create", "", "*"),
        ("no-wildcard", "create", "", "serviceaccounts/*"),
        ("account", "create", "", "serviceaccounts"),
        ("other-group", "create", "apps", "serviceaccounts/token"),
        ("reads", "get", "", "serviceaccounts/token"),
    ];
    let named = |case: &str| format!("{}-{case}", site.namespace);
    for (case, verb, group, resource) in cases {
        let allows = json!({
            "apiGroups": [group], "resources": [resource], "verbs": [verb],
            "resourceNames": [site.namespace],
        });
        let user =
            json!({ "kind": "User", "name": named(case), "apiGroup": "rbac.authorization.k8s.io" });
        give_everywhere(site, &named(case), allows, &user).await;
    }
    let right: Right =
        ("create".into(), String::new(), "serviceaccounts/token".into(), "kube-system".into());
    let last = named("anything");
    let (right, account) = (&right, Some(site.namespace.as_str()));
    site.until(async || may(site, &last, &[], right, account).await).await;
    let told = check(&estate, UNREAD, "real", HUBS);
    assert_eq!(told["status"], "warn", "{told:#}");
    let found = told["found"].as_str().unwrap();
    let mut holders = 0;
    for (case, ..) in cases {
        let is_told =
            found.contains(&format!("User {0} by ClusterRoleBinding {0} to", named(case)));
        assert_eq!(is_told, may(site, &named(case), &[], right, account).await, "{case}: {found}");
        holders += usize::from(is_told);
        take_back(site, &named(case)).await;
    }
    assert_eq!(holders, 4, "{found}");
    estate.site.leave().await;
}

#[tokio::test]
#[ignore = "needs an API server: just test-cluster"]
async fn whoever_may_use_an_identity_through_bindings_is_foreign_trust() {
    if !webhook::is_registered() {
        return;
    }
    let Some(estate) = Estate::with(team).await else {
        return;
    };
    estate.expect(0, "sync teams.toml --auto-approve");
    let site = &estate.site;
    let address = format!("azure/identity/id-{}", site.namespace);
    assert_eq!(check(&estate, UNREAD, &address, FOREIGN)["status"], "pass");
    let account = site.accounts().get(&site.namespace).await.unwrap();
    let client = account.metadata.annotations.unwrap()["azure.workload.identity/client-id"].clone();
    let group = "cid.wi.aks.azure.com";
    let allows =
        json!({ "apiGroups": [group], "resources": [client], "verbs": ["use-managed-identity"] });
    let stranger = json!({ "kind": "ServiceAccount", "namespace": "default", "name": "default" });
    give_everywhere(site, &site.namespace, allows, &stranger).await;
    let right: Right =
        ("use-managed-identity".into(), group.into(), client, site.namespace.clone());
    let stranger = "system:serviceaccount:default:default";
    site.until(async || may(site, stranger, &[], &right, None).await).await;
    let told = check(&estate, UNREAD, &address, FOREIGN);
    assert_eq!(told["status"], "warn", "{told:#}");
    assert_eq!(
        told["found"],
        format!(
            "ServiceAccount default/default by ClusterRoleBinding {0} to ClusterRole {0} of cluster real, \
             as soon as an identity binding opens it there",
            site.namespace
        )
    );
    take_back(site, &site.namespace).await;
    estate.site.leave().await;
}

#[tokio::test]
#[ignore = "needs an API server: just test-cluster"]
async fn rbac_is_as_wanted_where_the_api_server_allows_every_rule_of_the_account() {
    if !webhook::is_registered() {
        return;
    }
    let Some(estate) = Estate::new(TEAM).await else {
        return;
    };
    estate.expect(0, "sync teams.toml --auto-approve");
    let site = &estate.site;
    let profile = profile(&estate.stage.read("teams.toml"));
    let desired = derive::derive(&profile);
    assert_eq!(desired.roles.len(), 3, "of the presets with rules and of the rules of its own");
    let mut ends = UNREAD;
    for (key, role) in &desired.roles {
        let account = key.name.as_str().strip_prefix("widctl-").unwrap();
        let (asked, name) = rules_asked(site, &role.rules);
        let address = format!("real/service-account/{}/{account}", site.namespace);
        let allowed = async || rights(site, &asked, account, name.as_deref()).await.len();
        site.until(async || allowed().await == asked.len()).await;
        assert_eq!(check(&estate, ends, &address, RBAC)["status"], "pass", "{account}");
        let bindings: Api<RoleBinding> =
            Api::namespaced(site.cluster.client().clone(), &site.namespace);
        bindings.delete(key.name.as_str(), &DeleteParams::default()).await.unwrap();
        site.until(async || allowed().await == 0).await;
        ends = 6;
        assert_eq!(check(&estate, ends, &address, RBAC)["status"], "fail", "{account}");
    }
    estate.site.leave().await;
}

/// Everything that rules allow, and the name that they are limited to.
fn rules_asked(site: &Site, rules: &[PolicyRule]) -> (Vec<Right>, Option<String>) {
    let mut asked = Vec::new();
    let mut name = None;
    for rule in rules {
        name = rule.resource_names.first().map(ToString::to_string);
        for group in &rule.api_groups {
            for resource in &rule.resources {
                asked.extend(rule.verbs.iter().map(|verb| {
                    let place = site.namespace.clone();
                    (verb.to_string(), group.to_string(), resource.to_string(), place)
                }));
            }
        }
    }
    (asked, name)
}
