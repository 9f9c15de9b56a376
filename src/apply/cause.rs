//! Failures put together by what is the same for all of them: what was answered, and what was refused where.

use std::collections::BTreeMap;

use super::error::ChangeError;
use super::outcome::{ChangeOutcome, Outcome};
use crate::model::arm_id::ArmId;
use crate::ports::error::{PortError, PortErrorKind, Service};
use crate::ports::place::{ClusterPlace, Place};
use crate::ports::remedy::catalogue::MISSING_RIGHT;

/// Why a change did not succeed, without what is the change's own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cause {
    /// What happened: `Azure Resource Manager answered 403 AuthorizationFailed`.
    pub what: String,
    /// What was refused: the action and the resource group, or the verb and the resource of a cluster.
    pub refused: Option<String>,
    /// What helps, where nothing is known to have been refused.
    hint: Option<String>,
}

/// Changes that did not succeed for the same reason.
#[derive(Debug)]
pub struct Group<'a> {
    /// The reason.
    pub cause: Cause,
    /// Those that were tried.
    pub failed: Vec<&'a ChangeOutcome>,
    /// Those that were not tried any more.
    pub withheld: Vec<&'a ChangeOutcome>,
    /// Those that need one of them.
    pub skipped: Vec<&'a ChangeOutcome>,
    /// What helps against all of it.
    pub hint: Option<String>,
}

impl Cause {
    /// The cause of an error.
    pub fn of(error: &ChangeError) -> Self {
        if let ChangeError::Withheld(withheld) = error {
            let right = &withheld.right;
            return Self {
                what: format!("{} answered 403 {MISSING_RIGHT}", Service::Arm),
                refused: Some(below(right.action, &right.scope)),
                hint: None,
            };
        }
        let answered = |port: &PortError| format!("{} {}", port.service, port.answer());
        let what = match (error, error.port()) {
            (ChangeError::Port(port), _) => answered(port),
            (_, Some(port)) => format!("{error}: {}", answered(port)),
            (_, None) => error.to_string(),
        };
        let refused = error.port().and_then(refused);
        let hint = error.hint().filter(|_| refused.is_none()).map(Into::into);
        Self { what, refused, hint }
    }

    /// The same for the same cause, and another one for each other; Azure answers its names in any case.
    pub fn key(&self) -> String {
        let Self { what, refused, hint } = self;
        let parts = [Some(what), refused.as_ref(), hint.as_ref()];
        parts.map(|part| part.map(|part| part.to_lowercase()).unwrap_or_default()).join("\n")
    }
}

/// The failures of an apply by cause, in the plan's order of the first of each.
pub fn groups(outcome: &Outcome) -> Vec<Group<'_>> {
    let mut groups = Groups::default();
    let stopped =
        outcome.changes.iter().filter_map(|change| Some((change, change.error.as_ref()?)));
    let (skipped, stopped): (Vec<_>, Vec<_>) =
        stopped.partition(|(_, error)| matches!(error, ChangeError::Skipped(_)));
    for (change, error) in stopped {
        let group = groups.of(Cause::of(error), &change.address);
        if matches!(error, ChangeError::Withheld(_)) {
            group.withheld.push(change);
        } else {
            group.failed.push(change);
        }
    }
    for (change, error) in skipped {
        if let ChangeError::Skipped(because) = error
            && let Some(place) = groups.of_address.get(because.as_str()).copied()
        {
            groups.all[place].skipped.push(change);
        }
    }
    for group in &mut groups.all {
        group.hint = hint(group);
    }
    groups.all
}

#[derive(Default)]
struct Groups<'a> {
    all: Vec<Group<'a>>,
    of_cause: BTreeMap<String, usize>,
    of_address: BTreeMap<&'a str, usize>,
}

impl<'a> Groups<'a> {
    fn of(&mut self, cause: Cause, address: &'a str) -> &mut Group<'a> {
        let place = *self.of_cause.entry(cause.key()).or_insert(self.all.len());
        self.of_address.insert(address, place);
        if place == self.all.len() {
            let [failed, withheld, skipped] = [const { Vec::new() }; 3];
            self.all.push(Group { cause, failed, withheld, skipped, hint: None });
        }
        &mut self.all[place]
    }
}

/// What was refused, where the answer says so.
fn refused(error: &PortError) -> Option<String> {
    let PortErrorKind::Refused { action, scope } = &error.kind else {
        return None;
    };
    match error.place.as_deref() {
        Some(Place::Cluster(ClusterPlace { verb, resource, .. })) => {
            Some(action.clone().unwrap_or_else(|| format!("{verb} {resource}")))
        }
        _ => Some(match scope.as_deref().map(ArmId::parse) {
            Some(Ok(scope)) => below(action.as_deref()?, &scope),
            Some(Err(_)) | None => action.clone()?,
        }),
    }
}

/// An action and the resource group that a scope lies in, or its subscription.
fn below(action: &str, scope: &ArmId) -> String {
    format!("{action} below {}", group_of(scope))
}

fn group_of(scope: &ArmId) -> ArmId {
    match (scope.subscription(), scope.resource_group()) {
        (Some(subscription), Some(group)) => ArmId::of_resource_group(subscription, group),
        (Some(subscription), None) => ArmId::of_subscription(subscription),
        (None, _) => scope.clone(),
    }
}

/// What helps against all of a group: what helps against each, or the same one step wider.
fn hint(group: &Group<'_>) -> Option<String> {
    let errors: Vec<&ChangeError> =
        group.failed.iter().filter_map(|change| change.error.as_ref()).collect();
    let hint = errors.first()?.hint()?;
    if errors.iter().all(|error| error.hint().as_ref() == Some(&hint)) {
        return Some(hint.into_owned());
    }
    let wider = errors.first().and_then(|error| error.port()).map(wider);
    Some(wider.map_or_else(|| hint.into_owned(), |wider| wider.help()))
}

/// The same failure of a whole resource group, or in all namespaces of a cluster.
fn wider(error: &PortError) -> PortError {
    let mut kind = error.kind.clone();
    if let PortErrorKind::Refused { scope: Some(scope), .. } = &mut kind
        && let Ok(id) = ArmId::parse(scope)
    {
        *scope = group_of(&id).to_string();
    }
    let mut wider = PortError::new(kind, error.service.clone(), error.operation.clone());
    wider.status = error.status;
    wider.code.clone_from(&error.code);
    wider.message.clone_from(&error.message);
    wider.correlation_id.clone_from(&error.correlation_id);
    wider.place.clone_from(&error.place);
    if let Some(Place::Cluster(place)) = wider.place.as_deref_mut() {
        place.namespace = None;
    }
    wider
}
