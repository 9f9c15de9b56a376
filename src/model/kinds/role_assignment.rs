//! Azure role assignments.
//! <https://learn.microsoft.com/rest/api/authorization/role-assignments>

use std::cmp::Ordering;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

use crate::model::arm_id::ArmId;
use crate::model::awaited::{Awaited, IdentityOutputs};
use crate::model::guid::{PrincipalId, RoleDefinitionId};
use crate::model::kinds::Kind;
use crate::model::kinds::identity::IdentityKey;
use crate::model::text::{Estate, RoleName};

/// The namespace of the `UUIDv5` names of role assignments, frozen with naming scheme 1:
/// UUIDv5(DNS namespace, "role-assignments.widctl.dev").
pub const NAMES: Uuid = Uuid::from_u128(0xdbbb_4bc7_7050_56a1_8486_f039_7e44_e172);

/// A role, compared by its GUID; the name is for people.
#[derive(Clone, Debug)]
pub struct Role {
    /// The role definition.
    pub id: RoleDefinitionId,
    /// Its name, as the profile or Azure gives it.
    pub name: RoleName,
}

impl PartialEq for Role {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Role {}

impl PartialOrd for Role {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Role {
    fn cmp(&self, other: &Self) -> Ordering {
        self.id.cmp(&other.id)
    }
}

/// A role assignment, by what it grants to whom.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RoleAssignmentKey {
    /// The identity that gets the role.
    pub identity: IdentityKey,
    /// The role.
    pub role: Role,
    /// Where it holds.
    pub scope: ArmId,
}

impl fmt::Display for RoleAssignmentKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { identity, role, scope } = self;
        write!(formatter, "azure/role-assignment/{}/{}@{scope}", identity.name(), role.name)
    }
}

/// A role assignment; `P` is how much is known of the principal at this stage.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoleAssignment<P> {
    /// Where it holds.
    pub scope: ArmId,
    /// The role.
    pub role: RoleDefinitionId,
    /// Who gets it.
    pub principal: P,
    /// What narrows it, of version 2.0; it holds without exception where there is none.
    pub condition: Option<Arc<str>>,
    /// The estate that owns it, kept in the assignment's description and its name.
    pub estate: Estate,
}

/// A role assignment ready to be written: everything known, its name included.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoleAssignmentWrite {
    /// The assignment's name, the same on every run.
    pub name: Uuid,
    /// What is assigned.
    pub assignment: RoleAssignment<PrincipalId>,
}

/// A role assignment as Azure answered it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LiveRoleAssignment {
    /// Its ARM id, the assignment's GUID last.
    pub id: ArmId,
    /// Where it holds.
    pub scope: ArmId,
    /// The role.
    pub role: RoleDefinitionId,
    /// Who has it.
    pub principal: PrincipalId,
    /// Its description; ours names the estate.
    pub description: Option<Arc<str>>,
    /// What narrows it.
    /// <https://learn.microsoft.com/azure/role-based-access-control/conditions-format>
    pub condition: Option<Arc<str>>,
}

/// The name of the assignment: the same estate, scope, principal and role always give the same GUID.
pub fn name(assignment: &RoleAssignment<PrincipalId>) -> Uuid {
    let RoleAssignment { scope, role, principal, condition: _, estate } = assignment;
    Uuid::new_v5(&NAMES, format!("{estate}\n{}\n{principal}\n{role}", scope.folded()).as_bytes())
}

/// The description that marks an assignment as owned by the estate.
pub fn description(estate: &Estate) -> String {
    format!("managed by widctl for estate {estate}")
}

/// The kind of role assignments.
#[derive(Debug)]
pub struct RoleAssignments;

impl Kind for RoleAssignments {
    const NAME: &'static str = "role-assignment";
    type Key = RoleAssignmentKey;
    type Planned = RoleAssignment<Awaited<PrincipalId>>;
    type Live = LiveRoleAssignment;
    type Write = RoleAssignmentWrite;
    type MayDelete = ();
    type MayRelease = Infallible;

    fn resolve(
        _: &RoleAssignmentKey,
        planned: &RoleAssignment<Awaited<PrincipalId>>,
        identities: &IdentityOutputs,
    ) -> Option<RoleAssignmentWrite> {
        let RoleAssignment { scope, role, principal, condition, estate } = planned;
        let assignment = RoleAssignment {
            scope: scope.clone(),
            role: *role,
            principal: principal.resolve(identities)?,
            condition: condition.clone(),
            estate: estate.clone(),
        };
        Some(RoleAssignmentWrite { name: name(&assignment), assignment })
    }
}
