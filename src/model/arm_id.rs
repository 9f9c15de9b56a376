//! ARM resource ids and scopes.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::model::guid::SubscriptionId;
use crate::model::text::fold;

/// An ARM resource id or scope, compared without regard to case ([`fold`]): Azure answers `resourcegroups` for
/// `resourceGroups` and changes the case of names at will.
/// <https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules>
#[derive(Clone)]
pub struct ArmId(Arc<Spelled>);

/// Maps of a large estate compare ids more often than all else together, so each is folded once.
struct Spelled {
    written: Box<str>,
    folded: Box<str>,
}

/// How wide a scope is.
/// <https://learn.microsoft.com/azure/role-based-access-control/scope-overview>
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ScopeLevel {
    /// The tenant's root, `/`.
    Tenant,
    /// What a provider has in the tenant itself, outside every subscription: a billing account.
    TenantResource,
    /// A management group, or what is written below one.
    ManagementGroup,
    /// A subscription.
    Subscription,
    /// What a provider has in a subscription outside its resource groups.
    SubscriptionResource,
    /// A resource group.
    ResourceGroup,
    /// A resource or a part of one.
    Resource,
}

/// Why a text is not an ARM id.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ArmIdError {
    /// An ARM id is a path.
    #[error("an ARM id starts with `/`")]
    NoLeadingSlash,
    /// Two slashes in a row, or one at the end.
    #[error("an ARM id has no empty segment")]
    EmptySegment,
    /// A character that would change the request's path.
    #[error("an ARM id has no `{0}`")]
    Forbidden(char),
    /// `.` or `..` as a segment.
    #[error("an ARM id has no `.` or `..` segment")]
    DotSegment,
    /// The segment after `/subscriptions` is not a GUID.
    #[error("the subscription of an ARM id is a GUID")]
    Subscription,
}

impl ArmId {
    /// Reads an ARM id; it is kept as written.
    pub fn parse(text: &str) -> Result<Self, ArmIdError> {
        let path = text.strip_prefix('/').ok_or(ArmIdError::NoLeadingSlash)?;
        if let Some(forbidden) = text.chars().find(|c| c.is_control() || "?#%\\".contains(*c)) {
            return Err(ArmIdError::Forbidden(forbidden));
        }
        if !path.is_empty() && path.split('/').any(str::is_empty) {
            return Err(ArmIdError::EmptySegment);
        }
        if path.split('/').any(|segment| segment == "." || segment == "..") {
            return Err(ArmIdError::DotSegment);
        }
        let id = Self::of(text.into());
        let named = path.split('/').next().is_some_and(|s| s.eq_ignore_ascii_case("subscriptions"));
        if named && id.subscription().is_none() {
            return Err(ArmIdError::Subscription);
        }
        Ok(id)
    }

    /// A subscription as a scope.
    pub fn of_subscription(subscription: SubscriptionId) -> Self {
        Self::of(format!("/subscriptions/{subscription}"))
    }

    /// A resource group as a scope.
    pub fn of_resource_group(subscription: SubscriptionId, resource_group: &str) -> Self {
        Self::of(format!("/subscriptions/{subscription}/resourceGroups/{resource_group}"))
    }

    /// A resource of a provider, directly in a resource group.
    pub fn of_resource(
        subscription: SubscriptionId,
        resource_group: &str,
        resource_type: &str,
        name: &str,
    ) -> Self {
        let scope = Self::of_resource_group(subscription, resource_group);
        Self::of(format!("{scope}/providers/{resource_type}/{name}"))
    }

    fn of(written: String) -> Self {
        let folded = fold(&written).into();
        Self(Arc::new(Spelled { written: written.into(), folded }))
    }

    /// The id as it was written.
    pub fn as_str(&self) -> &str {
        &self.0.written
    }

    /// The id as it is compared, for hashes and names that must not depend on spelling.
    pub fn folded(&self) -> &str {
        &self.0.folded
    }

    /// The last segment: the resource's name.
    pub fn name(&self) -> &str {
        self.as_str().rsplit('/').next().unwrap_or_default()
    }

    /// The subscription the id lies in. Segments of that name elsewhere are something else: topics have
    /// subscriptions too.
    pub fn subscription(&self) -> Option<SubscriptionId> {
        let subscription = self.after(0, "subscriptions")?;
        // The hyphenated form is the only one that ARM takes; others would be other ids of the same.
        subscription.parse().ok().filter(|_| subscription.len() == 36)
    }

    /// The resource group the id lies in.
    pub fn resource_group(&self) -> Option<&str> {
        self.after(0, "subscriptions")?;
        self.after(2, "resourceGroups")
    }

    /// The resource group that a resource lies in; any other scope itself.
    #[must_use]
    pub fn enclosing_group(&self) -> Self {
        match (self.level(), self.subscription(), self.resource_group()) {
            (ScopeLevel::Resource, Some(subscription), Some(group)) => {
                Self::of_resource_group(subscription, group)
            }
            _ => self.clone(),
        }
    }

    /// How wide the scope is. What has no shape that is known counts as wide.
    pub fn level(&self) -> ScopeLevel {
        let segments = self.segments();
        let is = |segment: &str, name: &str| segment.eq_ignore_ascii_case(name);
        let in_management_group = segments
            .windows(2)
            .any(|pair| is(pair[0], "Microsoft.Management") && is(pair[1], "managementGroups"));
        match segments[..] {
            [] => ScopeLevel::Tenant,
            _ if in_management_group => ScopeLevel::ManagementGroup,
            [first, _] if is(first, "subscriptions") => ScopeLevel::Subscription,
            [first, _, third, _] if is(first, "subscriptions") && is(third, "resourceGroups") => {
                ScopeLevel::ResourceGroup
            }
            [first, _, third, ..] if is(first, "subscriptions") && is(third, "resourceGroups") => {
                ScopeLevel::Resource
            }
            [first, ..] if is(first, "subscriptions") => ScopeLevel::SubscriptionResource,
            _ => ScopeLevel::TenantResource,
        }
    }

    /// Whether `other` is this scope or lies below it.
    pub fn contains(&self, other: &Self) -> bool {
        let outer = self.folded().trim_end_matches('/');
        let inner = other.folded().strip_prefix(outer);
        inner.is_some_and(|inner| inner.is_empty() || inner.starts_with('/'))
    }

    /// The segment behind the one at `index`, if that has this name.
    fn after(&self, index: usize, name: &str) -> Option<&str> {
        let mut segments = self.as_str().split('/').skip(index + 1);
        let named = segments.next()?.eq_ignore_ascii_case(name);
        segments.next().filter(|_| named)
    }

    fn segments(&self) -> Vec<&str> {
        let segments = self.as_str().split('/');
        segments.filter(|segment| !segment.is_empty()).collect()
    }
}

impl PartialEq for ArmId {
    fn eq(&self, other: &Self) -> bool {
        self.folded() == other.folded()
    }
}

impl Eq for ArmId {}

impl PartialOrd for ArmId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ArmId {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) {
            return Ordering::Equal;
        }
        self.folded().cmp(other.folded())
    }
}

impl Hash for ArmId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded().hash(state);
    }
}

impl fmt::Display for ArmId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for ArmId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), formatter)
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;
    use std::collections::HashSet;

    use super::{ArmId, ArmIdError, ScopeLevel};

    const GROUP: &str = "/subscriptions/12345678-1234-5678-9012-123456789012/resourceGroups/rg-a";

    #[test]
    fn azures_spelling_of_resource_groups_is_the_same_id() {
        let (written, answered) = (GROUP, GROUP.replace("resourceGroups", "resourcegroups"));
        assert_eq!(ArmId::parse(written).unwrap(), ArmId::parse(&answered).unwrap());
    }

    #[test]
    fn a_scope_contains_itself_and_what_lies_below_but_not_its_namesakes() {
        let group = ArmId::parse(GROUP).unwrap();
        let vault = format!("{}/providers/Microsoft.KeyVault/vaults/kv", GROUP.to_uppercase());
        let vault = vault.replace("/SUBSCRIPTIONS", "/subscriptions");
        assert!(group.contains(&group));
        assert!(group.contains(&ArmId::parse(&vault).unwrap()));
        assert!(!group.contains(&ArmId::parse(&format!("{GROUP}-b")).unwrap()));
    }

    #[test]
    fn letters_beyond_ascii_are_compared_without_regard_to_case_as_well() {
        let id = |group: &str, below: &str| {
            let group = GROUP.replace("rg-a", group);
            ArmId::parse(&format!("{group}{below}")).unwrap()
        };
        let vault = "/providers/Microsoft.KeyVault/vaults/kv";
        // The letters have one to three bytes, so that some are cut by the blocks of the comparison.
        for before in 0..16 {
            let (upper, lower) =
                ("A".repeat(before) + "\u{d3}\u{1e9a}\u{10d}", "\u{f3}\u{1e9a}\u{10c}");
            let lower = "A".repeat(before) + lower;
            let (upper, lower) = (id(&upper, vault), id(&lower, vault));
            assert_eq!(upper, lower);
            assert_eq!(upper.cmp(&lower), Ordering::Equal);
            assert_eq!(HashSet::from([upper.clone(), lower.clone()]).len(), 1);
            assert!(upper.enclosing_group().contains(&lower), "{lower}");
        }
        // The Kelvin sign has more bytes than the letter, and is another one.
        let (kelvin, letter) = (id("\u{212a}", ""), id("k", ""));
        assert_ne!(kelvin, letter);
        assert!(!kelvin.contains(&id("k", vault)) && !letter.contains(&id("\u{212a}", vault)));
    }

    #[test]
    fn the_level_of_a_scope_is_read_from_its_shape() {
        let level = |text: &str| ArmId::parse(text).unwrap().level();
        assert_eq!(level("/"), ScopeLevel::Tenant);
        assert_eq!(
            level("/providers/Microsoft.Management/managementGroups/mg"),
            ScopeLevel::ManagementGroup
        );
        assert_eq!(
            level(GROUP.rsplit_once("/resourceGroups").unwrap().0),
            ScopeLevel::Subscription
        );
        assert_eq!(level(GROUP), ScopeLevel::ResourceGroup);
        assert_eq!(level(&GROUP.to_uppercase()), ScopeLevel::ResourceGroup);
        assert_eq!(level(&format!("{GROUP}/providers/A.B/c/d")), ScopeLevel::Resource);
    }

    #[test]
    fn only_what_lies_in_a_resource_group_is_a_resource() {
        let level = |text: &str| ArmId::parse(text).unwrap().level();
        let subscription = GROUP.rsplit_once("/resourceGroups").unwrap().0;
        for below in [
            format!("{subscription}/resourceGroups/rg/providers/A.B/c/d"),
            subscription.trim_start_matches('/').to_owned(),
            "x".to_owned(),
        ] {
            let id = format!("/PROVIDERS/microsoft.management/MANAGEMENTGROUPS/mg/{below}");
            let id = id.replace("//", "/");
            assert_eq!(level(&id), ScopeLevel::ManagementGroup, "{id}");
            let parsed = ArmId::parse(&id).unwrap();
            assert_eq!((parsed.subscription(), parsed.resource_group()), (None, None));
            assert_eq!(parsed.enclosing_group(), parsed);
        }
        for id in [
            "/providers/Microsoft.Billing/billingAccounts/b",
            "/providers/Microsoft.Billing/billingAccounts/b/subscriptions/s/resourceGroups/rg",
            "/providers/Microsoft.Management/managementGroupz/mg",
            "/providers/Microsoft.Management./managementGroups/mg",
            // The first letter is Cyrillic.
            "/providers/\u{41c}icrosoft.Management/managementGroups/mg",
        ] {
            assert_eq!(level(id), ScopeLevel::TenantResource, "{id}");
        }
        assert_eq!(
            level(&format!("{subscription}/providers/A.B/c/d")),
            ScopeLevel::SubscriptionResource
        );
    }

    #[test]
    fn a_subscription_is_written_in_one_form() {
        let plain = GROUP.split('/').nth(2).unwrap();
        for other in [plain.replace('-', ""), format!("{{{plain}}}"), format!("urn:uuid:{plain}")] {
            let id = GROUP.replace(plain, &other);
            assert_eq!(ArmId::parse(&id).unwrap_err(), ArmIdError::Subscription, "{id}");
        }
        // A topic's subscription is no subscription of Azure.
        let topic =
            format!("{GROUP}/providers/Microsoft.ServiceBus/namespaces/n/topics/t/subscriptions/s");
        let topic = ArmId::parse(&topic).unwrap();
        assert_eq!(topic.subscription().unwrap().to_string(), plain);
        assert_eq!(topic.level(), ScopeLevel::Resource);
    }

    #[test]
    fn texts_that_would_change_the_request_are_refused() {
        let refused = |text: &str| ArmId::parse(text).unwrap_err();
        assert_eq!(refused("subscriptions/x"), ArmIdError::NoLeadingSlash);
        assert_eq!(refused("/a//b"), ArmIdError::EmptySegment);
        assert_eq!(refused("/a/../b"), ArmIdError::DotSegment);
        assert_eq!(refused("/a?b"), ArmIdError::Forbidden('?'));
        assert_eq!(refused("/a/%2e%2e/b"), ArmIdError::Forbidden('%'));
        assert_eq!(refused("//"), ArmIdError::EmptySegment);
        assert_eq!(refused(&format!("{GROUP}/")), ArmIdError::EmptySegment);
        assert_eq!(refused("/subscriptions/mine"), ArmIdError::Subscription);
    }
}
