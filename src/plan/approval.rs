//! Whether an approved file still covers what a fresh plan wants.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::model::kinds::Kind;
use crate::model::kinds::identity::Identities;
use crate::plan::action::ActionName;
use crate::plan::contents::Plan;
use crate::plan::file::PlanFile;
use crate::plan::row::ChangeRow;

/// How the value of an id begins that only the apply can know; see [`crate::model::awaited::Awaited`].
const KNOWN_AFTER_APPLY: &str = "(known after apply: ";

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

/// Why an approval does not cover a fresh plan.
#[derive(Clone, PartialEq, Debug)]
pub enum Difference {
    /// The plan wants a change of a resource that the file does not have.
    Unapproved(ChangeRow),
    /// The plan wants another change of a resource than the file has.
    Changed {
        /// What the fresh plan wants.
        wanted: ChangeRow,
        /// What was approved.
        approved: Box<ChangeRow>,
    },
    /// The file creates an identity that somebody else has made by now.
    Taken(ChangeRow),
}

type Key<'a> = (&'a str, &'a str);

/// Compares a fresh plan, made with the file's own inputs, with the approved file, row by row by the whole key of
/// what each is about. Only what is done counts; reasons and effects are for people, and an apply that was
/// interrupted changes them.
pub fn approve(file: &PlanFile, fresh: &Plan) -> Approval {
    let approved: BTreeMap<Key<'_>, &ChangeRow> =
        file.changes.iter().rev().map(|row| (row.key(), row)).collect();
    let mut differences = taken(&approved, fresh);
    let created = created(&approved);
    let mut covered = 0;
    for wanted in fresh.rows() {
        match approved.get(&wanted.key()).copied() {
            None => differences.push(Difference::Unapproved(wanted)),
            Some(approved) if is_covered(&wanted, approved, &created) => covered += 1,
            Some(approved) => {
                let approved = Box::new(approved.clone());
                differences.push(Difference::Changed { wanted, approved });
            }
        }
    }
    if differences.is_empty() {
        let already_done = approved.len() - covered;
        Approval::Fits { already_done }
    } else {
        Approval::Differs(differences)
    }
}

/// The addresses at which two plans differ in what is done, for somebody who approved the one that was shown and
/// nothing else: one change more, one less, or another one. Empty where they are the same.
pub fn differing<'a>(shown: &'a [ChangeRow], fresh: &'a [ChangeRow]) -> Vec<&'a str> {
    let (shown, fresh) = (by_address(shown), by_address(fresh));
    let addresses: BTreeSet<&str> = shown.keys().chain(fresh.keys()).copied().collect();
    addresses.into_iter().filter(|address| shown.get(address) != fresh.get(address)).collect()
}

/// What is done at each address: rows without their texts for people.
fn by_address(rows: &[ChangeRow]) -> BTreeMap<&str, Vec<ChangeRow>> {
    let mut found: BTreeMap<&str, Vec<ChangeRow>> = BTreeMap::new();
    for row in rows {
        let done = ChangeRow { reason: String::new(), effects: Vec::new(), ..row.clone() };
        found.entry(&row.address).or_default().push(done);
    }
    found
}

/// The ARM ids of the identities that the file creates.
fn created<'a>(approved: &BTreeMap<Key<'a>, &'a ChangeRow>) -> BTreeSet<&'a str> {
    creates(approved).filter_map(|row| row.identity.as_deref()).collect()
}

fn creates<'r, 'a>(
    approved: &'r BTreeMap<Key<'a>, &'a ChangeRow>,
) -> impl Iterator<Item = &'a ChangeRow> + use<'r, 'a> {
    let is_one =
        |row: &&ChangeRow| row.kind == Identities::NAME && row.action == ActionName::Create;
    approved.values().copied().filter(is_one)
}

/// Identities that the file creates and that exist by now, made by somebody else.
fn taken(approved: &BTreeMap<Key<'_>, &ChangeRow>, fresh: &Plan) -> Vec<Difference> {
    let strangers: BTreeSet<&str> = fresh.strangers.iter().map(|key| key.id().as_str()).collect();
    let is_taken =
        |row: &&ChangeRow| row.identity.as_deref().is_some_and(|id| strangers.contains(id));
    creates(approved).filter(is_taken).map(|row| Difference::Taken(row.clone())).collect()
}

fn is_covered(wanted: &ChangeRow, approved: &ChangeRow, created: &BTreeSet<&str>) -> bool {
    // The key is equal: that is how the approved row was found.
    let ChangeRow {
        kind,
        address: _,
        place: _,
        identity,
        team,
        cluster,
        action,
        reason: _,
        effects: _,
        before,
        after,
        managers,
    } = wanted;
    if *kind != approved.kind {
        return false;
    }
    if *team != approved.team || *cluster != approved.cluster || *identity != approved.identity {
        return false;
    }
    let is_made = identity.as_deref().is_some_and(|identity| created.contains(identity));
    let same_after = match (after, &approved.after) {
        (Some(after), Some(approved)) => is_same(after, approved, is_made),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    // A replace that stopped between its two writes goes on as a create.
    let half_done = approved.action == ActionName::Replace && *action == ActionName::Create;
    let same_before =
        *action == approved.action && *before == approved.before && *managers == approved.managers;
    same_after && (half_done || same_before)
}

/// Whether two sides are equal, but for ids of the row's identity that are known by now where the file makes it.
fn is_same(wanted: &Map<String, Value>, approved: &Map<String, Value>, is_made: bool) -> bool {
    let is_awaited =
        |value: &Value| value.as_str().is_some_and(|text| text.starts_with(KNOWN_AFTER_APPLY));
    wanted.len() == approved.len()
        && wanted.iter().all(|(name, value)| match approved.get(name) {
            None => false,
            Some(approved) => value == approved || (is_made && is_awaited(approved)),
        })
}
