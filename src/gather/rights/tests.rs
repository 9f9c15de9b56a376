//! Which questions are asked, and what their answers come to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};

use super::{Authorities, Checked, LIMIT};
use crate::model::arm_id::ArmId;
use crate::model::right::{ArmRight, ClusterRight, Right};
use crate::model::text::Namespace;
use crate::observed::read::{Read, Unread};
use crate::observed::state::Permission;
use crate::ports::error::{PortError, PortErrorKind, Service};
use crate::ports::right::{ArmRights, ClusterRights};

const SUBSCRIPTION: &str = "/subscriptions/12345678-1234-5678-9012-123456789012";
const SIDE_BY_SIDE: usize = 32;

/// Answers what it was told, and remembers what it was asked.
#[derive(Default)]
struct Oracle {
    /// What may be done where: scopes and actions, or namespaces and verbs; `*` is everywhere.
    allowed: BTreeSet<(String, &'static str)>,
    /// Where nothing is answered but an error.
    refused: BTreeSet<String>,
    /// Where the asking itself trips over a bug.
    broken: BTreeSet<String>,
    /// How long an answer takes.
    pause: Duration,
    asked: Mutex<Vec<String>>,
}

impl Oracle {
    async fn answer(&self, place: &str) -> Result<Vec<&'static str>, PortError> {
        self.asked.lock().unwrap().push(place.to_owned());
        sleep(self.pause).await;
        assert!(!self.broken.contains(place), "a bug");
        if self.refused.contains(place) {
            let kind = PortErrorKind::ServiceFault;
            return Err(PortError::new(kind, Service::Arm, format!("ask {place}")));
        }
        let allowed = self.allowed.iter().filter(|allowed| allowed.0 == place);
        Ok(allowed.map(|allowed| allowed.1).collect())
    }

    fn asked(&self) -> Vec<String> {
        let mut asked = self.asked.lock().unwrap().clone();
        asked.sort();
        asked
    }

    fn allowing(allowed: &[(&str, &'static str)]) -> Self {
        let allowed = allowed.iter();
        Self {
            allowed: allowed.map(|(place, what)| ((*place).to_owned(), *what)).collect(),
            ..Self::default()
        }
    }
}

#[async_trait]
impl ArmRights for Oracle {
    async fn permissions(&self, scope: &ArmId) -> Result<Vec<Permission>, PortError> {
        let place = scope.as_str().replace(SUBSCRIPTION, "");
        let allowed = self.answer(&place).await?;
        let permission =
            |action: &str| Permission { actions: vec![action.into()], ..Permission::default() };
        Ok(allowed.into_iter().map(permission).collect())
    }
}

#[async_trait]
impl ClusterRights for Oracle {
    async fn may(&self, right: &ClusterRight) -> Result<bool, PortError> {
        let namespace = right.namespace.as_ref().map_or("*", Namespace::as_str);
        let place = format!("{namespace} {}", right.resource);
        Ok(self.answer(&place).await?.contains(&right.verb))
    }
}

fn arm(scope: &str, action: &'static str) -> Right {
    let scope = ArmId::parse(&format!("{SUBSCRIPTION}{scope}")).unwrap();
    Right::Arm(ArmRight { scope, action })
}

fn on_cluster(namespace: &str, verb: &'static str) -> Right {
    Right::Cluster(ClusterRight {
        cluster: "weu".into(),
        namespace: Some(namespace.into()),
        group: "",
        resource: "serviceaccounts",
        verb,
    })
}

#[tokio::test(start_paused = true)]
async fn a_panic_leaves_one_right_unchecked() {
    let oracle = Oracle {
        broken: [ID_A.to_owned(), "data serviceaccounts".to_owned()].into(),
        ..Oracle::allowing(&[("/resourceGroups/other", "write")])
    };
    let (broken, fine) = (arm(ID_A, "write"), arm("/resourceGroups/other", "write"));
    let account = on_cluster("data", "create");
    let needed = [broken.clone(), fine, account.clone()];
    let checked = check(&oracle, &needed).await;
    assert!(checked.denied.is_empty(), "{checked:?}");
    let unchecked: BTreeSet<_> = checked.unchecked.into_keys().collect();
    assert_eq!(unchecked, BTreeSet::from([broken, account]));
}

/// Asks the oracle for everything.
async fn check(oracle: &Oracle, needed: &[Right]) -> Checked {
    check_knowing(oracle, &BTreeMap::new(), needed).await
}

async fn check_knowing(
    oracle: &Oracle,
    known: &BTreeMap<ArmId, Read<Vec<Permission>>>,
    needed: &[Right],
) -> Checked {
    let clusters = BTreeMap::from([("weu".into(), oracle as &dyn ClusterRights)]);
    Authorities::new(oracle, known, clusters, SIDE_BY_SIDE).check(needed).await
}

#[tokio::test]
async fn a_group_that_was_asked_beforehand_is_not_asked_again() {
    let oracle = Oracle::allowing(&[(ID_B, "X/write")]);
    let group = ArmId::parse(&format!("{SUBSCRIPTION}{GROUP}")).unwrap();
    let permission = Permission { actions: vec!["X/read".into()], ..Permission::default() };
    let known = BTreeMap::from([(group.clone(), Read::Facts(vec![permission]))]);
    let needed = [arm(ID_A, "X/read"), arm(GROUP, "X/read")];
    assert_eq!(check_knowing(&oracle, &known, &needed).await, Checked::default());
    assert!(oracle.asked().is_empty());
    // What it leaves open is asked for below it, as where it could not be asked.
    let unread = Unread { refused: true, why: "refused".into() };
    for known in [known, BTreeMap::from([(group, Read::Unread(unread))])] {
        let needed = [arm(ID_B, "X/write")];
        assert_eq!(check_knowing(&oracle, &known, &needed).await, Checked::default());
    }
    assert_eq!(oracle.asked(), [ID_B, ID_B]);
}

const GROUP: &str = "/resourceGroups/rg";
const ID_A: &str =
    "/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/a";
const ID_B: &str =
    "/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/b";

#[tokio::test]
async fn a_right_at_the_resource_group_answers_for_all_that_lies_in_it() {
    let oracle = Oracle::allowing(&[(GROUP, "*/write")]);
    let needed = [arm(ID_A, "X/write"), arm(ID_B, "X/write")];
    assert_eq!(check(&oracle, &needed).await, Checked::default());
    assert_eq!(oracle.asked(), [GROUP]);
}

#[tokio::test]
async fn what_the_resource_group_does_not_give_is_asked_at_the_resource() {
    let oracle = Oracle::allowing(&[(GROUP, "*/read"), (ID_A, "X/*")]);
    let needed = [arm(ID_A, "X/write"), arm(ID_B, "X/write"), arm(GROUP, "X/write")];
    let checked = check(&oracle, &needed).await;
    let denied = BTreeSet::from([arm(ID_B, "X/write"), arm(GROUP, "X/write")]);
    assert_eq!(checked.denied, denied);
    assert_eq!(oracle.asked(), [GROUP, ID_A, ID_B]);
}

#[tokio::test]
async fn a_single_resource_is_asked_about_itself() {
    let oracle = Oracle::allowing(&[(ID_A, "X/write")]);
    let needed = [arm(ID_A, "X/write"), arm(ID_A, "X/delete")];
    let checked = check(&oracle, &needed).await;
    assert_eq!(checked.denied, BTreeSet::from([arm(ID_A, "X/delete")]));
    assert_eq!(oracle.asked(), [ID_A]);
}

#[tokio::test]
async fn a_resource_group_that_cannot_be_asked_hides_nothing_below_it() {
    let mut oracle = Oracle::allowing(&[(ID_A, "X/write")]);
    oracle.refused.insert(GROUP.to_owned());
    let needed = [arm(ID_A, "X/write"), arm(ID_B, "X/write"), arm(GROUP, "X/write")];
    let checked = check(&oracle, &needed).await;
    assert_eq!(checked.denied, BTreeSet::from([arm(ID_B, "X/write")]));
    let unchecked: Vec<&Right> = checked.unchecked.keys().collect();
    assert_eq!(unchecked, [&arm(GROUP, "X/write")]);
}

#[tokio::test]
async fn a_right_in_all_namespaces_answers_for_each() {
    let oracle = Oracle::allowing(&[("* serviceaccounts", "patch")]);
    let needed = ["a", "b", "c"].map(|namespace| on_cluster(namespace, "patch"));
    assert_eq!(check(&oracle, &needed).await, Checked::default());
    assert_eq!(oracle.asked(), ["* serviceaccounts"]);
}

#[tokio::test]
async fn a_right_in_some_namespaces_is_asked_for_in_each() {
    let oracle = Oracle::allowing(&[("a serviceaccounts", "patch")]);
    let needed = ["a", "b"].map(|namespace| on_cluster(namespace, "patch"));
    let checked = check(&oracle, &needed).await;
    assert_eq!(checked.denied, BTreeSet::from([on_cluster("b", "patch")]));
    let questions = ["* serviceaccounts", "a serviceaccounts", "b serviceaccounts"];
    assert_eq!(oracle.asked(), questions);
}

#[tokio::test]
async fn a_cluster_that_does_not_answer_is_asked_once_and_nothing_is_said_of_it() {
    let oracle =
        Oracle { refused: BTreeSet::from(["* serviceaccounts".to_owned()]), ..Oracle::default() };
    let needed = ["a", "b"].map(|namespace| on_cluster(namespace, "patch"));
    let checked = check(&oracle, &needed).await;
    assert_eq!((checked.denied.len(), checked.unchecked.len()), (0, 2));
    assert_eq!(oracle.asked(), ["* serviceaccounts"]);
}

#[tokio::test(start_paused = true)]
async fn slow_services_hold_nobody_up_longer_than_the_limit() {
    let oracle = Oracle { pause: Duration::from_secs(7), ..Oracle::default() };
    let begun = Instant::now();
    let mut needed: Vec<Right> = (0..100).map(|n| on_cluster(&n.to_string(), "get")).collect();
    needed.extend([arm(ID_A, "X/write"), arm(ID_B, "X/write")]);
    let checked = check(&oracle, &needed).await;
    assert!(begun.elapsed() <= LIMIT, "{:?}", begun.elapsed());
    // The wider questions were answered, with no; the others began too late.
    assert_eq!((checked.denied.len(), checked.unchecked.len()), (0, 102));
    assert!(oracle.asked().len() <= 2 + 2 + SIDE_BY_SIDE);
}
