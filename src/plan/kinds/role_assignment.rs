//! Role assignments: matched by what they grant, whatever their name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::desired::state::DesiredRoleAssignment;
use crate::model::arm_id::ArmId;
use crate::model::awaited::{Awaited, IdentityOutputs};
use crate::model::guid::{PrincipalId, RoleDefinitionId};
use crate::model::kinds::identity::IdentityKey;
use crate::model::kinds::role_assignment;
use crate::model::kinds::role_assignment::{
    LiveRoleAssignment, Role, RoleAssignment, RoleAssignmentKey, RoleAssignments,
};
use crate::model::right::Right;
use crate::model::shell;
use crate::model::text::RoleName;
use crate::observed::read::Read;
use crate::plan::action::{Action, Force};
use crate::plan::change::Change;
use crate::plan::contents::KeptReason;
use crate::plan::draft::{Context, Draft};
use crate::plan::fields::{FieldRow, Side};
use crate::plan::kinds::PlannedKind;
use crate::plan::link::RoleLink;
use crate::plan::ownership::Ours;
use crate::plan::refusals::Refusal;
use crate::plan::refusals::role as refusals;
use crate::plan::relation::{Limit, Point, Relations, Removal, Wait};
use crate::plan::row::Place;
use crate::plan::{link, notes, rights};
use crate::profile::roles;

impl PlannedKind for RoleAssignments {
    const REMOVAL: Removal = Removal::Rights;

    fn fields<'a>(
        before: Side<'a, RoleAssignmentKey, LiveRoleAssignment>,
        after: Side<'a, RoleAssignmentKey, RoleAssignment<Awaited<PrincipalId>>>,
    ) -> Vec<FieldRow<'a>> {
        let (was, wanted) = (before.map(|(_, live)| live), after.map(|(_, planned)| planned));
        vec![
            FieldRow::azure(
                "role",
                was.map(|live| live.role.to_string()),
                wanted.map(|planned| planned.role.to_string()),
            ),
            FieldRow::azure(
                "scope",
                was.map(|live| live.scope.as_str()),
                wanted.map(|planned| planned.scope.as_str()),
            ),
            FieldRow::azure(
                "principal",
                was.map(|live| live.principal.to_string()),
                wanted.map(|planned| &planned.principal),
            ),
            FieldRow::azure(
                "condition",
                was.and_then(|live| live.condition.as_deref()),
                wanted.and_then(|planned| planned.condition.as_deref()),
            ),
            FieldRow::azure(
                "description",
                was.and_then(|live| live.description.as_deref()),
                wanted.map(|planned| role_assignment::description(&planned.estate)),
            ),
        ]
    }

    fn place(key: &RoleAssignmentKey) -> Place<'_> {
        Place::Azure(key.identity.id().enclosing_group())
    }

    fn identity(change: &Change<Self>) -> Option<&IdentityKey> {
        Some(&change.key.identity)
    }

    /// What is replaced was the role of a principal that is gone.
    fn widens(change: &Change<Self>) -> Option<&IdentityKey> {
        let gives = matches!(change.action, Action::Create { .. } | Action::Replace { .. });
        gives.then_some(&change.key.identity)
    }

    fn limit(key: &RoleAssignmentKey) -> Limit {
        Limit::Assignments(key.scope.subscription())
    }

    fn relations(change: &Change<Self>) -> Relations<'_> {
        let identity = &change.key.identity;
        Relations {
            offers: vec![Point::Assignments(identity)],
            waits: vec![(Point::Identity(identity), Wait::Inside)],
            queues: Vec::new(),
        }
    }

    /// <https://learn.microsoft.com/azure/role-based-access-control/permissions/management-and-governance#microsoftauthorization>
    fn rights(change: &Change<Self>, _: &IdentityOutputs) -> Vec<Right> {
        const ACTIONS: [&str; 2] = [
            "Microsoft.Authorization/roleAssignments/write",
            "Microsoft.Authorization/roleAssignments/delete",
        ];
        let written = &change.key.scope;
        let deleted = change.action.deleted().map_or(written, |before| &before.scope);
        rights::in_azure(&change.action, ACTIONS, written.clone(), deleted.clone())
    }
}

/// What an assignment grants to whom; Azure takes each only once.
type Grant<'a> = (PrincipalId, RoleDefinitionId, &'a ArmId);

/// All observed assignments, and what is desired of them.
struct Index<'a> {
    by_grant: BTreeMap<Grant<'a>, &'a Arc<LiveRoleAssignment>>,
    /// Owned assignments of principals that no observed identity has, by what they grant where. None while a
    /// subscription is unread in which such an identity could live on.
    lost: BTreeMap<(RoleDefinitionId, &'a ArmId), Vec<&'a Arc<LiveRoleAssignment>>>,
    /// Assignments that are wanted, replaced, or whose role could not be looked up.
    spoken_for: BTreeSet<&'a ArmId>,
    /// Whether every identity was read where the profile has some, so that a principal nobody knows is none of them.
    knows_identities: bool,
    /// Where a desired role is unknown or refused: nothing of that principal there counts as left over.
    unsure: BTreeSet<(PrincipalId, &'a ArmId)>,
}

/// Plans all role assignments.
pub(crate) fn plan(context: &Context<'_>, draft: &mut Draft) {
    let mut index = index(context);
    let mut seen = BTreeSet::new();
    for wanted in &context.desired.role_assignments {
        let selected = context.selection.has_identity(&wanted.identity, &wanted.team);
        let mut row = Row { context, wanted, selected };
        row.plan(&mut index, &mut seen, draft);
    }
    leave(context, &index, draft);
}

fn index<'a>(context: &Context<'a>) -> Index<'a> {
    let mut index = Index {
        by_grant: BTreeMap::new(),
        lost: BTreeMap::new(),
        spoken_for: BTreeSet::new(),
        knows_identities: false,
        unsure: BTreeSet::new(),
    };
    let observed = context.observed;
    index.knows_identities = observed.identities.values().all(|read| read.facts().is_some());
    let roots = observed.role_assignments.values();
    for live in roots.filter_map(Read::facts).flatten() {
        let grant = (live.principal, live.role, &live.scope);
        let first = index.by_grant.insert(grant, live).is_none();
        let lost = index.knows_identities
            && observed.knows_every_subscription()
            && !context.links.principals.contains_key(&live.principal);
        // Roots can overlap, so the same assignment may come twice.
        if first && lost && Ours::assigned(&context.desired.estate, live).is_some() {
            let place = (live.role, &live.scope);
            index.lost.entry(place).or_default().push(live);
        }
    }
    for lost in index.lost.values_mut() {
        lost.sort_by(|one, other| one.id.cmp(&other.id));
    }
    index
}

struct Row<'c, 'a> {
    context: &'c Context<'a>,
    wanted: &'a DesiredRoleAssignment,
    selected: bool,
}

impl<'a> Row<'_, 'a> {
    fn plan(
        &mut self,
        index: &mut Index<'a>,
        seen: &mut BTreeSet<RoleAssignmentKey>,
        draft: &mut Draft,
    ) {
        let Self { context, wanted, selected } = *self;
        let link = &context.links.identities[&wanted.identity];
        let principal = link.give(&wanted.identity, |live| live.principal_id);
        let Some(role) = self.role(principal.as_ref().ok(), index, draft) else {
            return;
        };
        let key = RoleAssignmentKey {
            identity: wanted.identity.clone(),
            role,
            scope: wanted.scope.clone(),
        };
        if !seen.insert(key.clone()) {
            return;
        }
        match (principal, readable(context, &wanted.scope)) {
            (Err(None), _) if selected => {
                draft.wait(&key, Some(&wanted.team), None, &wanted.identity);
            }
            (Err(None), _) => {}
            (Err(Some(why)), _) => self.unknown(&key, why, draft),
            (Ok(_), Err(why)) => self.unknown(&key, &why, draft),
            (Ok(principal), Ok(())) => self.compare(key, principal, index, draft),
        }
    }

    /// The role, unless it is refused or could not be looked up.
    fn role(
        &self,
        principal: Option<&Awaited<PrincipalId>>,
        index: &mut Index<'a>,
        draft: &mut Draft,
    ) -> Option<Role> {
        let Self { context, wanted, .. } = *self;
        match link::link_role(context.observed, &wanted.scope, &wanted.role) {
            RoleLink::Known(role) => Some(role),
            RoleLink::Custom(custom) => {
                match refusals::denied(&context.desired.policy, wanted, custom) {
                    None => Some(custom.role.clone()),
                    Some(denied) => self.refuse(denied, principal, index, draft),
                }
            }
            RoleLink::Missing => self.refuse(refusals::missing(wanted), principal, index, draft),
            RoleLink::Unknown(why) => {
                self.unsure(principal, index);
                self.unknown(&refusals::address(wanted), &why, draft);
                None
            }
        }
    }

    /// A refused role is not left over for that.
    fn refuse(
        &self,
        refusal: Refusal,
        principal: Option<&Awaited<PrincipalId>>,
        index: &mut Index<'a>,
        draft: &mut Draft,
    ) -> Option<Role> {
        self.unsure(principal, index);
        if self.selected {
            draft.refuse(refusal, Some(&self.wanted.team), None, None);
        }
        None
    }

    fn unsure(&self, principal: Option<&Awaited<PrincipalId>>, index: &mut Index<'a>) {
        let known = principal.and_then(|given| given.value);
        index.unsure.extend(known.map(|known| (known, &self.wanted.scope)));
    }

    fn compare(
        &self,
        key: RoleAssignmentKey,
        principal: Awaited<PrincipalId>,
        index: &mut Index<'a>,
        draft: &mut Draft,
    ) {
        let estate = &self.context.desired.estate;
        let grant = principal.value.map(|known| (known, key.role.id, &key.scope));
        if let Some(live) = grant.and_then(|grant| index.by_grant.get(&grant).copied()) {
            index.spoken_for.insert(&live.id);
            if self.selected {
                self.compare_condition(key, principal, live, draft);
            }
            return;
        }
        let place = (key.role.id, &self.wanted.scope);
        let old = index.lost.get_mut(&place).and_then(Vec::pop);
        index.spoken_for.extend(old.map(|old| &old.id));
        if !self.selected {
            return;
        }
        let after = self.after(&key, principal);
        let before = old.and_then(|old| Ours::assigned(estate, old));
        let (action, reason) = match before {
            Some(before) => (
                Action::Replace { before_key: key.clone(), before, after },
                "the principal changed (identity recreated?)",
            ),
            None => (Action::Create { after }, "the identity does not have the role"),
        };
        draft.push::<RoleAssignments>(Change {
            key,
            team: Some(self.wanted.team.clone()),
            cluster: None,
            action,
            reason: reason.to_owned(),
            effects: vec!["it takes up to 10 minutes until the role holds everywhere".to_owned()],
        });
    }

    /// What somebody else gives is used as long as it gives the same; Azure takes no second assignment beside it.
    fn compare_condition(
        &self,
        key: RoleAssignmentKey,
        principal: Awaited<PrincipalId>,
        live: &Arc<LiveRoleAssignment>,
        draft: &mut Draft,
    ) {
        let is_ours = Ours::assigned(&self.context.desired.estate, live).is_some();
        if live.condition == self.wanted.condition {
            draft.unchanged += 1;
            if !is_ours {
                draft.notes.push(notes::foreign_role(&key, live.id.name()));
            }
            return;
        }
        if !is_ours {
            let refusal = refusals::other_condition(&key, live, self.wanted.condition.as_deref());
            draft.refuse(refusal, Some(&self.wanted.team), None, None);
            return;
        }
        let after = self.after(&key, principal);
        let effect = match (&live.condition, &after.condition) {
            (Some(_), None) => "the role holds without a condition",
            _ => "the role holds under another condition",
        };
        draft.push::<RoleAssignments>(Change {
            key,
            team: Some(self.wanted.team.clone()),
            cluster: None,
            action: Action::Update { before: Arc::clone(live), after, force: Force::No },
            reason: "its condition differs from the profile".to_owned(),
            effects: vec![effect.to_owned()],
        });
    }

    fn after(
        &self,
        key: &RoleAssignmentKey,
        principal: Awaited<PrincipalId>,
    ) -> Arc<RoleAssignment<Awaited<PrincipalId>>> {
        Arc::new(RoleAssignment {
            scope: key.scope.clone(),
            role: key.role.id,
            principal,
            condition: self.wanted.condition.clone(),
            estate: self.context.desired.estate.clone(),
        })
    }

    fn unknown(&self, address: &impl std::fmt::Display, why: &Arc<str>, draft: &mut Draft) {
        if self.selected {
            draft.unknown(address, &self.wanted.team, None, why);
        }
    }
}

/// Whether the assignments at the scope were read, through any root above it.
fn readable(context: &Context<'_>, scope: &ArmId) -> Result<(), Arc<str>> {
    let above = context.observed.role_assignments.iter();
    let mut why = None;
    for (_, read) in above.filter(|(root, _)| root.contains(scope)) {
        match read {
            Read::Facts(_) => return Ok(()),
            Read::Unread(unread) => why = Some(Arc::clone(&unread.why)),
        }
    }
    Err(why.unwrap_or_else(|| link::unasked("the role assignments at its scope")))
}

fn leave(context: &Context<'_>, index: &Index<'_>, draft: &mut Draft) {
    let names: BTreeMap<RoleDefinitionId, RoleName> = role_names(context);
    for ((principal, role, scope), live) in &index.by_grant {
        let unsure = index.unsure.contains(&(*principal, *scope));
        if unsure || index.spoken_for.contains(&live.id) {
            continue;
        }
        let Some(before) = Ours::assigned(&context.desired.estate, live) else {
            continue;
        };
        let found = context.links.principals.get(principal);
        if found.is_none() && !index.knows_identities {
            continue;
        }
        let identity = found.map_or_else(
            || IdentityKey::of_lost_principal(*principal),
            |identity| (*identity).clone(),
        );
        let team = context.team_of(&identity);
        if !context.selection.has_leftover(team.as_ref(), None) {
            continue;
        }
        let key = RoleAssignmentKey {
            identity,
            role: Role {
                id: *role,
                name: names.get(role).cloned().unwrap_or_else(|| role_name(*role)),
            },
            scope: (*scope).clone(),
        };
        if !context.inputs.prune {
            let why = "its name and description are what marks it as the estate's";
            let id = shell::quote(live.id.as_str());
            draft.never_release(&key, why, format!("az role assignment delete --ids {id}"));
            draft.keep(key, team.as_ref(), None, KeptReason::NotPruned);
            continue;
        }
        let reason = context.why_left(team.as_ref()).to_owned();
        draft.push::<RoleAssignments>(Change {
            key,
            team,
            cluster: None,
            action: Action::Delete { before },
            reason,
            effects: vec!["the identity loses the role".to_owned()],
        });
    }
}

/// The name of a role that the profile does not mention: the built-in one, else the GUID.
fn role_name(role: RoleDefinitionId) -> RoleName {
    match roles::by_guid(role) {
        Some(built_in) => built_in.role.name.clone(),
        None => RoleName::new(role.to_string()),
    }
}

/// The names of the roles that the profile mentions.
fn role_names(context: &Context<'_>) -> BTreeMap<RoleDefinitionId, RoleName> {
    let wanted = context.desired.role_assignments.iter();
    let linked = wanted.filter_map(|wanted| {
        match link::link_role(context.observed, &wanted.scope, &wanted.role) {
            RoleLink::Known(role) => Some((role.id, role.name)),
            RoleLink::Custom(custom) => Some((custom.role.id, custom.role.name.clone())),
            RoleLink::Missing | RoleLink::Unknown(_) => None,
        }
    });
    linked.collect()
}
