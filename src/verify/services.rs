//! Calls of services with tokens of service accounts: what is asked to prove them.

use crate::desired::state::DesiredState;
use crate::model::kinds::service_account::ServiceAccountKey;
use crate::model::text::{Audience, ClusterName, TOKEN_EXCHANGE_AUDIENCE, TeamName};
use crate::observed::evidence::TokenKey;
use crate::profile::resolved::{Account, Caller, Service};

/// A service on a cluster and one of its callers there.
pub(super) struct Call<'a> {
    pub(super) team: &'a TeamName,
    pub(super) service: &'a Service,
    pub(super) cluster: &'a ClusterName,
    pub(super) caller: &'a Caller,
}

/// All calls of the profile.
pub(super) fn calls(desired: &DesiredState) -> impl Iterator<Item = Call<'_>> {
    let callers = desired.services.iter().flat_map(|(team, service)| {
        service.callers.iter().map(move |caller| (team, service, caller))
    });
    callers.flat_map(|(team, service, caller)| {
        caller.clusters.iter().map(move |cluster| Call { team, service, cluster, caller })
    })
}

impl Call<'_> {
    pub(super) fn address(&self) -> String {
        let Account { namespace, name } = &self.caller.account;
        let service = &self.service.name;
        format!("{}/service/{}/{service}/{namespace}/{name}", self.cluster, self.team)
    }

    pub(super) fn account(&self, account: &Account) -> ServiceAccountKey {
        ServiceAccountKey::new(
            self.cluster.clone(),
            account.namespace.clone(),
            account.name.clone(),
        )
    }

    /// A token of an account for the service.
    pub(super) fn token(&self, account: &Account) -> TokenKey {
        TokenKey { account: self.account(account), audience: self.service.audience.clone() }
    }

    /// A token of the caller that is not for the service.
    pub(super) fn stray_token(&self) -> TokenKey {
        TokenKey {
            account: self.account(&self.caller.account),
            audience: Audience::from(TOKEN_EXCHANGE_AUDIENCE),
        }
    }

    /// The tokens that the check needs: the caller's, another account's, and one for another audience.
    pub(super) fn tokens(&self) -> [TokenKey; 3] {
        [self.token(&self.caller.account), self.token(&self.service.account), self.stray_token()]
    }
}
