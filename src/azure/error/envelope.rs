//! ARM's error body.
//! <https://github.com/microsoft/api-guidelines/blob/vNext/azure/Guidelines.md#handling-errors>

use serde::Deserialize;
use serde_json::Value;

/// The code of a 409 that passes by itself.
const CONCURRENT_WRITE: &str =
    "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity";

/// Where a policy denial names the policy, the friendlier first.
const POLICY_NAMES: [&str; 4] = [
    "policyDefinitionDisplayName",
    "policyAssignmentDisplayName",
    "policyDefinitionName",
    "policyAssignmentName",
];

/// An error body, as far as it could be read; some front doors answer without one.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Envelope {
    error: Option<Detail>,
    // Some providers leave the outer object out.
    code: Option<String>,
    message: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    code: Option<String>,
    message: Option<String>,
    additional_info: Option<Vec<Information>>,
}

#[derive(Debug, Deserialize)]
struct Information {
    #[serde(default)]
    info: Value,
}

impl Envelope {
    /// Reads a body; one that is not an error body has no code and no message.
    pub(crate) fn read(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }

    pub(crate) fn code(&self) -> Option<&str> {
        let inner = self.error.as_ref().and_then(|error| error.code.as_deref());
        inner.or(self.code.as_deref())
    }

    pub(crate) fn message(&self) -> Option<&str> {
        let inner = self
            .error
            .as_ref()
            .and_then(|error| error.message.as_deref());
        inner.or(self.message.as_deref())
    }

    /// Whether another write of a credential of the same identity was under way.
    pub(crate) fn is_concurrent_write(&self) -> bool {
        self.code() == Some(CONCURRENT_WRITE)
    }

    /// The policies that said no, by the name that people know them by.
    /// <https://learn.microsoft.com/azure/governance/policy/concepts/effect-deny>
    pub(crate) fn policies(&self) -> Vec<&str> {
        let Some(error) = &self.error else {
            return Vec::new();
        };
        error
            .additional_info
            .iter()
            .flatten()
            .filter_map(|information| {
                POLICY_NAMES
                    .into_iter()
                    .find_map(|key| information.info.get(key)?.as_str())
            })
            .collect()
    }
}
