//! What an API server refuses, and what it asks to wait for.

use std::time::Duration;

use widctl::event::Event;
use widctl::model::right::ClusterRight;
use widctl::ports::error::{PortError, PortErrorKind};
use widctl::ports::right::ClusterRights;
use widctl::ports::store::WriteMode;

use super::{create, flows};
use crate::cluster::site::Site;
use crate::cluster::throttled::Throttled;
use crate::kubernetes::lists::WholeLists;
use crate::kubernetes::requests::{annotated, ours};

on_both_grounds! {
    a_right_that_is_missing_is_named
    what_the_caller_may_do_is_told_beforehand
    an_apply_of_what_does_not_exist_takes_the_right_to_create_it
    a_deletion_without_the_right_leaves_the_account
    a_list_without_the_right_is_refused_for_the_whole_cluster
    a_write_that_is_throttled_waits_as_it_is_told_and_is_done
}

/// Why an account is not made where the caller lacks a verb.
async fn refused_creation(site: &Site, missing: &str) -> PortError {
    let cluster = site.without(missing, "serviceaccounts").await;
    let accounts = cluster.stores().service_accounts;
    let (key, write) = (flows(site), annotated(Some(ours())));
    let put = accounts.put(&key, &write, WriteMode::Create);
    put.await.unwrap_err()
}

async fn a_right_that_is_missing_is_named(site: &Site) {
    let error = refused_creation(site, "patch").await;
    assert_eq!(
        error.kind,
        PortErrorKind::Refused {
            action: Some("patch serviceaccounts".into()),
            scope: Some(format!("namespace {}", site.namespace)),
        }
    );
    let rule = "{apiGroups: [\"\"], resources: [\"serviceaccounts\"], verbs: [\"patch\"]}";
    let hint = error.help();
    assert!(hint.ends_with(rule), "{hint}");
}

async fn what_the_caller_may_do_is_told_beforehand(site: &Site) {
    let cluster = site.without("create", "serviceaccounts").await;
    let accounts = |namespace: Option<&str>, verb| ClusterRight {
        cluster: "weu".into(),
        namespace: namespace.map(Into::into),
        group: "",
        resource: "serviceaccounts",
        verb,
    };
    let here = Some(site.namespace.as_str());
    let roles = ClusterRight {
        group: "rbac.authorization.k8s.io",
        resource: "roles",
        ..accounts(here, "create")
    };
    assert!(cluster.may(&accounts(here, "patch")).await.unwrap());
    assert!(cluster.may(&roles).await.unwrap());
    assert!(!cluster.may(&accounts(here, "create")).await.unwrap());
    assert!(!cluster.may(&accounts(None, "create")).await.unwrap());
}

async fn an_apply_of_what_does_not_exist_takes_the_right_to_create_it(site: &Site) {
    let error = refused_creation(site, "create").await;
    let PortErrorKind::Refused { action, .. } = &error.kind else {
        panic!("{error}");
    };
    assert_eq!(action.as_deref(), Some("create serviceaccounts"));
    assert!(site.accounts().get_opt("flows").await.unwrap().is_none());
}

async fn a_deletion_without_the_right_leaves_the_account(site: &Site) {
    let live = create(site).await;
    let cluster = site.without("delete", "serviceaccounts").await;
    let accounts = cluster.stores().service_accounts;
    let error = accounts.delete(&flows(site), &live, ()).await.unwrap_err();
    assert!(error.is_refusal(), "{error}");
    assert!(site.accounts().get_opt("flows").await.unwrap().is_some());
}

async fn a_list_without_the_right_is_refused_for_the_whole_cluster(site: &Site) {
    let cluster = site.without("list", "serviceaccounts").await;
    let error = cluster.service_accounts().await.unwrap_err();
    let PortErrorKind::Refused { action, .. } = &error.kind else {
        panic!("{error}");
    };
    assert_eq!(action.as_deref(), Some("list serviceaccounts"));
    let hint = error.help();
    assert!(hint.starts_with("allow it in a ClusterRole"), "{hint}");
}

async fn a_write_that_is_throttled_waits_as_it_is_told_and_is_done(site: &Site) {
    let waits = || {
        let events = site.kept.events().into_iter();
        let mut waits = events.filter_map(|event| {
            let Event::Waiting { why, pause } = event else {
                return None;
            };
            Some((why, pause))
        });
        waits.next()
    };
    let throttled = Throttled::new(site).await;
    let accounts = throttled.cluster.stores().service_accounts;
    let (key, write) = (flows(site), annotated(Some(ours())));
    let writing = accounts.put(&key, &write, WriteMode::Create);
    let lifting = async {
        site.until(async || waits().is_some()).await;
        throttled.lift().await;
    };
    let (live, ()) = tokio::join!(writing, lifting);
    assert!(accounts.is_written(&live.unwrap().live, &write));
    let (why, pause) = waits().unwrap();
    assert_eq!(why, "throttled by cluster `weu`");
    assert_eq!(pause, Duration::from_secs(1));
}
