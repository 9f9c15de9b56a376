//! ARM resource ids and scopes.

use std::cmp::Ordering;
use std::fmt;
use std::hash::Hash;
use std::hash::Hasher;
use std::sync::Arc;

use crate::model::guid::SubscriptionId;

/// An ARM resource id or scope, compared without regard to case: Azure answers `resourcegroups` for
/// `resourceGroups` and changes the case of names at will.
/// <https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules>
#[derive(Clone)]
pub struct ArmId(Arc<str>);

/// How wide a scope is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ScopeLevel {
    /// The tenant's root, `/`.
    Tenant,
    /// A management group.
    ManagementGroup,
    /// A subscription.
    Subscription,
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
        if let Some(forbidden) = text
            .chars()
            .find(|c| c.is_control() || "?#%\\".contains(*c))
        {
            return Err(ArmIdError::Forbidden(forbidden));
        }
        if !path.is_empty() && path.split('/').any(str::is_empty) {
            return Err(ArmIdError::EmptySegment);
        }
        if path
            .split('/')
            .any(|segment| segment == "." || segment == "..")
        {
            return Err(ArmIdError::DotSegment);
        }
        let id = Self(text.into());
        let named = path
            .split('/')
            .next()
            .is_some_and(|s| s.eq_ignore_ascii_case("subscriptions"));
        if named && id.subscription().is_none() {
            return Err(ArmIdError::Subscription);
        }
        Ok(id)
    }

    /// A subscription as a scope.
    pub fn of_subscription(subscription: SubscriptionId) -> Self {
        Self(format!("/subscriptions/{subscription}").into())
    }

    /// A resource group as a scope.
    pub fn of_resource_group(subscription: SubscriptionId, resource_group: &str) -> Self {
        Self(format!("/subscriptions/{subscription}/resourceGroups/{resource_group}").into())
    }

    /// A resource of a provider, directly in a resource group.
    pub fn of_resource(
        subscription: SubscriptionId,
        resource_group: &str,
        resource_type: &str,
        name: &str,
    ) -> Self {
        let scope = Self::of_resource_group(subscription, resource_group);
        Self(format!("{scope}/providers/{resource_type}/{name}").into())
    }

    /// The id as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id in lower case, for hashes and names that must not depend on spelling.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// The last segment: the resource's name.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The subscription the id lies in.
    pub fn subscription(&self) -> Option<SubscriptionId> {
        self.after("subscriptions")?.parse().ok()
    }

    /// The resource group the id lies in.
    pub fn resource_group(&self) -> Option<&str> {
        self.after("resourceGroups")
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

    /// How wide the scope is.
    pub fn level(&self) -> ScopeLevel {
        let segments: Vec<&str> = self
            .0
            .split('/')
            .filter(|segment| !segment.is_empty())
            .collect();
        let is = |index: usize, name: &str| {
            segments
                .get(index)
                .is_some_and(|segment| segment.eq_ignore_ascii_case(name))
        };
        match segments.len() {
            0 => ScopeLevel::Tenant,
            2 if is(0, "subscriptions") => ScopeLevel::Subscription,
            4 if is(0, "subscriptions") && is(2, "resourceGroups") => ScopeLevel::ResourceGroup,
            4 if is(1, "Microsoft.Management") && is(2, "managementGroups") => {
                ScopeLevel::ManagementGroup
            }
            _ => ScopeLevel::Resource,
        }
    }

    /// Whether `other` is this scope or lies below it.
    pub fn contains(&self, other: &Self) -> bool {
        let (outer, inner) = (self.as_str().trim_end_matches('/'), other.as_str());
        inner.len() >= outer.len()
            && inner.as_bytes()[..outer.len()].eq_ignore_ascii_case(outer.as_bytes())
            && matches!(inner.as_bytes().get(outer.len()), None | Some(b'/'))
    }

    fn after(&self, name: &str) -> Option<&str> {
        let mut segments = self.0.split('/');
        segments.find(|segment| segment.eq_ignore_ascii_case(name))?;
        segments.next()
    }

    /// The length of the equal start, in whole blocks: most ids of an estate share their first
    /// hundred bytes, and comparing those one by one would be most of a large plan's time.
    fn shared_start(&self, other: &Self) -> usize {
        const BLOCK: usize = 16;
        let blocks = self.0.as_bytes().chunks_exact(BLOCK);
        let others = other.0.as_bytes().chunks_exact(BLOCK);
        BLOCK
            * blocks
                .zip(others)
                .take_while(|(one, other)| one == other)
                .count()
    }

    fn folded_bytes_from(&self, start: usize) -> impl Iterator<Item = u8> + '_ {
        self.0.as_bytes()[start..]
            .iter()
            .map(u8::to_ascii_lowercase)
    }
}

impl PartialEq for ArmId {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
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
        let start = self.shared_start(other);
        self.folded_bytes_from(start)
            .cmp(other.folded_bytes_from(start))
    }
}

impl Hash for ArmId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded_bytes_from(0)
            .for_each(|byte| state.write_u8(byte));
    }
}

impl fmt::Display for ArmId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for ArmId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::ArmId;
    use super::ArmIdError;
    use super::ScopeLevel;

    const GROUP: &str = "/subscriptions/12345678-1234-5678-9012-123456789012/resourceGroups/rg-a";

    #[test]
    fn azures_spelling_of_resource_groups_is_the_same_id() {
        let (written, answered) = (GROUP, GROUP.replace("resourceGroups", "resourcegroups"));
        assert_eq!(
            ArmId::parse(written).unwrap(),
            ArmId::parse(&answered).unwrap()
        );
    }

    #[test]
    fn a_scope_contains_itself_and_what_lies_below_but_not_its_namesakes() {
        let group = ArmId::parse(GROUP).unwrap();
        let vault = format!(
            "{}/providers/Microsoft.KeyVault/vaults/kv",
            GROUP.to_uppercase()
        );
        let vault = vault.replace("/SUBSCRIPTIONS", "/subscriptions");
        assert!(group.contains(&group));
        assert!(group.contains(&ArmId::parse(&vault).unwrap()));
        assert!(!group.contains(&ArmId::parse(&format!("{GROUP}-b")).unwrap()));
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
        assert_eq!(
            level(&format!("{GROUP}/providers/A.B/c/d")),
            ScopeLevel::Resource
        );
    }

    #[test]
    fn texts_that_would_change_the_request_are_refused() {
        let refused = |text: &str| ArmId::parse(text).unwrap_err();
        assert_eq!(refused("subscriptions/x"), ArmIdError::NoLeadingSlash);
        assert_eq!(refused("/a//b"), ArmIdError::EmptySegment);
        assert_eq!(refused("/a/../b"), ArmIdError::DotSegment);
        assert_eq!(refused("/a?b"), ArmIdError::Forbidden('?'));
        assert_eq!(refused("/subscriptions/mine"), ArmIdError::Subscription);
    }
}
