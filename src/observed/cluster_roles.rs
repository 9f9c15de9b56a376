//! Rights in a whole cluster: its `ClusterRoles`, and the bindings that give them in every namespace. What a
//! `RoleBinding` gives in one namespace is none of it.
//! <https://kubernetes.io/docs/reference/access-authn-authz/rbac/#clusterrole-example>

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::kinds::rbac::{PolicyRule, RoleSubject};

/// All of one cluster. The rules of an aggregated role are in it: a controller writes them there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ClusterRoles {
    /// The rules of each `ClusterRole`.
    pub rules: BTreeMap<Arc<str>, Vec<PolicyRule>>,
    /// The bindings.
    pub bindings: Vec<ClusterBinding>,
}

/// A `ClusterRoleBinding`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClusterBinding {
    /// Its name.
    pub name: Arc<str>,
    /// The `ClusterRole` that it gives.
    pub role: Arc<str>,
    /// To whom.
    pub subjects: Vec<RoleSubject>,
}

impl ClusterRoles {
    /// Whoever holds a rule of this kind everywhere, with the first binding that gives it.
    pub fn holders(
        &self,
        is_such: impl Fn(&PolicyRule) -> bool,
    ) -> BTreeMap<&RoleSubject, &ClusterBinding> {
        let mut holders = BTreeMap::new();
        for binding in &self.bindings {
            if self.rules.get(&binding.role).is_some_and(|rules| rules.iter().any(&is_such)) {
                for subject in &binding.subjects {
                    holders.entry(subject).or_insert(binding);
                }
            }
        }
        holders
    }
}
