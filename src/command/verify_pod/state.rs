//! What a pod asks for as the desired state of one workload, and what was read of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::command::verify_pod::Asked;
use crate::command::verify_pod::look::{Seen, audience};
use crate::desired::derive;
use crate::desired::state::{
    DesiredCredential, DesiredIdentity, DesiredServiceAccount, DesiredState, Trust,
};
use crate::model::guid::{ClientId, TenantId};
use crate::model::kinds::federated_credential::{FederatedCredentialKey, LiveFederatedCredential};
use crate::model::kinds::identity::{IdentityKey, LiveIdentity};
use crate::model::subject;
use crate::model::text::{ClusterName, CredentialName, TeamName, is_same_name};
use crate::observed::read::Read;
use crate::observed::state::{ClusterObjects, ObservedCluster, ObservedState};
use crate::profile::resolved::Profile;

/// The life of a token in seconds where the account says none that can be read.
const USUAL_EXPIRATION: u32 = 3_600;
/// How long a readable name is at most: Azure takes 120 characters, and a number may follow.
const LONGEST_NAME: usize = 110;

/// An identity that the pod asks for, with whom it trusts.
pub(super) struct Trusting {
    pub(super) key: IdentityKey,
    pub(super) live: LiveIdentity,
    pub(super) credentials: Read<Vec<Arc<LiveFederatedCredential>>>,
}

/// One team with one account that somebody else annotates, and the identities that are to trust it.
pub(super) fn desired(
    profile: &Profile,
    asked: Asked<'_>,
    seen: &Seen,
    identities: &[Trusting],
) -> DesiredState {
    let mut desired = derive::derive(profile);
    let team = TeamName::from("");
    let account = match &seen.account {
        Read::Facts(account) => account.as_ref(),
        Read::Unread(_) => None,
    };
    let annotated = account.and_then(|live| live.client_id.as_deref()?.parse::<ClientId>().ok());
    for Trusting { key, live, credentials } in identities {
        let wanted = DesiredIdentity {
            team: team.clone(),
            location: live.location.clone(),
            tags: Arc::new(live.tags.clone()),
            create: false,
        };
        desired.identities.insert(key.clone(), wanted);
        let name = free_name(asked, seen, credentials);
        let credential = DesiredCredential {
            team: team.clone(),
            trust: Trust::Cluster {
                cluster: ClusterName::from(asked.context),
                subject: subject::of_service_account(&seen.key.namespace, &seen.key.name),
            },
            audience: audience(&seen.facts),
        };
        let credential_key = FederatedCredentialKey { identity: key.clone(), name };
        desired.credentials.insert(credential_key, credential);
        // A pod may ask for another identity than its account names: then nothing is wanted of the annotations.
        if annotated == Some(live.client_id) {
            let expiration =
                account.and_then(|live| live.token_expiration.as_deref()?.parse().ok());
            let wanted = DesiredServiceAccount {
                team: team.clone(),
                identity: key.clone(),
                token_expiration: expiration.unwrap_or(USUAL_EXPIRATION),
                annotate_only: true,
            };
            desired.service_accounts.insert(seen.key.clone(), wanted);
        }
    }
    desired
}

/// A name for a credential of the account that no credential of the identity has.
fn free_name(
    asked: Asked<'_>,
    seen: &Seen,
    credentials: &Read<Vec<Arc<LiveFederatedCredential>>>,
) -> CredentialName {
    let whole = format!("{}-{}-{}", seen.key.namespace, seen.key.name, asked.context);
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let stem: String = whole.chars().map(plain).take(LONGEST_NAME).collect();
    let is_taken = |name: &str| {
        let listed = credentials.facts().into_iter().flatten();
        listed.into_iter().any(|live| is_same_name(live.name.as_str(), name))
    };
    let numbered = (2_u32..).map(|number| format!("{stem}-{number}"));
    let mut names = std::iter::once(stem.clone()).chain(numbered);
    CredentialName::new(names.find(|name| !is_taken(name)).unwrap_or_default())
}

/// What was read.
pub(super) fn observed(
    tenant: TenantId,
    asked: Asked<'_>,
    seen: &Seen,
    identities: Vec<Trusting>,
) -> ObservedState {
    let mut objects = ClusterObjects::of_no_estate(seen.webhook.clone());
    let accounts = &mut objects.service_accounts;
    match &seen.account {
        Read::Facts(Some(live)) => {
            accounts.found.insert(seen.key.clone(), Arc::new(live.clone()));
        }
        Read::Facts(None) => drop(accounts.missing.insert(seen.key.clone(), Read::Facts(()))),
        Read::Unread(unread) => {
            accounts.missing.insert(seen.key.clone(), Read::Unread(unread.clone()));
        }
    }
    let cluster = ObservedCluster {
        managed: None,
        discovered_issuer: Some(Read::Facts(seen.issuer.clone())),
        objects: Some(Read::Facts(objects)),
    };
    let mut state = ObservedState {
        tenant: Some(tenant),
        clusters: BTreeMap::from([(ClusterName::from(asked.context), cluster)]),
        ..ObservedState::default()
    };
    for Trusting { key, live, credentials } in identities {
        if let Some(subscription) = key.id().subscription() {
            let listed = state.identities.entry(subscription);
            let listed = listed.or_insert_with(|| Read::Facts(BTreeMap::new()));
            if let Read::Facts(listed) = listed {
                listed.insert(key.clone(), Arc::new(live));
            }
        }
        state.credentials.insert(key, credentials);
    }
    state
}
