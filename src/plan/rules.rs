//! All rules of the program as one list. It is here because the plan is the last to add some.

use super::notes;
use super::refusals::{cluster, credential, identity, kubernetes, prune, role};
use crate::model::rule::Rule;
use crate::profile;

/// The rules of a plan: what it refuses and what it remarks, file by file.
pub fn of_plan() -> impl Iterator<Item = &'static Rule> {
    let files = [
        cluster::RULES,
        credential::RULES,
        identity::RULES,
        kubernetes::RULES,
        prune::RULES,
        role::RULES,
        notes::RULES,
    ];
    files.into_iter().flatten().copied()
}

/// Every rule, sorted by code.
pub fn all() -> Vec<&'static Rule> {
    let mut rules: Vec<&Rule> =
        profile::rules().chain(profile::remarks()).chain(of_plan()).collect();
    rules.sort_by_key(|rule| rule.code);
    rules
}
