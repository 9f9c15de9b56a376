//! `Microsoft.Authorization/permissions`: what the caller may do at a scope.

use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::call::Call;
use super::super::jwt::Token;
use super::super::state::Inner;
use super::error::ArmResult;
use super::group::only_get;
use super::{role_assignment, role_definition};

/// Everything for the built-in principal; for a workload what its role assignments give. Less what faults
/// deny.
pub(super) fn list(inner: &Inner, call: &Call, scope: &str) -> ArmResult {
    only_get(call)?;
    let token = call.bearer().and_then(Token::parse);
    let principal = token.as_ref().and_then(|token| token.text("oid")).unwrap_or_default();
    let mut value = Vec::new();
    if principal == crate::sandbox::PRINCIPAL_OBJECT_ID {
        value.push(json!({
            "actions": ["*"], "notActions": [], "dataActions": [], "notDataActions": [],
        }));
    }
    for role in role_assignment::roles_of(inner, principal, scope) {
        value.extend(role_definition::permissions(inner, &role));
    }
    for permission in &mut value {
        if let Some(exceptions) = permission["notActions"].as_array_mut() {
            let denied = inner.faults.denied_actions.iter().cloned();
            exceptions.extend(denied.map(Value::from));
        }
    }
    Ok(Answer::ok(json!({ "value": value })))
}
