//! Namespaces: made, adopted, missing, on their way out.

use widctl::model::kinds::namespace::{NamespaceKey, PlannedNamespace};
use widctl::ports::error::PortErrorKind;
use widctl::ports::store::WriteMode;

use super::{adopted, create, flows};
use crate::cluster::site::Site;
use crate::kubernetes::lists::WholeLists;
use crate::kubernetes::requests::{annotated, key as account_key, ours};

on_both_grounds! {
    a_namespace_is_made_with_its_marks_and_seen_on_its_way_out
    a_namespace_that_is_there_is_adopted_and_released
    a_namespace_that_is_missing_is_a_missing_parent
    a_namespace_takes_its_accounts_along
}

fn key(namespace: &str) -> NamespaceKey {
    NamespaceKey { cluster: "weu".into(), namespace: namespace.into() }
}

async fn a_namespace_is_made_with_its_marks_and_seen_on_its_way_out(site: &Site) {
    let name = format!("{}-flows", site.namespace);
    let key = key(&name);
    let write = PlannedNamespace { marks: ours() };
    let stores = site.cluster.stores();
    let put = stores.namespaces.put(&key, &write, WriteMode::Create);
    let live = put.await.unwrap().live;
    assert!(stores.namespaces.is_written(&live, &write));
    site.terminate(&name).await;
    let listed = site.cluster.namespaces().await.unwrap();
    let (_, live) = listed.iter().find(|(found, _)| *found == key).unwrap();
    assert!(live.terminating);
    assert!(!stores.namespaces.is_written(live, &write));

    let account = account_key(&name, "flows");
    let write = annotated(Some(ours()));
    let accounts = stores.service_accounts;
    let error = accounts.put(&account, &write, WriteMode::Create).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Forbidden, "{error}");
    let hint = "the namespace is being deleted: run again once it is gone";
    assert_eq!(error.help(), hint);
    site.let_go(&name).await;
}

async fn a_namespace_that_is_there_is_adopted_and_released(site: &Site) {
    let key = key(&site.namespace);
    let stores = site.cluster.stores();
    let write = PlannedNamespace { marks: adopted() };
    let put = stores.namespaces.put(&key, &write, WriteMode::Update);
    let live = put.await.unwrap().live;
    assert!(stores.namespaces.is_written(&live, &write));
    stores.namespaces.release(&key, &live, ()).await.unwrap();
    let live = stores.namespaces.get(&key, &write).await.unwrap().unwrap();
    assert_eq!(live.marks.managed_by, None);
    assert_eq!(live.marks.estate, None);
    assert!(!live.terminating);
}

async fn a_namespace_that_is_missing_is_a_missing_parent(site: &Site) {
    let stores = site.cluster.stores();
    let account = account_key(&format!("{}-none", site.namespace), "flows");
    let write = annotated(Some(ours()));
    let accounts = stores.service_accounts;
    let error = accounts.put(&account, &write, WriteMode::Create).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::ParentNotFound, "{error}");
}

async fn a_namespace_takes_its_accounts_along(site: &Site) {
    let live = create(site).await;
    site.remove_namespace().await;
    let gone = async || site.accounts().get_opt("flows").await.unwrap().is_none();
    site.until(gone).await;
    let accounts = site.cluster.stores().service_accounts;
    accounts.delete(&flows(site), &live, ()).await.unwrap();
}
