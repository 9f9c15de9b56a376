//! Azure's values: GUIDs, regions, scopes, roles.

use std::sync::LazyLock;

use super::texts::primitive_schemas;
use super::{Parse, Refusal};
use crate::model::arm_id::ArmId;
use crate::model::guid::{RoleDefinitionId, SubscriptionId, TenantId};
use crate::model::location::Location;
use crate::model::rule::rules;
use crate::model::text::RoleName;
use crate::profile::resolved::RoleChoice;
use crate::profile::roles;
use crate::profile::source::quoted;

rules! {
    GUID = "WID-GUID", Check;
        "tenants and subscriptions are GUIDs",
        "Azure's interfaces name tenants and subscriptions by GUID alone, not by display name or domain.",
        "`az account show --query '{tenant: tenantId, subscription: id}'` prints both.";
    LOCATION = "WID-LOCATION", Check;
        "a location is the name of a region",
        "A region is written in letters, digits and spaces, `westeurope` or `West Europe`.",
        "`az account list-locations --query '[].name'` prints the names.";
    SCOPE = "WID-SCOPE", Check;
        "a scope is an ARM id",
        "A role holds at a scope: a management group, a subscription, a resource group, a resource or a part of one, each by its full ARM id.",
        "Copy the id from the portal's JSON view, or from `az resource show --query id`.";
    ROLE_NAME = "WID-ROLE-NAME", Check;
        "a role is a built-in role, a custom role's name, or a role definition's id",
        "The name is not that of a built-in role, yet so near to one that it is more likely a slip than a custom role.",
        "Correct the name; a custom role with such a name can be given by its GUID.";
}

fn guid<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, Refusal> {
    // The hyphenated form is the only one that Azure's interfaces take.
    let hyphenated = text.len() == 36;
    text.parse().ok().filter(|_| hyphenated).ok_or_else(|| Refusal {
        rule: &GUID,
        message: format!("{} is not the GUID of a {what}", quoted(text)),
        hint: "a GUID looks like `00000000-0000-0000-0000-000000000000`".into(),
    })
}

impl Parse for SubscriptionId {
    fn parse(text: &str) -> Result<Self, Refusal> {
        guid(text, "subscription")
    }
}

impl Parse for TenantId {
    fn parse(text: &str) -> Result<Self, Refusal> {
        guid(text, "tenant")
    }
}

impl Parse for Location {
    fn parse(text: &str) -> Result<Self, Refusal> {
        let known = |character: char| character.is_ascii_alphanumeric() || character == ' ';
        if text.trim().is_empty() || text.trim() != text || !text.chars().all(known) {
            return Err(Refusal {
                rule: &LOCATION,
                message: format!("{} is not the name of a region", quoted(text)),
                hint: "a region is written like `westeurope`".into(),
            });
        }
        Ok(Self::new(text))
    }
}

impl Parse for ArmId {
    fn parse(text: &str) -> Result<Self, Refusal> {
        let refusal = |why: String| {
            Refusal {
            rule: &SCOPE,
            message: format!("{} is not a scope: {why}", quoted(text)),
            hint: "a scope is an ARM id like `/subscriptions/<GUID>/resourceGroups/<name>/providers/Microsoft.KeyVault/vaults/<name>`".into(),
        }
        };
        let id = Self::parse(text).map_err(|error| refusal(error.to_string()))?;
        if text.trim() != text {
            return Err(refusal("it begins or ends with a space".into()));
        }
        if is_scope(text) { Ok(id) } else { Err(refusal("its segments do not make one".into())) }
    }
}

/// Whether the segments of an ARM id make a scope, so that [`ArmId::level`] is never misled by one cut
/// short. <https://learn.microsoft.com/azure/role-based-access-control/scope-overview>
fn is_scope(text: &str) -> bool {
    let segments: Vec<&str> =
        text.split('/').skip(1).filter(|segment| !segment.is_empty()).collect();
    let is = |index: usize, word: &str| {
        segments.get(index).is_some_and(|segment| segment.eq_ignore_ascii_case(word))
    };
    let resource = match segments.len() {
        0 => return true,
        2 if is(0, "subscriptions") => return true,
        4 if is(0, "subscriptions") && is(2, "resourceGroups") => return true,
        _ if is(0, "subscriptions") && is(2, "resourceGroups") => {
            segments.get(4..).unwrap_or_default()
        }
        _ if is(0, "subscriptions") => segments.get(2..).unwrap_or_default(),
        _ => &segments[..],
    };
    // `providers/<namespace>/<type>/<name>`, then pairs of type and name, or another `providers`.
    // Namespaces and types are plain words; a name may have letters of any script.
    let whole = resource.split(|segment| segment.eq_ignore_ascii_case("providers")).skip(1).all(
        |resource| {
            let words = resource.iter().take(1).chain(resource.iter().skip(1).step_by(2));
            resource.len() >= 3
                && resource.len() % 2 == 1
                && words.into_iter().all(|word| is_word(word))
        },
    );
    // A grant of `*/resourceGroups/rg-a/*` is about the resource group, never about a part of a resource.
    let second_group =
        resource.iter().any(|segment| segment.eq_ignore_ascii_case("resourceGroups"));
    resource.first().is_some_and(|segment| segment.eq_ignore_ascii_case("providers"))
        && whole
        && !(second_group && is(0, "subscriptions"))
}

/// Whether a segment can be a provider's namespace or a type.
fn is_word(segment: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    segment.bytes().all(known)
}

impl Parse for RoleChoice {
    fn parse(text: &str) -> Result<Self, Refusal> {
        let name = text.trim();
        if let Some(id) = definition_id(name) {
            // What a role may do that is not built in, only Azure can say: it is looked up by its GUID.
            return Ok(roles::by_guid(id).map_or_else(
                || Self::Custom(RoleName::new(id.to_string())),
                |role| Self::Known(role.role.clone()),
            ));
        }
        if let Some(role) = roles::by_name(name) {
            return Ok(Self::Known(role.role.clone()));
        }
        let slip = slip_of_built_in(name);
        if name.is_empty() || name.starts_with('/') || slip.is_some() {
            return Err(Refusal {
                rule: &ROLE_NAME,
                message: format!("{} is not the name of a role", quoted(text)),
                hint: slip.map_or_else(
                    || "write a role's name, its GUID, or the full id of its definition".into(),
                    |role| format!("did you mean `{role}`? A custom role of that name can be given by its GUID"),
                ),
            });
        }
        Ok(Self::Custom(RoleName::new(name)))
    }
}

/// The GUID of a role given as a GUID or as the full id of its definition.
fn definition_id(text: &str) -> Option<RoleDefinitionId> {
    const PARENT: &str = "/providers/microsoft.authorization/roledefinitions/";
    let guid = if text.starts_with('/') {
        let folded = text.to_ascii_lowercase();
        let start = folded.rfind(PARENT)? + PARENT.len();
        ArmId::parse(text).ok()?;
        &text[start..]
    } else {
        text
    };
    guid.parse().ok().filter(|_| guid.len() == 36)
}

/// A name of a role as slips leave it: letters and digits in lower case, and how often each occurs.
struct Spelling {
    folded: String,
    counts: [u8; 36],
}

impl Spelling {
    fn new(name: &str) -> Self {
        let folded: String = name
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|character| character.to_ascii_lowercase())
            .collect();
        let mut counts = [0_u8; 36];
        for place in folded.chars().filter_map(|character| character.to_digit(36)) {
            if let Some(count) = counts.get_mut(place as usize) {
                *count = count.saturating_add(1);
            }
        }
        Self { folded, counts }
    }

    /// How many slips apart two names are. Counting letters first spares nearly every comparison: a
    /// slip changes at most two counts by one.
    fn distance(&self, other: &Self, most: usize) -> Option<usize> {
        let counts = self.counts.iter().zip(&other.counts);
        let apart: usize = counts.map(|(a, b)| usize::from(a.abs_diff(*b))).sum();
        if apart > 2 * most {
            return None;
        }
        let distance = strsim::damerau_levenshtein(&self.folded, &other.folded);
        (distance <= most).then_some(distance)
    }
}

static SPELLINGS: LazyLock<Vec<(&'static str, Spelling)>> = LazyLock::new(|| {
    let names = roles::all().map(|role| role.role.name.as_str());
    names.map(|name| (name, Spelling::new(name))).collect()
});

/// The built-in role that differs by so little that a slip is likelier than a custom role.
fn slip_of_built_in(name: &str) -> Option<&'static str> {
    let spelling = Spelling::new(name);
    let most = if spelling.folded.len() < 8 { 0 } else { 2 };
    let near = SPELLINGS.iter().filter_map(|(built_in, other)| {
        let distance = spelling.distance(other, most)?;
        Some((distance, *built_in))
    });
    near.min().map(|(_, built_in)| built_in)
}

primitive_schemas! {
    SubscriptionId => {"type": "string"};
    TenantId => {"type": "string"};
    Location => {"type": "string"};
    ArmId => {"type": "string"};
    RoleChoice => {"type": "string", "minLength": 1};
}

#[cfg(test)]
mod tests {
    use super::{is_scope, slip_of_built_in};
    use crate::model::arm_id::ArmId;
    use crate::model::text::RoleName;
    use crate::profile::read::Parse;
    use crate::profile::resolved::RoleChoice;

    const GROUP: &str = "/subscriptions/12345678-1234-5678-9012-123456789012/resourceGroups/rg";

    #[test]
    fn a_scope_cut_short_is_not_taken_for_a_resource() {
        for scope in [
            "/".to_owned(),
            "/providers/Microsoft.Management/managementGroups/mg".to_owned(),
            GROUP.to_owned(),
            format!("{GROUP}/providers/Microsoft.KeyVault/vaults/kv"),
            format!("{GROUP}/providers/Microsoft.KeyVault/vaults/kv/secrets/s"),
            format!("{GROUP}/providers/A.B/c/d/providers/E.F/g/h"),
            "/subscriptions/12345678-1234-5678-9012-123456789012/providers/A.B/c/d".to_owned(),
        ] {
            assert!(is_scope(&scope), "{scope}");
            assert!(<ArmId as Parse>::parse(&scope).is_ok(), "{scope}");
        }
        for scope in [
            "/subscriptions".to_owned(),
            "/resourceGroups/rg".to_owned(),
            "/providers/Microsoft.Management/managementGroups".to_owned(),
            GROUP.strip_suffix("/rg").unwrap().to_owned(),
            format!("{GROUP}/vaults/kv"),
            format!("{GROUP}/providers/Microsoft.KeyVault/vaults"),
            format!("{GROUP}/providers/Microsoft.KeyVault/vaults/kv/secrets"),
            format!("{GROUP}/providers/A.B/c/d/resourceGroups/rg-of-others"),
            format!("{GROUP}/providers/A.B/resourcegroups/rg-of-others"),
            format!("{GROUP}/providers/A.B/c/RESOURCEGROUPS/rg-of-others/e"),
            // Look-alikes of letters and of the slash.
            format!("{GROUP}/providers/Micros\u{43e}ft.KeyVault/vaults/kv"),
            format!("{GROUP}/providers/Microsoft.KeyVault/va\u{ff55}lts/kv"),
            format!("{GROUP}/\u{440}roviders/A.B/c/d"),
            "/\u{455}ubscriptions/12345678-1234-5678-9012-123456789012".to_owned(),
            format!("{GROUP}\u{ff0f}providers/A.B/c"),
        ] {
            assert!(!is_scope(&scope), "{scope}");
        }
    }

    #[test]
    fn a_role_is_known_by_name_guid_and_definition_id() {
        let by_name = RoleChoice::parse("reader").unwrap();
        let guid = "acdd72a7-3385-48ef-bd42-f606fba81ae7";
        assert_eq!(RoleChoice::parse(guid).unwrap(), by_name);
        let id = format!("/providers/Microsoft.Authorization/roleDefinitions/{guid}");
        assert_eq!(RoleChoice::parse(&id).unwrap(), by_name);
        assert!(matches!(RoleChoice::parse("Contoso Deployer"), Ok(RoleChoice::Custom(_))));
        let unknown = RoleChoice::parse("00000000-0000-4000-8000-00000000000A").unwrap();
        let name = RoleName::from("00000000-0000-4000-8000-00000000000a");
        assert_eq!(unknown, RoleChoice::Custom(name));
    }

    #[test]
    fn a_slip_in_a_built_in_name_is_found_but_a_custom_name_is_not_one() {
        assert_eq!(slip_of_built_in("Key Vault Secret User"), Some("Key Vault Secrets User"));
        assert_eq!(slip_of_built_in("Acr Pull"), Some("AcrPull"));
        assert_eq!(slip_of_built_in("Contoso Key Vault Secrets User"), None);
    }
}
