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
            | '\u{fffe}'..='\u{ffff}' // no characters; XML forbids them
            | '\u{e0000}'..='\u{e007f}' // tags
        )
}

/// A letter in lower case, as names of Azure are compared. Microsoft documents that they are compared without regard
/// to case and not how; this is .NET's `OrdinalIgnoreCase`: two characters are the same whose single upper-case
/// character is, in no language, and none beyond ASCII is the same as one of ASCII.
/// <https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules>,
/// <https://learn.microsoft.com/dotnet/api/system.stringcomparer.ordinalignorecase>,
/// <https://github.com/dotnet/runtime/issues/67873>
pub fn folded(character: char) -> char {
    if character.is_ascii() {
        return character.to_ascii_lowercase();
    }
    let upper = single(character.to_uppercase()).unwrap_or(character);
    // Only where it leads back: the Angstrom sign is not the letter that its lower case belongs to.
    let lower = single(upper.to_lowercase());
    lower.filter(|lower| single(lower.to_uppercase()) == Some(upper)).unwrap_or(upper)
}

/// The one character beyond ASCII that a change of case leads to.
fn single(mut characters: impl Iterator<Item = char>) -> Option<char> {
    let first = characters.next().filter(|first| !first.is_ascii())?;
    characters.next().is_none().then_some(first)
}

/// A name as it is compared ([`folded`]), for maps and hashes.
pub fn fold(name: &str) -> String {
    // Nearly all are, and take no step for each character.
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    name.chars().map(folded).collect()
}

/// Whether Azure takes two names for the same.
pub fn is_same_name(one: &str, other: &str) -> bool {
    one.chars().map(folded).eq(other.chars().map(folded))
}

/// Whether Azure takes a name for a resource group. Rust's letters and digits are a few more than its categories
/// of letters and decimal digits, `½` for one: Azure then says of such a group that it does not exist.
/// <https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftresources>
pub fn is_resource_group_name(name: &str) -> bool {
    (1..=90).contains(&name.chars().count())
        && !name.ends_with('.')
        && name.chars().all(|character| character.is_alphanumeric() || "-_.()".contains(character))
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

#[cfg(test)]
mod tests {
    use super::{fold, is_resource_group_name, is_same_name};

    #[test]
    fn names_are_the_same_in_either_case_of_any_script() {
        for (one, other) in [
            ("rg-Data", "RG-DATA"),
            ("FORMACI\u{d3}N", "formaci\u{f3}n"),
            (
                "\u{413}\u{440}\u{443}\u{43f}\u{43f}\u{430}",
                "\u{433}\u{420}\u{423}\u{41f}\u{41f}\u{410}",
            ),
            // The small letters sigma have one capital.
            ("\u{3c3}\u{3c2}", "\u{3a3}\u{3a3}"),
            ("\u{4e2d}\u{6587}", "\u{4e2d}\u{6587}"),
        ] {
            assert!(is_same_name(one, other), "{one} {other}");
            assert_eq!(fold(one), fold(other));
        }
        assert_eq!(fold("FORMACI\u{d3}N"), "formaci\u{f3}n");
    }

    #[test]
    fn a_letter_is_not_the_same_as_its_neighbour_in_a_language() {
        for (one, other) in [
            // The sharp s, in both cases, and its spelling in two letters.
            ("stra\u{df}e", "strasse"),
            ("stra\u{df}e", "stra\u{1e9e}e"),
            // The dotless i, the dotted I, the long s, the Kelvin sign: not of ASCII.
            ("\u{131}", "I"),
            ("\u{130}", "i"),
            ("\u{17f}", "s"),
            ("\u{212a}", "k"),
            // The Angstrom sign and the letter that it looks like; a letter and its composition.
            ("\u{212b}", "\u{e5}"),
            ("\u{f3}", "o\u{301}"),
        ] {
            assert!(!is_same_name(one, other), "{one} {other}");
            assert_ne!(fold(one), fold(other));
        }
    }

    #[test]
    fn a_resource_group_is_named_with_letters_and_digits_of_any_script() {
        for name in ["FORMACI\u{d3}N", "\u{4e2d}\u{6587}\u{540d}", "_", "(a).b-c", "\u{663}"] {
            assert!(is_resource_group_name(name), "{name}");
        }
        assert!(is_resource_group_name(&"\u{f3}".repeat(90)));
        for name in ["", "a.", "rg-\u{1f366}", "a b", "a/b", "a%b", "o\u{301}", "a\u{200b}b", "a'b"]
        {
            assert!(!is_resource_group_name(name), "{name}");
        }
        assert!(!is_resource_group_name(&"\u{f3}".repeat(91)));
    }
}
