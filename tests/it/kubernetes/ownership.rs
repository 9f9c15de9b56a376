//! Who owns what: foreign fields survive, conflicts are named, hand edits are seen.

use std::collections::BTreeSet;

use serde_json::json;
use widctl::model::guid::ClientId;
use widctl::model::kinds::marks::Field;
use widctl::model::kinds::marks::FieldOwner;
use widctl::model::kinds::marks::Marks;
use widctl::model::kinds::marks::Operation;
use widctl::model::kinds::namespace::NamespaceKey;
use widctl::model::kinds::namespace::PlannedNamespace;
use widctl::model::kinds::rbac::PolicyRule;
use widctl::model::kinds::rbac::Role;
use widctl::model::kinds::rbac::RoleBinding;
use widctl::model::kinds::rbac::RoleBindingKey;
use widctl::model::kinds::rbac::RoleKey;
use widctl::model::kinds::rbac::RoleRef;
use widctl::model::kinds::rbac::RoleSubject;
use widctl::model::kinds::service_account::ANNOTATION_CLIENT_ID;
use widctl::model::kinds::service_account::LiveServiceAccount;
use widctl::model::kinds::service_account::ServiceAccount;
use widctl::ports::error::PortError;
use widctl::ports::error::PortErrorKind;
use widctl::ports::read::ClusterRead;
use widctl::ports::store::WriteMode;

use super::estate::Estate;
use super::requests::annotated;
use super::requests::key as account_key;
use super::requests::ours;

async fn put(
    estate: &Estate,
    write: &ServiceAccount<ClientId>,
    mode: WriteMode,
) -> Result<LiveServiceAccount, PortError> {
    let stores = estate.cluster.stores();
    let key = account_key("data", "flows");
    stores.service_accounts.put(&key, write, mode).await
}

/// The account `flows` as a list shows it.
async fn listed(estate: &Estate) -> LiveServiceAccount {
    let accounts = estate.cluster.service_accounts().await.unwrap();
    let mut found = accounts.into_iter();
    let found = found.find(|(found, _)| *found == account_key("data", "flows"));
    found.unwrap().1
}

fn owner(field: Field, manager: &str, operation: Operation) -> FieldOwner {
    FieldOwner {
        field,
        manager: manager.into(),
        operation,
    }
}

#[tokio::test]
async fn an_annotated_account_gets_three_annotations_and_nothing_else() {
    let estate = Estate::new();
    estate.helm(&json!({})).await;
    let before = estate.account().await;
    let write = annotated(None);
    let live = put(&estate, &write, WriteMode::Update).await.unwrap();
    assert!(
        estate
            .cluster
            .stores()
            .service_accounts
            .is_written(&live, &write)
    );

    let mut after = estate.account().await;
    let annotations = after["metadata"]["annotations"].as_object_mut().unwrap();
    let ours: Vec<String> = annotations
        .keys()
        .filter(|name| name.starts_with("azure.workload.identity/"))
        .cloned()
        .collect();
    assert_eq!(ours.len(), 3);
    for name in ours {
        annotations.remove(&name);
    }
    assert_eq!(after, before);
    let fields: BTreeSet<Field> = live
        .owners
        .iter()
        .filter(|owner| &*owner.manager == "widctl")
        .map(|owner| owner.field)
        .collect();
    assert_eq!(
        fields.into_iter().collect::<Vec<_>>(),
        [Field::ClientId, Field::TenantId, Field::TokenExpiration]
    );
}

#[tokio::test]
async fn a_release_takes_only_what_widctl_applied() {
    let estate = Estate::new();
    estate.helm(&json!({})).await;
    let before = estate.account().await;
    let live = put(&estate, &annotated(None), WriteMode::Update)
        .await
        .unwrap();
    let stores = estate.cluster.stores();
    stores
        .service_accounts
        .release(&account_key("data", "flows"), &live)
        .await
        .unwrap();
    assert_eq!(estate.account().await, before);
    let owners = listed(&estate).await.owners;
    assert_eq!(owners, [owner(Field::ManagedBy, "helm", Operation::Apply)]);
}

#[tokio::test]
async fn what_another_estate_has_taken_is_not_released() {
    let estate = Estate::new();
    let live = put(&estate, &annotated(Some(ours())), WriteMode::Create)
        .await
        .unwrap();
    let other = Marks {
        estate: "other".into(),
        created: false,
    };
    put(&estate, &annotated(Some(other)), WriteMode::Update)
        .await
        .unwrap();
    let before = estate.account().await;
    let stores = estate.cluster.stores();
    let key = account_key("data", "flows");
    let released = stores.service_accounts.release(&key, &live).await;
    assert!(matches!(
        released.unwrap_err().kind,
        PortErrorKind::Conflict { .. }
    ));
    assert_eq!(estate.account().await, before);
}

#[tokio::test]
async fn a_change_from_manage_to_annotate_takes_the_marks_back() {
    let estate = Estate::new();
    let write = annotated(Some(ours()));
    put(&estate, &write, WriteMode::Create).await.unwrap();
    let live = put(&estate, &annotated(None), WriteMode::Update)
        .await
        .unwrap();
    assert_eq!(live.marks.managed_by, None);
    assert_eq!(live.marks.created, None);
    assert!(live.client_id.is_some());
}

#[tokio::test]
async fn a_hand_edit_is_seen_as_the_editors_and_can_be_taken_back() {
    let estate = Estate::new();
    let write = annotated(Some(ours()));
    put(&estate, &write, WriteMode::Create).await.unwrap();
    estate
        .edit(&json!({ (ANNOTATION_CLIENT_ID): "by hand" }))
        .await;
    let live = listed(&estate).await;
    assert_eq!(live.client_id.as_deref(), Some("by hand"));
    let edited = owner(Field::ClientId, "kubectl-edit", Operation::Update);
    assert!(live.owners.contains(&edited), "{:?}", live.owners);
    assert!(
        !live
            .owners
            .contains(&owner(Field::ClientId, "widctl", Operation::Apply))
    );

    let error = put(&estate, &write, WriteMode::Update).await.unwrap_err();
    let managers = vec!["kubectl-edit".to_owned()];
    assert_eq!(error.kind, PortErrorKind::Conflict { managers });

    let live = put(&estate, &write, WriteMode::UpdateForced).await.unwrap();
    assert!(
        estate
            .cluster
            .stores()
            .service_accounts
            .is_written(&live, &write)
    );
    assert!(!live.owners.contains(&edited));
}

#[tokio::test]
async fn what_helm_holds_is_refused_by_its_name_and_taken_by_force_alone() {
    let estate = Estate::new();
    estate
        .helm(&json!({ (ANNOTATION_CLIENT_ID): "of the chart" }))
        .await;
    let before = estate.account().await;
    let write = annotated(Some(ours()));
    let error = put(&estate, &write, WriteMode::Update).await.unwrap_err();
    let managers = vec!["helm".to_owned()];
    assert_eq!(error.kind, PortErrorKind::Conflict { managers });
    assert_eq!(estate.account().await, before);

    let live = put(&estate, &write, WriteMode::UpdateForced).await.unwrap();
    assert!(
        estate
            .cluster
            .stores()
            .service_accounts
            .is_written(&live, &write)
    );
    let after = estate.account().await;
    assert_eq!(after["imagePullSecrets"], before["imagePullSecrets"]);
    assert_eq!(after["metadata"]["labels"]["team"], "data");
}

#[tokio::test]
async fn an_account_that_was_created_is_deleted_and_a_second_time_is_no_error() {
    let estate = Estate::new();
    let write = annotated(Some(ours()));
    let live = put(&estate, &write, WriteMode::Create).await.unwrap();
    let stores = estate.cluster.stores();
    for _ in 0..2 {
        let key = account_key("data", "flows");
        stores.service_accounts.delete(&key, &live).await.unwrap();
        let read = stores.service_accounts.get(&key, &write).await.unwrap();
        assert!(read.is_none());
    }
}

#[tokio::test]
async fn a_namespace_is_made_with_its_marks_and_seen_on_its_way_out() {
    let estate = Estate::new();
    let key = NamespaceKey {
        cluster: "weu".into(),
        namespace: "flows".into(),
    };
    let write = PlannedNamespace { marks: ours() };
    let stores = estate.cluster.stores();
    let put = stores.namespaces.put(&key, &write, WriteMode::Create);
    let live = put.await.unwrap();
    assert!(stores.namespaces.is_written(&live, &write));
    estate.terminate("flows").await;
    let listed = estate.cluster.namespaces().await.unwrap();
    let (_, live) = listed.iter().find(|(found, _)| *found == key).unwrap();
    assert!(live.terminating);
    assert!(!stores.namespaces.is_written(live, &write));

    let account = account_key("flows", "flows");
    let write = annotated(Some(ours()));
    let put = stores
        .service_accounts
        .put(&account, &write, WriteMode::Create);
    assert_eq!(put.await.unwrap_err().kind, PortErrorKind::Forbidden);
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

#[tokio::test]
async fn a_role_is_the_same_whatever_the_order_of_its_rules() {
    let estate = Estate::new();
    let key = RoleKey {
        cluster: "weu".into(),
        namespace: "data".into(),
        name: "flows".into(),
    };
    let jobs = rule(&["batch"], &["jobs"], &["watch", "get", "get"]);
    let pods = rule(&[""], &["pods", "pods/log"], &["list"]);
    let write = Role {
        rules: vec![jobs.clone(), pods.clone(), jobs].into(),
        marks: ours(),
    };
    let stores = estate.cluster.stores();
    let live = stores
        .roles
        .put(&key, &write, WriteMode::Create)
        .await
        .unwrap();
    assert!(stores.roles.is_written(&live, &write));
    let sorted = [pods, rule(&["batch"], &["jobs"], &["get", "watch"])];
    assert_eq!(*live.rules, sorted);
    assert_eq!(estate.cluster.roles().await.unwrap(), [(key, live)]);
}

#[tokio::test]
async fn a_released_binding_keeps_the_role_that_it_cannot_exist_without() {
    let estate = Estate::new();
    let key = RoleBindingKey {
        cluster: "weu".into(),
        namespace: "data".into(),
        name: "flows".into(),
    };
    let subject = |kind: &str, namespace: Option<&str>, name: &str| RoleSubject {
        kind: kind.into(),
        namespace: namespace.map(Into::into),
        name: name.into(),
    };
    let account = subject("ServiceAccount", Some("data"), "flows");
    let write = RoleBinding {
        role: RoleRef {
            kind: "Role".into(),
            name: "flows".into(),
        },
        subjects: vec![
            subject("User", None, "ada"),
            account.clone(),
            account.clone(),
        ],
        marks: ours(),
    };
    let stores = estate.cluster.stores();
    let put = stores.role_bindings.put(&key, &write, WriteMode::Create);
    let live = put.await.unwrap();
    assert!(stores.role_bindings.is_written(&live, &write));
    assert_eq!(live.subjects, [account, subject("User", None, "ada")]);

    stores.role_bindings.release(&key, &live).await.unwrap();
    let [(_, live)] = &estate.cluster.role_bindings().await.unwrap()[..] else {
        panic!("one binding");
    };
    assert_eq!(live.role, write.role);
    assert_eq!(live.marks.managed_by, None);
}

#[tokio::test]
async fn an_apply_that_changes_nothing_leaves_the_object_as_it_was() {
    let estate = Estate::new();
    let write = annotated(Some(ours()));
    let first = put(&estate, &write, WriteMode::Create).await.unwrap();
    let second = put(&estate, &write, WriteMode::Update).await.unwrap();
    assert_eq!(first, second);
    assert_eq!(estate.writes().len(), 2);
}

#[tokio::test]
async fn a_right_that_is_missing_is_named() {
    let estate = Estate::new();
    estate.deny("patch", "serviceaccounts");
    let write = annotated(Some(ours()));
    let error = put(&estate, &write, WriteMode::Update).await.unwrap_err();
    assert_eq!(
        error.kind,
        PortErrorKind::Refused {
            action: Some("patch serviceaccounts".into()),
            scope: Some("namespace data".into()),
        }
    );
}

#[tokio::test]
async fn a_list_of_many_pages_is_whole() {
    let estate = Estate::new();
    for number in 0..1_201 {
        let name = format!("flows-{number:04}");
        estate.world.grow_service_account("weu", "data", &name);
    }
    estate.world.forget_requests();
    let accounts = estate.cluster.service_accounts().await.unwrap();
    let ours = accounts
        .iter()
        .filter(|(key, _)| key.name.as_str().starts_with("flows-"));
    assert_eq!(ours.count(), 1_201);
    assert_eq!(estate.world.requests().len(), 3);
}
