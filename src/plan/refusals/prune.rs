//! Refusals about deleting.

use crate::model::rule::rules;
use crate::observed::read::{Read, Unread};
use crate::observed::state::{ObservedCluster, ObservedState};
use crate::plan;
use crate::plan::action::ActionName;
use crate::plan::draft::{Context, Draft};
use crate::plan::inputs::PlanInputs;
use crate::profile::resolved::MassDelete;

rules! {
    FILTER = "WID-PRUNE-FILTER", Obstacle;
        "--prune together with --team or --cluster",
        "leftovers can only be found with the whole profile; of a team with `retired = true` everything is left over",
        "prune without a filter, or with `--team` of teams with `retired = true` alone";
    UNREAD = "WID-PRUNE-UNREAD", Obstacle;
        "--prune while something could not be read",
        "leftovers can only be found when everything was read",
        "make it readable, or plan without --prune";
    MASS_DELETE = "WID-MASS-DELETE", Obstacle;
        "--prune would delete more than `mass_delete` of the policy allows",
        "a profile with a file missing looks like one whose teams have left",
        "look at what would be deleted, then add --allow-mass-delete";
}

/// How many of what would be deleted are named.
const MOST_SHOWN: usize = 10;

/// Checks whether the caller may prune at all, and how much.
pub(crate) fn check(context: &Context<'_>, draft: &mut Draft) {
    if !context.inputs.prune {
        return;
    }
    let address = format!("estate {}", context.desired.estate);
    if context.selection.is_filtered() && !context.selection.is_of_retired(context.desired) {
        let what =
            "--prune cannot be combined with --cluster, nor with --team of a team that stays";
        draft.refusals.push(FILTER.refuse(&address, what, None));
    }
    let unread = unread(context.observed);
    let whys = unread.iter().map(|unread| &unread.why);
    let unknown = draft.unknown.iter().map(|unknown| &unknown.why);
    if let Some(first) = whys.chain(unknown).next() {
        let what = format!("not everything was read: {first}");
        draft.refusals.push(UNREAD.refuse(&address, what, None));
    }
    check_mass(context, draft, &address);
}

fn check_mass(context: &Context<'_>, draft: &mut Draft, address: &str) {
    let MassDelete { objects, percent } = context.desired.policy.mass_delete;
    let deleted = draft.count(&[ActionName::Delete, ActionName::Release]);
    let existing = if context.selection.is_filtered() {
        // A share of what was chosen would be all of it.
        let all = PlanInputs { teams: Vec::new(), clusters: Vec::new(), ..context.inputs.clone() };
        let all = Context::new(context.desired, context.observed, &all);
        existing(&plan::draft(&all))
    } else {
        existing(draft)
    };
    let much = deleted > objects as usize || deleted * 100 > existing * percent as usize;
    if much && !context.inputs.allow_mass_delete {
        let gone = draft.addresses(&[ActionName::Delete, ActionName::Release]);
        let shown = gone.iter().take(MOST_SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = match gone.len().saturating_sub(MOST_SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let what = format!(
            "{deleted} of {existing} objects would be deleted or released, and `mass_delete` allows {objects} and {percent} %: {shown}{more}"
        );
        let fix = "--allow-mass-delete".to_owned();
        draft.refusals.push(MASS_DELETE.refuse(address, what, fix));
    }
}

/// How many things exist that the estate owns or the profile has.
fn existing(draft: &Draft) -> usize {
    let [update, adopt, replace] = [ActionName::Update, ActionName::Adopt, ActionName::Replace];
    let changed = [update, adopt, replace, ActionName::Delete, ActionName::Release];
    draft.unchanged + draft.count(&changed)
}

/// Every scope that could not be read.
pub(crate) fn unread(observed: &ObservedState) -> Vec<&Unread> {
    let ObservedState {
        tenant: _,
        subscriptions: _,
        beyond: _,
        unlisted: _,
        tried: _,
        identities,
        credentials,
        role_assignments,
        custom_roles,
        resource_groups,
        permissions: _,
        clusters,
        identity_bindings: _,
    } = observed;
    let mut found: Vec<&Unread> = Vec::new();
    found.extend(identities.values().filter_map(Read::unread));
    found.extend(credentials.values().filter_map(Read::unread));
    found.extend(role_assignments.values().filter_map(Read::unread));
    found.extend(custom_roles.values().filter_map(Read::unread));
    found.extend(resource_groups.values().filter_map(Read::unread));
    for cluster in clusters.values() {
        // An issuer that could not be discovered is ARM's word, and hides nothing that is left over.
        let ObservedCluster { managed, discovered_issuer: _, objects } = cluster;
        found.extend(managed.as_ref().and_then(Read::unread));
        match objects {
            None => {}
            Some(Read::Unread(unread)) => found.push(unread),
            Some(Read::Facts(objects)) => {
                found.extend(objects.leftovers().into_iter().filter_map(Result::err));
            }
        }
    }
    found
}
