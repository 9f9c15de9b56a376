//! Proves that one pod gets its token. It needs no profile: what is wanted is what the pod itself asks for, and the checks
//! are those of every workload.

mod look;
mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::command::connection::Connection;
use crate::command::failure::Failure;
use crate::command::services::Services;
use crate::command::verify;
use crate::command::verify::Verified;
use crate::command::verify_pod::look::Seen;
use crate::desired::derive;
use crate::desired::state::Trust;
use crate::event::{Event, EventSink};
use crate::gather::Observation;
use crate::gather::facts::facts;
use crate::kubernetes::kubeconfig::Contexts;
use crate::model::guid::{ClientId, SubscriptionId};
use crate::model::kinds::identity::{IdentityKey, LiveIdentity};
use crate::model::pod::PodName;
use crate::model::text::{ClusterName, Estate, Issuer};
use crate::model::{shell, subject};
use crate::plan::inputs::PlanInputs;
use crate::plan::link;
use crate::ports::chain;
use crate::ports::error::PortError;
use crate::ports::read::AzureRead;
use crate::profile::resolved::{Cluster, ForeignVerdict, MassDelete, Policy, Profile};
use crate::profile::suggest::did_you_mean;
use crate::verify::scene::Asking;

/// Which pod, and where it and its identity are looked for.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The pod.
    pub pod: &'a PodName,
    /// The kubeconfig context of its cluster.
    pub context: &'a str,
    /// The one subscription whose identities are listed; Azure Resource Graph is asked where there is none.
    pub subscription: Option<SubscriptionId>,
    /// Says what is wanted, where it names the pod's account.
    pub profile: Option<&'a Profile>,
}

/// What a pod's verification came to.
pub struct Proven {
    /// What the checks came to; absent where they had nothing to begin with.
    pub verified: Option<Verified>,
    /// What is wrong with the pod itself, or why nothing could be checked.
    pub beside: Vec<Failure>,
    /// Whether the profile said what is wanted.
    pub by_profile: bool,
}

/// A profile of nothing but a cluster, which is known by its context until it tells its issuer. Cloud and tenant are those
/// of a profile that was given.
pub fn bare(profile: Option<&Profile>) -> Profile {
    Profile {
        estate: Estate::from(""),
        cloud: profile.map_or_else(|| "public".to_owned(), |profile| profile.cloud.clone()),
        tenant: profile.and_then(|profile| profile.tenant),
        subscriptions: BTreeSet::new(),
        clusters: BTreeMap::new(),
        retiring: BTreeMap::new(),
        policy: Policy {
            denied_roles: Vec::new(),
            deny_privileged_roles: false,
            denied_namespaces: Vec::new(),
            foreign_trust: ForeignVerdict::Allow,
            trusted: Vec::new(),
            mass_delete: MassDelete::default(),
        },
        teams: Vec::new(),
        retired: Vec::new(),
        remarks: Vec::new(),
        placeholders: Vec::new(),
        sha256: String::new(),
    }
}

/// The same with the cluster of a context.
pub fn on_cluster(mut bare: Profile, context: &str, issuer: Issuer) -> Profile {
    let context = context.to_owned();
    let name = ClusterName::from(context.as_str());
    bare.clusters.insert(name, Cluster::Pinned { context, issuer, token_audience: None });
    bare
}

/// The context that is meant: the given one, else the current one. A sandbox has none that anybody chose, so that one of
/// several clusters has to be named.
pub fn context(given: Option<&str>, services: &Services) -> Result<String, Failure> {
    let Contexts { current, names } = Contexts::of_machine(&services.environment)?;
    let (kubeconfig, current) = match services.rehearsal {
        Some(_) => ("sandbox", current.filter(|_| names.len() == 1)),
        None => ("kubeconfig", current),
    };
    let usage = |what: String, wrong: &str| {
        let hint = match (names.is_empty(), services.rehearsal.is_some()) {
            (false, _) => {
                let known = did_you_mean(wrong, names.iter().map(String::as_str));
                format!("name one with `--context CONTEXT`; {known}")
            }
            (true, true) => "make its clusters first: `widctl sync PROFILE --sandbox`".to_owned(),
            (true, false) => "set KUBECONFIG to the file that has the pod's cluster".to_owned(),
        };
        Failure::Usage { what, hint }
    };
    match (given, current) {
        (Some(given), _) if names.iter().any(|name| name == given) => Ok(given.to_owned()),
        (Some(given), _) => Err(usage(format!("the {kubeconfig} has no context `{given}`"), given)),
        (None, Some(current)) => Ok(current),
        (None, None) => {
            let what =
                format!("`--pod` without `--context`: the {kubeconfig} has no current context");
            Err(usage(what, ""))
        }
    }
}

/// Looks at a pod and verifies its workload. Exchanges are tried again for as long as `wait`.
pub async fn verify(
    connection: &mut Connection,
    asked: Asked<'_>,
    asking: &Asking,
    wait: Duration,
    events: &Arc<dyn EventSink>,
) -> Result<Proven, Failure> {
    let seen = look::look(connection, asked).await?;
    let mut beside: Vec<Failure> = seen.over(asked).into_iter().collect();
    let cluster = match asked.profile {
        Some(profile) => cluster_of_profile(profile, connection, asked, &seen, &**events).await,
        None => None,
    };
    let by_profile = cluster.is_some();
    let mut pod = seen.pod.clone();
    if let Some(name) = &cluster {
        pod.key.cluster = name.clone();
    }
    let asking = Asking { pod: Some(pod), ..asking.clone() };
    let verified = if let (Some(profile), Some(cluster)) = (asked.profile, cluster) {
        let inputs = PlanInputs { clusters: vec![cluster.to_string()], ..asking.inputs };
        let workload = Some(format!("{}/{}", seen.key.namespace, seen.key.name));
        let asking = Asking { inputs, workload, ..asking };
        connection.turn_to(profile);
        verify::verify(profile, connection, &asking, (false, wait), events).await
    } else {
        let asking = Asking { sync: Vec::new(), ..asking };
        by_itself(connection, asked, &seen, (&asking, wait), &mut beside, events).await
    };
    let verified = verified.map_err(|failure| beside.push(failure)).ok();
    Ok(Proven { verified, beside, by_profile })
}

/// The profile's name for the pod's cluster, if it names the account there. Which of its clusters that is, the context or
/// the issuer says.
async fn cluster_of_profile(
    profile: &Profile,
    connection: &Connection,
    asked: Asked<'_>,
    seen: &Seen,
    events: &dyn EventSink,
) -> Option<ClusterName> {
    let subject = subject::of_service_account(&seen.key.namespace, &seen.key.name);
    let desired = derive::derive(profile);
    let trusting = desired.credentials.values().filter_map(|wanted| match &wanted.trust {
        Trust::Cluster { cluster, subject: trusted } => (*trusted == subject).then_some(cluster),
        Trust::Federation { .. } => None,
    });
    let mut unread = None;
    for name in trusting.collect::<BTreeSet<_>>() {
        match is_same(profile.clusters.get(name)?, connection, asked, &seen.issuer).await {
            Ok(true) => return Some(name.clone()),
            Ok(false) => {}
            Err(error) => unread = Some((name.clone(), error)),
        }
    }
    let account = format!("account `{}/{}`", seen.key.namespace, seen.key.name);
    let place = format!("on the cluster of context `{}`", asked.context);
    let what = match unread {
        None => format!("The profile does not name {account} {place}"),
        Some((name, error)) => format!(
            "Whether the profile names {account} {place} is not known, because its cluster {name} was not read: {}",
            chain::in_full(&error)
        ),
    };
    let text = format!("{what}: verifying without the profile.");
    events.emit(Event::Message { text });
    None
}

/// Whether a cluster of the profile is the one of the context.
async fn is_same(
    cluster: &Cluster,
    connection: &Connection,
    asked: Asked<'_>,
    own: &Issuer,
) -> Result<bool, PortError> {
    if cluster.context() == Some(asked.context) {
        return Ok(true);
    }
    let issuer = match cluster {
        Cluster::Pinned { issuer, .. } => Some(issuer.clone()),
        Cluster::Aks { id, .. } | Cluster::Arc { id, .. } => {
            connection.azure.managed_cluster(id).await?.and_then(|managed| managed.issuer)
        }
    };
    Ok(issuer.is_some_and(|issuer| issuer == *own || link::differ_by_slash(&issuer, own)))
}

/// Verifies what the pod asks for by itself.
async fn by_itself(
    connection: &Connection,
    asked: Asked<'_>,
    seen: &Seen,
    (asking, wait): (&Asking, Duration),
    beside: &mut Vec<Failure>,
    events: &Arc<dyn EventSink>,
) -> Result<Verified, Failure> {
    let clients = seen.client_ids(asked)?;
    let found = identities(connection, &clients, asked, &asking.verify).await?;
    let missing =
        clients.iter().filter(|client| found.iter().all(|live| live.client_id != **client));
    let mut missing: Vec<Failure> = missing.map(|client| nobodys(*client, asked)).collect();
    let last = if found.is_empty() { missing.pop() } else { None };
    beside.extend(missing);
    if let Some(last) = last {
        return Err(last);
    }
    beside.extend(seen.strange_tenant(asked, &found));
    let mut identities = Vec::new();
    for live in found {
        let key = IdentityKey::from_id(live.id.clone());
        let listed = connection.azure.credentials(&key).await;
        let credentials = facts(listed.map(|listed| listed.into_iter().map(Arc::new).collect()));
        identities.push(state::Trusting { key, live, credentials });
    }
    let names: Vec<String> = identities.iter().map(|found| found.key.id().to_string()).collect();
    let names = if names.is_empty() { "names no identity".to_owned() } else { names.join(", ") };
    let text = format!("Pod {} uses account {} and {names}.", asked.pod, seen.key.name);
    events.emit(Event::Message { text });
    let profile = on_cluster(bare(asked.profile), asked.context, seen.issuer.clone());
    let desired = state::desired(&profile, asked, seen, &identities);
    let state = state::observed(connection.signed_in.tenant, asked, seen, identities);
    let clusters = BTreeMap::from([(ClusterName::from(asked.context), seen.client.clone())]);
    let observation = Observation { state, clusters };
    Ok(verify::prove((&desired, &observation), connection, asking, wait, events).await)
}

/// The identities with these client ids that can be seen.
async fn identities(
    connection: &Connection,
    clients: &BTreeSet<ClientId>,
    asked: Asked<'_>,
    again: &[String],
) -> Result<Vec<LiveIdentity>, Failure> {
    let azure = &connection.azure;
    if clients.is_empty() {
        return Ok(Vec::new());
    }
    if let Some(subscription) = asked.subscription {
        let mut all = azure.identities(subscription).await?;
        all.retain(|live| clients.contains(&live.client_id));
        return Ok(all);
    }
    azure.identities_by_client(clients).await.map_err(|error| Failure::Input {
        what: format!(
            "Azure Resource Graph did not tell whose client id pod `{}` asks for: {}",
            asked.pod,
            chain::in_full(&error)
        ),
        hint: format!(
            "name the subscription of its identity, whose identities are then listed: `{} --subscription ID`",
            shell::join(again)
        ),
    })
}

/// The failure of a client id that no identity has which was looked at.
fn nobodys(client: ClientId, asked: Asked<'_>) -> Failure {
    let place = match asked.subscription {
        Some(subscription) => format!("in subscription {subscription}"),
        None => "that Azure Resource Graph shows you".to_owned(),
    };
    let elsewhere = match asked.subscription {
        Some(_) => "another `--subscription ID`",
        None => "`--subscription ID`, also for one that was made minutes ago",
    };
    Failure::Broken {
        what: format!(
            "pod `{}` asks for client id `{client}`, and no identity {place} has it",
            asked.pod
        ),
        hint: format!(
            "see what it is with `az ad sp show --id {client}`: an application of Entra is not verified, a managed \
             identity in another subscription needs {elsewhere}; where there is nothing, correct the client id"
        ),
    }
}
