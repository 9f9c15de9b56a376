//! What the user can do about an answer: a command or a role, in one sentence.

use azure_core::http::Method;

use super::action::{Missing, is_plain};
use super::envelope::{Envelope, Policy};
use super::text::clean;
use super::{AzureRequest, Secrecy};
use crate::model::guid::TenantId;

/// The one sentence, where one is known.
pub(super) fn hint(
    status: u16,
    envelope: &Envelope,
    asked: &AzureRequest<'_>,
    missing: &Missing,
) -> Option<String> {
    let code = envelope.code().unwrap_or_default();
    let message = match asked.secrecy {
        Secrecy::Open => envelope.message().unwrap_or_default(),
        Secrecy::SecretBearing => "",
    };
    match (status, code) {
        (401, "InvalidAuthenticationTokenTenant") => Some(wrong_tenant(message)),
        (401, _) => Some("the sign-in is not accepted any more: sign in again, for example with `az login`".into()),
        (403, "RequestDisallowedByPolicy") => Some(denied_by_policy(envelope, asked)),
        (403, "DenyAssignmentAuthorizationFailed") => Some(
            "a deny assignment forbids it, as managed applications and deployment stacks make them: their owner can exclude this caller".into(),
        ),
        (403, _) => lacking(missing, message),
        (404, "ResourceGroupNotFound") => Some(group_missing(asked)),
        (404, "SubscriptionNotFound") => Some(
            "the subscription does not exist or the sign-in cannot see it: compare it with `az account list --all`, and the tenant with `az account show`".into(),
        ),
        (405, _) if asked.is_about_credentials() => Some(
            "the identity's region does not offer federated credentials yet: set `location` to another region and `name` to another name, for an identity cannot move".into(),
        ),
        (409, "MissingSubscriptionRegistration") => Some(unregistered(asked)),
        (409, "InvalidResourceLocation") => Some(
            "an identity cannot move: set `location` to the region where it is, or choose another name".into(),
        ),
        (409, "ScopeLocked") => Some(locked(asked)),
        (409, "ReadOnlyDisabledSubscription") => Some(format!(
            "the subscription is disabled, so it can only be read: `az account show --subscription {} --query state` shows it; have its billing put in order",
            asked.subscription()
        )),
        (_, "RoleAssignmentLimitExceeded") => Some(
            "the subscription holds no more role assignments: assign a role once at a wider scope, or remove unused ones".into(),
        ),
        (400 | 409, _) if asked.is_about_credentials() && envelope.is_pair_taken() => Some(
            "another credential of this identity has the same issuer and subject: plan again to take it into account".into(),
        ),
        (429, _) => Some("Azure asks to wait longer than a run may: run again later, or with a lower `--parallelism`".into()),
        _ => None,
    }
}

impl AzureRequest<'_> {
    pub(super) fn is_about_credentials(&self) -> bool {
        self.path.contains("/federatedIdentityCredentials")
    }

    /// The value of a segment of the path, `resourceGroups` for one.
    fn segment_after(&self, name: &str) -> Option<&str> {
        let mut segments = self.path.split('/');
        segments.find(|segment| segment.eq_ignore_ascii_case(name))?;
        segments.next()
    }

    fn subscription(&self) -> String {
        let found = self.segment_after("subscriptions").map(clean);
        found.unwrap_or_else(|| "<subscription>".into())
    }

    /// The options by which `az` knows where it is.
    fn place(&self) -> String {
        let group = self.segment_after("resourceGroups").map(clean);
        let group = group.map(|group| format!(" --resource-group {group}"));
        format!("--subscription {}{}", self.subscription(), group.unwrap_or_default())
    }
}

/// The message names the right tenant as the last segment of an issuer.
fn wrong_tenant(message: &str) -> String {
    let named = || {
        let (_, rest) = message.split_once("must match the tenant '")?;
        let (issuer, _) = rest.split_once('\'')?;
        let tenant = issuer.trim_end_matches('/').rsplit('/').next()?;
        tenant.parse::<TenantId>().ok()
    };
    let tenant = named()
        .map_or_else(|| "<tenant of the subscription>".to_owned(), |tenant| tenant.to_string());
    format!(
        "the token is for another tenant than the subscription's: sign in with `az login --tenant {tenant}`, or pin `tenant` in the profile"
    )
}

fn denied_by_policy(envelope: &Envelope, asked: &AzureRequest<'_>) -> String {
    let policies = envelope.policies();
    let names: Vec<String> = policies.iter().map(named).collect();
    let id = policies.into_iter().find_map(|policy| policy.assignment_id.filter(|id| is_plain(id)));
    let fix = match id {
        Some(id) => format!(
            "have its owner change it or exempt the place with `az policy exemption create --name widctl --exemption-category Waiver --policy-assignment \"{id}\" {}`",
            asked.place()
        ),
        None => format!(
            "find it with `az policy assignment list --disable-scope-strict-match {}` and have its owner exempt the place",
            asked.place()
        ),
    };
    match names.join(" and ").as_str() {
        "" => format!("an Azure Policy forbids it: {fix}"),
        all => format!("the Azure Policy {all} forbids it: {fix}"),
    }
}

/// A policy by its definition and its assignment.
fn named(policy: &Policy) -> String {
    let quoted = |name: &Option<String>| Some(format!("`{}`", clean(name.as_deref()?)));
    match (quoted(&policy.definition), quoted(&policy.assignment)) {
        (Some(definition), Some(assignment)) => format!("{definition} (assigned as {assignment})"),
        (Some(name), None) => name,
        (None, Some(name)) => format!("assigned as {name}"),
        (None, None) => String::new(),
    }
}

/// A `ReadOnly` lock forbids writes, deletions and most actions, a `CanNotDelete` lock deletions alone.
/// <https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources>
fn locked(asked: &AzureRequest<'_>) -> String {
    let kind =
        if asked.method == Method::Delete { "`CanNotDelete` or `ReadOnly`" } else { "`ReadOnly`" };
    format!(
        "a {kind} lock forbids it: find it with `az lock list {}` and have its owner lift it with `az lock delete --ids <id>`",
        asked.place()
    )
}

fn lacking(missing: &Missing, message: &str) -> Option<String> {
    let action = missing.action.as_deref()?;
    let scope = missing.assignable_scope()?;
    let caller = missing.caller.as_deref().map(clean);
    let caller = caller.as_deref().unwrap_or("<object id>");
    let mut hint = match missing.role() {
        Some(role) => format!(
            "`{}` is missing; the smallest built-in role with it is `{role}`: `{}`",
            clean(action),
            assigning(role, caller, scope)
        ),
        None => format!("`{}` is missing on {}", clean(action), clean(scope)),
    };
    // A condition has no code of its own.
    // https://learn.microsoft.com/azure/role-based-access-control/troubleshooting
    if message.contains("ABAC condition") {
        hint.push_str("; a condition on a role that you have may forbid it too: `az role assignment list --all --assignee ");
        hint.push_str(caller);
        hint.push_str(" --query \"[?condition]\"`");
    }
    Some(hint)
}

/// The command that gives somebody a role.
pub(crate) fn assigning(role: &str, caller: &str, scope: &str) -> String {
    format!(
        "az role assignment create --assignee {caller} --role \"{role}\" --scope \"{}\"",
        clean(scope)
    )
}

fn group_missing(asked: &AzureRequest<'_>) -> String {
    let group = asked.segment_after("resourceGroups").map(clean);
    format!(
        "create it with `az group create --subscription {} --name {} --location <region>`",
        asked.subscription(),
        group.as_deref().unwrap_or("<resource group>")
    )
}

fn unregistered(asked: &AzureRequest<'_>) -> String {
    let provider = asked.segment_after("providers").map(clean);
    format!(
        "register it with `az provider register --subscription {} --namespace {}`",
        asked.subscription(),
        provider.as_deref().unwrap_or("Microsoft.ManagedIdentity")
    )
}
