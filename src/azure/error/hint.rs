//! What the user can do about an answer: a command or a role, in one sentence.

use super::Asked;
use super::Secrecy;
use super::action::Missing;
use super::envelope::Envelope;
use super::text::clean;

/// The one sentence, where one is known.
pub(super) fn hint(
    status: u16,
    envelope: &Envelope,
    asked: &Asked<'_>,
    missing: &Missing,
) -> Option<String> {
    let code = envelope.code().unwrap_or_default();
    let message = match asked.secrecy {
        Secrecy::Open => envelope.message().unwrap_or_default(),
        Secrecy::SecretBearing => "",
    };
    match (status, code) {
        (401, "InvalidAuthenticationTokenTenant") => Some(wrong_tenant()),
        (401, _) => Some("the sign-in is not accepted any more: sign in again, for example with `az login`".into()),
        (403, "RequestDisallowedByPolicy") => Some(denied_by_policy(envelope)),
        (403, _) => lacking(missing, message),
        (404, "ResourceGroupNotFound") => Some(group_missing(asked)),
        (404, "SubscriptionNotFound") => Some(
            "the subscription does not exist or the sign-in cannot see it: compare it with `az account list --all`, and the tenant with `az account show`".into(),
        ),
        (405, _) if asked.is_about_credentials() => Some(
            "the identity's region does not offer federated credentials yet: create the identity in another region".into(),
        ),
        (409, "MissingSubscriptionRegistration") => Some(unregistered(asked)),
        (409, "InvalidResourceLocation") => Some(
            "an identity cannot move: set `location` to the region where it is, or choose another name".into(),
        ),
        (409, "ScopeLocked") => Some(
            "a lock forbids it: find it with `az lock list` and have its owner lift it".into(),
        ),
        (409, "ReadOnlyDisabledSubscription") => Some(
            "the subscription is disabled, so it can only be read: have its billing put in order".into(),
        ),
        (_, "RoleAssignmentLimitExceeded") => Some(
            "the subscription holds no more role assignments: assign a role once at a wider scope, or remove unused ones".into(),
        ),
        (400 | 409, _) if asked.is_about_credentials() && is_duplicate(message) => Some(
            "another credential of this identity has the same issuer and subject: plan again to take it into account".into(),
        ),
        (429, _) => Some("Azure asks to wait longer than a run may: try again later, or lower `--parallelism`".into()),
        _ => None,
    }
}

impl Asked<'_> {
    fn is_about_credentials(&self) -> bool {
        self.path.contains("/federatedIdentityCredentials")
    }

    /// The value of a segment of the path, `resourceGroups` for one.
    fn segment_after(&self, name: &str) -> Option<&str> {
        let mut segments = self.path.split('/');
        segments.find(|segment| segment.eq_ignore_ascii_case(name))?;
        segments.next()
    }
}

fn wrong_tenant() -> String {
    "the token is for another tenant than the subscription's: sign in with `az login --tenant <tenant of the subscription>`, or pin `tenant` in the profile".into()
}

fn denied_by_policy(envelope: &Envelope) -> String {
    let policies = envelope.policies();
    if policies.is_empty() {
        return "an Azure Policy forbids it: have its owner exempt the scope".into();
    }
    let names: Vec<String> = policies
        .into_iter()
        .map(|name| format!("`{}`", clean(name)))
        .collect();
    format!(
        "the Azure Policy {} forbids it: have its owner exempt the scope",
        names.join(", ")
    )
}

fn lacking(missing: &Missing, message: &str) -> Option<String> {
    let action = missing.action.as_deref()?;
    let scope = missing.assignable_scope()?;
    let mut hint = match missing.role() {
        Some(role) => format!(
            "`{}` is missing; the smallest built-in role with it is `{role}`: `az role assignment create --assignee <object id> --role \"{role}\" --scope \"{}\"`",
            clean(action),
            clean(scope)
        ),
        None => format!("`{}` is missing on {}", clean(action), clean(scope)),
    };
    // A condition has no code of its own.
    // https://learn.microsoft.com/azure/role-based-access-control/troubleshooting
    if message.contains("ABAC condition") {
        hint.push_str("; a condition on a role that you have may forbid it too");
    }
    Some(hint)
}

fn group_missing(asked: &Asked<'_>) -> String {
    let group = asked.segment_after("resourceGroups").map(clean);
    let subscription = asked.segment_after("subscriptions").map(clean);
    format!(
        "create it with `az group create --subscription {} --name {} --location <region>`",
        subscription.as_deref().unwrap_or("<subscription>"),
        group.as_deref().unwrap_or("<resource group>")
    )
}

fn unregistered(asked: &Asked<'_>) -> String {
    let provider = asked.segment_after("providers").map(clean);
    let subscription = asked.segment_after("subscriptions").map(clean);
    format!(
        "register it with `az provider register --subscription {} --namespace {}`",
        subscription.as_deref().unwrap_or("<subscription>"),
        provider.as_deref().unwrap_or("Microsoft.ManagedIdentity")
    )
}

/// No code tells this conflict from others, and the documents disagree on its status.
fn is_duplicate(message: &str) -> bool {
    message.contains("Issuer and subject combination already exists")
}
