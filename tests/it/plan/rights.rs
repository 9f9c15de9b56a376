//! Which rights every kind of change needs, read from the plans of the golden cases.

use std::collections::{BTreeMap, BTreeSet};

use widctl::model::right::Right;
use widctl::plan;
use widctl::plan::change::AnyChange;
use widctl::plan::contents::Plan;
use widctl::plan::inputs::PlanInputs;
use widctl::plan::rights::needed;

use super::{golden, world};

/// A right without the names that differ from case to case.
fn right(right: &Right) -> String {
    match right {
        Right::Arm(right) => {
            let scope = &right.scope;
            let place = match (scope.resource_group(), scope.as_str().contains("/providers/")) {
                (Some(_), false) => "the resource group",
                (Some(_), true) => "the resource",
                (None, _) => "a wider scope",
            };
            format!("{} at {place}", right.action)
        }
        Right::Cluster(right) => {
            let place = right.namespace.as_ref().map_or("the cluster", |_| "its namespace");
            let resource = match right.group {
                "" => right.resource.to_owned(),
                group => format!("{}.{group}", right.resource),
            };
            format!("{} {resource} in {place}", right.verb)
        }
    }
}

#[test]
fn every_kind_of_change_needs_what_its_writes_need() {
    let mut table: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for plan in golden::plans() {
        for (wanted, places) in needed(&plan) {
            for place in places {
                let change = &plan.changes[place];
                let address = change.address();
                let kind = address.split('/').nth(1).unwrap();
                let row = table.entry(format!("{} {kind}", change.action()));
                row.or_default().insert(right(&wanted));
            }
        }
    }
    let rows = table.iter().map(|(change, rights)| {
        let rights: Vec<&str> = rights.iter().map(String::as_str).collect();
        format!("{change}\n  {}", rights.join("\n  "))
    });
    let rows: Vec<String> = rows.collect();
    insta::assert_snapshot!("rights_by_change", rows.join("\n"));
}

#[test]
fn every_change_needs_something_and_a_plan_without_changes_nothing() {
    for plan in golden::plans() {
        let places: BTreeSet<usize> = needed(&plan).into_values().flatten().collect();
        assert_eq!(places, (0..plan.changes.len()).collect());
    }
    assert!(needed(&Plan::default()).is_empty());
}

#[test]
fn rights_on_a_new_identity_are_asked_for_at_its_resource_group_and_later_at_itself() {
    let desired = golden::shared();
    let plan = plan::plan(&desired, &world::empty(&desired), &PlanInputs::default());
    let scopes = |plan: &Plan| -> BTreeSet<String> {
        let rights = needed(plan).into_keys();
        let scopes = rights.filter_map(|right| match right {
            Right::Arm(right) if right.action.contains("ManagedIdentity") => Some(right.scope),
            Right::Arm(_) | Right::Cluster(_) => None,
        });
        scopes.map(|scope| scope.to_string()).collect()
    };
    let first = plan.unwrap();
    assert!(scopes(&first).iter().all(|scope| !scope.contains("/providers/")));
    // The same changes once their identities are there.
    let outputs = first.changes.iter().filter_map(|change| {
        if let AnyChange::Identity(change) = change {
            return Some((change.key.clone(), world::ids(&change.key, 1)));
        }
        None
    });
    let later = Plan {
        changes: first
            .changes
            .iter()
            .filter(|change| matches!(change, AnyChange::FederatedCredential(_)))
            .cloned()
            .collect(),
        identities: outputs.collect(),
        ..Plan::default()
    };
    assert!(!later.changes.is_empty());
    assert!(scopes(&later).iter().all(|scope| scope.contains("/userAssignedIdentities/")));
}
