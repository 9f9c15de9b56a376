//! What server-side apply does with Kubernetes objects: fields, and who holds them.

use std::collections::BTreeMap;
use std::sync::Arc;

use widctl::model::awaited::IdentityOutputs;
use widctl::model::guid::ClientId;
use widctl::model::kinds::Kind;
use widctl::model::kinds::marks::{
    Claim, FIELD_MANAGER, Field, FieldOwner, LiveMarks, MANAGED_BY_VALUE, Marks, Operation,
};
use widctl::model::kinds::service_account::{LiveServiceAccount, ServiceAccount};
use widctl::observed::read::Read;
use widctl::observed::state::{ClusterObjects, ObservedState};
use widctl::plan::action::{Action, Force};
use widctl::plan::change::Change;

pub(super) const MARKS: [Field; 4] = [Field::ManagedBy, Field::Estate, Field::Team, Field::Created];

pub(super) fn with(fields: &[Field]) -> Vec<Field> {
    fields.iter().chain(&MARKS).copied().collect()
}

pub(super) fn facts<T>(read: &mut Read<T>) -> &mut T {
    match read {
        Read::Facts(facts) => facts,
        Read::Unread(_) => panic!("a change of what could not be read"),
    }
}

pub(super) fn objects<'w>(
    world: &'w mut ObservedState,
    cluster: &widctl::model::text::ClusterName,
) -> &'w mut ClusterObjects {
    facts(world.clusters.get_mut(cluster).unwrap().objects.as_mut().unwrap())
}

/// Writes or deletes one Kubernetes object.
pub(super) fn put<K: Kind>(
    all: &mut BTreeMap<K::Key, Arc<K::Live>>,
    change: &Change<K>,
    outputs: &IdentityOutputs,
    write: impl Fn(Option<&K::Live>, &K::Write, Force) -> K::Live,
) {
    let resolved = |after: &K::Planned| K::resolve(&change.key, after, outputs).unwrap();
    let written = match &change.action {
        Action::Create { after } => {
            assert!(!all.contains_key(&change.key), "{} exists", change.key);
            write(None, &resolved(after), Force::No)
        }
        Action::Update { after, force, .. } | Action::Adopt { after, force, .. } => {
            write(Some(&all[&change.key]), &resolved(after), *force)
        }
        Action::Replace { before_key, after, .. } => {
            all.remove(before_key).unwrap();
            write(None, &resolved(after), Force::No)
        }
        Action::Release { .. } => return,
        Action::Delete { .. } => {
            all.remove(&change.key).unwrap();
            return;
        }
    };
    all.insert(change.key.clone(), Arc::new(written));
}

pub(super) fn write_marks(live: &mut LiveMarks, marks: Option<&Marks>) {
    if let Some(marks) = marks {
        live.managed_by = Some(MANAGED_BY_VALUE.into());
        live.estate = Some(marks.estate.shared());
        live.team = Some(marks.team.shared());
        live.created = Some(Arc::clone(&marks.created));
    }
}

pub(super) fn changed_marks(old: &LiveMarks, new: &LiveMarks) -> Vec<Field> {
    let pairs = [
        (Field::ManagedBy, old.managed_by != new.managed_by),
        (Field::Estate, old.estate != new.estate),
        (Field::Team, old.team != new.team),
        (Field::Annotates, old.annotates != new.annotates),
        (Field::Created, old.created != new.created),
    ];
    pairs.into_iter().filter(|pair| pair.1).map(|pair| pair.0).collect()
}

/// Server-side apply: fields that change hands need force; equal ones are shared.
pub(super) fn own(owners: &mut Vec<FieldOwner>, fields: &[Field], changed: &[Field], force: Force) {
    let ours = |owner: &FieldOwner| {
        &*owner.manager == FIELD_MANAGER && owner.operation == Operation::Apply
    };
    for field in changed {
        let held = owners.iter().any(|owner| owner.field == *field && !ours(owner));
        assert!(!held || force == Force::Yes, "a conflict about {field:?} without force");
        owners.retain(|owner| owner.field != *field || ours(owner));
    }
    owners.retain(|owner| !ours(owner) || fields.contains(&owner.field));
    for field in fields {
        if !owners.iter().any(|owner| owner.field == *field && ours(owner)) {
            owners.push(FieldOwner {
                field: *field,
                manager: FIELD_MANAGER.into(),
                operation: Operation::Apply,
            });
        }
    }
    owners.sort_by(|one, other| (one.field, &one.manager).cmp(&(other.field, &other.manager)));
}

pub(super) fn account(
    before: Option<&LiveServiceAccount>,
    write: &ServiceAccount<ClientId>,
    force: Force,
) -> LiveServiceAccount {
    let mut live = before.cloned().unwrap_or_default();
    let old = live.clone();
    live.client_id = Some(write.client_id.to_string().into());
    live.tenant_id = Some(write.tenant_id.to_string().into());
    live.token_expiration = Some(write.token_expiration.to_string().into());
    let mut fields = vec![Field::ClientId, Field::TenantId, Field::TokenExpiration];
    match &write.claim {
        Claim::Owns(marks) => {
            drop_marks(&mut live.marks, &live.owners, &[Field::Annotates]);
            write_marks(&mut live.marks, Some(marks));
            fields.extend(MARKS);
        }
        Claim::Annotates(estate) => {
            drop_marks(&mut live.marks, &live.owners, &MARKS);
            live.marks.annotates = Some(estate.shared());
            fields.push(Field::Annotates);
        }
    }
    let pairs = [
        (Field::ClientId, old.client_id != live.client_id),
        (Field::TenantId, old.tenant_id != live.tenant_id),
        (Field::TokenExpiration, old.token_expiration != live.token_expiration),
    ];
    let mut changed: Vec<Field> = pairs.into_iter().filter(|pair| pair.1).map(|p| p.0).collect();
    let marks = changed_marks(&old.marks, &live.marks);
    changed.extend(marks.into_iter().filter(|field| fields.contains(field)));
    own(&mut live.owners, &fields, &changed, force);
    live
}

/// What only widctl holds goes when it is no longer applied.
pub(super) fn held_alone(owners: &[FieldOwner], field: Field) -> bool {
    let mut of = owners.iter().filter(|owner| owner.field == field);
    of.clone().count() > 0 && of.all(|owner| &*owner.manager == FIELD_MANAGER)
}

/// What a release does, `let_go` with the right to.
pub(super) fn release<K: Kind<Live: Clone>>(
    all: &mut BTreeMap<K::Key, Arc<K::Live>>,
    change: &Change<K>,
    let_go: impl Fn(&mut K::Live, K::MayRelease),
) {
    if let Action::Release { may, .. } = &change.action {
        let_go(Arc::make_mut(all.get_mut(&change.key).unwrap()), *may);
    }
}

/// The marks that widctl alone holds go, and nothing else.
pub(super) fn release_marks(marks: &mut LiveMarks, owners: &mut Vec<FieldOwner>) {
    let fields = with(&[Field::Annotates]);
    drop_marks(marks, owners, &fields);
    owners.retain(|owner| !owner.is_widctl() || !fields.contains(&owner.field));
}

fn drop_marks(marks: &mut LiveMarks, owners: &[FieldOwner], fields: &[Field]) {
    let values = [
        (Field::ManagedBy, &mut marks.managed_by),
        (Field::Estate, &mut marks.estate),
        (Field::Team, &mut marks.team),
        (Field::Annotates, &mut marks.annotates),
        (Field::Created, &mut marks.created),
    ];
    for (field, value) in values {
        if fields.contains(&field) && held_alone(owners, field) {
            *value = None;
        }
    }
}

pub(super) fn released(live: &LiveServiceAccount) -> LiveServiceAccount {
    let mut live = live.clone();
    drop_marks(&mut live.marks, &live.owners, &with(&[Field::Annotates]));
    let alone = |field| held_alone(&live.owners, field);
    let gone = [alone(Field::ClientId), alone(Field::TenantId), alone(Field::TokenExpiration)];
    let values = [&mut live.client_id, &mut live.tenant_id, &mut live.token_expiration];
    for (gone, value) in gone.into_iter().zip(values) {
        if gone {
            *value = None;
        }
    }
    live.owners.retain(|owner| &*owner.manager != FIELD_MANAGER);
    live
}
