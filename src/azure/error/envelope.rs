//! ARM's error body.
//! <https://github.com/microsoft/api-guidelines/blob/vNext/azure/Guidelines.md#handling-errors>

use serde::Deserialize;
use serde_json::Value;

use super::text::clean;
use crate::ports::answer;
use crate::ports::place::Policy;

/// The code of a 409 that passes by itself.
const CONCURRENT_WRITE: &str =
    "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity";

/// What the message of a policy denial calls its list of policies.
const POLICY_IDENTIFIERS: &str = "Policy identifiers: '";
/// No code tells this conflict from others, and the documents disagree on its status.
/// <https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations#errors>
const PAIR_TAKEN: &str = "Issuer and subject combination already exists";

impl Policy {
    /// As the additional information of an error describes it, friendly names first.
    fn of_information(info: &Value) -> Self {
        let first = |keys: &[&str]| {
            let text = keys.iter().find_map(|key| info.get(key)?.as_str());
            text.map(clean)
        };
        Self {
            definition: first(&["policyDefinitionDisplayName", "policyDefinitionName"]),
            assignment: first(&["policyAssignmentDisplayName", "policyAssignmentName"]),
            assignment_id: first(&["policyAssignmentId"]),
        }
    }

    /// As an entry of the list in the message describes it.
    fn of_identifiers(entry: &Value) -> Self {
        let text = |object: &str, key: &str| {
            let text = entry.get(object)?.get(key)?.as_str();
            text.map(clean)
        };
        Self {
            definition: text("policyDefinition", "name"),
            assignment: text("policyAssignment", "name"),
            assignment_id: text("policyAssignment", "id"),
        }
    }
}

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
        answer::parse(body).unwrap_or_default()
    }

    pub(crate) fn code(&self) -> Option<&str> {
        let inner = self.error.as_ref().and_then(|error| error.code.as_deref());
        inner.or(self.code.as_deref())
    }

    pub(crate) fn message(&self) -> Option<&str> {
        let inner = self.error.as_ref().and_then(|error| error.message.as_deref());
        inner.or(self.message.as_deref())
    }

    /// Whether another write of a credential of the same identity was under way.
    pub(crate) fn is_concurrent_write(&self) -> bool {
        self.code() == Some(CONCURRENT_WRITE)
    }

    /// Whether another credential of the identity has the issuer and subject that were to be written.
    pub(crate) fn is_pair_taken(&self) -> bool {
        self.message().is_some_and(|message| message.contains(PAIR_TAKEN))
    }

    /// The policies that said no. Where the additional information does not name them, the message may.
    /// <https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-policy-requestdisallowedbypolicy>
    pub(crate) fn policies(&self) -> Vec<Policy> {
        let informed = self.error.iter().flat_map(|error| error.additional_info.iter().flatten());
        let informed: Vec<Policy> = informed
            .map(|information| Policy::of_information(&information.info))
            .filter(|policy| *policy != Policy::default())
            .collect();
        if !informed.is_empty() {
            return informed;
        }
        let listed = || -> Option<Vec<Value>> {
            let (_, list) = self.message()?.split_once(POLICY_IDENTIFIERS)?;
            let (list, _) = list.rsplit_once('\'')?;
            serde_json::from_str(list).ok()
        };
        let listed = listed().unwrap_or_default();
        listed.iter().map(Policy::of_identifiers).collect()
    }
}
