//! `Microsoft.ResourceGraph/resources`: the one query that tells whose a client id is.

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::super::answer::Answer;
use super::super::call::Call;
use super::super::state::{Inner, folded};
use super::error::{ArmError, ArmResult};

const OF_IDENTITIES: &str = "where type =~ 'microsoft.managedidentity/userassignedidentities'";
const BY_CLIENT: &str = "where properties.clientid in~ (";

/// Answers a query for identities by their client ids, and refuses every other.
pub(super) fn query(inner: &Inner, call: &Call) -> ArmResult {
    if call.method != Method::POST {
        return Err(ArmError::method(call));
    }
    let body = ArmError::body_of(call)?;
    let (clients, fields) = read(&body).ok_or_else(|| {
        ArmError::bad_request(
            "The sandbox answers one query alone: \"resources | where type =~ 'microsoft.managedidentity/userassignedidentities' | where properties.clientId in~ ('…') | project id\".",
        )
    })?;
    let kind = "/providers/microsoft.managedidentity/userassignedidentities/";
    let is_identity =
        |path: &str| path.split_once(kind).is_some_and(|(_, name)| !name.contains('/'));
    let found = inner.seen_below("/subscriptions/").into_iter().filter(|(path, document)| {
        let client = document["properties"]["clientId"].as_str().map(folded);
        is_identity(path) && client.is_some_and(|client| clients.contains(&client))
    });
    let project = |document: &Value| -> Value {
        let shown = fields.iter().map(|field| (field.clone(), document[field].clone()));
        shown.collect::<Map<_, _>>().into()
    };
    let data: Vec<Value> = found.map(|(_, document)| project(document)).collect();
    Ok(Answer::ok(json!({
        "totalRecords": data.len(), "count": data.len(), "data": data,
        "facets": [], "resultTruncated": "false",
    })))
}

/// The client ids that are asked for, and the fields of the answer.
fn read(body: &Value) -> Option<(Vec<String>, Vec<String>)> {
    let query = body["query"].as_str()?;
    let steps: Vec<&str> = query.split('|').map(str::trim).collect();
    let [table, of, by, fields] = steps.as_slice() else { return None };
    let (table, of, by) = (folded(table), folded(of), folded(by));
    if table != "resources" || of != OF_IDENTITIES {
        return None;
    }
    let list = by.strip_prefix(BY_CLIENT)?.strip_suffix(')')?;
    let quoted = |text: &str| Some(text.trim().strip_prefix('\'')?.strip_suffix('\'')?.to_owned());
    let clients = list.split(',').map(quoted).collect::<Option<Vec<_>>>()?;
    let fields = fields.strip_prefix("project ")?.split(',').map(|field| field.trim().to_owned());
    Some((clients, fields.collect()))
}
