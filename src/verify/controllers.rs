//! Which objects of controllers are checked: those in the namespaces of the selected accounts, and of those in no
//! namespace the ones that name a selected identity.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::controller_kind::Caller;
use crate::model::guid::ClientId;
use crate::model::kinds::identity::IdentityKey;
use crate::model::kinds::service_account::ServiceAccountKey;
use crate::model::subject;
use crate::model::text::{ClusterName, Namespace, ObjectName, TeamName};
use crate::observed::controllers::ControllerObject;
use crate::observed::read::Read;
use crate::plan::select::Selection;
use crate::verify::scene::{Scene, chains};
use crate::verify::verdict::Verdict;
use crate::verify::workloads::account;

/// An object that is checked.
pub(super) struct Controlled<'a> {
    pub(super) object: &'a ControllerObject,
    /// The team whose identity it names, else the one whose namespace it is in.
    pub(super) team: Option<&'a TeamName>,
    /// Whose namespace it is in.
    pub(super) home: Home<'a>,
}

/// Whom the profile has in a namespace.
#[derive(Clone, Default)]
pub(super) struct Home<'a> {
    pub(super) teams: BTreeSet<&'a TeamName>,
    /// The identities that its accounts are trusted for.
    pub(super) identities: BTreeSet<&'a IdentityKey>,
}

/// Who asks for tokens.
pub(super) struct Askers {
    pub(super) accounts: BTreeSet<ServiceAccountKey>,
    /// Whether each of them asks; of a controller that is installed more than once, one may be meant.
    pub(super) all: bool,
    /// That they are the usual ones, and why.
    pub(super) assumption: Option<String>,
}

/// The objects that are checked.
pub(super) fn used<'a>(scene: &'a Scene<'a>) -> Vec<Controlled<'a>> {
    let mut homes: BTreeMap<(&ClusterName, &str), Home<'a>> = BTreeMap::new();
    for chain in chains(scene.desired) {
        let Some((namespace, _)) = subject::account(chain.subject) else { continue };
        let home = homes.entry((chain.cluster, namespace)).or_default();
        home.teams.insert(&chain.wanted.team);
        home.identities.insert(&chain.key.identity);
    }
    let objects = scene.evidence.surveys.values().flat_map(|survey| &survey.controllers.found);
    let controlled = objects.filter(|object| is_selected(scene, object)).map(|object| {
        let namespace = object.key.namespace.as_ref();
        let home = namespace.and_then(|name| homes.get(&(&object.key.cluster, name.as_str())));
        let of_identity = identities(scene, object).find_map(|key| team_of(scene, &key));
        let team = of_identity.or_else(|| team_in(scene, &object.key.cluster, namespace?));
        Controlled { object, team, home: home.cloned().unwrap_or_default() }
    });
    controlled.collect()
}

/// The team that an identity belongs to, where it is one of the profile.
pub(super) fn team_of<'a>(scene: &'a Scene<'_>, key: &IdentityKey) -> Option<&'a TeamName> {
    scene.desired.identities.get(key).map(|wanted| &wanted.team)
}

/// The team whose selected accounts are in a namespace.
pub(super) fn team_in<'a>(
    scene: &'a Scene<'_>,
    cluster: &ClusterName,
    namespace: &Namespace,
) -> Option<&'a TeamName> {
    let mut chains = scene.chains.iter().filter(|chain| chain.is_annotated());
    let is_there = |account: &ServiceAccountKey| {
        account.cluster == *cluster && account.namespace == *namespace
    };
    chains.find(|chain| is_there(&chain.account)).map(|chain| &chain.wanted.team)
}

/// The identities whose client ids an object's controller asks with, as far as they were read.
fn identities(scene: &Scene<'_>, object: &ControllerObject) -> impl Iterator<Item = IdentityKey> {
    let ids = client_ids(scene, object).unwrap_or_default().into_iter();
    ids.filter_map(|text| {
        let live = scene.links.clients.get(&text.parse::<ClientId>().ok()?)?;
        Some(IdentityKey::from_id(live.id.clone()))
    })
}

fn is_selected(scene: &Scene<'_>, object: &ControllerObject) -> bool {
    if scene.asking.workload.is_some() {
        let asks = askers(scene, object).map(|askers| askers.accounts).unwrap_or_default();
        return scene.chains.iter().any(|chain| asks.contains(&chain.account));
    }
    let is_filtered = || Selection::new(scene.desired, &scene.asking.inputs).is_filtered();
    object.key.namespace.is_some()
        || !is_filtered()
        || identities(scene, object).any(|key| scene.identities.contains(&key))
}

/// The accounts that stores name and that nobody has read.
pub(super) fn accounts(scene: &Scene<'_>) -> BTreeSet<ServiceAccountKey> {
    let objects = scene.evidence.surveys.values().flat_map(|survey| &survey.controllers.found);
    let named = objects.filter(|object| !object.is_elsewhere).filter_map(named);
    named.filter(|account| found(scene, account).is_none()).collect()
}

/// The account that an object names, where it is the same for all who use the object.
fn named(object: &ControllerObject) -> Option<ServiceAccountKey> {
    let (said, name) = object.account.as_ref()?;
    let namespace = object.key.namespace.as_ref().or(said.as_ref())?;
    let name = ObjectName::new(Arc::clone(name));
    Some(ServiceAccountKey::new(object.key.cluster.clone(), namespace.clone(), name))
}

/// The client id of an account's annotation; none where nobody has looked.
fn found(
    scene: &Scene<'_>,
    account: &ServiceAccountKey,
) -> Option<Result<Option<Arc<str>>, Verdict>> {
    let objects = scene.objects(&account.cluster).ok();
    if let Some(Ok(live)) = objects.map(|objects| objects.service_accounts.find(account)) {
        return Some(Ok(live.and_then(|live| live.client_id.clone())));
    }
    Some(match scene.evidence.accounts.get(account)? {
        Read::Facts(client_id) => Ok(client_id.clone()),
        Read::Unread(unread) => Err(Verdict::unread(&*unread.why)),
    })
}

/// The client ids that an object's controller asks with.
pub(super) fn client_ids(
    scene: &Scene<'_>,
    object: &ControllerObject,
) -> Result<Vec<Arc<str>>, Verdict> {
    const WHY: &str = "the controller reads the client id from the account that the object names";
    if object.is_elsewhere {
        return Err(Verdict::not_provable("its client id is in a Secret, which is not read"));
    }
    if object.account.is_none() {
        return Ok(object.client_ids.iter().cloned().collect());
    }
    let Some(account) = named(object) else {
        return Err(Verdict::not_provable(
            "the account that it names is one in the namespace of whoever uses it",
        ));
    };
    match found(scene, &account) {
        Some(Ok(Some(client_id))) => Ok(vec![client_id]),
        Some(Ok(None)) => {
            let name = format!("{}/{}", account.namespace, account.name);
            let found = format!("no account {name}, or one without that annotation");
            Err(Verdict::fail(format!("a client id on the account {name}"), found, WHY))
        }
        Some(Err(verdict)) => Err(verdict),
        None => Err(Verdict::unread(format!("{account} was not read"))),
    }
}

/// Whose tokens are exchanged.
pub(super) fn askers(scene: &Scene<'_>, object: &ControllerObject) -> Result<Askers, Verdict> {
    let all = |accounts| Askers { accounts, all: true, assumption: None };
    let survey = scene.evidence.surveys.get(&object.key.cluster);
    let operator = match &object.key.kind.caller {
        Caller::Pods => return mounts(scene, object).map(all),
        Caller::Named { .. } => return Ok(all(named(object).into_iter().collect())),
        Caller::Own(operator) => operator,
    };
    let deployed = survey.and_then(|survey| survey.controllers.operators.get(operator.deployment));
    let name = operator.deployment;
    let why = match deployed {
        Some(Read::Facts(accounts)) if !accounts.is_empty() => {
            return Ok(Askers { all: false, ..all(accounts.clone()) });
        }
        Some(Read::Facts(_)) => format!("there is no Deployment `{name}`"),
        Some(Read::Unread(unread)) => unread.why.to_string(),
        None => format!("Deployments called `{name}` were not looked for"),
    };
    let (cluster, namespace) = (object.key.cluster.clone(), operator.namespace);
    let usual = ServiceAccountKey::new(cluster, namespace, operator.account);
    let assumption = format!("assuming the controller's usual account, as {why}");
    Ok(Askers { assumption: Some(assumption), ..all(BTreeSet::from([usual])) })
}

/// The accounts of the pods, and of what makes pods, that mount an object.
fn mounts(
    scene: &Scene<'_>,
    object: &ControllerObject,
) -> Result<BTreeSet<ServiceAccountKey>, Verdict> {
    let Some(survey) = scene.evidence.surveys.get(&object.key.cluster) else {
        return Ok(BTreeSet::new());
    };
    let is_there = |namespace: &Namespace| object.key.namespace.as_ref() == Some(namespace);
    let here = survey.found.iter().filter(|found| !found.is_over && is_there(&found.key.namespace));
    let accounts: BTreeSet<_> = here
        .flat_map(|found| found.templates.iter().map(move |pod| (found, pod)))
        .filter(|(_, pod)| pod.secret_classes.contains(&object.key.name))
        .map(|(found, pod)| account(found, pod))
        .collect();
    let mut unread = survey.unread.iter().filter(|unlisted| is_there(&unlisted.namespace));
    match unread.find_map(|unlisted| unlisted.unread.as_ref()) {
        Some(unread) if accounts.is_empty() => Err(Verdict::unread(&*unread.why)),
        Some(_) | None => Ok(accounts),
    }
}
