//! Subscriptions: only which of them the caller sees.
//! <https://learn.microsoft.com/rest/api/resources/subscriptions/list>

use serde::Deserialize;

use super::{Arm, id, unreadable};
use crate::model::guid::SubscriptionId;
use crate::ports::error::PortError;

const API_VERSION: &str = "2022-12-01";

/// A subscription on the wire.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    subscription_id: String,
}

impl Arm {
    /// The subscriptions in which the caller has any role.
    pub(crate) async fn subscriptions(&self) -> Result<Vec<SubscriptionId>, PortError> {
        let operation = "list the subscriptions";
        let url = self.url(&id("/", operation)?, ["subscriptions"], API_VERSION);
        let wires: Vec<Wire> = self.list(url, operation).await?;
        let parse = |Wire { subscription_id: text }: Wire| {
            let guid = text.parse();
            guid.map_err(|problem| unreadable("subscriptionId", &text, &problem, operation))
        };
        wires.into_iter().map(parse).collect()
    }
}
