//! Managed identities: created and tagged, never deleted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::desired::state::DesiredIdentity;
use crate::model::awaited::IdentityOutputs;
use crate::model::kinds::identity;
use crate::model::kinds::identity::{
    Identities, Identity, IdentityKey, LiveIdentity, TAG_ESTATE, Tags,
};
use crate::model::plural;
use crate::model::right::Right;
use crate::observed::read::Read;
use crate::plan::action::{Action, Force};
use crate::plan::change::Change;
use crate::plan::draft::{Context, Draft};
use crate::plan::fields::{FieldRow, FieldValue, Side};
use crate::plan::kinds::PlannedKind;
use crate::plan::link::IdentityLink;
use crate::plan::ownership::{Ours, Owner};
use crate::plan::refusals::Refusal;
use crate::plan::refusals::identity as refusals;
use crate::plan::relation::{Limit, Point, Relations, Removal};
use crate::plan::row::Place;
use crate::plan::{link, notes, ownership, rights};

impl PlannedKind for Identities {
    const REMOVAL: Removal = Removal::Marks;

    fn fields<'a>(
        before: Side<'a, IdentityKey, LiveIdentity>,
        after: Side<'a, IdentityKey, Identity>,
    ) -> Vec<FieldRow<'a>> {
        if let (Some((_, live)), None) = (before, after) {
            // Identities are never deleted: this one is released, and only its marks go.
            let marks = live.tags.iter().filter(|(name, value)| identity::is_mark(name, value));
            let row = |(name, value): (&'a Arc<str>, &'a Arc<str>)| {
                FieldRow::azure(format!("tag {name}"), &**value, FieldValue::Absent)
            };
            return marks.map(row).collect();
        }
        let (before, after) = (before.map(|(_, live)| live), after.map(|(_, planned)| planned));
        // Both spellings of a region are equal, so the one that exists is shown where they are.
        let region = match (before, after) {
            (Some(live), Some(planned)) if live.location == planned.location => {
                Some(live.location.as_str())
            }
            (_, planned) => planned.map(|planned| planned.location.as_str()),
        };
        let mut rows =
            vec![FieldRow::azure("location", before.map(|live| live.location.as_str()), region)];
        let tags = [before.map(|live| &live.tags), after.map(|planned| &planned.tags)];
        let names: BTreeSet<&str> =
            tags.iter().flatten().flat_map(|tags| tags.keys().map(|name| &**name)).collect();
        let side = |tags: Option<&'a Tags>, name: &str| -> FieldValue<'a> {
            tags.and_then(|tags| tags.get(name)).map(|value| &**value).into()
        };
        rows.extend(names.into_iter().map(|name| {
            FieldRow::azure(format!("tag {name}"), side(tags[0], name), side(tags[1], name))
        }));
        rows
    }

    fn place(key: &IdentityKey) -> Place<'_> {
        Place::Azure(key.id().enclosing_group())
    }

    fn identity(change: &Change<Self>) -> Option<&IdentityKey> {
        Some(&change.key)
    }

    fn limit(key: &IdentityKey) -> Limit {
        Limit::Identities(key.id().subscription())
    }

    fn relations(change: &Change<Self>) -> Relations<'_> {
        Relations { offers: vec![Point::Identity(&change.key)], ..Relations::default() }
    }

    /// <https://learn.microsoft.com/azure/role-based-access-control/permissions/identity>
    fn rights(change: &Change<Self>, _: &IdentityOutputs) -> Vec<Right> {
        const ACTIONS: [&str; 2] = [
            "Microsoft.ManagedIdentity/userAssignedIdentities/write",
            "Microsoft.ManagedIdentity/userAssignedIdentities/delete",
        ];
        let exists = !matches!(change.action, Action::Create { .. });
        let scope = rights::scope_of(&change.key, exists);
        rights::in_azure(&change.action, ACTIONS, scope.clone(), scope)
    }

    /// ARM has no condition that binds a write of an identity to what was read.
    /// <https://learn.microsoft.com/rest/api/managedidentity/user-assigned-identities>
    const FRESH: Option<Duration> = Some(Duration::from_secs(5));

    /// Whose it is must be as the plan saw it. A write replaces all tags, so those that were found are sent
    /// along, and of ours those alone that the plan shows.
    fn fit(
        action: &Action<Self>,
        found: Option<&LiveIdentity>,
        planned: &Identity,
    ) -> Result<Identity, String> {
        let before = match action {
            Action::Update { before, .. } | Action::Adopt { before, .. } => before,
            Action::Create { .. }
            | Action::Replace { .. }
            | Action::Release { .. }
            | Action::Delete { .. } => {
                return match found {
                    None => Ok(planned.clone()),
                    Some(found) => Err(format!("it exists by now, and {}", owner(&found.tags))),
                };
            }
        };
        let found = found.ok_or("it is gone")?;
        if found.client_id != before.client_id {
            return Err("it was deleted and made again".to_owned());
        }
        if value(&found.tags, TAG_ESTATE) != value(&before.tags, TAG_ESTATE) {
            return Err(format!("by now {}", owner(&found.tags)));
        }
        let mut tags = found.tags.clone();
        let shown = planned.tags.iter().filter(|(name, to)| before.tags.get(*name) != Some(to));
        for (name, to) in shown {
            let now = identity::tag(&found.tags, name);
            let as_shown = [value(&before.tags, name), Some(&**to)];
            if !as_shown.contains(&now.map(|(_, now)| &**now)) {
                let now = now.map_or("gone".to_owned(), |(_, now)| format!("`{now}`"));
                return Err(format!("its tag `{name}` is {now} by now"));
            }
            let name = now.map_or(name, |(spelled, _)| spelled);
            tags.insert(name.clone(), to.clone());
        }
        Ok(Identity { location: planned.location.clone(), tags })
    }

    fn difference(live: &LiveIdentity, written: &Identity) -> Option<String> {
        let differing =
            written.tags.iter().filter_map(|(name, to)| match value(&live.tags, name) {
                Some(now) if now == &**to => None,
                Some(now) => Some(format!("tag `{name}` is `{now}` and not `{to}`")),
                None => Some(format!("tag `{name}` is missing")),
            });
        let differing: Vec<String> = differing.collect();
        (!differing.is_empty()).then(|| differing.join(", "))
    }
}

/// Plans all identities.
pub(crate) fn plan(context: &Context<'_>, draft: &mut Draft) {
    for (key, wanted) in &context.desired.identities {
        if !context.selection.has_identity(key, &wanted.team) {
            continue;
        }
        match &context.links.identities[key] {
            IdentityLink::Unknown(why) => draft.unknown(key, &wanted.team, None, why),
            IdentityLink::Missing => refuse(draft, (key, wanted), refusals::missing(key, wanted)),
            IdentityLink::NoResourceGroup => {
                refuse(draft, (key, wanted), refusals::no_resource_group(key, wanted));
            }
            IdentityLink::New => draft.push(create(key, wanted)),
            IdentityLink::Live(live) => compare(context, draft, (key, wanted), live),
        }
    }
    keep_leftovers(context, draft);
}

fn refuse(draft: &mut Draft, (key, wanted): (&IdentityKey, &DesiredIdentity), refusal: Refusal) {
    draft.refuse(refusal, Some(&wanted.team), None, Some(Point::Identity(key)));
}

fn create(key: &IdentityKey, wanted: &DesiredIdentity) -> Change<Identities> {
    let after = Identity { location: wanted.location.clone(), tags: Tags::clone(&wanted.tags) };
    Change {
        key: key.clone(),
        team: Some(wanted.team.clone()),
        cluster: None,
        action: Action::Create { after: Arc::new(after) },
        reason: "it does not exist".to_owned(),
        effects: Vec::new(),
    }
}

fn compare(
    context: &Context<'_>,
    draft: &mut Draft,
    (key, wanted): (&IdentityKey, &DesiredIdentity),
    live: &Arc<LiveIdentity>,
) {
    if !wanted.create {
        draft.unchanged += 1;
        if ownership::owner_by_tags(&context.desired.estate, &live.tags) != Owner::Ours {
            draft.strangers.insert(key.clone());
        }
        return;
    }
    if live.location != wanted.location {
        refuse(draft, (key, wanted), refusals::elsewhere(key, wanted, live));
        return;
    }
    let owner = ownership::owner_by_tags(&context.desired.estate, &live.tags);
    let adopts = match owner {
        Owner::Estate(other) => {
            refuse(draft, (key, wanted), refusals::other_estate(key, other));
            return;
        }
        Owner::Nobody if !context.inputs.adopt => {
            draft.unchanged += 1;
            draft.notes.push(notes::foreign_identity(key));
            draft.strangers.insert(key.clone());
            return;
        }
        Owner::Nobody => true,
        Owner::Ours => false,
    };
    let Some(tags) = missing_tags(&live.tags, &wanted.tags) else {
        draft.unchanged += 1;
        return;
    };
    let (before, force) = (Arc::clone(live), Force::No);
    let after = Arc::new(Identity { location: live.location.clone(), tags });
    let (action, reason) = if adopts {
        let action = Action::Adopt { before, after, force };
        (action, "it exists without widctl's tags and --adopt was given")
    } else {
        let action = Action::Update { before, after, force };
        (action, "its tags differ from the profile")
    };
    draft.push::<Identities>(Change {
        key: key.clone(),
        team: Some(wanted.team.clone()),
        cluster: None,
        action,
        reason: reason.to_owned(),
        effects: Vec::new(),
    });
}

/// The tags that exist with the wanted ones merged in, if that makes a difference. Foreign tags stay,
/// and a tag keeps the case of its name.
fn missing_tags(live: &Tags, wanted: &Tags) -> Option<Tags> {
    let missing: Vec<_> = wanted
        .iter()
        .filter_map(|(name, value)| match identity::tag(live, name) {
            Some((_, found)) if found == value => None,
            Some((spelled, _)) => Some((Arc::clone(spelled), Arc::clone(value))),
            None => Some((Arc::clone(name), Arc::clone(value))),
        })
        .collect();
    if missing.is_empty() {
        return None;
    }
    let mut tags = live.clone();
    tags.extend(missing);
    Some(tags)
}

fn keep_leftovers(context: &Context<'_>, draft: &mut Draft) {
    let all = context.observed.identities.values();
    for (key, live) in all.filter_map(Read::facts).flatten() {
        let ours = ownership::owner_by_tags(&context.desired.estate, &live.tags) == Owner::Ours;
        if !ours || context.desired.identities.contains_key(key) {
            continue;
        }
        let team = ownership::team_by_tags(&live.tags);
        if context.selection.has_leftover(team.as_ref(), None) {
            let command = refusals::az("identity delete", "--name", key);
            draft.keep_for_people(key, team.as_ref(), None, command);
            or_release(context, draft, key, live);
        }
    }
}

/// An identity without our tags is not looked through for credentials, so it is not released while it has one of
/// ours: nobody would find it again. Role assignments are found without the identity.
fn or_release(
    context: &Context<'_>,
    draft: &mut Draft,
    key: &IdentityKey,
    live: &Arc<LiveIdentity>,
) {
    let (estate, observed) = (&context.desired.estate, context.observed);
    let credentials = match observed.credentials.get(key) {
        Some(Read::Facts(credentials)) => credentials,
        Some(Read::Unread(unread)) => {
            return draft.maybe_release(key, &unread.why);
        }
        None => return draft.maybe_release(key, &link::unasked("the credentials of the identity")),
    };
    let ours = credentials.iter().filter(|live| Ours::named(estate, live).is_some()).count();
    if ours > 0 {
        let why = format!(
            "{} of the estate would be left on it, and no plan finds those of an identity without its tags",
            plural::count(ours, "federated credential")
        );
        let hint =
            "delete what the profile no longer has first: `widctl sync` with `--prune`".to_owned();
        return draft.never_release(key, &why, hint);
    }
    let roles = observed.role_assignments.values().filter_map(Read::facts).flatten();
    let roles = roles.filter(|role| role.principal == live.principal_id);
    // Lists of role assignments can overlap.
    let roles: BTreeSet<_> =
        roles.filter(|role| Ours::assigned(estate, role).is_some()).map(|role| &role.id).collect();
    let effect = (!roles.is_empty()).then(|| {
        let count = plural::count(roles.len(), "role assignment");
        format!("{count} of the estate stays listed, and `--prune` deletes it")
    });
    draft.or_release::<Identities>(key, live, (), effect.into_iter().collect());
}

fn value<'a>(tags: &'a Tags, name: &str) -> Option<&'a str> {
    identity::tag(tags, name).map(|(_, value)| &**value)
}

fn owner(tags: &Tags) -> String {
    match value(tags, TAG_ESTATE) {
        Some(estate) => format!("it is tagged for estate `{estate}`"),
        None => "it has no tag of an estate".to_owned(),
    }
}
