//! Strategic merge patches: merge patches that know how lists are merged
//! (<https://github.com/kubernetes/community/blob/main/contributors/devel/sig-api-machinery/strategic-merge-patch.md>).

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

const DIRECTIVE: &str = "$patch";
const ORDER: &str = "$setElementOrder/";
const DELETIONS: &str = "$deleteFromPrimitiveList/";
const RETAINED: &str = "$retainKeys";

/// How the items of a list are told apart; `None` for lists that are replaced as a whole.
enum Items {
    /// By a member.
    By(&'static str),
    /// By themselves.
    Plain,
}

impl Items {
    /// Those of the list with a name; no name stands for different lists among the kinds that are merged.
    fn of(field: &str) -> Option<Self> {
        match field {
            "secrets" | "webhooks" | "matchConditions" | "containers" | "initContainers"
            | "volumes" | "env" => Some(Self::By("name")),
            "ownerReferences" => Some(Self::By("uid")),
            "conditions" => Some(Self::By("type")),
            "finalizers" => Some(Self::Plain),
            _ => None,
        }
    }

    fn key<'a>(&self, item: &'a Value) -> &'a Value {
        match self {
            Self::By(member) => &item[member],
            Self::Plain => item,
        }
    }

    fn find(&self, list: &[Value], item: &Value) -> Option<usize> {
        list.iter()
            .position(|other| self.key(other) == self.key(item))
    }
}

/// Merges a patch into an object.
pub(super) fn merge(target: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() || patch.get(DIRECTIVE).is_some_and(|what| what == "replace") {
        *target = json!({});
    }
    let Some(members) = target.as_object_mut() else {
        return;
    };
    if patch.get(DIRECTIVE).is_some_and(|what| what == "delete") {
        members.clear();
        return;
    }
    if let Some(retained) = patch.get(RETAINED).and_then(Value::as_array) {
        members.retain(|name, _| retained.iter().any(|kept| kept == name));
    }
    for (name, value) in patch {
        if let Some(list) = name.strip_prefix(DELETIONS) {
            delete(members, list, value);
        } else if !name.starts_with('$') {
            member(members, name, value);
        }
    }
    for (name, order) in patch {
        let list = name.strip_prefix(ORDER);
        if let (Some(list), Some(order)) = (list, order.as_array()) {
            reorder(members, list, order);
        }
    }
}

fn member(members: &mut Map<String, Value>, name: &str, value: &Value) {
    match (value, Items::of(name)) {
        (Value::Null, _) => {
            members.shift_remove(name);
        }
        (Value::Array(patch), Some(items)) => {
            let merged = merge_list(members.get(name), patch, &items);
            members.insert(name.to_owned(), Value::Array(merged));
        }
        _ => merge(members.entry(name).or_insert(Value::Null), value),
    }
}

fn merge_list(before: Option<&Value>, patch: &[Value], items: &Items) -> Vec<Value> {
    let directive = |item: &Value| item[DIRECTIVE].as_str().map(str::to_owned);
    let is_plain = |item: &&Value| directive(item).is_none();
    let added: Vec<Value> = patch.iter().filter(is_plain).cloned().collect();
    if patch
        .iter()
        .any(|item| directive(item).as_deref() == Some("replace"))
    {
        return added;
    }
    let before = before
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let mut merged = before.clone();
    for item in patch {
        let found = items.find(&merged, item);
        match (directive(item).as_deref(), found) {
            (Some("delete"), Some(at)) => {
                merged.remove(at);
            }
            (Some(_), _) => {}
            (None, Some(at)) => merge(&mut merged[at], item),
            (None, None) => merged.push(item.clone()),
        }
    }
    in_order(merged, &added, &before, items)
}

fn delete(members: &mut Map<String, Value>, list: &str, deleted: &Value) {
    let deleted = deleted.as_array().map_or(&[][..], Vec::as_slice);
    if let Some(items) = members.get_mut(list).and_then(Value::as_array_mut) {
        items.retain(|item| !deleted.contains(item));
    }
}

fn reorder(members: &mut Map<String, Value>, list: &str, order: &[Value]) {
    let Some(items) = Items::of(list) else {
        return;
    };
    if let Some(found) = members.get_mut(list).and_then(Value::as_array_mut) {
        let before = found.clone();
        *found = in_order(std::mem::take(found), order, &before, &items);
    }
}

/// The items of a patch in its order, the others where they stood before; new ones come first.
fn in_order(list: Vec<Value>, patch: &[Value], before: &[Value], items: &Items) -> Vec<Value> {
    let (mut patched, others): (Vec<Value>, Vec<Value>) = list
        .into_iter()
        .partition(|item| items.find(patch, item).is_some());
    patched.sort_by_key(|item| items.find(patch, item));
    let mut others = others.into_iter().peekable();
    let mut ordered = Vec::new();
    for item in patched {
        let place = items.find(before, &item);
        while let Some(other) =
            others.next_if(|other| place.is_some() && items.find(before, other) < place)
        {
            ordered.push(other);
        }
        ordered.push(item);
    }
    ordered.extend(others);
    ordered
}
