//! Runs the checks. Only this makes a check skipped.

use std::collections::BTreeMap;

use crate::model::kinds::identity::IdentityKey;
use crate::model::text::ClusterName;
use crate::observed::evidence::{ExchangeKey, Exchanged};
use crate::observed::read::Read;
use crate::verify::checks::exchange;
use crate::verify::results::{CheckResult, Outcome, Results, SubjectKind, SubjectResults};
use crate::verify::scene::{Case, Chain, Scene};
use crate::verify::table::{CHECKS, Check, EXCHANGE, Run};
use crate::verify::verdict::Verdict;

/// What came of the checks that others need.
type Known = BTreeMap<&'static str, Outcome>;

/// Runs all checks of a scene.
pub fn run(scene: &Scene<'_>) -> Results {
    let mut subjects = Vec::new();
    let mut by_cluster: BTreeMap<&ClusterName, Known> = BTreeMap::new();
    for name in &scene.clusters {
        let (checks, known) = of_cluster(scene, name);
        by_cluster.insert(name, known);
        subjects.push(SubjectResults {
            kind: SubjectKind::Cluster,
            address: name.to_string(),
            identity: None,
            team: None,
            cluster: Some((*name).clone()),
            checks,
        });
    }
    let identities = scene.identities.iter().map(|key| SubjectResults {
        kind: SubjectKind::Identity,
        address: key.to_string(),
        identity: None,
        team: scene.desired.identities.get(*key).map(|wanted| wanted.team.clone()),
        cluster: None,
        checks: of_identity(scene, key),
    });
    let workloads = scene.chains.iter().map(|chain| SubjectResults {
        kind: SubjectKind::Account,
        address: chain.account.to_string(),
        identity: Some(chain.key.identity.name().to_owned()),
        team: Some(chain.wanted.team.clone()),
        cluster: Some(chain.cluster.clone()),
        checks: of_workload(scene, chain, &by_cluster[chain.cluster]).0,
    });
    let mut by_team: Vec<SubjectResults> = identities.chain(workloads).collect();
    by_team.sort_by(|one, other| one.team.cmp(&other.team));
    subjects.extend(by_team);
    Results { subjects }
}

/// The exchanges that can be tried: everything that they need has passed.
pub fn exchanges(scene: &Scene<'_>) -> Vec<ExchangeKey> {
    if !scene.asking.exchanges {
        return Vec::new();
    }
    let clusters = scene.clusters.iter().map(|name| (*name, of_cluster(scene, name).1));
    let by_cluster: BTreeMap<&ClusterName, Known> = clusters.collect();
    let ready = scene.chains.iter().filter(|chain| {
        let (_, known) = of_workload(scene, chain, &by_cluster[chain.cluster]);
        matches!(known.get(EXCHANGE), Some(Outcome::Checked(_)))
    });
    ready.filter_map(|chain| Case { scene, subject: chain }.exchange_key()).collect()
}

fn of_cluster(scene: &Scene<'_>, name: &ClusterName) -> (Vec<CheckResult>, Known) {
    checked(Known::new(), |check| match check.run {
        Run::Cluster(run) => Some(run(&Case { scene, subject: name })),
        Run::Identity(_) | Run::Account(_) => None,
    })
}

fn of_identity(scene: &Scene<'_>, key: &IdentityKey) -> Vec<CheckResult> {
    let run = |check: &Check| match check.run {
        Run::Identity(run) => Some(run(&Case { scene, subject: key })),
        Run::Cluster(_) | Run::Account(_) => None,
    };
    checked(Known::new(), run).0
}

fn of_workload(scene: &Scene<'_>, chain: &Chain<'_>, cluster: &Known) -> (Vec<CheckResult>, Known) {
    checked(cluster.clone(), |check| match check.run {
        Run::Account(run) => Some(run(&Case { scene, subject: chain })),
        Run::Cluster(_) | Run::Identity(_) => None,
    })
}

/// Of the exchanges those that may succeed once Entra knows what was written.
pub fn propagating<'a>(
    exchanges: impl IntoIterator<Item = (&'a ExchangeKey, &'a Read<Exchanged>)>,
) -> Vec<ExchangeKey> {
    let late = exchanges.into_iter().filter(|(_, said)| match said {
        Read::Facts(Exchanged::Refused { code: Some(code), .. }) => exchange::may_pass(*code),
        Read::Facts(Exchanged::Refused { code: None, .. } | Exchanged::Granted(_))
        | Read::Unread(_) => false,
    });
    late.map(|(key, _)| key.clone()).collect()
}

/// Runs the checks that are about a subject; `run` answers nothing for the others.
fn checked(mut known: Known, run: impl Fn(&Check) -> Option<Verdict>) -> (Vec<CheckResult>, Known) {
    let mut checks = Vec::new();
    for check in CHECKS {
        let blocked = check.needs.iter().find_map(|need| blocks(need, known.get(need)?));
        let outcome = match (blocked, run(check)) {
            (_, None) => continue,
            (Some(blocked_by), Some(_)) => Outcome::Skipped { blocked_by },
            (None, Some(verdict)) => Outcome::Checked(verdict),
        };
        known.insert(check.code, outcome.clone());
        checks.push(CheckResult { code: check.code, title: check.title, outcome });
    }
    (checks, known)
}

/// The check that is in the way behind one that is needed.
fn blocks(need: &'static str, outcome: &Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Skipped { blocked_by } => Some(blocked_by),
        outcome if outcome.lets_on() => None,
        Outcome::Checked(_) => Some(need),
    }
}
