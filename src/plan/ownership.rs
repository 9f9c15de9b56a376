//! What is provably ours. The proof is a type: nothing can be deleted without one.

use std::sync::Arc;

use uuid::Uuid;

use crate::desired::naming;
use crate::desired::naming::Origin;
use crate::desired::state::DesiredState;
use crate::model::kinds::federated_credential::{
    FederatedCredential, FederatedCredentials, IDENTITY_BINDING_NAME, LiveFederatedCredential,
};
use crate::model::kinds::identity::{TAG_ESTATE, TAG_TEAM, Tags};
use crate::model::kinds::marks::{LiveMarks, MANAGED_BY_VALUE, Marked, Marks, ObjectKey};
use crate::model::kinds::role_assignment::{LiveRoleAssignment, RoleAssignment, RoleAssignments};
use crate::model::kinds::{Kind, identity, role_assignment};
use crate::model::text::{Estate, TeamName};
use crate::plan::inputs::PlanInputs;

/// An observed object that the estate provably owns. Only the checks of this file can make one, and it
/// cannot be deserialized, so no file and no caller can forge the right to delete.
#[derive(Debug)]
pub struct Ours<K: Kind>(Arc<K::Live>, K::MayDelete);

impl<K: Kind> Ours<K> {
    /// The object.
    pub fn live(&self) -> &Arc<K::Live> {
        &self.0
    }

    /// The right to delete it.
    pub fn may_delete(&self) -> K::MayDelete {
        self.1
    }
}

impl<K: Kind> Clone for Ours<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0), self.1)
    }
}

impl Ours<FederatedCredentials> {
    /// A credential has no tags, so its name is the proof: scheme 1 with the estate's hash. One that
    /// AKS made, or that matches claims by an expression, is never ours.
    pub fn named(estate: &Estate, live: &Arc<LiveFederatedCredential>) -> Option<Self> {
        let ours = is_touchable(live) && naming::is_of_estate(estate, &live.name);
        ours.then(|| Self(Arc::clone(live), ()))
    }

    /// A foreign credential that holds exactly the wanted trust may be renamed where the caller asked
    /// to adopt: Azure takes a pair of issuer and subject only once per identity.
    pub fn adopted(
        inputs: &PlanInputs,
        wanted: &FederatedCredential,
        live: &Arc<LiveFederatedCredential>,
    ) -> Option<Self> {
        let same = live.issuer == wanted.issuer
            && live.subject.as_ref() == Some(&wanted.subject)
            && live.audiences.as_slice() == std::slice::from_ref(&wanted.audience);
        (inputs.adopt && same && is_touchable(live)).then(|| Self(Arc::clone(live), ()))
    }
}

impl Ours<RoleAssignments> {
    /// The name is the `UUIDv5` of what is assigned and of the estate, and the description names the
    /// estate as well.
    pub fn assigned(estate: &Estate, live: &Arc<LiveRoleAssignment>) -> Option<Self> {
        let described = live.description.as_deref();
        if described != Some(role_assignment::description(estate).as_str()) {
            return None;
        }
        let name = role_assignment::name(&RoleAssignment {
            scope: live.scope.clone(),
            role: live.role,
            principal: live.principal,
            condition: None,
            estate: estate.clone(),
        });
        let named = Uuid::try_parse(live.id.name()).is_ok_and(|found| found == name);
        named.then(|| Self(Arc::clone(live), ()))
    }
}

impl<K: Kind<MayDelete = (), Key: ObjectKey, Live: Marked>> Ours<K> {
    /// Both labels are the estate's, and the annotation names this very object as one that widctl created.
    pub fn created(desired: &DesiredState, key: &K::Key, live: &Arc<K::Live>) -> Option<Self> {
        let marks = live.marks();
        let ours = is_managed(marks)
            && owner_of_object::<K>(desired, key, live) == ObjectOwner::Ours(Origin::Created);
        ours.then(|| Self(Arc::clone(live), ()))
    }
}

/// Whose an object is by what is written on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner<'a> {
    /// The estate's.
    Ours,
    /// Another estate's.
    Estate(&'a str),
    /// It bears no estate.
    Nobody,
}

impl<'a> Owner<'a> {
    fn new(estate: &Estate, written: Option<&'a str>) -> Self {
        match written {
            None => Self::Nobody,
            Some(name) if name == estate.as_str() => Self::Ours,
            Some(name) => Self::Estate(name),
        }
    }
}

/// Whose a Kubernetes object is by what is written on it. Who holds its fields does not count: whoever copies an
/// object may copy that as well.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ObjectOwner<'a> {
    /// The estate's.
    Ours(Origin),
    /// It bears the estate's labels, and its mark names another object or none: a copy, or its mark was removed.
    Misplaced,
    /// Another estate's.
    Estate(&'a str),
    /// Somebody else's, and this estate annotates it.
    AnnotatedByUs,
    /// Somebody else's, and another estate annotates it.
    AnnotatedFor(&'a str),
    /// It bears no estate.
    Nobody,
}

/// Whose a Kubernetes object is.
pub fn owner_of_object<'a, K: Kind<Key: ObjectKey, Live: Marked>>(
    desired: &DesiredState,
    key: &K::Key,
    live: &'a K::Live,
) -> ObjectOwner<'a> {
    let marks = live.marks();
    let origin = || {
        let cluster = desired.cluster_text(key.cluster());
        naming::origin::<K>(cluster, key, marks.created.as_deref()?)
    };
    match Owner::new(&desired.estate, marks.estate.as_deref()) {
        Owner::Ours => origin().map_or(ObjectOwner::Misplaced, ObjectOwner::Ours),
        Owner::Estate(other) => ObjectOwner::Estate(other),
        Owner::Nobody => match Owner::new(&desired.estate, marks.annotates.as_deref()) {
            Owner::Ours => ObjectOwner::AnnotatedByUs,
            Owner::Estate(other) => ObjectOwner::AnnotatedFor(other),
            Owner::Nobody => ObjectOwner::Nobody,
        },
    }
}

/// Whether the object says that widctl manages it.
pub fn is_managed(marks: &LiveMarks) -> bool {
    marks.managed_by.as_deref() == Some(MANAGED_BY_VALUE)
}

/// Whether the object says that somebody else manages it, whoever that is.
pub fn is_managed_by_other(marks: &LiveMarks) -> bool {
    marks.managed_by.is_some() && !is_managed(marks)
}

/// The marks that the plan wants on an object.
pub fn marks<K: Kind<Key: ObjectKey>>(
    desired: &DesiredState,
    (key, team): (&K::Key, &TeamName),
    origin: Origin,
) -> Marks {
    let cluster = desired.cluster_text(key.cluster());
    Marks {
        estate: desired.estate.clone(),
        team: team.clone(),
        created: naming::mark::<K>(cluster, key, origin).into(),
    }
}

/// Whose an identity is.
pub fn owner_by_tags<'a>(estate: &Estate, tags: &'a Tags) -> Owner<'a> {
    Owner::new(estate, tag(tags, TAG_ESTATE))
}

/// The team that an identity is tagged with.
pub fn team_by_tags(tags: &Tags) -> Option<TeamName> {
    tag(tags, TAG_TEAM).map(TeamName::from)
}

fn tag<'a>(tags: &'a Tags, name: &str) -> Option<&'a str> {
    identity::tag(tags, name).map(|(_, value)| &**value)
}

/// Whether widctl may ever change the credential.
pub fn is_touchable(live: &LiveFederatedCredential) -> bool {
    live.name.as_str() != IDENTITY_BINDING_NAME && live.subject.is_some()
}

#[cfg(test)]
impl<K: Kind<MayDelete = ()>> Ours<K> {
    /// Skips the proof, for tests of what is done with one.
    pub(crate) fn assumed(live: K::Live) -> Self {
        Self(Arc::new(live), ())
    }
}
