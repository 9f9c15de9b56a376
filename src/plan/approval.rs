//! Whether an approved file still covers what a fresh plan wants.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::model::kinds::identity::IdentityKey;
use crate::plan::action::ActionName;
use crate::plan::contents::Plan;
use crate::plan::file::PlanFile;
use crate::plan::row::{ChangeRow, KNOWN_AFTER_APPLY};

/// What comes of comparing a fresh plan with an approved file.
#[derive(Clone, PartialEq, Debug)]
pub enum Approval {
    /// Every change that the plan wants stands in the file.
    Fits {
        /// How many changes of the file are no longer wanted: done by an interrupted apply, or by others.
        already_done: usize,
    },
    /// The plan wants something else. Nothing may be written.
    Differs(Vec<Difference>),
}

/// A change that is wanted and was not approved like this.
#[derive(Clone, PartialEq, Debug)]
pub struct Difference {
    /// What the fresh plan wants.
    pub wanted: ChangeRow,
    /// What the file has at the same address, if anything.
    pub approved: Option<ChangeRow>,
}

/// Compares a fresh plan, made with the file's own inputs, with the approved file. Only what is done
/// counts; reasons and effects are for people, and an apply that was interrupted changes them.
pub fn approve(file: &PlanFile, fresh: &Plan) -> Approval {
    let approved: BTreeMap<&str, &ChangeRow> =
        file.changes.iter().rev().map(|row| (row.address.as_str(), row)).collect();
    let created = Created::new(&approved, fresh);
    let mut differences = Vec::new();
    let mut covered = 0;
    for wanted in fresh.changes.iter().map(ChangeRow::from) {
        let approved = approved.get(wanted.address.as_str()).copied();
        if approved.is_some_and(|approved| created.is_covered(&wanted, approved)) {
            covered += 1;
        } else {
            differences.push(Difference { approved: approved.cloned(), wanted });
        }
    }
    if differences.is_empty() {
        let already_done = approved.len() - covered;
        Approval::Fits { already_done }
    } else {
        Approval::Differs(differences)
    }
}

/// What identities give that exist by now and that the file itself creates: as texts of fields.
struct Created {
    ids: Vec<String>,
}

impl Created {
    fn new(approved: &BTreeMap<&str, &ChangeRow>, fresh: &Plan) -> Self {
        let made = |key: &IdentityKey| {
            let row = approved.get(key.to_string().as_str());
            row.is_some_and(|row| row.action == ActionName::Create)
        };
        let outputs = fresh.identities.iter().filter(|(key, _)| made(key));
        let mut ids: Vec<String> = outputs
            .flat_map(|(_, output)| [output.client_id.to_string(), output.principal_id.to_string()])
            .collect();
        ids.sort();
        Self { ids }
    }

    fn is_covered(&self, wanted: &ChangeRow, approved: &ChangeRow) -> bool {
        let ChangeRow {
            address: _,
            team,
            cluster,
            action,
            reason: _,
            effects: _,
            before,
            after,
            managers,
        } = wanted;
        if *team != approved.team || *cluster != approved.cluster {
            return false;
        }
        let same_after = match (after, &approved.after) {
            (Some(after), Some(approved)) => self.is_same(after, approved),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        // A replace that stopped between its two writes goes on as a create.
        let half_done = approved.action == ActionName::Replace && *action == ActionName::Create;
        let same_before = *action == approved.action
            && *before == approved.before
            && *managers == approved.managers;
        same_after && (half_done || same_before)
    }

    /// Whether two sides are equal, but for values that the file's own creates have made known.
    fn is_same(&self, wanted: &Map<String, Value>, approved: &Map<String, Value>) -> bool {
        wanted.len() == approved.len()
            && wanted.iter().all(|(name, value)| match approved.get(name) {
                None => false,
                Some(approved) => value == approved || self.is_now_known(value, approved),
            })
    }

    fn is_now_known(&self, value: &Value, approved: &Value) -> bool {
        let Some(text) = value.as_str() else {
            return false;
        };
        let awaited = approved.as_str() == Some(KNOWN_AFTER_APPLY);
        awaited && self.ids.binary_search_by(|id| id.as_str().cmp(text)).is_ok()
    }
}
