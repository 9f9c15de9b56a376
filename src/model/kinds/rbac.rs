//! Roles and RoleBindings: namespaced RBAC of a workload's account.
//! <https://kubernetes.io/docs/reference/access-authn-authz/rbac/>

use std::sync::Arc;

use crate::model::awaited::IdentityOutputs;
use crate::model::kinds::marks::{FieldOwner, LiveMarks, Marks, marked};
use crate::model::kinds::namespaced::NamespacedKey;
use crate::model::kinds::{Kind, Release};

/// A Role on a cluster.
pub type RoleKey = NamespacedKey<Roles>;
/// A `RoleBinding` on a cluster.
pub type RoleBindingKey = NamespacedKey<RoleBindings>;

/// One RBAC rule, its lists sorted and without repeats.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct PolicyRule {
    /// API groups; `""` is the core group.
    pub api_groups: Vec<Arc<str>>,
    /// Resources and subresources.
    pub resources: Vec<Arc<str>>,
    /// Names that the rule is limited to; empty for all.
    pub resource_names: Vec<Arc<str>>,
    /// What may be done.
    pub verbs: Vec<Arc<str>>,
}

impl PolicyRule {
    /// Whether it allows a verb on a resource, `pods` or `pods/log`, as API servers match them; which names it is
    /// limited to is not looked at.
    /// <https://github.com/kubernetes/kubernetes/blob/v1.36.0/pkg/apis/rbac/v1/evaluation_helpers.go>
    pub fn allows(&self, verb: &str, group: &str, resource: &str) -> bool {
        let has = |list: &[Arc<str>], wanted: &str| {
            list.iter().any(|entry| matches!(&**entry, "*") || **entry == *wanted)
        };
        let subresource = resource.split_once('/').map(|(_, part)| format!("*/{part}"));
        has(&self.verbs, verb)
            && has(&self.api_groups, group)
            && (has(&self.resources, resource)
                || subresource.is_some_and(|any| has(&self.resources, &any)))
    }
}

/// What the plan wants of a Role.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Role {
    /// The rules, sorted.
    pub rules: Arc<[PolicyRule]>,
    /// The marks of ownership.
    pub marks: Marks,
}

/// A Role as observed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LiveRole {
    /// The rules, sorted.
    pub rules: Arc<[PolicyRule]>,
    /// Its marks.
    pub marks: LiveMarks,
    /// Who wrote which of our fields.
    pub owners: Vec<FieldOwner>,
}

/// A subject of a `RoleBinding`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RoleSubject {
    /// `ServiceAccount`, `User` or `Group`.
    pub kind: Arc<str>,
    /// The account's namespace, absent for users and groups.
    pub namespace: Option<Arc<str>>,
    /// The subject's name.
    pub name: Arc<str>,
}

/// The role that a `RoleBinding` grants.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoleRef {
    /// `Role` or `ClusterRole`.
    pub kind: Arc<str>,
    /// The role's name.
    pub name: Arc<str>,
}

/// What the plan wants of a `RoleBinding`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoleBinding {
    /// The role it grants; it cannot be changed after creation.
    pub role: RoleRef,
    /// Who gets it, sorted.
    pub subjects: Vec<RoleSubject>,
    /// The marks of ownership.
    pub marks: Marks,
}

/// A `RoleBinding` as observed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LiveRoleBinding {
    /// The role it grants.
    pub role: RoleRef,
    /// Who gets it, sorted.
    pub subjects: Vec<RoleSubject>,
    /// Its marks.
    pub marks: LiveMarks,
    /// Who wrote which of our fields.
    pub owners: Vec<FieldOwner>,
}

marked!(LiveRole: false, LiveRoleBinding: false);

/// The kind of Roles.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Roles;

impl Kind for Roles {
    const NAME: &'static str = "role";
    type Key = RoleKey;
    type Planned = Role;
    type Live = LiveRole;
    type Write = Role;
    type MayDelete = ();
    type MayRelease = Release;

    fn resolve(_: &RoleKey, planned: &Role, _: &IdentityOutputs) -> Option<Role> {
        Some(planned.clone())
    }
}

/// The kind of RoleBindings.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RoleBindings;

impl Kind for RoleBindings {
    const NAME: &'static str = "role-binding";
    type Key = RoleBindingKey;
    type Planned = RoleBinding;
    type Live = LiveRoleBinding;
    type Write = RoleBinding;
    type MayDelete = ();
    type MayRelease = Release;

    fn resolve(
        _: &RoleBindingKey,
        planned: &RoleBinding,
        _: &IdentityOutputs,
    ) -> Option<RoleBinding> {
        Some(planned.clone())
    }
}
