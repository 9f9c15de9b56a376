//! What helps against an answer of Azure Resource Manager.

use super::template::Words;
use super::{catalogue, roles};
use crate::ports::error::{PortError, PortErrorKind};
use crate::ports::place::{AzurePlace, Policy};

/// What helps, where more is known than the kind of failure.
pub(super) fn advice(error: &PortError, place: &AzurePlace) -> Option<String> {
    let row = catalogue::row(code(error, place)?)?;
    let value = |name: &str| value(error, place, name);
    // Without a role that is known to have the action there is nothing to assign.
    if row.code == catalogue::MISSING_RIGHT && value("role").is_none() {
        return None;
    }
    let mut hint = row.hint(&value);
    if place.conditional
        && let Some(condition) = catalogue::row(catalogue::CONDITION)
    {
        hint = format!("{hint}; {}", condition.hint(&value));
    }
    Some(hint)
}

/// The row that an answer is about: the service's own code, unless it says too little or too much.
fn code<'a>(error: &'a PortError, place: &AzurePlace) -> Option<&'a str> {
    let is_known = error.code.as_deref().is_some_and(|code| catalogue::row(code).is_some());
    match (&error.kind, error.code.as_deref().unwrap_or_default()) {
        _ if place.wants_mfa => Some(catalogue::MFA),
        (PortErrorKind::Unauthenticated, _) if place.claims.is_some() => Some(catalogue::CLAIMS),
        (PortErrorKind::PairTaken, _) => Some(catalogue::PAIR_TAKEN),
        (PortErrorKind::Throttled, _) => Some(catalogue::THROTTLED),
        // Providers use these for many things.
        (_, catalogue::PAIR_TAKEN | "NotFound" | "BadRequest") => None,
        (_, catalogue::NO_CREDENTIALS) if !place.is_about_credentials() => None,
        (PortErrorKind::Refused { .. }, _) if !is_known => Some(catalogue::UNKNOWN_REFUSAL),
        (_, code) => Some(code),
    }
}

/// What a row's text names.
fn value(error: &PortError, place: &AzurePlace, name: &str) -> Option<Words> {
    let (action, scope) = if let PortErrorKind::Refused { action, scope } = &error.kind {
        (action.as_deref(), scope.as_deref())
    } else {
        (None, None)
    };
    let one = |text: Option<&str>| text.map(|text| vec![text.to_owned()]);
    match name {
        "action" => one(action),
        "scope" => one(action.zip(scope).map(|(action, scope)| roles::assignable(action, scope))),
        "linked_scope" => one(scope),
        "role" => one(action.and_then(roles::smallest)),
        "role_name" => action.and_then(roles::smallest).map(|role| vec![format!("`{role}`")]),
        "object_id" => one(place.caller.as_deref()),
        "correlation" => one(error.correlation_id.as_deref()),
        "tenant" => place.tenant.map(|tenant| vec![tenant.to_string()]),
        "challenge" => Some(match &place.claims {
            Some(claims) => vec!["--claims-challenge".into(), claims.clone()],
            None => Vec::new(),
        }),
        "subscription" => one(place.segment_after("subscriptions")),
        "resource_group" => one(place.segment_after("resourceGroups")),
        "provider" => one(place.segment_after("providers")),
        "place" => place.options(),
        "lock" if place.deletes => Some(vec!["`CanNotDelete` or `ReadOnly`".into()]),
        "lock" => Some(vec!["`ReadOnly`".into()]),
        "policies" => policies(&place.policies),
        "assignment" => {
            place.policies.iter().find_map(|policy| one(policy.assignment_id.as_deref()))
        }
        _ => None,
    }
}

impl AzurePlace {
    fn is_about_credentials(&self) -> bool {
        self.path.contains("/federatedIdentityCredentials")
    }

    /// The segment of the path behind another one, `resourceGroups` for one.
    fn segment_after(&self, name: &str) -> Option<&str> {
        let mut segments = self.path.split('/');
        segments.find(|segment| segment.eq_ignore_ascii_case(name))?;
        segments.next()
    }

    /// The options by which `az` knows where it is.
    fn options(&self) -> Option<Words> {
        let mut options =
            vec!["--subscription".into(), self.segment_after("subscriptions")?.into()];
        if let Some(group) = self.segment_after("resourceGroups") {
            options.extend(["--resource-group".into(), group.into()]);
        }
        Some(options)
    }
}

fn policies(policies: &[Policy]) -> Option<Words> {
    let names: Vec<String> = policies.iter().filter_map(named).collect();
    (!names.is_empty()).then(|| vec![format!("the Azure Policy {}", names.join(" and "))])
}

/// A policy by its definition and its assignment.
fn named(policy: &Policy) -> Option<String> {
    match (&policy.definition, &policy.assignment) {
        (Some(definition), Some(assignment)) => {
            Some(format!("`{definition}` (assigned as `{assignment}`)"))
        }
        (Some(name), None) => Some(format!("`{name}`")),
        (None, Some(name)) => Some(format!("assigned as `{name}`")),
        (None, None) => None,
    }
}
