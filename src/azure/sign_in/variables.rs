//! The variables that name credentials, read in one place.

use std::collections::BTreeMap;
use std::fmt;

use azure_core::credentials::Secret;

use crate::ports::secrets;

/// Every variable that signing in looks at.
const NAMES: [&str; 14] = [
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_CLIENT_CERTIFICATE_PASSWORD",
    "AZURE_FEDERATED_TOKEN_FILE",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "SYSTEM_OIDCREQUESTURI",
    "SYSTEM_ACCESSTOKEN",
    "AZURESUBSCRIPTION_TENANT_ID",
    "AZURESUBSCRIPTION_CLIENT_ID",
    "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID",
    "IDENTITY_ENDPOINT",
];

/// The variables that name credentials. Their values do not print.
#[derive(Clone, Default)]
pub struct CredentialVariables(BTreeMap<String, String>);

impl CredentialVariables {
    /// The variables of this process.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place where signing in reads the environment"
    )]
    pub fn of_process() -> Self {
        let variable = |name: &str| Some((name.to_owned(), std::env::var(name).ok()?));
        Self(NAMES.into_iter().filter_map(variable).collect())
    }

    /// The value of a variable; an empty one counts as unset.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The value of a variable that holds a secret.
    pub(crate) fn secret(&self, name: &str) -> Option<Secret> {
        let value = self.get(name)?;
        secrets::learn(value);
        Some(Secret::new(value.to_owned()))
    }
}

impl<const N: usize> From<[(&str, &str); N]> for CredentialVariables {
    fn from(variables: [(&str, &str); N]) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self(variables.into_iter().map(owned).collect())
    }
}

impl fmt::Debug for CredentialVariables {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}
