//! GUIDs of Azure and Entra, one type per meaning so that a client id is never taken for a principal id.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Declares GUID types; they print in lower case with hyphens.
macro_rules! guids {
    ($($(#[$meta:meta])* $name:ident;)+) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a GUID.
            pub const fn new(guid: Uuid) -> Self {
                Self(guid)
            }

            /// The GUID itself.
            pub const fn guid(self) -> Uuid {
                self.0
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, formatter)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, formatter)
            }
        }
    )+};
}

guids! {
    /// The client id (application id) of a managed identity: what a ServiceAccount's annotation names.
    ClientId;
    /// The principal id (object id) of a managed identity: what a role assignment names.
    PrincipalId;
    /// An Entra tenant.
    TenantId;
    /// An Azure subscription.
    SubscriptionId;
    /// A role definition. Azure answers it with or without the subscription's prefix, so only the GUID counts.
    RoleDefinitionId;
}
