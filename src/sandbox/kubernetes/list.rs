//! Lists: selectors, pages and what stands around the items.

use std::ops::Bound;

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::state::Inner;
use super::Asked;
use super::kinds::Row;
use super::status::{KubernetesResult, Status};
use super::target::Target;

/// The objects of a kind, in a namespace or in all.
pub(super) fn list(inner: &Inner, asked: &Asked<'_>, target: &Target<'_>) -> KubernetesResult {
    let call = asked.call;
    if call.parameter("watch").is_some_and(|watch| watch != "false" && watch != "0") {
        return Err(Status::not_imitated("watches"));
    }
    let Some(cluster) = inner.state.clusters.get(asked.cluster) else {
        return Err(Status::no_resource());
    };
    let labels = Selector::parse(call.parameter("labelSelector").unwrap_or_default())?;
    let fields = Selector::parse(call.parameter("fieldSelector").unwrap_or_default())?;
    fields.knows_fields_of(target.row)?;
    let limit = call.parameter("limit").and_then(|limit| limit.parse().ok()).unwrap_or(0);
    let limit: usize = if limit == 0 { usize::MAX } else { limit };
    let prefix = target.row.path(target.namespace, None);
    let after = call.parameter("continue").filter(|token| !token.is_empty());
    let start = match after.map(read_token) {
        None => Bound::Included(prefix.clone()),
        Some(Some(path)) if path.starts_with(&prefix) => Bound::Excluded(path),
        Some(_) => return Err(Status::bad_request("continue key is not valid")),
    };
    let mut matching = cluster
        .objects
        .range((start, Bound::Unbounded))
        .take_while(|(path, _)| path.starts_with(&prefix))
        .filter(|(_, object)| {
            let label = |name: &str| object["metadata"]["labels"][name].as_str();
            let field = |name: &str| {
                let path = format!("/{}", name.replace('.', "/"));
                object.pointer(&path).and_then(Value::as_str)
            };
            labels.matches(label) && fields.matches(field)
        });
    let page: Vec<(&String, &Value)> = matching.by_ref().take(limit).collect();
    let items: Vec<Value> = page.iter().map(|(_, object)| item(object)).collect();
    let mut metadata = json!({ "resourceVersion": cluster.revision.to_string() });
    let left = matching.count();
    if left > 0
        && let Some((last, _)) = page.last()
    {
        metadata["continue"] = Value::from(BASE64URL_NOPAD.encode(last.as_bytes()));
        if labels.is_empty() && fields.is_empty() {
            metadata["remainingItemCount"] = Value::from(left);
        }
    }
    Ok(Answer::ok(json!({
        "kind": format!("{}List", target.row.kind),
        "apiVersion": target.row.api_version(),
        "metadata": metadata,
        "items": items,
    })))
}

/// An object in a list: its kind stands on the list.
fn item(object: &Value) -> Value {
    let mut item = object.clone();
    if let Some(item) = item.as_object_mut() {
        item.shift_remove("apiVersion");
        item.shift_remove("kind");
    }
    item
}

fn read_token(token: &str) -> Option<String> {
    String::from_utf8(BASE64URL_NOPAD.decode(token.as_bytes()).ok()?).ok()
}

/// The requirements of a label or field selector
/// (<https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/>).
struct Selector(Vec<Requirement>);

struct Requirement {
    name: String,
    /// The values asked for; empty where the name alone counts.
    values: Vec<String>,
    is_wanted: bool,
}

impl Selector {
    fn parse(text: &str) -> Result<Self, Status> {
        let mut requirements = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let closing = rest.find(" in (").or_else(|| rest.find(" notin ("));
            let comma = rest.find(',').unwrap_or(rest.len());
            let end = match closing {
                Some(at) if at < comma => {
                    let close = rest.find(')').ok_or_else(|| refusal(text))?;
                    close + 1
                }
                _ => comma,
            };
            requirements.push(Requirement::parse(rest[..end].trim()).ok_or_else(|| refusal(text))?);
            rest = rest[end..].trim_start_matches(',').trim();
        }
        Ok(Self(requirements))
    }

    /// Refuses fields that the kind cannot be selected by.
    fn knows_fields_of(&self, row: &Row) -> Result<(), Status> {
        let own: &[&str] = match row.kind {
            "Namespace" => &["status.phase"],
            "Pod" => &["spec.nodeName", "spec.serviceAccountName", "status.phase"],
            _ => &[],
        };
        let is_known = |name: &str| {
            ["metadata.name", "metadata.namespace"].contains(&name) || own.contains(&name)
        };
        let unknown = self.0.iter().find(|one| !is_known(&one.name));
        unknown.map_or(Ok(()), |unknown| {
            let message = format!("{} cannot be selected by {}", row.plural, unknown.name);
            Err(Status::bad_request(message))
        })
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn matches<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.0.iter().all(|requirement| {
            let found = value(&requirement.name);
            let is_met = match (found, requirement.values.is_empty()) {
                (None, _) => false,
                (Some(_), true) => true,
                (Some(found), false) => requirement.values.iter().any(|value| value == found),
            };
            is_met == requirement.is_wanted
        })
    }
}

impl Requirement {
    fn parse(text: &str) -> Option<Self> {
        let new = |name: &str, values: Vec<String>, is_wanted| {
            let name = name.trim().to_owned();
            (!name.is_empty()).then_some(Self { name, values, is_wanted })
        };
        for (sign, is_wanted) in [(" notin (", false), (" in (", true)] {
            if let Some((name, values)) = text.split_once(sign) {
                let values = values.strip_suffix(')')?;
                return new(
                    name,
                    values.split(',').map(|v| v.trim().to_owned()).collect(),
                    is_wanted,
                );
            }
        }
        for (sign, is_wanted) in [("!=", false), ("==", true), ("=", true)] {
            if let Some((name, value)) = text.split_once(sign) {
                return new(name, vec![value.trim().to_owned()], is_wanted);
            }
        }
        match text.strip_prefix('!') {
            Some(name) => new(name, Vec::new(), false),
            None => new(text, Vec::new(), true),
        }
    }
}

fn refusal(text: &str) -> Status {
    Status::bad_request(format!("unable to parse requirement: {text}"))
}
