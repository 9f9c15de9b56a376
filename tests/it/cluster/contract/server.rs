//! What the API server itself promises: its answers to raw requests.

use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use serde_json::{Value, json};

use super::create;
use crate::cluster::site::Site;

on_both_grounds! {
    a_dry_run_answers_what_would_be_and_writes_nothing
    a_dry_run_tells_a_conflict_beforehand
    an_apply_that_is_bound_to_another_object_is_invalid
    an_apply_that_is_bound_to_an_object_that_is_gone_is_a_conflict
    a_deletion_that_is_bound_to_another_object_is_a_conflict
    an_update_from_an_older_state_is_a_conflict
    an_unknown_field_is_refused_where_that_was_asked_for
}

fn applied(site: &Site, uid: Option<&str>) -> Patch<Value> {
    let mut body = json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {
            "name": "flows", "namespace": site.namespace, "annotations": { "note": "x" },
        },
    });
    if let Some(uid) = uid {
        body["metadata"]["uid"] = uid.into();
    }
    Patch::Apply(body)
}

/// The status and reason of a refusal.
fn refusal(answer: kube::Result<ServiceAccount>) -> (u16, String) {
    let Err(kube::Error::Api(status)) = answer else {
        panic!("{answer:?}");
    };
    (status.code, status.reason)
}

fn conflict() -> (u16, String) {
    (409, "Conflict".into())
}

async fn a_dry_run_answers_what_would_be_and_writes_nothing(site: &Site) {
    let options = PatchParams::apply("widctl").dry_run();
    let accounts = site.accounts();
    let answer = accounts.patch("flows", &options, &applied(site, None)).await.unwrap();
    assert_eq!(answer.metadata.annotations.unwrap()["note"], "x");
    assert!(accounts.get_opt("flows").await.unwrap().is_none());

    create(site).await;
    let before = accounts.get("flows").await.unwrap();
    let answer = accounts.patch("flows", &options, &applied(site, None)).await.unwrap();
    assert_eq!(answer.metadata.annotations.unwrap().len(), 1);
    let options = DeleteParams::default().dry_run();
    accounts.delete("flows", &options).await.unwrap();
    assert_eq!(accounts.get("flows").await.unwrap(), before);
}

async fn a_dry_run_tells_a_conflict_beforehand(site: &Site) {
    site.helm(&json!({ "note": "of the chart" })).await;
    let options = PatchParams::apply("widctl").dry_run();
    let answer = site.accounts().patch("flows", &options, &applied(site, None)).await;
    assert_eq!(refusal(answer), conflict());
}

async fn an_apply_that_is_bound_to_another_object_is_invalid(site: &Site) {
    create(site).await;
    let options = PatchParams::apply("widctl");
    let other = applied(site, Some("11111111-1111-1111-1111-111111111111"));
    let answer = site.accounts().patch("flows", &options, &other).await;
    let Err(kube::Error::Api(status)) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!((status.code, status.reason.as_str()), (422, "Invalid"));
    let causes = status.details.unwrap().causes;
    assert!(causes.iter().all(|cause| cause.field == "metadata.uid"), "{causes:?}");
}

async fn an_apply_that_is_bound_to_an_object_that_is_gone_is_a_conflict(site: &Site) {
    let options = PatchParams::apply("widctl");
    let gone = applied(site, Some("11111111-1111-1111-1111-111111111111"));
    let answer = site.accounts().patch("flows", &options, &gone).await;
    assert_eq!(refusal(answer), conflict());
    assert!(site.accounts().get_opt("flows").await.unwrap().is_none());
}

async fn a_deletion_that_is_bound_to_another_object_is_a_conflict(site: &Site) {
    create(site).await;
    let accounts = site.accounts();
    let version = accounts.get("flows").await.unwrap().metadata.resource_version;
    site.edit(&json!({ "note": "by hand" })).await;
    for (uid, resource_version) in
        [(Some("11111111-1111-1111-1111-111111111111".into()), None), (None, version)]
    {
        let options =
            DeleteParams::default().preconditions(Preconditions { uid, resource_version });
        let answer = accounts.delete("flows", &options).await;
        assert_eq!(refusal(answer.map(|_| ServiceAccount::default())), conflict());
    }
    assert!(accounts.get_opt("flows").await.unwrap().is_some());
}

async fn an_update_from_an_older_state_is_a_conflict(site: &Site) {
    create(site).await;
    let older = site.accounts().get("flows").await.unwrap();
    site.edit(&json!({ "note": "by hand" })).await;
    let options = PostParams::default();
    let answer = site.accounts().replace("flows", &options, &older).await;
    assert_eq!(refusal(answer), conflict());
}

async fn an_unknown_field_is_refused_where_that_was_asked_for(site: &Site) {
    let body = json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": { "name": "flows" }, "secretz": [],
    });
    let accounts: Api<ServiceAccount> = site.accounts();
    let strict = PatchParams::apply("widctl").validation_strict();
    let answer = accounts.patch("flows", &strict, &Patch::Apply(&body)).await;
    let (status, _) = refusal(answer);
    // An apply that does not fit the schema fails before validation: it is a server's error for that.
    assert!([400, 422, 500].contains(&status), "{status}");
    assert!(accounts.get_opt("flows").await.unwrap().is_none());
}
