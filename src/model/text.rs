//! Names and texts as types of their own, shared and cheap to clone.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Whether a character does something to its surroundings instead of being seen: moves the cursor, hides, or
/// turns the reading direction. <https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing>
pub fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' // Arabic letter mark
            | '\u{ad}' // soft hyphen
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}' // zero width, direction marks
            | '\u{2028}'..='\u{202e}' // line separators, direction embeddings and overrides
            | '\u{2060}'..='\u{206f}' // invisible operators, direction isolates
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}' // tags
        )
}

/// Declares text types that compare byte for byte.
macro_rules! texts {
    ($($(#[$meta:meta])* $name:ident;)+) => {$(
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps a text as it is; validity is the business of the profile's checks.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The text, byte for byte.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The shared text itself, for a payload that holds many of them.
            pub fn shared(&self) -> Arc<str> {
                Arc::clone(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, formatter)
            }
        }
    )+};
}

texts! {
    /// The estate: the name under which a profile owns what it creates.
    Estate;
    /// A team's name, unique in the profile.
    TeamName;
    /// A cluster's key in the profile, `weu` of `[clusters.weu]`.
    ClusterName;
    /// A Kubernetes namespace.
    Namespace;
    /// The name of a Kubernetes object inside its namespace.
    ObjectName;
    /// The name of a federated credential under its identity, 3 to 120 characters.
    CredentialName;
    /// An OIDC issuer, kept and compared byte for byte: a trailing slash matters to Entra.
    Issuer;
    /// The subject of a token, for a service account `system:serviceaccount:<namespace>:<name>`.
    Subject;
    /// The audience of a token, `api://AzureADTokenExchange` by default.
    Audience;
    /// The name of an Azure role, `Key Vault Secrets User`.
    RoleName;
}

/// The audience that Entra's token exchange expects in the public cloud, and that the webhook projects.
/// <https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations>
pub const TOKEN_EXCHANGE_AUDIENCE: &str = "api://AzureADTokenExchange";

/// The audience of tokens of other issuers that a cloud's Entra takes, and that widctl's own sign-in asks for.
/// <https://learn.microsoft.com/entra/workload-id/workload-identity-federation-create-trust>
pub fn token_exchange_audience(cloud: &str) -> &'static str {
    match cloud {
        "usgovernment" => "api://AzureADTokenExchangeUSGov",
        "china" => "api://AzureADTokenExchangeChina",
        _ => TOKEN_EXCHANGE_AUDIENCE,
    }
}
