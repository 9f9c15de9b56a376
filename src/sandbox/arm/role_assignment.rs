//! `Microsoft.Authorization/roleAssignments` at any scope.

use axum::http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::answer::Answer;
use super::super::call::Call;
use super::super::state::Inner;
use super::error::{ArmError, ArmResult};
use super::page::page;
use super::{Path, group, role_definition};

const KIND: &str = "Microsoft.Authorization/roleAssignments";
const IN_PATH: &str = "/providers/microsoft.authorization/roleassignments/";

/// The assignments at, above and below a scope, as `$filter` narrows them.
pub(super) fn list(inner: &Inner, call: &Call, scope: &str) -> ArmResult {
    let filter = Filter::parse(call.parameter("$filter").unwrap_or_default())?;
    let entries = inner
        .seen_below("/")
        .into_iter()
        .filter_map(|(path, document)| Some((path, path.rsplit_once(IN_PATH)?.0, document)))
        .filter(|(_, at, _)| {
            contains(at, scope) || (!filter.only_at_and_above && contains(scope, at))
        })
        .filter(|(_, _, document)| {
            let principal = document["properties"]["principalId"].as_str().unwrap_or_default();
            filter.principal.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(principal))
        })
        .map(|(path, _, document)| (path, document));
    page(inner, call, (entries, Value::clone), "$skipToken")
}

/// Whether the outer scope is the inner one or above it.
fn contains(outer: &str, inner: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What `$filter` asks for.
#[derive(Default)]
struct Filter {
    principal: Option<String>,
    only_at_and_above: bool,
}

impl Filter {
    fn parse(text: &str) -> Result<Self, ArmError> {
        let mut filter = Self::default();
        for term in text.split(" and ").map(str::trim).filter(|term| !term.is_empty()) {
            let unquoted = |text: &str| text.trim().trim_matches('\'').to_owned();
            if term.eq_ignore_ascii_case("atScope()") {
                filter.only_at_and_above = true;
            } else if let Some(id) = term.strip_prefix("principalId eq ") {
                filter.principal = Some(unquoted(id));
            } else if let Some(id) =
                term.strip_prefix("assignedTo(").and_then(|rest| rest.strip_suffix(')'))
            {
                filter.principal = Some(unquoted(id));
            } else {
                let message = format!(
                    "The filter '{term}' is not supported. Supported filters are either 'atScope()' or 'principalId eq '{{value}}' or assignedTo('{{value}}')'."
                );
                return Err(ArmError::refused("UnsupportedQuery", message));
            }
        }
        Ok(filter)
    }
}

/// One assignment: read, made or deleted. `scope_length` counts the segments of its scope.
pub(super) fn one(inner: &mut Inner, call: &Call, scope_length: usize) -> ArmResult {
    let path = Path::new(&call.segments).whole();
    match call.method {
        Method::GET => super::shown(inner, &path, || not_found(call)),
        Method::PUT => put(inner, call, &path, scope_length),
        Method::DELETE => Ok(super::removed(inner, &path, Answer::ok)),
        _ => Err(ArmError::method(call)),
    }
}

fn put(inner: &mut Inner, call: &Call, path: &str, scope_length: usize) -> ArmResult {
    let wanted = Wanted::read(call)?;
    let scope = format!("/{}", call.segments[..scope_length].join("/"));
    let name = call.segments.last().map_or("", String::as_str);
    if Uuid::parse_str(name).is_err() {
        let message = format!(
            "The role assignment ID '{name}' is not valid. The role assignment ID must be a GUID."
        );
        return Err(ArmError::refused("InvalidRoleAssignmentId", message));
    }
    let scope_path = Path::new(&call.segments[..scope_length]);
    if scope_length >= 2 && scope_path.whole().starts_with("/subscriptions/") {
        group::require_subscription(inner, call, &scope_path)?;
        if scope_length >= 4 && scope_path.whole().contains("/resourcegroups/") {
            group::require_group(inner, call, &scope_path)?;
        }
    }
    if role_definition::find(inner, &wanted.role).is_none() {
        let message =
            format!("The specified role definition with ID '{}' does not exist.", wanted.role);
        return Err(ArmError::absent("RoleDefinitionDoesNotExist", message));
    }
    let before = inner.resource(path).cloned();
    if let Some(before) = &before {
        if !wanted.is_identical_to(before) {
            let message =
                "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.";
            return Err(ArmError::refused("RoleAssignmentUpdateNotPermitted", message));
        }
    } else {
        refuse_twin(inner, path, &wanted)?;
        refuse_unknown_principal(inner, &wanted)?;
    }
    let document = wanted.document(&scope, name);
    inner.put(path, document.clone());
    Ok(Answer::written(before.is_none(), document))
}

/// The role, principal and extras that a request asks for.
struct Wanted {
    role: String,
    principal: String,
    principal_type: Option<String>,
    extras: Value,
}

impl Wanted {
    fn read(call: &Call) -> Result<Self, ArmError> {
        let body = ArmError::body_of(call)?;
        let properties = &body["properties"];
        let text = |name: &str| properties[name].as_str().map(str::to_owned);
        let role =
            text("roleDefinitionId").and_then(|id| id.rsplit('/').next().map(str::to_lowercase));
        let (Some(role), Some(principal)) = (role, text("principalId")) else {
            let message = "The request to create a role assignment lacks 'roleDefinitionId' or 'principalId'.";
            return Err(ArmError::refused("InvalidCreateRoleAssignmentRequest", message));
        };
        if Uuid::parse_str(&principal).is_err() {
            let message = format!(
                "A valid principal ID must be provided for role assignment, not '{principal}'."
            );
            return Err(ArmError::refused("InvalidPrincipalId", message));
        }
        let mut extras = json!({});
        for name in
            ["description", "condition", "conditionVersion", "delegatedManagedIdentityResourceId"]
        {
            if !properties[name].is_null() {
                extras[name] = properties[name].clone();
            }
        }
        Ok(Self { role, principal, principal_type: text("principalType"), extras })
    }

    /// Whether it has the role and principal of a document.
    fn is_identical_to(&self, document: &Value) -> bool {
        let properties = &document["properties"];
        let role = properties["roleDefinitionId"].as_str().unwrap_or_default();
        let principal = properties["principalId"].as_str().unwrap_or_default();
        role.rsplit('/').next().is_some_and(|guid| guid.eq_ignore_ascii_case(&self.role))
            && principal.eq_ignore_ascii_case(&self.principal)
    }

    /// The document, whose role id stands without the subscription, as ARM answers it.
    fn document(&self, scope: &str, name: &str) -> Value {
        let mut properties = json!({
            "roleDefinitionId": format!("/providers/Microsoft.Authorization/roleDefinitions/{}", self.role),
            "principalId": self.principal,
            "principalType": self.principal_type.as_deref().unwrap_or("ServicePrincipal"),
            "scope": scope,
        });
        for (name, value) in self.extras.as_object().into_iter().flatten() {
            properties[name] = value.clone();
        }
        let at = if scope == "/" { "" } else { scope };
        json!({
            "id": format!("{at}/providers/{KIND}/{name}"),
            "type": KIND,
            "name": name,
            "properties": properties,
        })
    }
}

/// The same scope, role and principal cannot be assigned under two names.
fn refuse_twin(inner: &Inner, path: &str, wanted: &Wanted) -> Result<(), ArmError> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let twin =
        inner.below(&format!("{folder}/")).find(|(_, document)| wanted.is_identical_to(document));
    let Some((_, twin)) = twin else { return Ok(()) };
    let id = twin["name"].as_str().unwrap_or_default().replace('-', "");
    let message = format!(
        "The role assignment already exists. The ID of the existing role assignment is {id}."
    );
    Err(ArmError::conflict("RoleAssignmentExists", message))
}

fn refuse_unknown_principal(inner: &mut Inner, wanted: &Wanted) -> Result<(), ArmError> {
    let not_replicated = match inner.unreplicated.get_mut(&wanted.principal) {
        Some(left) if *left > 0 => {
            *left -= 1;
            true
        }
        _ => false,
    };
    let is_known = inner.has_principal(&wanted.principal)
        || wanted.principal == crate::sandbox::PRINCIPAL_OBJECT_ID;
    if !not_replicated && (is_known || wanted.principal_type.is_some()) {
        return Ok(());
    }
    let message = format!(
        "Principal {} does not exist in the directory {}. Check that you have the correct principal ID. If you are creating this principal and then immediately assigning a role, this error might be related to a replication delay. In this case, set the role assignment principalType property to a value, such as ServicePrincipal, User, or Group. See https://aka.ms/docs-principaltype",
        wanted.principal.replace('-', ""),
        inner.state.tenant
    );
    Err(ArmError::refused("PrincipalNotFound", message))
}

/// The role ids that a principal has at or above a scope.
pub(super) fn roles_of(inner: &Inner, principal: &str, scope: &str) -> Vec<String> {
    inner
        .assigned_to(principal)
        .filter(|(path, _)| path.rsplit_once(IN_PATH).is_some_and(|(at, _)| contains(at, scope)))
        .filter_map(|(_, document)| document["properties"]["roleDefinitionId"].as_str())
        .filter_map(|id| id.rsplit('/').next().map(str::to_owned))
        .collect()
}

fn not_found(call: &Call) -> ArmError {
    let name = call.segments.last().map_or("", String::as_str);
    let message = format!("The role assignment '{name}' is not found.");
    ArmError::absent("RoleAssignmentNotFound", message)
}
