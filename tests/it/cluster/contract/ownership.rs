//! Who owns what: foreign fields survive, conflicts are named, hand edits are seen.

use std::collections::BTreeSet;

use serde_json::json;
use widctl::model::kinds::Release;
use widctl::model::kinds::marks::{
    Field, FieldOwner, LABEL_ANNOTATES, LiveMarks, Marks, Operation,
};
use widctl::model::kinds::service_account::ANNOTATION_CLIENT_ID;
use widctl::ports::error::PortErrorKind;
use widctl::ports::store::WriteMode;

use super::{azure_annotations, create, flows, listed, put};
use crate::cluster::site::Site;
use crate::kubernetes::requests::{annotated, ours};

on_both_grounds! {
    an_annotated_account_gets_three_annotations_and_one_label
    a_release_takes_only_what_widctl_applied
    an_account_whose_marks_are_released_is_nobodys_and_keeps_its_identity
    what_another_estate_has_taken_is_not_released
    a_change_from_manage_to_annotate_takes_the_marks_back
    a_hand_edit_is_seen_as_the_editors_and_can_be_taken_back
    what_helm_holds_is_refused_by_its_name_and_taken_by_force_alone
    what_was_there_before_anybody_applied_is_taken_by_force_alone
    what_two_hold_alike_is_no_conflict_and_stays_when_one_lets_go
}

async fn what_was_there_before_anybody_applied_is_taken_by_force_alone(site: &Site) {
    site.make_account("flows", &json!({})).await;
    site.edit(&json!({ (ANNOTATION_CLIENT_ID): "by hand" })).await;
    let before = owner(Field::ClientId, "before-first-apply", Operation::Update);
    assert_eq!(listed(site).await.owners, [before]);

    let write = annotated(None);
    let error = put(site, &write, WriteMode::Update).await.unwrap_err();
    let managers = vec!["before-first-apply".to_owned()];
    assert_eq!(error.kind, PortErrorKind::Conflict { managers });
    let live = put(site, &write, WriteMode::UpdateForced).await.unwrap();
    let accounts = site.cluster.stores().service_accounts;
    assert!(accounts.is_written(&live, &write));
}

fn owner(field: Field, manager: &str, operation: Operation) -> FieldOwner {
    FieldOwner { field, manager: manager.into(), operation }
}

async fn an_annotated_account_gets_three_annotations_and_one_label(site: &Site) {
    site.helm(&json!({})).await;
    let before = site.account().await;
    let write = annotated(None);
    let live = put(site, &write, WriteMode::Update).await.unwrap();
    assert!(site.cluster.stores().service_accounts.is_written(&live, &write));

    let mut after = site.account().await;
    assert_eq!(azure_annotations(&after).len(), 3);
    let annotations = after["metadata"]["annotations"].as_object_mut().unwrap();
    annotations.retain(|name, _| !name.starts_with("azure.workload.identity/"));
    let label = after["metadata"]["labels"].as_object_mut().unwrap().remove(LABEL_ANNOTATES);
    assert_eq!(label.unwrap(), "prod");
    assert_eq!(after, before);
    let fields: BTreeSet<Field> = live
        .owners
        .iter()
        .filter(|owner| &*owner.manager == "widctl")
        .map(|owner| owner.field)
        .collect();
    assert_eq!(
        fields.into_iter().collect::<Vec<_>>(),
        [Field::Annotates, Field::ClientId, Field::TenantId, Field::TokenExpiration]
    );
}

async fn a_release_takes_only_what_widctl_applied(site: &Site) {
    site.helm(&json!({})).await;
    let before = site.account().await;
    let live = put(site, &annotated(None), WriteMode::Update).await.unwrap();
    let stores = site.cluster.stores();
    stores.service_accounts.release(&flows(site), &live, Release::Fields).await.unwrap();
    assert_eq!(site.account().await, before);
    let owners = listed(site).await.owners;
    assert_eq!(owners, [owner(Field::ManagedBy, "helm", Operation::Apply)]);
}

async fn an_account_whose_marks_are_released_is_nobodys_and_keeps_its_identity(site: &Site) {
    for write in [annotated(Some(ours())), annotated(None)] {
        site.make_account("flows", &json!({})).await;
        let live = put(site, &write, WriteMode::Update).await.unwrap();
        let stores = site.cluster.stores();
        // A second time changes nothing more.
        for _ in 0..2 {
            stores.service_accounts.release(&flows(site), &live, Release::Marks).await.unwrap();
        }
        let read = stores.service_accounts.get(&flows(site), &write).await.unwrap().unwrap();
        assert_eq!(read.marks, LiveMarks::default());
        assert_eq!(read.client_id, live.client_id);
        assert_eq!(azure_annotations(&site.account().await).len(), 3);
        site.remove_account("flows").await;
    }
}

async fn what_another_estate_has_taken_is_not_released(site: &Site) {
    let live = create(site).await;
    let other = Marks { estate: "other".into(), ..ours() };
    put(site, &annotated(Some(other)), WriteMode::Update).await.unwrap();
    let before = site.account().await;
    let stores = site.cluster.stores();
    let released = stores.service_accounts.release(&flows(site), &live, Release::Fields).await;
    assert!(matches!(released.unwrap_err().kind, PortErrorKind::Conflict { .. }));
    assert_eq!(site.account().await, before);
}

async fn a_change_from_manage_to_annotate_takes_the_marks_back(site: &Site) {
    create(site).await;
    let live = put(site, &annotated(None), WriteMode::Update).await.unwrap();
    assert_eq!(live.marks.managed_by, None);
    assert_eq!(live.marks.created, None);
    assert!(live.client_id.is_some());
}

async fn a_hand_edit_is_seen_as_the_editors_and_can_be_taken_back(site: &Site) {
    let write = annotated(Some(ours()));
    put(site, &write, WriteMode::Create).await.unwrap();
    site.edit(&json!({ (ANNOTATION_CLIENT_ID): "by hand" })).await;
    let live = listed(site).await;
    assert_eq!(live.client_id.as_deref(), Some("by hand"));
    let edited = owner(Field::ClientId, "kubectl-edit", Operation::Update);
    assert!(live.owners.contains(&edited), "{:?}", live.owners);
    assert!(!live.owners.contains(&owner(Field::ClientId, "widctl", Operation::Apply)));

    let error = put(site, &write, WriteMode::Update).await.unwrap_err();
    let managers = vec!["kubectl-edit".to_owned()];
    assert_eq!(error.kind, PortErrorKind::Conflict { managers });

    let live = put(site, &write, WriteMode::UpdateForced).await.unwrap();
    assert!(site.cluster.stores().service_accounts.is_written(&live, &write));
    assert!(!live.owners.contains(&edited));
}

async fn what_helm_holds_is_refused_by_its_name_and_taken_by_force_alone(site: &Site) {
    site.helm(&json!({ (ANNOTATION_CLIENT_ID): "of the chart" })).await;
    let before = site.account().await;
    let write = annotated(Some(ours()));
    let error = put(site, &write, WriteMode::Update).await.unwrap_err();
    let managers = vec!["helm".to_owned()];
    assert_eq!(error.kind, PortErrorKind::Conflict { managers });
    assert_eq!(site.account().await, before);

    let live = put(site, &write, WriteMode::UpdateForced).await.unwrap();
    assert!(site.cluster.stores().service_accounts.is_written(&live, &write));
    let after = site.account().await;
    assert_eq!(after["imagePullSecrets"], before["imagePullSecrets"]);
    assert_eq!(after["metadata"]["labels"]["team"], "data");
}

async fn what_two_hold_alike_is_no_conflict_and_stays_when_one_lets_go(site: &Site) {
    let write = annotated(None);
    let id = write.client_id.to_string();
    site.helm(&json!({ (ANNOTATION_CLIENT_ID): id })).await;
    let live = put(site, &write, WriteMode::Update).await.unwrap();
    for manager in ["helm", "widctl"] {
        let holds = owner(Field::ClientId, manager, Operation::Apply);
        assert!(live.owners.contains(&holds), "{:?}", live.owners);
    }
    let stores = site.cluster.stores();
    let key = flows(site);
    let released = stores.service_accounts.release(&key, &live, Release::Fields);
    released.await.unwrap();
    assert_eq!(azure_annotations(&site.account().await), [ANNOTATION_CLIENT_ID]);
}
