//! JSON patches (<https://www.rfc-editor.org/rfc/rfc6902>).

use axum::http::StatusCode;
use serde_json::Value;

use super::status::Status;

/// Takes the steps of a patch one after the other.
pub(super) fn apply(target: &mut Value, patch: &Value) -> Result<(), Status> {
    let steps = patch.as_array();
    let steps = steps.ok_or_else(|| Status::bad_request("a JSON patch is a list"))?;
    for one in steps {
        step(target, one).ok_or_else(refusal)?;
    }
    Ok(())
}

fn refusal() -> Status {
    let message = "the server rejected our request due to an error in our request";
    Status::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message)
}

/// `None` where the step cannot be taken.
fn step(target: &mut Value, step: &Value) -> Option<()> {
    let path = step["path"].as_str()?;
    let from = || step["from"].as_str();
    match step["op"].as_str()? {
        "add" => add(target, path, step.get("value")?.clone()),
        "remove" => remove(target, path).map(drop),
        "replace" => {
            *target.pointer_mut(path)? = step.get("value")?.clone();
            Some(())
        }
        "copy" => {
            let copied = target.pointer(from()?)?.clone();
            add(target, path, copied)
        }
        "move" => {
            let moved = remove(target, from()?)?;
            add(target, path, moved)
        }
        "test" => (target.pointer(path)? == step.get("value")?).then_some(()),
        _ => None,
    }
}

fn add(target: &mut Value, path: &str, value: Value) -> Option<()> {
    let (parent, name) = split(path)?;
    match target.pointer_mut(parent)? {
        Value::Object(members) => {
            members.insert(name, value);
        }
        Value::Array(items) => {
            let at = if name == "-" {
                items.len()
            } else {
                name.parse().ok()?
            };
            if at > items.len() {
                return None;
            }
            items.insert(at, value);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
    }
    Some(())
}

fn remove(target: &mut Value, path: &str) -> Option<Value> {
    let (parent, name) = split(path)?;
    match target.pointer_mut(parent)? {
        Value::Object(members) => members.shift_remove(&name),
        Value::Array(items) => {
            let at: usize = name.parse().ok()?;
            (at < items.len()).then(|| items.remove(at))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// The pointer to what holds a value, and the value's name or place there.
fn split(path: &str) -> Option<(&str, String)> {
    let (parent, name) = path.rsplit_once('/')?;
    Some((parent, name.replace("~1", "/").replace("~0", "~")))
}
