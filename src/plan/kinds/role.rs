//! Roles of Kubernetes.

use std::borrow::Cow;

use crate::model::awaited::IdentityOutputs;
use crate::model::kinds::marks::{Field, FieldOwner};
use crate::model::kinds::rbac::{LiveRole, PolicyRule, Role, RoleKey, Roles};
use crate::model::right::Right;
use crate::plan::action::ActionName;
use crate::plan::change::Change;
use crate::plan::draft::{Context, Draft};
use crate::plan::fields::{FieldRow, FieldValue, Side};
use crate::plan::kinds::PlannedKind;
use crate::plan::kinds::leftovers::Removable;
use crate::plan::kinds::marked::{MarkedKind, WantedObject};
use crate::plan::kinds::namespace::States;
use crate::plan::kinds::{leftovers, marked};
use crate::plan::relation::{Limit, Point, Relations, Removal, Wait, namespace_of, object};
use crate::plan::row::Place;
use crate::plan::{fields, rights};

impl PlannedKind for Roles {
    const REMOVAL: Removal = Removal::Rules;

    fn fields<'a>(
        before: Side<'a, RoleKey, LiveRole>,
        after: Side<'a, RoleKey, Role>,
    ) -> Vec<FieldRow<'a>> {
        let (was, wanted) = (before.map(|(_, live)| live), after.map(|(_, planned)| planned));
        let mut rows = vec![FieldRow::tracked(
            Field::Rules,
            "rules",
            was.map(|live| rules(&live.rules)),
            wanted.map(|planned| rules(&planned.rules)),
        )];
        let marks = was.map(|live| &live.marks);
        rows.extend(fields::marks(marks, wanted.map(|planned| &planned.marks)));
        rows
    }

    fn owners(live: &LiveRole) -> &[FieldOwner] {
        &live.owners
    }

    fn place(key: &RoleKey) -> Place<'_> {
        Place::Cluster(&key.cluster)
    }

    fn limit(key: &RoleKey) -> Limit {
        Limit::Cluster(key.cluster.clone())
    }

    /// A Role goes only after the bindings to it.
    fn relations(change: &Change<Self>) -> Relations<'_> {
        let role = object(&change.key);
        let mut relations = Relations::default();
        match change.action.name() {
            ActionName::Delete => relations.waits.push((Point::Unbound(role), Wait::Order)),
            ActionName::Release => relations.offers.push(Point::Role(role)),
            ActionName::Create | ActionName::Update | ActionName::Adopt | ActionName::Replace => {
                relations.offers.push(Point::Role(role));
                relations.waits.push((namespace_of(&change.key), Wait::Inside));
            }
        }
        relations
    }

    fn rights(change: &Change<Self>, _: &IdentityOutputs) -> Vec<Right> {
        let RoleKey { cluster, namespace, .. } = &change.key;
        let resource = (rights::RBAC, "roles");
        rights::on_cluster(&change.action, cluster, Some(namespace), resource, false)
    }
}

impl MarkedKind for Roles {
    fn offers(key: &RoleKey) -> Option<Point<'_>> {
        Some(Point::Role(object(key)))
    }
}

impl Removable for Roles {
    const LOSS: &'static str = "accounts bound to it lose what it allows";
}

/// Rules as texts: `get,list on pods in core`.
fn rules(rules: &[PolicyRule]) -> FieldValue<'static> {
    let texts = rules.iter().map(|rule| {
        let PolicyRule { api_groups, resources, resource_names, verbs } = rule;
        let groups = api_groups.iter().map(|group| if group.is_empty() { "core" } else { group });
        let mut text = format!(
            "{} on {} in {}",
            verbs.join(","),
            resources.join(","),
            groups.collect::<Vec<_>>().join(",")
        );
        if !resource_names.is_empty() {
            text.push_str(" named ");
            text.push_str(&resource_names.join(","));
        }
        Cow::Owned(text)
    });
    texts.collect::<Vec<_>>().into()
}

/// Plans all Roles.
pub(crate) fn plan(context: &Context<'_>, states: &States<'_>, draft: &mut Draft) {
    for (key, wanted) in &context.desired.roles {
        let (team, cluster) = (&wanted.team, &key.cluster);
        if !context.selection.has_row(team, Some(cluster)) {
            continue;
        }
        let object = WantedObject::<Roles> { key, team, cluster };
        if !marked::is_ready(draft, states, object, &key.namespace) {
            continue;
        }
        let live = marked::objects(context, cluster).and_then(|objects| objects.roles.find(key));
        match live {
            Err(why) => object.unknown(draft, &why),
            Ok(live) => marked::plan(context, draft, object, live, |marks| Role {
                rules: wanted.rules.clone(),
                marks,
            }),
        }
    }
    let is_wanted = |key: &_| context.desired.roles.contains_key(key);
    leftovers::plan_leftovers::<Roles>(context, draft, |objects| &objects.roles, is_wanted);
}
