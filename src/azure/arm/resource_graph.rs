//! Azure Resource Graph, for the one question that no list of ARM answers: which identity has a client id, in whatever
//! subscription. It shows what the caller may read, and learns of changes some time after they are made.
//! <https://learn.microsoft.com/rest/api/azureresourcegraph/resourcegraph/resources/resources>

use std::collections::BTreeSet;

use azure_core::http::Method;
use serde::Deserialize;
use serde_json::json;

use super::{Arm, id, is_about, unreadable};
use crate::azure::pipeline::request::RESOURCE_GRAPH;
use crate::model::guid::ClientId;
use crate::model::kinds::identity::{IDENTITY_TYPE, IdentityKey};
use crate::ports::error::PortError;

const API_VERSION: &str = "2022-10-01";

/// The answer to a query.
#[derive(Deserialize)]
struct Wire {
    data: Vec<WireRow>,
}

#[derive(Deserialize)]
struct WireRow {
    id: String,
}

impl Arm {
    /// The identities with one of these client ids, in all subscriptions that the caller sees.
    pub(crate) async fn identities_by_client(
        &self,
        clients: &BTreeSet<ClientId>,
    ) -> Result<Vec<IdentityKey>, PortError> {
        let operation = "ask Azure Resource Graph for the identity of a client id";
        let quoted: Vec<String> = clients.iter().map(|client| format!("'{client}'")).collect();
        let query = format!(
            "resources | where type =~ '{IDENTITY_TYPE}' | where properties.clientId in~ ({}) | project id",
            quoted.join(", ")
        );
        let below = RESOURCE_GRAPH.split('/').filter(|segment| !segment.is_empty());
        let url = self.url(&id("/", operation)?, below, API_VERSION);
        let Wire { data } =
            self.send_json(Method::Post, url, &json!({ "query": query }), operation).await?;
        data.into_iter().map(|row| key(&row.id, operation)).collect()
    }
}

/// The identity of a row. A request is built from its id, so that it must be one.
fn key(text: &str, operation: &str) -> Result<IdentityKey, PortError> {
    let found = id(text, operation)?;
    let (Some(subscription), Some(group)) = (found.subscription(), found.resource_group()) else {
        return Err(unreadable("id", text, &"it is not the id of an identity", operation));
    };
    let key = IdentityKey::new(subscription, group, found.name());
    is_about(key.id(), text, operation)?;
    Ok(key)
}
