//! `ServiceAccount`s: owned (mode manage), or only annotated (mode annotate).

use std::sync::Arc;

use crate::desired::naming::Origin;
use crate::desired::state::DesiredServiceAccount;
use crate::model::awaited::{Awaited, IdentityOutputs};
use crate::model::guid::{ClientId, TenantId};
use crate::model::kinds::identity::IdentityKey;
use crate::model::kinds::marks::{Claim, Field, FieldOwner, LABEL_ANNOTATES, is_held};
use crate::model::kinds::service_account::{
    ANNOTATION_CLIENT_ID, ANNOTATION_TENANT_ID, ANNOTATION_TOKEN_EXPIRATION, LiveServiceAccount,
    ServiceAccount, ServiceAccountKey, ServiceAccounts,
};
use crate::model::right::Right;
use crate::model::subject;
use crate::model::text::{Estate, Namespace, TeamName};
use crate::plan::action::{Action, Force};
use crate::plan::change::Change;
use crate::plan::draft::{Context, Draft};
use crate::plan::fields::{FieldRow, FieldValue, Side};
use crate::plan::kinds::PlannedKind;
use crate::plan::kinds::federated_credential::UnknownTrust;
use crate::plan::kinds::leftovers::Removable;
use crate::plan::kinds::marked::{Cause, MarkedKind, WantedObject};
use crate::plan::kinds::namespace;
use crate::plan::kinds::namespace::{State, States};
use crate::plan::kinds::{leftovers, marked};
use crate::plan::link::IdentityLink;
use crate::plan::ownership::ObjectOwner;
use crate::plan::refusals::kubernetes as refusals;
use crate::plan::relation::{Limit, Point, Relations, Removal, Wait, namespace_of, object};
use crate::plan::row::Place;
use crate::plan::{fields, link, notes, ownership, rights};

type Planned = ServiceAccount<Awaited<ClientId>>;

/// The account that Kubernetes makes itself in every namespace, at once, and again where it is deleted.
/// <https://kubernetes.io/docs/concepts/security/service-accounts/#default-service-accounts>
const DEFAULT: &str = "default";

impl PlannedKind for ServiceAccounts {
    const REMOVAL: Removal = Removal::Accounts;

    fn fields<'a>(
        before: Side<'a, ServiceAccountKey, LiveServiceAccount>,
        after: Side<'a, ServiceAccountKey, Planned>,
    ) -> Vec<FieldRow<'a>> {
        let (was, wanted) = (before.map(|(_, live)| live), after.map(|(_, planned)| planned));
        let mut rows = vec![
            FieldRow::tracked(
                Field::ClientId,
                ANNOTATION_CLIENT_ID,
                was.and_then(|live| live.client_id.as_deref()),
                wanted.map(|planned| &planned.client_id),
            ),
            FieldRow::tracked(
                Field::TenantId,
                ANNOTATION_TENANT_ID,
                was.and_then(|live| live.tenant_id.as_deref()),
                wanted.map(|planned| planned.tenant_id.to_string()),
            ),
            FieldRow::tracked(
                Field::TokenExpiration,
                ANNOTATION_TOKEN_EXPIRATION,
                was.and_then(|live| live.token_expiration.as_deref()),
                wanted.map(|planned| planned.token_expiration.to_string()),
            ),
        ];
        let marks = wanted.and_then(|planned| planned.claim.marks());
        let marks = fields::marks(was.map(|live| &live.marks), marks);
        let annotates = FieldRow::tracked(
            Field::Annotates,
            LABEL_ANNOTATES,
            was.and_then(|live| live.marks.annotates.as_deref()),
            wanted.and_then(|planned| planned.claim.annotates()).map(Estate::as_str),
        );
        // Marks that the account's mode has no use for go with the apply where widctl holds them, and are
        // somebody else's otherwise.
        let is_shown = |row: &FieldRow<'_>| {
            let goes = wanted.is_some() && row.after == FieldValue::Absent;
            !goes || was.zip(row.field).is_some_and(|(live, field)| is_held(&live.owners, field))
        };
        rows.extend(marks.into_iter().chain([annotates]).filter(is_shown));
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

    fn outlived_by_pods(change: &Change<Self>) -> Option<&Namespace> {
        let written = matches!(change.action, Action::Update { .. } | Action::Adopt { .. });
        // What pods keep is the only effect of a write; none is on the account that Kubernetes makes with its namespace.
        (written && !change.effects.is_empty()).then_some(&change.key.namespace)
    }

    fn rights(change: &Change<Self>, _: &IdentityOutputs) -> Vec<Right> {
        let ServiceAccountKey { cluster, namespace, .. } = &change.key;
        // An account that somebody else owns is looked up before it is annotated.
        let looked_up = match &change.action {
            Action::Update { after, .. } | Action::Adopt { after, .. } => {
                after.claim.annotates().is_some()
            }
            Action::Create { .. }
            | Action::Replace { .. }
            | Action::Release { .. }
            | Action::Delete { .. } => false,
        };
        let resource = ("", "serviceaccounts");
        rights::on_cluster(&change.action, cluster, Some(namespace), resource, looked_up)
    }
}

impl Removable for ServiceAccounts {
    const LOSS: &'static str = "pods started after this get no token of the identity";

    /// One that widctl only annotates names no team.
    fn retired_team<'a>(context: &Context<'a>, key: &ServiceAccountKey) -> Option<&'a TeamName> {
        context.desired.retired.accounts.get(key)
    }

    fn is_still_used(context: &Context<'_>, key: &ServiceAccountKey) -> bool {
        let subject = subject::of_service_account(&key.namespace, &key.name);
        context.trusted().has_account(&key.cluster, &subject)
    }
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
        let restart = refusals::restart(key.namespace.as_str());
        vec![format!("pods started before this {old}: kubectl {restart}")]
    }

    fn reason(context: &Context<'_>, rows: &[FieldRow<'_>], cause: Cause) -> Option<String> {
        let old = rows.iter().find_map(|row| match (&row.before, row.field) {
            (FieldValue::Text(text), Some(Field::ClientId)) => Some(text),
            _ => None,
        });
        if let Some(old) = old {
            let known = old.parse().ok().and_then(|id: ClientId| context.links.clients.get(&id));
            return match known {
                Some(other) => Some(format!("it was annotated for identity {}", other.id.name())),
                // What was never ours says nothing about the identity.
                None if cause == Cause::Annotation => None,
                None => Some("the identity's client id changed (identity recreated?)".to_owned()),
            };
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
            Ok(Some((None, planned))) if key.name.as_str() == DEFAULT => {
                plan_default(context, draft, object, planned);
            }
            Ok(Some((live, planned))) => {
                marked::plan(context, draft, object, live, |marks| ServiceAccount {
                    claim: Claim::Owns(marks),
                    ..planned.clone()
                });
            }
            Ok(None) => object.wait(draft, &wanted.identity),
            Err(why) => object.unknown(draft, &why),
        }
    }
    let is_wanted = |key: &_| context.desired.service_accounts.contains_key(key);
    leftovers::plan_leftovers::<ServiceAccounts>(
        context,
        draft,
        |objects| &objects.service_accounts,
        is_wanted,
    );
}

/// The namespace's own account where it is not there yet. Kubernetes makes it before or after widctl's write, so
/// it is taken over and never created.
fn plan_default(
    context: &Context<'_>,
    draft: &mut Draft,
    object: WantedObject<'_, ServiceAccounts>,
    planned: Planned,
) {
    if !context.inputs.adopt {
        object.refuse(draft, refusals::default_account(object.key));
        return;
    }
    let marks = (object.key, object.team);
    let marks = ownership::marks::<ServiceAccounts>(context.desired, marks, Origin::Adopted);
    let after = Planned { claim: Claim::Owns(marks), ..planned };
    let action = Action::Adopt {
        before: Arc::new(LiveServiceAccount::default()),
        after: Arc::new(after),
        force: Force::No,
    };
    let reason = "Kubernetes makes it with the namespace and --adopt was given".to_owned();
    draft.push(object.change(action, reason, Vec::new()));
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
        && namespace::state(states, &key.cluster, &key.namespace) == &State::Awaited
    {
        let what = format!("namespace `{}`", key.namespace);
        draft.notes.push(notes::waiting_account(key, &what));
        return false;
    }
    marked::is_ready(draft, states, object, &key.namespace)
}

type Prepared<'a> = (Option<&'a Arc<LiveServiceAccount>>, Planned);

/// The account as it is and as the profile wants it where it is only annotated; nothing where its identity is refused.
fn prepare<'a>(
    context: &'a Context<'a>,
    unknown: &UnknownTrust<'a>,
    key: &'a ServiceAccountKey,
    wanted: &'a DesiredServiceAccount,
) -> Result<Option<Prepared<'a>>, Arc<str>> {
    let objects = marked::objects(context, &key.cluster)?;
    let live = objects.service_accounts.find(key)?;
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
        claim: Claim::Annotates(context.desired.estate.clone()),
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

/// An account of somebody else: its annotations and one label are widctl's, nothing else.
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
    let owner = ownership::owner_of_object::<ServiceAccounts>(context.desired, object.key, live);
    let cause = match owner {
        ObjectOwner::Estate(other) => {
            object.refuse(draft, refusals::other_estate(object.key, other));
            return;
        }
        ObjectOwner::AnnotatedFor(other) => {
            object.refuse(draft, refusals::annotated_for(object.key, other));
            return;
        }
        ObjectOwner::Misplaced => {
            leftovers::leave::<ServiceAccounts>(context, draft, object.key, live);
            Cause::Annotation
        }
        ObjectOwner::Nobody => Cause::Annotation,
        ObjectOwner::Ours(_) | ObjectOwner::AnnotatedByUs => Cause::Drift,
    };
    marked::plan_existing(context, draft, object, (live, planned), cause);
}
