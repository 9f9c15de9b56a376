//! A service account's life: made, adopted, changed, deleted.

use serde_json::json;
use widctl::model::kinds::Release;
use widctl::model::kinds::marks::LABEL_ESTATE;
use widctl::model::kinds::namespace::{NamespaceKey, Namespaces};
use widctl::model::kinds::service_account::{
    ANNOTATION_CLIENT_ID, ServiceAccountKey, ServiceAccounts,
};
use widctl::model::text::Namespace;
use widctl::ports::error::PortErrorKind;
use widctl::ports::read::{KindRead, Listed, Look};
use widctl::ports::store::WriteMode;

use super::{adopted, azure_annotations, create, flows, listed, put};
use crate::cluster::site::Site;
use crate::kubernetes::requests::{annotated, ours};

on_both_grounds! {
    an_account_is_made_with_its_marks_and_annotations
    an_account_that_exists_by_now_is_not_made_again
    an_account_that_somebody_made_is_adopted_with_all_that_it_has
    an_account_that_is_not_there_is_not_annotated
    an_account_that_was_created_is_deleted_and_a_second_time_is_no_error
    an_account_that_somebody_else_made_anew_is_not_deleted
    an_apply_that_changes_nothing_leaves_the_object_as_it_was
    what_the_profile_drops_goes_and_what_others_wrote_stays
    a_label_that_no_server_takes_is_invalid
    a_list_by_label_names_what_bears_it_and_nothing_else
    what_is_asked_for_by_name_and_is_not_there_is_missing
}

async fn an_account_is_made_with_its_marks_and_annotations(site: &Site) {
    let write = annotated(Some(ours()));
    let live = create(site).await;
    let accounts = site.cluster.stores().service_accounts;
    assert!(accounts.is_written(&live, &write));
    assert_eq!(accounts.get(&flows(site), &write).await.unwrap(), Some(live.clone()));
    assert_eq!(listed(site).await, live);
    let id = write.client_id.to_string();
    assert_eq!(
        site.account().await,
        json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {
                "name": "flows", "namespace": site.namespace,
                "labels": {
                    "app.kubernetes.io/managed-by": "widctl",
                    "widctl.dev/estate": "prod",
                    "widctl.dev/team": "data",
                },
                "annotations": {
                    "widctl.dev/created": "0123456789abcdef",
                    "azure.workload.identity/client-id": id,
                    "azure.workload.identity/tenant-id": id,
                    "azure.workload.identity/service-account-token-expiration": "3600",
                },
            },
        })
    );
}

async fn an_account_that_exists_by_now_is_not_made_again(site: &Site) {
    site.helm(&json!({})).await;
    let before = site.account().await;
    let error = put(site, &annotated(Some(ours())), WriteMode::Create).await;
    assert!(matches!(error.unwrap_err().kind, PortErrorKind::Conflict { .. }));
    assert_eq!(site.account().await, before);
}

async fn an_account_that_somebody_made_is_adopted_with_all_that_it_has(site: &Site) {
    site.make_account("flows", &json!({ "team": "data" })).await;
    let write = annotated(Some(adopted()));
    let live = put(site, &write, WriteMode::Update).await.unwrap();
    assert!(site.cluster.stores().service_accounts.is_written(&live, &write));
    let account = site.account().await;
    assert_eq!(account["metadata"]["labels"]["team"], "data");
    assert_eq!(
        account["metadata"]["annotations"]["widctl.dev/created"],
        "adopted-0123456789abcdef"
    );
}

async fn an_account_that_is_not_there_is_not_annotated(site: &Site) {
    let error = put(site, &annotated(None), WriteMode::Update).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::NotFound);
    assert!(site.accounts().get_opt("flows").await.unwrap().is_none());
}

async fn an_account_that_was_created_is_deleted_and_a_second_time_is_no_error(site: &Site) {
    let live = create(site).await;
    let accounts = site.cluster.stores().service_accounts;
    for _ in 0..2 {
        accounts.delete(&flows(site), &live, ()).await.unwrap();
        let read = accounts.get(&flows(site), &annotated(Some(ours()))).await;
        assert!(read.unwrap().is_none());
    }
}

async fn an_account_that_somebody_else_made_anew_is_not_deleted(site: &Site) {
    let live = create(site).await;
    site.remove_account("flows").await;
    site.make_account("flows", &json!({})).await;
    let deleted = site.cluster.stores().service_accounts;
    let error = deleted.delete(&flows(site), &live, ()).await.unwrap_err();
    assert!(matches!(error.kind, PortErrorKind::Conflict { .. }));
    assert!(site.accounts().get_opt("flows").await.unwrap().is_some());
}

async fn an_apply_that_changes_nothing_leaves_the_object_as_it_was(site: &Site) {
    let first = create(site).await;
    let before = site.accounts().get("flows").await.unwrap();
    let second = put(site, &annotated(Some(ours())), WriteMode::Update).await.unwrap();
    assert_eq!(first, second);
    // The version and the times of the managed fields as well.
    assert_eq!(site.accounts().get("flows").await.unwrap(), before);
}

async fn what_the_profile_drops_goes_and_what_others_wrote_stays(site: &Site) {
    create(site).await;
    site.edit(&json!({ "note": "by hand" })).await;
    let live = listed(site).await;
    let released = site.cluster.stores().service_accounts;
    released.release(&flows(site), &live, Release::Fields).await.unwrap();
    let account = site.account().await;
    assert!(azure_annotations(&account).is_empty(), "{account}");
    assert_eq!(account["metadata"]["annotations"], json!({ "note": "by hand" }));
    assert!(account["metadata"].get("labels").is_none(), "{account}");
    assert!(!account.to_string().contains(ANNOTATION_CLIENT_ID));
}

async fn a_label_that_no_server_takes_is_invalid(site: &Site) {
    let mut marks = ours();
    marks.estate = "not a label".into();
    let error = put(site, &annotated(Some(marks)), WriteMode::Update).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Invalid, "{error}");
    assert!(site.accounts().get_opt("flows").await.unwrap().is_none());
}

async fn a_list_by_label_names_what_bears_it_and_nothing_else(site: &Site) {
    create(site).await;
    site.make_account("other", &json!({ LABEL_ESTATE: "prod-2" })).await;
    site.make_account("foreign", &json!({ "team": "data" })).await;
    let namespace = Namespace::from(site.namespace.as_str());
    let mut look = Look { label: Some((LABEL_ESTATE, "prod")), ..Look::default() };
    let mut all: Vec<Listed<ServiceAccounts>> = vec![site.cluster.list(look).await.unwrap()];
    look.namespace = Some(&namespace);
    all.push(site.cluster.list(look).await.unwrap());
    for listed in all {
        assert!(listed.whole);
        let inside = listed.objects.iter().filter(|(key, _)| key.namespace == namespace);
        let names: Vec<&str> = inside.map(|(key, _)| key.name.as_str()).collect();
        assert_eq!(names, ["flows"]);
    }
    look.label = None;
    let listed: Listed<ServiceAccounts> = site.cluster.list(look).await.unwrap();
    assert!(listed.objects.len() >= 3);
}

async fn what_is_asked_for_by_name_and_is_not_there_is_missing(site: &Site) {
    let nowhere = ServiceAccountKey::new("weu", "widctl-test-nowhere", "flows");
    for key in [flows(site), nowhere] {
        let found = KindRead::<ServiceAccounts>::find(&site.cluster, &key).await;
        assert_eq!(found.unwrap(), None);
    }
    let namespace = NamespaceKey { cluster: "weu".into(), namespace: "widctl-test-nowhere".into() };
    assert!(KindRead::<Namespaces>::find(&site.cluster, &namespace).await.unwrap().is_none());
    create(site).await;
    let found = KindRead::<ServiceAccounts>::find(&site.cluster, &flows(site)).await;
    assert_eq!(found.unwrap(), Some(listed(site).await));
}
