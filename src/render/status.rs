//! The client ids in what `widctl status --format json` printed.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Unrendered;
use crate::model::arm_id::ArmId;
use crate::model::guid::ClientId;
use crate::model::kinds::identity::IdentityKey;
use crate::model::text::Estate;

/// What prints such a file.
pub(super) const PRINTED_BY: &str = "widctl status --format json";

/// What is read of the file.
#[derive(Deserialize)]
struct Status {
    estate: String,
    teams: Vec<Team>,
}

#[derive(Deserialize)]
struct Team {
    identities: Vec<Identity>,
}

#[derive(Deserialize)]
struct Identity {
    id: String,
    client_id: Option<ClientId>,
}

/// The client ids of the identities that existed.
pub(super) fn client_ids(
    text: &str,
    estate: &Estate,
) -> Result<BTreeMap<IdentityKey, ClientId>, Unrendered> {
    let wrong = |what: String| Unrendered {
        what: format!("the status file {what}"),
        hint: format!("write one with `{PRINTED_BY}` and the same profile"),
        is_usage: false,
    };
    let status: Status = serde_json::from_str(text)
        .map_err(|error| wrong(format!("is not what `{PRINTED_BY}` prints: {error}")))?;
    if status.estate != estate.as_str() {
        let what = format!("is of estate `{}`, the profile of `{estate}`", status.estate);
        return Err(wrong(what));
    }
    let mut found = BTreeMap::new();
    for Identity { id, client_id } in status.teams.into_iter().flat_map(|team| team.identities) {
        let id = ArmId::parse(&id).map_err(|error| wrong(format!("has a wrong id: {error}")))?;
        found.extend(client_id.map(|client_id| (IdentityKey::from_id(id), client_id)));
    }
    Ok(found)
}
