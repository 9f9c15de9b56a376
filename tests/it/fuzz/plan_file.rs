//! A saved plan that somebody changed between the approval and the apply.

use std::sync::OnceLock;

use serde_json::{Map, Value};
use widctl::command::failure::Failure;
use widctl::model::text::Estate;
use widctl::plan;
use widctl::plan::approval::{Approval, approve};
use widctl::plan::contents::Plan;
use widctl::plan::file::{About, PlanFile};
use widctl::plan::inputs::PlanInputs;
use widctl::plan::row::ChangeRow;
use widctl::profile::SourceFile;

use super::engine::{Input, Target};
use super::harm;
use crate::plan::{golden, world};

pub(super) const TARGET: Target = Target { name: "plan-file", seeds, check, cases: 250 };

#[test]
fn a_damaged_plan_file_approves_nothing_that_it_does_not_say() {
    TARGET.run();
}

fn about() -> About {
    About {
        widctl_version: "0.1.0".into(),
        estate: Estate::from("contoso"),
        tenant: world::TENANT,
        profile_sha256: "00".into(),
        inputs: PlanInputs::default(),
        now: "2026-09-01T12:00:00Z".parse().unwrap(),
    }
}

/// What the shared profile wants of a world without anything of it, and after each of its first changes.
fn fresh() -> &'static [Plan] {
    static PLANS: OnceLock<Vec<Plan>> = OnceLock::new();
    PLANS.get_or_init(|| {
        let desired = golden::shared();
        let mut observed = world::empty(&desired);
        let planned =
            |observed: &_| plan::plan(&desired, observed, &PlanInputs::default()).unwrap();
        let first = planned(&observed);
        let mut outputs = first.identities.clone();
        let mut plans = vec![first.clone()];
        for change in first.changes.iter().take(2) {
            world::apply_one(&mut observed, change, &mut outputs);
            plans.push(planned(&observed));
        }
        plans
    })
}

fn seeds() -> Vec<Input> {
    let file = |plan: &Plan| SourceFile {
        path: "plan.json".into(),
        text: PlanFile::new(plan, about()).to_json().into_bytes(),
    };
    fresh().iter().map(|plan| vec![file(plan)]).collect()
}

fn check(files: &[SourceFile]) -> Result<(), String> {
    let Some(SourceFile { text, .. }) = files.first() else {
        return Ok(());
    };
    let saved_plan = |error| Failure::SavedPlan { path: "plan.json".into(), error };
    let file = match PlanFile::parse(text) {
        Ok(file) => file,
        Err(error) => return harmless(&saved_plan(error)),
    };
    if let Err(error) = file.check(&about()) {
        harmless(&saved_plan(error))?;
    }
    for plan in fresh() {
        match approve(&file, plan) {
            Approval::Differs(differences) => harmless(&Failure::Stale(differences))?,
            Approval::Fits { .. } => {
                let rows = plan.rows();
                let unsaid = rows.map(|row| to_json(&row)).find(|row| !is_said(row, &file));
                if let Some(row) = unsaid {
                    return Err(format!(
                        "a change was approved that the file does not have: {row}"
                    ));
                }
            }
        }
    }
    Ok(())
}

fn harmless(failure: &Failure) -> Result<(), String> {
    harm::of_output(&harm::printed(failure)).map_or(Ok(()), Err)
}

fn to_json(row: &ChangeRow) -> Value {
    serde_json::to_value(row).unwrap()
}

/// Whether the file has the change; what it could not know then may be known now.
fn is_said(wanted: &Value, file: &PlanFile) -> bool {
    let same = |key: &str, row: &Value| wanted[key] == row[key];
    file.changes.iter().map(to_json).any(|row| {
        let who = ["kind", "address", "place", "identity", "team", "cluster"]
            .iter()
            .all(|key| same(key, &row));
        let resumed = row["action"] == "replace" && wanted["action"] == "create";
        let what = resumed || (same("action", &row) && same("before", &row));
        who && what && covers(wanted["after"].as_object(), row["after"].as_object())
    })
}

fn covers(wanted: Option<&Map<String, Value>>, said: Option<&Map<String, Value>>) -> bool {
    let (Some(wanted), Some(said)) = (wanted, said) else {
        return wanted.is_none() && said.is_none();
    };
    wanted.len() == said.len()
        && wanted.iter().all(|(name, value)| {
            let said = said.get(name);
            let text = said.and_then(Value::as_str);
            said == Some(value) || text.is_some_and(|text| text.starts_with("(known after apply: "))
        })
}
