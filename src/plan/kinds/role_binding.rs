//! `RoleBinding`s of Kubernetes. What one refers to cannot be changed, so such a change is a replace.

use std::borrow::Cow;
use std::sync::Arc;

use crate::desired::naming;
use crate::desired::naming::Origin;
use crate::desired::state::{DesiredRoleBinding, DesiredState};
use crate::model::awaited::IdentityOutputs;
use crate::model::kinds::marks::{Field, FieldOwner, Marks};
use crate::model::kinds::rbac::{
    LiveRoleBinding, RoleBinding, RoleBindingKey, RoleBindings, RoleKey, RoleRef, RoleSubject,
};
use crate::model::kinds::service_account::ServiceAccountKey;
use crate::model::right::Right;
use crate::observed::state::ClusterObjects;
use crate::plan::action::Action;
use crate::plan::change::Change;
use crate::plan::draft::{Context, Draft};
use crate::plan::fields::{FieldRow, FieldValue, Side};
use crate::plan::kinds::PlannedKind;
use crate::plan::kinds::leftovers::Removable;
use crate::plan::kinds::marked::{MarkedKind, WantedObject};
use crate::plan::kinds::namespace::States;
use crate::plan::kinds::{leftovers, marked};
use crate::plan::ownership::{ObjectOwner, Ours};
use crate::plan::refusals::kubernetes as refusals;
use crate::plan::relation::{Limit, Point, Relations, Removal, Wait, namespace_of, object};
use crate::plan::row::Place;
use crate::plan::{fields, ownership, rights};

impl PlannedKind for RoleBindings {
    const REMOVAL: Removal = Removal::Bindings;

    fn fields<'a>(
        before: Side<'a, RoleBindingKey, LiveRoleBinding>,
        after: Side<'a, RoleBindingKey, RoleBinding>,
    ) -> Vec<FieldRow<'a>> {
        let (was, wanted) = (before.map(|(_, live)| live), after.map(|(_, planned)| planned));
        let role = |role: &RoleRef| format!("{}/{}", role.kind, role.name);
        let mut rows = vec![
            FieldRow::tracked(
                Field::RoleRef,
                "roleRef",
                was.map(|live| role(&live.role)),
                wanted.map(|planned| role(&planned.role)),
            ),
            FieldRow::tracked(
                Field::Subjects,
                "subjects",
                was.map(|live| subjects(&live.subjects)),
                wanted.map(|planned| subjects(&planned.subjects)),
            ),
        ];
        let marks = was.map(|live| &live.marks);
        rows.extend(fields::marks(marks, wanted.map(|planned| &planned.marks)));
        rows
    }

    fn owners(live: &LiveRoleBinding) -> &[FieldOwner] {
        &live.owners
    }

    fn place(key: &RoleBindingKey) -> Place<'_> {
        Place::Cluster(&key.cluster)
    }

    fn limit(key: &RoleBindingKey) -> Limit {
        Limit::Cluster(key.cluster.clone())
    }

    /// A binding needs the role that it grants.
    fn relations(change: &Change<Self>) -> Relations<'_> {
        let (cluster, namespace, _) = object(&change.key);
        let mut relations = Relations::default();
        if let Some(before) = change.action.deleted()
            && &*before.role.kind == "Role"
        {
            relations.offers.push(Point::Unbound((cluster, namespace, &before.role.name)));
        }
        let Some(after) = change.action.after() else {
            return relations;
        };
        let accounts = after.subjects.iter().filter(|subject| &*subject.kind == "ServiceAccount");
        relations.offers.extend(accounts.map(|account| {
            let namespace = account.namespace.as_deref().unwrap_or(namespace);
            Point::Bindings((cluster, namespace, &account.name))
        }));
        relations.waits.push((namespace_of(&change.key), Wait::Inside));
        if &*after.role.kind == "Role" {
            let role = Point::Role((cluster, namespace, &after.role.name));
            relations.waits.push((role, Wait::Reference));
        }
        relations
    }

    fn rights(change: &Change<Self>, _: &IdentityOutputs) -> Vec<Right> {
        let RoleBindingKey { cluster, namespace, .. } = &change.key;
        let resource = (rights::RBAC, "rolebindings");
        rights::on_cluster(&change.action, cluster, Some(namespace), resource, false)
    }
}

impl MarkedKind for RoleBindings {}

impl Removable for RoleBindings {
    const LOSS: &'static str = "its accounts lose what the role allows";
}

fn subjects(subjects: &[RoleSubject]) -> FieldValue<'static> {
    let texts = subjects.iter().map(|subject| {
        let RoleSubject { kind, namespace, name } = subject;
        Cow::Owned(match namespace {
            Some(namespace) => format!("{kind}/{namespace}/{name}"),
            None => format!("{kind}/{name}"),
        })
    });
    texts.collect::<Vec<_>>().into()
}

fn planned(key: &RoleBindingKey, wanted: &DesiredRoleBinding, marks: Marks) -> RoleBinding {
    RoleBinding {
        role: RoleRef { kind: "Role".into(), name: key.name.shared() },
        subjects: vec![RoleSubject {
            kind: "ServiceAccount".into(),
            namespace: Some(wanted.namespace.shared()),
            name: wanted.service_account.shared(),
        }],
        marks,
    }
}

/// Plans all `RoleBinding`s.
pub(crate) fn plan(context: &Context<'_>, states: &States<'_>, draft: &mut Draft) {
    for (key, wanted) in &context.desired.role_bindings {
        let (team, cluster) = (&wanted.team, &key.cluster);
        if !context.selection.has_row(team, Some(cluster)) {
            continue;
        }
        let object = WantedObject::<RoleBindings> { key, team, cluster };
        if !marked::is_ready(draft, states, object, &key.namespace) {
            continue;
        }
        let live = marked::objects(context, cluster).and_then(|objects| {
            // It is created only beside a Role of which something is known.
            let RoleBindingKey { cluster, namespace, name, .. } = key.clone();
            objects.roles.find(&RoleKey::new(cluster, namespace, name))?;
            objects.role_bindings.find(key)
        });
        match live {
            Err(why) => object.unknown(draft, &why),
            Ok(Some(live)) if is_of_another_role(key, live) => {
                replace(context, draft, (object, wanted), live);
            }
            Ok(live) => {
                let planned = |marks| planned(key, wanted, marks);
                marked::plan(context, draft, object, live, planned);
            }
        }
    }
    let is_wanted = |key: &_| context.desired.role_bindings.contains_key(key);
    leftovers::plan_leftovers::<RoleBindings>(
        context,
        draft,
        |objects| &objects.role_bindings,
        is_wanted,
    );
}

/// Whether an account has the Role and the `RoleBinding` that the profile gives it.
pub(crate) enum AccountRights {
    /// The profile gives it none.
    NotWanted,
    /// Both are as the profile wants.
    AsWanted,
    /// One of them is not.
    Otherwise {
        /// Which.
        address: String,
        /// What it is instead.
        found: &'static str,
    },
}

/// Compares what the profile gives an account with what is on the cluster, or says why nobody knows. What others grant the
/// account besides is not looked at.
pub(crate) fn rights_of_account(
    desired: &DesiredState,
    objects: &ClusterObjects,
    account: &ServiceAccountKey,
) -> Result<AccountRights, Arc<str>> {
    let (cluster, namespace) = (account.cluster.clone(), account.namespace.clone());
    let name = naming::role_name(&account.name);
    let role = RoleKey::new(cluster.clone(), namespace.clone(), name.clone());
    let binding = RoleBindingKey::new(cluster, namespace, name);
    let wanted = (desired.roles.get(&role), desired.role_bindings.get(&binding));
    let (Some(wanted_role), Some(wanted_binding)) = wanted else {
        return Ok(AccountRights::NotWanted);
    };
    let otherwise = |address: String, found| Ok(AccountRights::Otherwise { address, found });
    match objects.roles.find(&role)? {
        None => return otherwise(role.to_string(), "there is none"),
        Some(live) if live.rules != wanted_role.rules => {
            return otherwise(role.to_string(), "its rules are not those of the profile");
        }
        Some(_) => {}
    }
    let marks = ownership::marks::<RoleBindings>(
        desired,
        (&binding, &wanted_binding.team),
        Origin::Created,
    );
    let planned = planned(&binding, wanted_binding, marks);
    match objects.role_bindings.find(&binding)? {
        None => otherwise(binding.to_string(), "there is none"),
        Some(live) if live.role != planned.role => {
            otherwise(binding.to_string(), "it binds another role")
        }
        Some(live) if !planned.subjects.iter().all(|subject| live.subjects.contains(subject)) => {
            otherwise(binding.to_string(), "it does not name the account")
        }
        Some(_) => Ok(AccountRights::AsWanted),
    }
}

fn is_of_another_role(key: &RoleBindingKey, live: &LiveRoleBinding) -> bool {
    &*live.role.kind != "Role" || *live.role.name != *key.name.as_str()
}

fn replace(
    context: &Context<'_>,
    draft: &mut Draft,
    (object, wanted): (WantedObject<'_, RoleBindings>, &DesiredRoleBinding),
    live: &Arc<LiveRoleBinding>,
) {
    let desired = context.desired;
    let owner = ownership::owner_of_object::<RoleBindings>(desired, object.key, live);
    if let ObjectOwner::Estate(other) = owner {
        object.refuse(draft, refusals::other_estate(object.key, other));
        return;
    }
    let Some(before) = Ours::created(desired, object.key, live) else {
        object.refuse(draft, refusals::other_role(object.key, &live.role));
        return;
    };
    let marks = (object.key, object.team);
    let marks = ownership::marks::<RoleBindings>(desired, marks, Origin::Created);
    let action = Action::Replace {
        before_key: object.key.clone(),
        before,
        after: Arc::new(planned(object.key, wanted, marks)),
    };
    let reason = "it refers to another role, which cannot be changed in place".to_owned();
    let effect = "between the delete and the create, the account lacks the role".to_owned();
    draft.push(object.change(action, reason, vec![effect]));
}
