//! `Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials`.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::call::Call;
use super::super::state::Inner;
use super::super::world::World;
use super::error::{ArmError, ArmResult};
use super::page::page;
use super::{Path, version};

const KIND: &str = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials";

/// How many credentials one identity takes.
const LIMIT: usize = 20;

/// How long a name may be: `^[a-zA-Z0-9]{1}[a-zA-Z0-9-_]{2,119}$`, from the specification of the type.
const LONGEST_NAME: usize = 120;

/// Segments of the path of an identity.
const IDENTITY: usize = 8;

/// A credential write under way; others on the same identity are refused until it is dropped.
pub(in crate::sandbox) struct WriteInFlight {
    world: World,
    identity: String,
}

impl Drop for WriteInFlight {
    fn drop(&mut self) {
        self.world.with(|inner| inner.writing.remove(&self.identity));
    }
}

/// Marks the identity as being written to, if this request writes a credential.
pub(in crate::sandbox) fn begin_write(
    world: &World,
    call: &Call,
) -> Result<Option<WriteInFlight>, ArmError> {
    let writes = call.method == Method::PUT || call.method == Method::DELETE;
    let is_credential = call.segments.len() == 10
        && call.segments[8].eq_ignore_ascii_case("federatedIdentityCredentials");
    if !writes || !is_credential {
        return Ok(None);
    }
    let identity = Path::new(&call.segments).first(IDENTITY);
    if world.with(|inner| inner.writing.insert(identity.clone())) {
        return Ok(Some(WriteInFlight { world: world.clone(), identity }));
    }
    let message = format!(
        "Too many Federated Identity Credentials are written concurrently for the managed identity '{identity}'. Concurrent Federated Identity Credentials writes under the same managed identity are not supported."
    );
    Err(ArmError::conflict(
        "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity",
        message,
    ))
}

/// The credentials of an identity.
pub(super) fn list(inner: &Inner, call: &Call, path: &Path) -> ArmResult {
    require_identity(inner, path)?;
    let entries = inner.seen_below(&format!("{}/", path.whole()));
    page(inner, call, (entries, |document| shown(document, call)), "$skipToken")
}

/// One credential: read, written or deleted.
pub(super) fn one(inner: &mut Inner, call: &Call, path: &Path) -> ArmResult {
    match call.method {
        Method::GET => {
            require_identity(inner, path)?;
            match inner.seen(&path.whole()) {
                Some(document) => Ok(Answer::ok(shown(document, call))),
                None => Err(not_found(call)),
            }
        }
        Method::PUT => put(inner, call, path),
        Method::DELETE => {
            Ok(super::removed(inner, &path.whole(), |_| Answer::empty(StatusCode::OK)))
        }
        _ => Err(ArmError::method(call)),
    }
}

fn put(inner: &mut Inner, call: &Call, path: &Path) -> ArmResult {
    let name = &call.segments[9];
    if !super::is_name(name, LONGEST_NAME) {
        let message = format!("Federated Identity Credential name '{name}' is invalid.");
        return Err(ArmError::bad_request(message));
    }
    let properties = read_properties(call)?;
    require_identity(inner, path)?;
    // A deleted identity that readers still see takes nothing any more.
    let Some(identity) = inner.resource(&path.first(IDENTITY)) else {
        return Err(parent_not_found());
    };
    let parent = identity["id"].as_str().unwrap_or_default().to_owned();
    let path_text = path.whole();
    let siblings = format!("{}/", path.first(IDENTITY + 1));
    let others = || inner.below(&siblings).filter(|(path, _)| *path != path_text);
    let ignore_case = inner.faults.unverified.duplicate_pair_ignores_case;
    if others().any(|(_, other)| is_same_pair(&other["properties"], &properties, ignore_case)) {
        return Err(duplicate_pair(inner));
    }
    let before = inner.resource(&path_text).cloned();
    if before.is_none() && others().count() >= LIMIT {
        return Err(limit_reached(inner));
    }
    let mut document = before.clone().unwrap_or_else(|| {
        let id = format!("{parent}/federatedIdentityCredentials/{name}");
        json!({ "id": id, "name": name, "type": KIND })
    });
    document["properties"] = properties;
    if before.as_ref() != Some(&document) && inner.faults.credential_propagation > 0 {
        inner.unpropagated.insert(path_text.clone(), inner.faults.credential_propagation);
    }
    inner.put(&path_text, document.clone());
    Ok(Answer::written(before.is_none(), shown(&document, call)))
}

/// The properties as they are kept: what the type knows, nothing trimmed.
fn read_properties(call: &Call) -> Result<Value, ArmError> {
    let body = ArmError::body_of(call)?;
    let properties = &body["properties"];
    if !properties.is_object() {
        let message = "Federated Identity Credential from HTTP body has empty properties";
        return Err(ArmError::bad_request(message));
    }
    let text = |name: &str| properties[name].as_str().filter(|text| !text.is_empty());
    let expression = &properties["claimsMatchingExpression"];
    let is_flexible = is_flexible(call) && expression.is_object();
    let (Some(issuer), true, true) = (
        text("issuer"),
        text("subject").is_some() || is_flexible,
        !properties["audiences"].is_null(),
    ) else {
        let message = "The request format was unexpected. Federated Identity Credential must specify 'issuer', 'subject' and 'audience'.";
        return Err(ArmError::bad_request(message));
    };
    let audiences = properties["audiences"].as_array().map_or(&[][..], Vec::as_slice);
    let [Value::String(audience)] = audiences else {
        let message = "Federated identity credentials must have exactly one audience.";
        return Err(ArmError::bad_request(message));
    };
    let subject = text("subject").unwrap_or_default();
    if let Some(long) = [issuer, subject, audience].iter().find(|text| text.chars().count() > 600) {
        let message = format!("The value '{long}' is longer than 600 characters.");
        return Err(ArmError::bad_request(message));
    }
    let mut kept = json!({ "issuer": issuer });
    if is_flexible {
        kept["claimsMatchingExpression"] = expression.clone();
    } else {
        kept["subject"] = Value::from(subject);
    }
    kept["audiences"] = json!([audience]);
    Ok(kept)
}

fn is_same_pair(one: &Value, other: &Value, ignore_case: bool) -> bool {
    ["issuer", "subject"].iter().all(|field| match (one[field].as_str(), other[field].as_str()) {
        (Some(one), Some(other)) if ignore_case => one.eq_ignore_ascii_case(other),
        (Some(one), Some(other)) => one == other,
        _ => false,
    })
}

fn duplicate_pair(inner: &Inner) -> ArmError {
    let message = "Issuer and subject combination already exists for this Managed Identity.";
    if inner.faults.unverified.duplicate_pair_status == 409 {
        return ArmError::conflict("Conflict", message);
    }
    ArmError::bad_request(message)
}

fn limit_reached(inner: &Inner) -> ArmError {
    let unverified = &inner.faults.unverified;
    let status =
        StatusCode::from_u16(unverified.credential_limit_status).unwrap_or(StatusCode::BAD_REQUEST);
    let message = format!(
        "The managed identity already has the maximum of {LIMIT} federated identity credentials."
    );
    ArmError::new(status, unverified.credential_limit_code.clone(), message)
}

/// Only these previews know credentials with an expression in place of the subject.
fn is_flexible(call: &Call) -> bool {
    matches!(version::of(call), "2025-01-31-preview" | "2025-05-31-preview")
}

/// What readers of other versions see of such a credential is not documented; here its subject is null.
fn shown(document: &Value, call: &Call) -> Value {
    let mut shown = super::without(document, "claimsMatchingExpression", !is_flexible(call));
    if !is_flexible(call) && shown["properties"]["subject"].is_null() {
        shown["properties"]["subject"] = Value::Null;
    }
    shown
}

fn require_identity(inner: &Inner, path: &Path) -> Result<(), ArmError> {
    if inner.seen(&path.first(IDENTITY)).is_some() {
        return Ok(());
    }
    Err(parent_not_found())
}

fn parent_not_found() -> ArmError {
    let message = "The parent user-assigned identity doesn't exist.";
    ArmError::absent("ParentResourceNotFound", message)
}

fn not_found(call: &Call) -> ArmError {
    let name = format!("{}/{}", call.segments[7], call.segments[9]);
    ArmError::resource_not_found(KIND, &name, &call.segments[3])
}
