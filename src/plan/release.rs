//! What `widctl release` plans: our marks are taken off what was asked for, and nothing else is done. What can be
//! released is found with the rest of a plan, so that both say the same of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::desired::state::DesiredState;
use crate::model::kinds::Kind;
use crate::model::kinds::namespace::Namespaces;
use crate::model::kinds::service_account::ServiceAccounts;
use crate::model::text::{ClusterName, Namespace};
use crate::observed::state::ObservedState;
use crate::plan::change::AnyChange;
use crate::plan::contents::{Kept, Plan};
use crate::plan::draft::Context;
use crate::plan::inputs::PlanInputs;
use crate::plan::refusals::role;
use crate::plan::scope;
use crate::profile::suggest::did_you_mean;

/// Why something is not released.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unreleasable {
    /// It cannot be, or need not.
    Never {
        /// Why, one sentence.
        what: String,
        /// What to do instead.
        hint: String,
    },
    /// This could not be read, which may say whose it is.
    Unread(Arc<str>),
}

/// Plans the release of what has these addresses. One that identities of several resource groups share names all of
/// them that are left over.
///
/// # Errors
/// Whatever cannot be released, all together; nothing may be written then.
pub fn release(
    desired: &DesiredState,
    observed: &ObservedState,
    addresses: &[String],
) -> Result<Plan, Vec<Unreleasable>> {
    let inputs = PlanInputs::default();
    let context = Context::new(desired, observed, &inputs);
    let mut draft = super::draft(&context);
    let offered = std::mem::take(&mut draft.releases).in_order();
    let offers: BTreeSet<String> = offered.iter().map(AnyChange::address).collect();
    let asked: BTreeSet<&str> = addresses.iter().map(String::as_str).collect();
    let mut not = Vec::new();
    for address in &asked {
        match draft.unreleasable.remove(*address) {
            Some(why) => not.push(why),
            None if offers.contains(*address) => {}
            None => not.extend(unknown(&context, address, &draft.kept)),
        }
    }
    if !not.is_empty() {
        return Err(not);
    }
    let is_asked = |change: &AnyChange| asked.contains(change.address().as_str());
    Ok(Plan {
        changes: offered.into_iter().filter(is_asked).collect(),
        clusters: context.places(),
        ..Plan::default()
    })
}

/// Why an address that names nothing left over is not released.
fn unknown(context: &Context<'_>, address: &str, kept: &[Kept]) -> Vec<Unreleasable> {
    if is_in_profile(context, address) {
        let what = format!("`{address}` is in the profile, so the next sync would label it again");
        let hint = if address.contains(&format!("/{}/", ServiceAccounts::NAME)) {
            "take it out of the profile first, or set `mode = \"annotate\"` on its workload and sync"
        } else {
            "take it out of the profile first"
        };
        return vec![Unreleasable::Never { what, hint: hint.to_owned() }];
    }
    let unread = unread(context, address);
    if !unread.is_empty() {
        return unread;
    }
    let estate = &context.desired.estate;
    let what = format!(
        "`{address}` names nothing of estate `{estate}` that was found outside the profile"
    );
    let hint = if kept.is_empty() {
        "plans keep nothing that could be released".to_owned()
    } else {
        did_you_mean(address, kept.iter().map(|kept| kept.address.as_str()))
    };
    vec![Unreleasable::Never { what, hint }]
}

/// Whether the profile has it: as something that it wants, or as a namespace of accounts that it trusts.
fn is_in_profile(context: &Context<'_>, address: &str) -> bool {
    let desired = context.desired;
    let mut assignments = desired.role_assignments.iter();
    let trusted = match address.split('/').collect::<Vec<_>>()[..] {
        [cluster, Namespaces::NAME, namespace] => context
            .trusted()
            .has_namespace(&ClusterName::from(cluster), &Namespace::from(namespace)),
        _ => false,
    };
    trusted
        || desired.has_address(address)
        || assignments.any(|wanted| role::address(wanted) == address)
}

/// Why places could not be read in which the address may be.
fn unread(context: &Context<'_>, address: &str) -> Vec<Unreleasable> {
    let scope = scope::scope_read(context);
    let cluster = address.split_once('/').map_or(address, |(first, _)| first);
    let mut why: Vec<Arc<str>> = if cluster == "azure" {
        let not_read = scope.subscriptions.not_read.into_iter().map(|place| place.why);
        not_read.chain(scope.unlisted).collect()
    } else {
        let not_read = scope.clusters.not_read.into_iter();
        not_read.filter(|place| place.name == cluster).map(|place| place.why).collect()
    };
    why.sort();
    why.dedup();
    why.into_iter().map(Unreleasable::Unread).collect()
}
