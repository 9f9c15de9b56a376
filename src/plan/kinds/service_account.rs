//! `ServiceAccount`s: owned (mode manage), or only annotated (mode annotate).

use std::sync::Arc;

use crate::desired::state::DesiredServiceAccount;
use crate::model::awaited::{Awaited, IdentityOutputs};
use crate::model::guid::{ClientId, TenantId};
use crate::model::kinds::identity::{IdentityKey, LiveIdentity};
use crate::model::kinds::marks::{Field, FieldOwner};
use crate::model::kinds::service_account::{
    ANNOTATION_CLIENT_ID, ANNOTATION_TENANT_ID, ANNOTATION_TOKEN_EXPIRATION, LiveServiceAccount,
    ServiceAccount, ServiceAccountKey, ServiceAccounts,
};
use crate::model::right::Right;
use crate::model::subject;
use crate::plan::action::Action;
use crate::plan::change::Change;
use crate::plan::draft::{Context, Draft};
use crate::plan::fields::{FieldRow, FieldValue, Side};
use crate::plan::kinds::PlannedKind;
use crate::plan::kinds::federated_credential::UnknownTrust;
use crate::plan::kinds::marked;
use crate::plan::kinds::marked::{Cause, MarkedKind, Removable, WantedObject};
use crate::plan::kinds::namespace::{State, States};
use crate::plan::link::IdentityLink;
use crate::plan::ownership::Owner;
use crate::plan::refusals::kubernetes as refusals;
use crate::plan::relation::{Limit, Point, Relations, Wait, namespace_of, object};
use crate::plan::row::Place;
use crate::plan::{fields, link, notes, ownership, rights};

type Planned = ServiceAccount<Awaited<ClientId>>;

impl PlannedKind for ServiceAccounts {
    fn fields<'a>(
        before: Side<'a, ServiceAccountKey, LiveServiceAccount>,
        after: Side<'a, ServiceAccountKey, Planned>,
    ) -> Vec<FieldRow<'a>> {
        let (was, shall) = (before.map(|(_, live)| live), after.map(|(_, planned)| planned));
        let mut rows = vec![
            FieldRow::tracked(
                Field::ClientId,
                ANNOTATION_CLIENT_ID,
                was.and_then(|live| live.client_id.as_deref()),
                shall.map(|planned| &planned.client_id),
            ),
            FieldRow::tracked(
                Field::TenantId,
                ANNOTATION_TENANT_ID,
                was.and_then(|live| live.tenant_id.as_deref()),
                shall.map(|planned| planned.tenant_id.to_string()),
            ),
            FieldRow::tracked(
                Field::TokenExpiration,
                ANNOTATION_TOKEN_EXPIRATION,
                was.and_then(|live| live.token_expiration.as_deref()),
                shall.map(|planned| planned.token_expiration.to_string()),
            ),
        ];
        let marks = shall.and_then(|planned| planned.marks.as_ref());
        let marks = fields::marks(was.map(|live| &live.marks), marks);
        let annotates = shall.is_some_and(|planned| planned.marks.is_none());
        // On an account that is only annotated, marks are somebody else's unless widctl applied them.
        let is_shown = |row: &FieldRow<'_>| !annotates || was.is_some_and(|live| holds(live, row));
        rows.extend(marks.into_iter().filter(is_shown));
        rows
    }

    fn owners(live: &LiveServiceAccount) -> &[FieldOwner] {
        &live.owners
    }

    fn place(key: &ServiceAccountKey) -> Place<'_> {
        Place::Cluster(&key.cluster)
    }

    fn identity(change: &Change<Self>) -> Option<&IdentityKey> {
        change.action.after().map(|after| &after.client_id.identity)
    }

    fn limit(key: &ServiceAccountKey) -> Limit {
        Limit::Cluster(key.cluster.clone())
    }

    /// An account comes last. It needs the trust in it: an account that names an identity which does
    /// not trust it makes every pod fail at its first token, so it stays as it is instead. A missing
    /// role or binding lets pods sign in and be refused by name, so those are order alone.
    fn relations(change: &Change<Self>) -> Relations<'_> {
        let Some(after) = change.action.after() else {
            return Relations::default();
        };
        let (account, identity) = (object(&change.key), &after.client_id.identity);
        let waits = vec![
            (namespace_of(&change.key), Wait::Inside),
            (Point::Trust(account), Wait::Need),
            (Point::Bindings(account), Wait::Order),
            (Point::Identity(identity), Wait::Reference),
            (Point::Assignments(identity), Wait::Order),
        ];
        Relations { waits, ..Relations::default() }
    }

    fn rights(change: &Change<Self>, _: &IdentityOutputs) -> Vec<Right> {
        let ServiceAccountKey { cluster, namespace, .. } = &change.key;
        // An account that somebody else owns is looked up before it is annotated.
        let looked_up = match &change.action {
            Action::Update { after, .. } | Action::Adopt { after, .. } => after.marks.is_none(),
            Action::Create { .. }
            | Action::Replace { .. }
            | Action::Release { .. }
            | Action::Delete { .. } => false,
        };
        let resource = ("", "serviceaccounts");
        rights::on_cluster(&change.action, cluster, Some(namespace), resource, looked_up)
    }
}

/// Whether widctl itself holds the field.
fn holds(live: &LiveServiceAccount, row: &FieldRow<'_>) -> bool {
    let mut owners = live.owners.iter();
    owners.any(|owner| Some(owner.field) == row.field && fields::is_widctl(owner))
}

impl Removable for ServiceAccounts {
    const LOSS: &'static str = "pods started after this get no token of the identity";
}

impl MarkedKind for ServiceAccounts {
    fn effects(key: &ServiceAccountKey, rows: &[FieldRow<'_>]) -> Vec<String> {
        let annotation = rows.iter().find(|row| {
            matches!(row.field, Some(Field::ClientId | Field::TenantId | Field::TokenExpiration))
        });
        let Some(row) = annotation else {
            return Vec::new();
        };
        let old = match (&row.before, row.field) {
            (FieldValue::Absent, Some(Field::ClientId)) => "have no identity",
            (_, Some(Field::ClientId)) => "keep the old client id",
            _ => "keep the old token settings",
        };
        let namespace = &key.namespace;
        vec![format!(
            "pods started before this {old}: kubectl rollout restart deployment --namespace {namespace}"
        )]
    }

    fn reason(context: &Context<'_>, rows: &[FieldRow<'_>]) -> Option<String> {
        let old = rows.iter().find_map(|row| match (&row.before, row.field) {
            (FieldValue::Text(text), Some(Field::ClientId)) => Some(text),
            _ => None,
        });
        if let Some(old) = old {
            let known = old.parse().ok().and_then(|id: ClientId| context.links.clients.get(&id));
            return Some(match known {
                Some(other) => format!("it was annotated for identity {}", other.id.name()),
                None => "the identity's client id changed (identity recreated?)".to_owned(),
            });
        }
        let released = rows
            .iter()
            .any(|row| row.field == Some(Field::Estate) && row.after == FieldValue::Absent);
        released.then(|| "its mode is annotate now, so widctl no longer owns it".to_owned())
    }
}

/// Plans all `ServiceAccount`s.
pub(crate) fn plan<'a>(
    context: &'a Context<'a>,
    (states, unknown): (&States<'_>, &UnknownTrust<'a>),
    draft: &mut Draft,
) {
    for (key, wanted) in &context.desired.service_accounts {
        let (team, cluster) = (&wanted.team, &key.cluster);
        if !context.selection.has_row(team, Some(cluster)) {
            continue;
        }
        let object = WantedObject::<ServiceAccounts> { key, team, cluster };
        if !is_placed(draft, states, object, wanted) {
            continue;
        }
        match prepare(context, unknown, key, wanted) {
            Ok(Some((live, planned))) if wanted.annotate_only => {
                annotate(context, draft, object, live, planned);
            }
            Ok(Some((live, planned))) => {
                marked::plan(context, draft, object, live, |marks| ServiceAccount {
                    marks: Some(marks),
                    ..planned.clone()
                });
            }
            Ok(None) => object.wait(draft, &wanted.identity),
            Err(why) => object.unknown(draft, &why),
        }
    }
    plan_leftovers(context, draft);
}

/// Whether the account's namespace lets it be planned.
fn is_placed(
    draft: &mut Draft,
    states: &States<'_>,
    object: WantedObject<'_, ServiceAccounts>,
    wanted: &DesiredServiceAccount,
) -> bool {
    let key = object.key;
    if wanted.annotate_only
        && marked::state(states, &key.cluster, &key.namespace) == &State::Awaited
    {
        let what = format!("namespace `{}`", key.namespace);
        draft.notes.push(notes::waiting_account(key, &what));
        return false;
    }
    marked::is_ready(draft, states, object, &key.namespace)
}

type Prepared<'a> = (Option<&'a Arc<LiveServiceAccount>>, Planned);

/// The account as it is and as it shall be, without marks; nothing where its identity is refused.
fn prepare<'a>(
    context: &'a Context<'a>,
    unknown: &UnknownTrust<'a>,
    key: &'a ServiceAccountKey,
    wanted: &'a DesiredServiceAccount,
) -> Result<Option<Prepared<'a>>, Arc<str>> {
    let objects = marked::objects(context, &key.cluster)?;
    let live = marked::facts(&objects.service_accounts)?.get(key);
    if !unknown.is_empty() {
        let subject = subject::of_service_account(&key.namespace, &key.name);
        if let Some(why) = unknown.get(&(&key.cluster, &subject)) {
            return Err(Arc::clone(why));
        }
    }
    let link = &context.links.identities[&wanted.identity];
    let client_id = match link.give(&wanted.identity, |live| live.client_id) {
        Ok(client_id) => client_id,
        Err(Some(why)) => return Err(Arc::clone(why)),
        Err(None) => return Ok(None),
    };
    let planned = ServiceAccount {
        client_id,
        tenant_id: tenant(context, link)?,
        token_expiration: wanted.token_expiration,
        marks: None,
    };
    Ok(Some((live, planned)))
}

fn tenant(context: &Context<'_>, link: &IdentityLink<'_>) -> Result<TenantId, Arc<str>> {
    match link {
        IdentityLink::Live(live) => Ok(live.tenant_id),
        IdentityLink::New
        | IdentityLink::Missing
        | IdentityLink::NoResourceGroup
        | IdentityLink::Unknown(_) => {
            context.links.tenant.ok_or_else(|| link::unasked("the tenant"))
        }
    }
}

/// An account of somebody else: its annotations are widctl's, nothing else.
fn annotate(
    context: &Context<'_>,
    draft: &mut Draft,
    object: WantedObject<'_, ServiceAccounts>,
    live: Option<&Arc<LiveServiceAccount>>,
    planned: Planned,
) {
    let Some(live) = live else {
        draft.notes.push(notes::waiting_account(object.key, "account"));
        return;
    };
    match ownership::owner_by_marks(&context.desired.estate, &live.marks) {
        Owner::Estate(other) => {
            object.refuse(draft, refusals::other_estate(object.key, other));
        }
        Owner::Ours | Owner::Nobody => {
            marked::plan_existing(context, draft, object, (live, planned), Cause::Drift);
        }
    }
}

fn plan_leftovers(context: &Context<'_>, draft: &mut Draft) {
    let estate = &context.desired.estate;
    for (cluster, accounts) in marked::everywhere(context, |objects| &objects.service_accounts) {
        for (key, live) in accounts {
            let ours = match ownership::owner_by_marks(estate, &live.marks) {
                Owner::Ours => true,
                Owner::Estate(_) => false,
                Owner::Nobody => is_annotated_by_us(context, live),
            };
            if !ours || context.desired.service_accounts.contains_key(key) {
                continue;
            }
            let subject = subject::of_service_account(&key.namespace, &key.name);
            let still_used = context.trusted().has_account(cluster, &subject);
            marked::plan_leftover::<ServiceAccounts>(
                context,
                draft,
                (key, cluster),
                live,
                still_used,
            );
        }
    }
}

/// An account without marks is known by its annotation: widctl applied it, and it names an identity
/// that the estate owns, or takes over with this plan.
fn is_annotated_by_us(context: &Context<'_>, live: &LiveServiceAccount) -> bool {
    let mut owners = live.owners.iter();
    if !owners.any(|owner| owner.field == Field::ClientId && fields::is_widctl(owner)) {
        return false;
    }
    let client = live.client_id.as_deref().and_then(|text| text.parse().ok());
    let identity = client.and_then(|client: ClientId| context.links.clients.get(&client));
    identity.is_some_and(|identity| {
        match ownership::owner_by_tags(&context.desired.estate, &identity.tags) {
            Owner::Ours => true,
            Owner::Estate(_) => false,
            Owner::Nobody => context.inputs.adopt && is_wanted(context, identity),
        }
    })
}

fn is_wanted(context: &Context<'_>, identity: &LiveIdentity) -> bool {
    let key = IdentityKey::from_id(identity.id.clone());
    let wanted = context.desired.identities.get(&key);
    wanted.is_some_and(|wanted| wanted.create)
}
