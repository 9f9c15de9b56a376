//! The checks over the merged profile.

pub(super) mod duplicates;
pub(super) mod grants;
pub(super) mod guardrails;
pub(super) mod isolation;
pub(super) mod limits;
pub(super) mod rbac;
pub(super) mod remarks;
pub(super) mod services;
pub(super) mod subjects;
pub(super) mod version;
pub(super) mod workloads;

use super::findings::Findings;
use super::merge::Merged;

/// A check over the merged profile.
type Check = fn(&Merged<'_>, &mut Findings);

/// Checks the merged profile.
pub(super) fn check(merged: &Merged<'_>, findings: &mut Findings) {
    let checks = [duplicates::CHECKS, limits::CHECKS, services::CHECKS, workloads::CHECKS];
    let refusals = [grants::CHECKS, guardrails::CHECKS, isolation::CHECKS, subjects::CHECKS];
    // A policy that could not be read refuses nothing: its defaults may not be what it says.
    let refusals = refusals.into_iter().filter(|_| merged.policy.intact);
    for check in checks.into_iter().chain(refusals).chain([remarks::CHECKS]).flatten() {
        check(merged, findings);
    }
}
