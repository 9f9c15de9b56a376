//! Whose an account is: its mark says it, and neither a copy's labels nor its field managers do.

use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use widctl::desired::naming::Origin;
use widctl::desired::state::DesiredState;
use widctl::model::kinds::Release;
use widctl::model::kinds::marks::{Field, FieldOwner, Operation};
use widctl::model::kinds::service_account::{
    ANNOTATION_CLIENT_ID, LiveServiceAccount, ServiceAccountKey, ServiceAccounts,
};
use widctl::plan::ownership;
use widctl::plan::ownership::{ObjectOwner, Ours};
use widctl::ports::error::PortErrorKind;
use widctl::ports::read::KindRead;
use widctl::ports::store::WriteMode;

use super::{flows, listed, put};
use crate::cluster::site::Site;
use crate::kubernetes::requests::{annotated, key};
use crate::plan::golden::desired_by;

on_both_grounds! {
    a_copy_is_nobodys_whatever_its_field_managers_say
    the_mark_of_another_namespace_or_cluster_is_none
    an_account_without_field_managers_is_still_ours
    who_may_not_delete_releases_and_the_labels_go
    a_chart_of_helm_3_is_known_by_its_manager_and_its_marks
}

/// An estate that wants nothing on the cluster `weu`.
fn desired() -> DesiredState {
    desired_by(
        r#"version = 1
estate = "prod"
[azure]
subscription = "12345678-1234-5678-9012-123456789012"
resource_group = "rg"
location = "westeurope"
[clusters.weu]
context = "weu"
issuer = "https://oidc.example.com/weu"
"#,
    )
}

/// Makes the account `flows` with the mark of this object.
async fn create_as(site: &Site, marked: &ServiceAccountKey, origin: Origin) -> LiveServiceAccount {
    let team = "data".into();
    let marks = ownership::marks::<ServiceAccounts>(&desired(), (marked, &team), origin);
    put(site, &annotated(Some(marks)), WriteMode::Create).await.unwrap()
}

fn owner<'l>(key: &ServiceAccountKey, live: &'l LiveServiceAccount) -> ObjectOwner<'l> {
    ownership::owner_of_object::<ServiceAccounts>(&desired(), key, live)
}

/// `kubectl get -o yaml | kubectl create` under another name.
async fn copy(site: &Site, name: &str, with_managers: bool) -> LiveServiceAccount {
    let accounts = site.accounts();
    let mut copied = accounts.get("flows").await.unwrap();
    let managers = copied.metadata.managed_fields.take();
    copied.metadata.uid = None;
    copied.metadata.resource_version = None;
    copied.metadata.name = Some(name.to_owned());
    let options =
        PostParams { field_manager: Some("kubectl-create".to_owned()), ..PostParams::default() };
    accounts.create(&options, &copied).await.unwrap();
    if with_managers {
        patch(site, name, &json!({ "metadata": { "managedFields": managers } })).await;
    }
    let found = KindRead::<ServiceAccounts>::find(&site.cluster, &key(&site.namespace, name)).await;
    found.unwrap().unwrap()
}

async fn patch(site: &Site, name: &str, patch: &Value) {
    let patch = Patch::Merge(patch);
    site.accounts().patch(name, &PatchParams::default(), &patch).await.unwrap();
}

async fn a_copy_is_nobodys_whatever_its_field_managers_say(site: &Site) {
    let original = flows(site);
    create_as(site, &original, Origin::Created).await;
    for (name, with_managers) in [("copy", false), ("copy-with-managers", true)] {
        let copied = copy(site, name, with_managers).await;
        let key = key(&site.namespace, name);
        assert_eq!(copied.marks.estate.as_deref(), Some("prod"));
        assert_eq!(owner(&key, &copied), ObjectOwner::Misplaced, "{name}");
        assert!(Ours::<ServiceAccounts>::created(&desired(), &key, &copied.into()).is_none());
    }
    let live = listed(site).await;
    assert_eq!(owner(&original, &live), ObjectOwner::Ours(Origin::Created));
    assert!(Ours::<ServiceAccounts>::created(&desired(), &original, &live.into()).is_some());
}

async fn the_mark_of_another_namespace_or_cluster_is_none(site: &Site) {
    let elsewhere = ServiceAccountKey::new("neu", site.namespace.as_str(), "flows");
    for marked in [key("kube-system", "flows"), elsewhere] {
        let live = create_as(site, &marked, Origin::Created).await;
        assert_eq!(owner(&flows(site), &live), ObjectOwner::Misplaced, "{marked}");
        site.remove_account("flows").await;
    }
}

async fn an_account_without_field_managers_is_still_ours(site: &Site) {
    create_as(site, &flows(site), Origin::Created).await;
    patch(site, "flows", &json!({ "metadata": { "managedFields": [{}] } })).await;
    let live = listed(site).await;
    assert_eq!(owner(&flows(site), &live), ObjectOwner::Ours(Origin::Created));
    let accounts = site.cluster.stores().service_accounts;
    accounts.delete(&flows(site), &live, ()).await.unwrap();
    assert!(site.accounts().get_opt("flows").await.unwrap().is_none());
}

async fn who_may_not_delete_releases_and_the_labels_go(site: &Site) {
    let live = create_as(site, &flows(site), Origin::Adopted).await;
    assert_eq!(owner(&flows(site), &live), ObjectOwner::Ours(Origin::Adopted));
    assert!(
        Ours::<ServiceAccounts>::created(&desired(), &flows(site), &live.clone().into()).is_none()
    );
    let accounts = site.without("delete", "serviceaccounts").await.stores().service_accounts;
    let error = accounts.delete(&flows(site), &live, ()).await.unwrap_err();
    assert!(matches!(error.kind, PortErrorKind::Refused { .. }), "{error}");
    accounts.release(&flows(site), &live, Release::Fields).await.unwrap();
    let account = site.account().await;
    assert!(account["metadata"].get("labels").is_none(), "{account}");
    assert!(account["metadata"].get("annotations").is_none(), "{account}");
}

async fn a_chart_of_helm_3_is_known_by_its_manager_and_its_marks(site: &Site) {
    let account = json!({ "metadata": {
        "name": "flows",
        "labels": { "app.kubernetes.io/managed-by": "Helm" },
        "annotations": { "meta.helm.sh/release-name": "eso", (ANNOTATION_CLIENT_ID): "of the chart" },
    } });
    let options = PostParams { field_manager: Some("helm".to_owned()), ..PostParams::default() };
    let account = serde_json::from_value(account).unwrap();
    site.accounts().create(&options, &account).await.unwrap();
    let live = listed(site).await;
    let tool = live.marks.tool.unwrap();
    assert_eq!((tool.tool.name, tool.by.as_deref()), ("Helm", Some("eso")));
    let chart =
        FieldOwner { field: Field::ClientId, manager: "helm".into(), operation: Operation::Update };
    assert!(live.owners.contains(&chart), "{:?}", live.owners);
}
