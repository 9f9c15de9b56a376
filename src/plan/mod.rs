//! The plan: a pure function of the desired and the observed state.
//!
//! Stages: [`crate::desired::state::DesiredState`] is linked with what was observed (issuers, role GUIDs,
//! identity ids), compared kind by kind, filtered by the plan's inputs, put in order.

pub mod action;
pub mod approval;
pub mod change;
pub mod contents;
pub(crate) mod draft;
mod fields;
pub mod file;
pub(crate) mod foreign;
pub mod inputs;
pub(crate) mod kinds;
pub(crate) mod link;
pub mod notes;
pub mod ownership;
pub mod refusals;
pub mod relation;
pub mod release;
mod retired;
pub mod rights;
pub mod row;
pub mod rules;
pub mod scope;
pub mod select;

use crate::desired::state::DesiredState;
use crate::observed::state::ObservedState;
use crate::plan::contents::Plan;
use crate::plan::draft::{Context, Draft};
use crate::plan::inputs::PlanInputs;
use crate::plan::refusals::Refusal;

/// Plans what leads from the observed to the desired state.
///
/// # Errors
/// All refusals together where one is about the whole estate; nothing can be written then.
pub fn plan(
    desired: &DesiredState,
    observed: &ObservedState,
    inputs: &PlanInputs,
) -> Result<Plan, Vec<Refusal>> {
    let context = Context::new(desired, observed, inputs);
    let mut plan = draft(&context).finish(&context)?;
    scope::tell(&context, &mut plan);
    Ok(plan)
}

/// All that there is to say.
fn draft<'a>(context: &'a Context<'a>) -> Draft {
    let mut draft = Draft::default();
    draft.notes.extend(context.desired.remarks.iter().map(notes::of_profile));
    refusals::cluster::check(context, &mut draft);
    refusals::credential::check_other_teams(context, &mut draft);
    kinds::identity::plan(context, &mut draft);
    kinds::role_assignment::plan(context, &mut draft);
    let unknown = kinds::federated_credential::plan(context, &mut draft);
    foreign::tell(context, &mut draft);
    let states = kinds::namespace::plan(context, &mut draft);
    kinds::role::plan(context, &states, &mut draft);
    kinds::role_binding::plan(context, &states, &mut draft);
    kinds::service_account::plan(context, (&states, &unknown), &mut draft);
    retired::tell(context, &mut draft);
    refusals::prune::check(context, &mut draft);
    draft
}
