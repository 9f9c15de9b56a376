//! How missing rights are put together as they are best given.

use std::collections::{BTreeMap, BTreeSet};

use widctl::model::arm_id::ArmId;
use widctl::model::right::{ArmRight, ClusterRight, Right};
use widctl::plan::change::AnyChange;
use widctl::plan::contents::Plan;
use widctl::plan::rights::grouping::gaps;
use widctl::plan::rights::needed;

use super::golden;

const WRITE: &str = "Microsoft.ManagedIdentity/userAssignedIdentities/write";
const ASSIGN: &str = "Microsoft.Authorization/roleAssignments/write";

fn on_identity(action: &'static str, group: &str, name: &str) -> Right {
    let scope = format!(
        "/subscriptions/12345678-1234-5678-9012-123456789012/resourceGroups/{group}/providers/\
         Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
    );
    Right::Arm(ArmRight { scope: ArmId::parse(&scope).unwrap(), action })
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

/// Where what is missing is given: the last name of the scope, or the namespace and the verbs.
fn given(denied: impl IntoIterator<Item = Right>) -> Vec<String> {
    let (plan, denied) = (Plan::default(), denied.into_iter().collect());
    let gaps = gaps(&plan, &BTreeMap::new(), &denied);
    let gaps = gaps.into_iter().map(|gap| match gap.right {
        Right::Arm(right) => format!("{} on {}", right.action, right.scope.name()),
        Right::Cluster(right) => {
            format!("{} in {}", gap.verbs.join(", "), right.namespace.unwrap())
        }
    });
    gaps.collect()
}

#[test]
fn what_several_identities_of_a_group_lack_is_given_on_the_group_and_once() {
    let several = [
        on_identity(WRITE, "rg-a", "id-1"),
        on_identity(WRITE, "rg-a", "id-2"),
        on_identity(WRITE, "rg-b", "id-3"),
    ];
    assert_eq!(given(several), [format!("{WRITE} on rg-a"), format!("{WRITE} on id-3")]);
}

#[test]
fn the_right_to_assign_roles_is_never_given_wider_than_it_is_needed() {
    let several = ["id-1", "id-2"].map(|name| on_identity(ASSIGN, "rg-a", name));
    assert_eq!(given(several), [format!("{ASSIGN} on id-1"), format!("{ASSIGN} on id-2")]);
}

#[test]
fn the_verbs_of_a_resource_in_a_namespace_are_one_rule() {
    let verbs =
        [on_cluster("data", "patch"), on_cluster("web", "get"), on_cluster("data", "create")];
    assert_eq!(given(verbs), ["create, patch in data", "get in web"]);
}

/// The places of a gap's changes in the plan.
fn places(plan: &Plan, changes: &[&AnyChange]) -> Vec<usize> {
    let place = |change: &&AnyChange| {
        plan.changes.iter().position(|other| std::ptr::eq(other, *change)).unwrap()
    };
    changes.iter().map(place).collect()
}

#[test]
fn every_change_stands_once_with_each_right_that_it_needs_in_the_plans_order() {
    let mut most = 0;
    for plan in golden::plans() {
        let needed = needed(&plan);
        let mut all = BTreeSet::new();
        for gap in gaps(&plan, &needed, &needed.keys().cloned().collect()) {
            let places = places(&plan, &gap.changes);
            assert!(!places.is_empty() && places.is_sorted_by(|one, next| one < next));
            all.extend(places);
        }
        assert_eq!(all, (0..plan.changes.len()).collect());
        // Whoever lacks a single right reads of all the changes that need it.
        for (right, needing) in &needed {
            let gaps = gaps(&plan, &needed, &BTreeSet::from([right.clone()]));
            let [gap] = gaps.as_slice() else { panic!("{}", gaps.len()) };
            assert_eq!(places(&plan, &gap.changes), *needing);
            most = most.max(needing.len());
        }
    }
    assert!(most > 1, "no right is needed by several changes");
}
