//! What identities and accounts may do.

use crate::desired::state::DesiredRoleAssignment;
use crate::model::kinds::identity::IdentityKey;
use crate::model::kinds::role_assignment::LiveRoleAssignment;
use crate::observed::read::Read;
use crate::plan::kinds::{self, AccountRights};
use crate::plan::link::{self, RoleLink};
use crate::verify::scene::{Case, Chain, identity};
use crate::verify::verdict::Verdict;

pub(in crate::verify) fn roles(case: &Case<'_, IdentityKey>) -> Verdict {
    const WHY: &str =
        "services refuse the identity what the role allows, although its token is good";
    let assignments = case.scene.desired.role_assignments.iter();
    let wanted: Vec<_> = assignments.filter(|wanted| wanted.identity == *case.subject).collect();
    if wanted.is_empty() {
        return Verdict::NotApplicable;
    }
    let mut missing = Vec::new();
    let mut differing = Vec::new();
    for assignment in wanted {
        match granted(case, assignment) {
            Ok(Granted::AsWanted) => {}
            Ok(Granted::Otherwise(condition)) => differing.push(condition),
            Ok(Granted::Nowhere(what)) => missing.push(what),
            Err(verdict) => return verdict,
        }
    }
    if !missing.is_empty() {
        let repair = Some(case.scene.asking.sync.clone());
        return Verdict::fail(missing.join(", "), "no such assignment", WHY).repaired_by(repair);
    }
    match differing.first() {
        Some(found) => {
            Verdict::warn("the condition of the profile", found, "it may allow less, or more")
        }
        None => Verdict::Pass,
    }
}

/// Whether an identity has a role where the profile wants it.
enum Granted {
    /// With the same condition.
    AsWanted,
    /// With another condition, which is told.
    Otherwise(String),
    /// Not there and not above.
    Nowhere(String),
}

/// What is granted at a scope holds for everything below it.
/// <https://learn.microsoft.com/azure/role-based-access-control/scope-overview>
fn granted(
    case: &Case<'_, IdentityKey>,
    wanted: &DesiredRoleAssignment,
) -> Result<Granted, Verdict> {
    let observed = case.scene.observed;
    let role = match link::link_role(observed, &wanted.scope, &wanted.role) {
        RoleLink::Known(role) => role,
        RoleLink::Custom(custom) => custom.role.clone(),
        RoleLink::Missing => return Ok(Granted::Nowhere("a role that does not exist".to_owned())),
        RoleLink::Unknown(why) => return Err(Verdict::unread(&*why)),
    };
    let principal = identity(case.scene, case.subject)?.principal_id;
    let holds = |live: &&LiveRoleAssignment| {
        live.role == role.id && live.principal == principal && live.scope.contains(&wanted.scope)
    };
    let mut read = observed.role_assignments.values().filter_map(Read::facts).flatten();
    let held: Vec<_> = read.by_ref().map(|live| &**live).filter(holds).collect();
    if held.iter().any(|live| live.condition == wanted.condition) {
        return Ok(Granted::AsWanted);
    }
    if let Some(live) = held.first() {
        let condition = live.condition.as_deref().unwrap_or("none");
        return Ok(Granted::Otherwise(format!("{} at {}: {condition}", role.name, live.scope)));
    }
    // Only where the assignment itself would be listed is it known to be missing.
    let mut unread =
        observed.role_assignments.iter().filter(|(root, _)| root.contains(&wanted.scope));
    match unread.find_map(|(_, read)| read.unread()) {
        Some(unread) => Err(Verdict::unread(&*unread.why)),
        None => Ok(Granted::Nowhere(format!("{} at {}", role.name, wanted.scope))),
    }
}

pub(in crate::verify) fn rbac(case: &Case<'_, Chain<'_>>) -> Verdict {
    const WHY: &str = "the API server refuses the account what the Role allows";
    let objects = match case.scene.objects(case.subject.cluster) {
        Ok(objects) => objects,
        Err(why) => return Verdict::unread(why),
    };
    match kinds::rights_of_account(case.scene.desired, objects, &case.subject.account) {
        Ok(AccountRights::NotWanted) => Verdict::NotApplicable,
        Ok(AccountRights::AsWanted) => Verdict::Pass,
        Ok(AccountRights::Otherwise { address, found }) => {
            Verdict::fail(address, found, WHY).repaired_by(Some(case.scene.asking.sync.clone()))
        }
        Err(why) => Verdict::unread(&*why),
    }
}
