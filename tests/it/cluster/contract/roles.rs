//! Roles and bindings.

use widctl::model::kinds::Release;
use widctl::model::kinds::marks::LiveMarks;
use widctl::model::kinds::rbac::{
    LiveRole, PolicyRule, Role, RoleBinding, RoleBindingKey, RoleKey, RoleRef, RoleSubject,
};
use widctl::ports::error::PortErrorKind;
use widctl::ports::store::WriteMode;

use crate::cluster::site::Site;
use crate::kubernetes::lists::WholeLists;
use crate::kubernetes::requests::ours;

on_both_grounds! {
    a_role_is_the_same_whatever_the_order_of_its_rules
    a_role_that_changes_has_the_new_rules_alone
    a_released_binding_keeps_the_role_that_it_cannot_exist_without
    a_role_and_a_binding_whose_marks_are_released_go_on_giving_what_they_gave
    a_binding_never_changes_its_role
}

fn role_key(site: &Site) -> RoleKey {
    RoleKey::new("weu", site.namespace.as_str(), "flows")
}

fn binding_key(site: &Site) -> RoleBindingKey {
    RoleBindingKey::new("weu", site.namespace.as_str(), "flows")
}

fn rule(groups: &[&str], resources: &[&str], verbs: &[&str]) -> PolicyRule {
    let list = |texts: &[&str]| texts.iter().map(|text| (*text).into()).collect();
    PolicyRule {
        api_groups: list(groups),
        resources: list(resources),
        resource_names: Vec::new(),
        verbs: list(verbs),
    }
}

fn subject(kind: &str, namespace: Option<&str>, name: &str) -> RoleSubject {
    RoleSubject { kind: kind.into(), namespace: namespace.map(Into::into), name: name.into() }
}

fn binding(site: &Site, role: &str) -> RoleBinding {
    let account = subject("ServiceAccount", Some(&site.namespace), "flows");
    RoleBinding {
        role: RoleRef { kind: "Role".into(), name: role.into() },
        subjects: vec![subject("User", None, "ada"), account.clone(), account],
        marks: ours(),
    }
}

async fn put(site: &Site, rules: Vec<PolicyRule>, mode: WriteMode) -> (Role, LiveRole) {
    let write = Role { rules: rules.into(), marks: ours() };
    let stores = site.cluster.stores();
    let live = stores.roles.put(&role_key(site), &write, mode).await.unwrap().live;
    (write, live)
}

async fn a_role_is_the_same_whatever_the_order_of_its_rules(site: &Site) {
    let jobs = rule(&["batch"], &["jobs"], &["watch", "get", "get"]);
    let pods = rule(&[""], &["pods", "pods/log"], &["list"]);
    let rules = vec![jobs.clone(), pods.clone(), jobs];
    let (write, live) = put(site, rules, WriteMode::Create).await;
    assert!(site.cluster.stores().roles.is_written(&live, &write));
    let sorted = [pods, rule(&["batch"], &["jobs"], &["get", "watch"])];
    assert_eq!(*live.rules, sorted);
    let listed = site.cluster.roles().await.unwrap();
    assert!(listed.contains(&(role_key(site), live)));
}

async fn a_role_that_changes_has_the_new_rules_alone(site: &Site) {
    let before = rule(&["batch"], &["jobs"], &["get", "list"]);
    put(site, vec![before], WriteMode::Create).await;
    let after = rule(&[""], &["pods"], &["get"]);
    let (_, live) = put(site, vec![after.clone()], WriteMode::Update).await;
    assert_eq!(*live.rules, [after]);
    let (_, live) = put(site, Vec::new(), WriteMode::Update).await;
    assert!(live.rules.is_empty());
}

async fn a_released_binding_keeps_the_role_that_it_cannot_exist_without(site: &Site) {
    let (key, write) = (binding_key(site), binding(site, "flows"));
    let bindings = site.cluster.stores().role_bindings;
    let live = bindings.put(&key, &write, WriteMode::Create).await.unwrap().live;
    assert!(bindings.is_written(&live, &write));
    let account = subject("ServiceAccount", Some(&site.namespace), "flows");
    assert_eq!(live.subjects, [account, subject("User", None, "ada")]);

    bindings.release(&key, &live, Release::Fields).await.unwrap();
    let listed = site.cluster.role_bindings().await.unwrap();
    let (_, live) = listed.iter().find(|(found, _)| *found == key).unwrap();
    assert_eq!(live.role, write.role);
    assert_eq!(live.marks.managed_by, None);
    assert!(live.subjects.is_empty());
}

async fn a_role_and_a_binding_whose_marks_are_released_go_on_giving_what_they_gave(site: &Site) {
    let (_, role) = put(site, vec![rule(&["batch"], &["jobs"], &["get"])], WriteMode::Create).await;
    let stores = site.cluster.stores();
    let (key, write) = (binding_key(site), binding(site, "flows"));
    let binding = stores.role_bindings.put(&key, &write, WriteMode::Create).await.unwrap().live;

    stores.roles.release(&role_key(site), &role, Release::Marks).await.unwrap();
    stores.role_bindings.release(&key, &binding, Release::Marks).await.unwrap();
    let listed = site.cluster.roles().await.unwrap();
    let (_, released) = listed.iter().find(|(found, _)| *found == role_key(site)).unwrap();
    assert_eq!((&released.rules, &released.marks), (&role.rules, &LiveMarks::default()));
    let released = stores.role_bindings.get(&key, &write).await.unwrap().unwrap();
    assert_eq!((&released.role, &released.subjects), (&binding.role, &binding.subjects));
    assert_eq!(released.marks, LiveMarks::default());
}

async fn a_binding_never_changes_its_role(site: &Site) {
    let key = binding_key(site);
    let bindings = site.cluster.stores().role_bindings;
    let write = binding(site, "flows");
    let made = bindings.put(&key, &write, WriteMode::Create);
    made.await.unwrap();
    let other = binding(site, "other");
    let error = bindings.put(&key, &other, WriteMode::UpdateForced).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Invalid, "{error}");
}
