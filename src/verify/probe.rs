//! Which tokens are presented for identities that they are not for. Each is a failed sign-in where all is as it has to be,
//! so that no more are chosen than were asked for.

use std::collections::{BTreeMap, BTreeSet};

use crate::desired::naming;
use crate::desired::state::Trust;
use crate::model::kinds::federated_credential::FederatedCredentialKey;
use crate::model::kinds::identity::{IdentityKey, LiveIdentity};
use crate::model::text::TeamName;
use crate::observed::evidence::{ExchangeKey, Issued};
use crate::observed::read::Read;
use crate::plan::draft::Context;
use crate::plan::foreign;
use crate::plan::link::IdentityLink;
use crate::verify::scene::{Chain, Holder, Scene};

/// How many tokens are presented for identities of other teams, and what chooses them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Probing {
    /// The most.
    pub most: usize,
    /// The same seed chooses the same ones of the same estate.
    pub seed: i64,
}

/// A token of one team's account for an identity of another team's that does not trust it.
pub(super) struct Probe<'a> {
    /// Whose account it is.
    pub(super) from: &'a TeamName,
    pub(super) chain: &'a Chain<'a>,
    pub(super) identity: &'a IdentityKey,
    pub(super) key: ExchangeKey,
}

/// What was presented for the identities of one team.
pub(super) struct Probed<'a> {
    pub(super) team: &'a TeamName,
    pub(super) probes: Vec<Probe<'a>>,
}

/// The accounts and identities of a team that can take part.
#[derive(Default)]
struct Team<'a> {
    accounts: Vec<(&'a Chain<'a>, &'a TeamName)>,
    identities: Vec<(&'a IdentityKey, &'a LiveIdentity)>,
}

/// What is presented, by the team whose identities it is for.
pub(super) fn by_team<'a>(scene: &'a Scene<'a>) -> Vec<Probed<'a>> {
    let mut by_team: BTreeMap<&TeamName, Vec<Probe<'_>>> = BTreeMap::new();
    for (team, probe) in sample(scene) {
        by_team.entry(team).or_default().push(probe);
    }
    by_team.into_iter().map(|(team, probes)| Probed { team, probes }).collect()
}

/// At most as many as were asked for, each for another pair of teams: first those of teams that none has touched yet.
fn sample<'a>(scene: &'a Scene<'a>) -> Vec<(&'a TeamName, Probe<'a>)> {
    let most = scene.asking.probing.most;
    if most == 0 {
        return Vec::new();
    }
    let context = Context::new(scene.desired, scene.observed, &scene.asking.inputs);
    let teams = in_order(scene);
    choose(teams.len(), most, |from, to| {
        let ((_, from), (team, to)) = (&teams[from], &teams[to]);
        Some((*team, probe(scene, &context, from, to)?))
    })
}

/// The first so many pairs of which there is a probe: in a first pass those with something that none has touched yet.
fn choose<P>(
    count: usize,
    most: usize,
    mut probe: impl FnMut(usize, usize) -> Option<P>,
) -> Vec<P> {
    let mut touched = vec![false; count];
    let mut chosen = BTreeSet::new();
    let mut probes = Vec::new();
    for spreads in [true, false] {
        for pair @ (from, to) in pairs(count) {
            if probes.len() == most {
                return probes;
            }
            if (spreads && touched[from] && touched[to]) || chosen.contains(&pair) {
                continue;
            }
            if let Some(probe) = probe(from, to) {
                (touched[from], touched[to]) = (true, true);
                chosen.insert(pair);
                probes.push(probe);
            }
        }
    }
    probes
}

/// All pairs of so many things and each other, so that the first of them have as few things in common as can be.
fn pairs(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (1..count).flat_map(move |step| {
        let first = (0..count).step_by(2).chain((1..count).step_by(2));
        first.map(move |from| (from, (from + step) % count))
    })
}

/// The teams with what they have, all in an order that the seed makes.
fn in_order<'a>(scene: &'a Scene<'a>) -> Vec<(&'a TeamName, Team<'a>)> {
    let mut teams: BTreeMap<&TeamName, Team<'_>> = BTreeMap::new();
    for chain in &scene.chains {
        let told = scene.evidence.tokens.get(&chain.token_key());
        let is_given =
            told.is_some_and(|told| matches!(told.issued, Read::Facts(Issued::Token(_))));
        let account = scene.desired.service_accounts.get(&chain.account);
        if let (true, Some(account), Holder::Default(_)) = (is_given, account, chain.holder) {
            teams.entry(&account.team).or_default().accounts.push((chain, &account.team));
        }
    }
    for key in &scene.identities {
        let wanted = scene.desired.identities.get(*key);
        if let (Some(wanted), Some(IdentityLink::Live(live))) =
            (wanted, scene.links.identities.get(*key))
        {
            teams.entry(&wanted.team).or_default().identities.push((*key, live));
        }
    }
    let (estate, seed) = (scene.desired.estate.as_str(), scene.asking.probing.seed.to_string());
    let place = |name: &str| naming::digest(&[estate, &seed, name]);
    let mut teams: Vec<_> = teams.into_iter().collect();
    teams.sort_by_cached_key(|(name, _)| place(name.as_str()));
    for (_, team) in &mut teams {
        team.accounts.sort_by_cached_key(|(chain, _)| place(&chain.account.to_string()));
        team.identities.sort_by_cached_key(|(key, _)| place(&key.to_string()));
    }
    teams
}

/// The first token of one team and identity of another that does not trust it.
fn probe<'a>(
    scene: &Scene<'_>,
    context: &Context<'_>,
    from: &Team<'a>,
    to: &Team<'a>,
) -> Option<Probe<'a>> {
    let accounts = from.accounts.iter();
    let mut combined =
        accounts.flat_map(|account| to.identities.iter().map(move |to| (account, to)));
    let ((chain, team), (identity, live)) = combined
        .find(|((chain, _), (identity, _))| !is_trusted(scene, context, chain, identity))?;
    let key =
        ExchangeKey { token: chain.token_key(), tenant: live.tenant_id, client: live.client_id };
    Some(Probe { from: team, chain, identity, key })
}

/// Whether the profile lets the account in, by a credential or as what its policy calls meant.
fn is_trusted(
    scene: &Scene<'_>,
    context: &Context<'_>,
    chain: &Chain<'_>,
    identity: &IdentityKey,
) -> bool {
    let first = FederatedCredentialKey { identity: identity.clone(), name: "".into() };
    let wanted = scene.desired.credentials.range(first..);
    let mut wanted = wanted.take_while(|(key, _)| key.identity == *identity);
    let issuer = scene.expected_issuer(chain.cluster);
    let is_wanted = wanted.any(|(_, wanted)| match &wanted.trust {
        Trust::Cluster { cluster, subject } => (cluster, subject) == (chain.cluster, chain.subject),
        Trust::Federation { issuer: of, subject } => subject == chain.subject && Some(of) == issuer,
    });
    let live = scene.observed.credentials.get(identity).and_then(Read::facts);
    let is_meant = || {
        live.into_iter().flatten().any(|live| {
            Some(&live.issuer) == issuer
                && live.subject.as_ref().is_none_or(|subject| subject == chain.subject)
                && foreign::is_trusted(context, identity, live)
        })
    };
    is_wanted || is_meant()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{choose, pairs};

    #[test]
    fn what_few_pairs_have_is_chosen_before_others_come_again() {
        // The last one has one pair, which comes late.
        let probe = |from, to| (to != 4 && from != 4 || (from, to) == (4, 3)).then_some((from, to));
        let chosen = choose(5, 3, probe);
        assert_eq!(chosen, [(0, 1), (2, 3), (4, 3)]);
        assert_eq!(choose(5, 100, probe).len(), 4 * 3 + 1);
        assert_eq!(choose(1, 3, |_, _| Some(())), []);
    }

    #[test]
    fn each_ordered_pair_comes_once_and_every_thing_early() {
        for count in 0..8_usize {
            let all: Vec<_> = pairs(count).collect();
            assert_eq!(all.len(), count * count.saturating_sub(1));
            assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
            assert!(all.iter().all(|(from, to)| from != to));
            let first = all.iter().take(count.div_ceil(2));
            let touched: BTreeSet<_> = first.flat_map(|(from, to)| [from, to]).collect();
            assert!(count < 2 || touched.len() == count, "{count}");
        }
    }
}
