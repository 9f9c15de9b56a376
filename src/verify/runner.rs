//! Runs the checks. Only this makes a check skipped.

use std::collections::BTreeMap;

use crate::model::kinds::identity::IdentityKey;
use crate::model::kinds::service_account::ServiceAccountKey;
use crate::model::text::{ClusterName, TeamName};
use crate::observed::evidence::{ExchangeKey, Exchanged};
use crate::observed::read::Read;
use crate::verify::checks::{exchange, pods};
use crate::verify::controllers;
use crate::verify::controllers::team_in;
use crate::verify::probe::{self, Probed};
use crate::verify::results::{CheckResult, Outcome, Probes, Results, SubjectKind, SubjectResults};
use crate::verify::scene::{Case, Chain, Federation, Scene};
use crate::verify::services::Call;
use crate::verify::table::{CHECKS, CONTROLLER, Check, EXCHANGE, INJECTION, LABEL, Run};
use crate::verify::verdict::Verdict;
use crate::verify::workloads::{Used, account};

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
    let mut by_account: BTreeMap<&ServiceAccountKey, Known> = BTreeMap::new();
    let mut accounts = Vec::new();
    for chain in &scene.chains {
        let (checks, known) = of_account(scene, chain, &by_cluster[chain.cluster]);
        if chain.is_annotated() {
            by_account.insert(&chain.account, known);
        }
        accounts.push(SubjectResults {
            kind: SubjectKind::Account,
            address: chain.account.to_string(),
            identity: Some(chain.key.identity.name().to_owned()),
            team: scene.team(Some(&chain.wanted.team)),
            cluster: Some(chain.cluster.clone()),
            checks,
        });
    }
    let workloads = scene.workloads.used.iter().map(|used| {
        let key = &used.workload.key;
        let mut accounts = used.workload.templates.iter().map(|pod| account(used.workload, pod));
        let known = accounts.find_map(|account| by_account.get(&account));
        let known = known.or_else(|| by_cluster.get(&key.cluster));
        SubjectResults {
            kind: if key.kind.is_pod() { SubjectKind::Pod } else { SubjectKind::Workload },
            address: key.to_string(),
            identity: None,
            team: scene.team(used.team),
            cluster: Some(key.cluster.clone()),
            checks: of_used(scene, used, known.cloned().unwrap_or_default()),
        }
    });
    let unlisted = scene.workloads.unlisted.iter().map(|(cluster, team, unlisted)| {
        let address = format!("{cluster}/{}/{}/*", unlisted.kind.name, unlisted.namespace);
        SubjectResults {
            kind: SubjectKind::Workload,
            address,
            identity: None,
            team: scene.team(*team),
            cluster: Some((*cluster).clone()),
            checks: alone(LABEL, &pods::unlisted(unlisted)),
        }
    });
    let federations = scene.federations.iter().map(|federation| SubjectResults {
        kind: SubjectKind::Federation,
        address: federation.key.to_string(),
        identity: Some(federation.key.identity.name().to_owned()),
        team: Some(federation.wanted.team.clone()),
        cluster: None,
        checks: of_federation(scene, federation),
    });
    let probed = probe::by_team(scene);
    let teams = probed.iter().map(|probed| SubjectResults {
        kind: SubjectKind::Team,
        address: probed.team.to_string(),
        identity: None,
        team: Some(probed.team.clone()),
        cluster: None,
        checks: of_team(scene, probed),
    });
    let mut by_team: Vec<SubjectResults> =
        identities.chain(accounts).chain(workloads).chain(unlisted).chain(teams).collect();
    by_team.extend(federations);
    by_team.extend(of_controllers(scene));
    by_team.extend(of_calls(scene, &by_account, &by_cluster));
    by_team.sort_by(|one, other| one.team.cmp(&other.team));
    subjects.extend(by_team);
    Results { subjects, probes: probes_of(scene) }
}

/// How many tokens were presented for identities of other teams.
fn probes_of(scene: &Scene<'_>) -> Option<Probes> {
    let asked = scene.asking.probing.most;
    let said = &scene.evidence.probes;
    let is_refused =
        |said: &&Read<Exchanged>| matches!(said, Read::Facts(Exchanged::Refused { .. }));
    let refused = said.values().filter(is_refused).count();
    (asked > 0).then_some(Probes { asked, made: said.len(), refused })
}

/// The exchanges that have to be refused, of tokens that were given.
pub fn probes(scene: &Scene<'_>) -> Vec<ExchangeKey> {
    let teams = probe::by_team(scene).into_iter();
    teams.flat_map(|probed| probed.probes).map(|probe| probe.key).collect()
}

/// What is said of something by one check alone.
fn alone(code: &str, verdict: &Verdict) -> Vec<CheckResult> {
    let check = CHECKS.iter().filter(|check| check.code == code);
    let outcome = || Outcome::Checked(verdict.clone());
    check.map(|Check { code, title, .. }| CheckResult { code, title, outcome: outcome() }).collect()
}

/// The objects of controllers, and those that could not be listed.
fn of_controllers(scene: &Scene<'_>) -> Vec<SubjectResults> {
    let subject =
        |address, team: Option<&TeamName>, cluster: &ClusterName, checks| SubjectResults {
            kind: SubjectKind::Workload,
            address,
            identity: None,
            team: team.cloned(),
            cluster: Some(cluster.clone()),
            checks,
        };
    let mut subjects = Vec::new();
    for used in controllers::used(scene) {
        let case = Case { scene, subject: &used };
        let run = |check: &Check| {
            let Run::Controller(run) = check.run else { return None };
            Some(run(&case))
        };
        let key = &used.object.key;
        let checks = checked(Known::new(), run).0;
        subjects.push(subject(key.to_string(), used.team, &key.cluster, checks));
    }
    for (cluster, survey) in &scene.evidence.surveys {
        for (kind, namespace, unread) in &survey.controllers.unread {
            let place = namespace.as_ref().map(|name| format!("{name}/")).unwrap_or_default();
            let team = namespace.as_ref().and_then(|name| team_in(scene, cluster, name));
            let checks = alone(CONTROLLER, &Verdict::unread(&*unread.why));
            let address = format!("{cluster}/{}/{place}*", kind.name);
            subjects.push(subject(address, team, cluster, checks));
        }
    }
    subjects
}

/// The exchanges that can be tried: everything that they need has passed.
pub fn exchanges(scene: &Scene<'_>) -> Vec<ExchangeKey> {
    if !scene.asking.exchanges {
        return Vec::new();
    }
    let clusters = scene.clusters.iter().map(|name| (*name, of_cluster(scene, name).1));
    let by_cluster: BTreeMap<&ClusterName, Known> = clusters.collect();
    let ready = scene.chains.iter().filter(|chain| {
        let (_, known) = of_account(scene, chain, &by_cluster[chain.cluster]);
        matches!(known.get(EXCHANGE), Some(Outcome::Checked(_)))
    });
    ready.filter_map(|chain| Case { scene, subject: chain }.exchange_key()).collect()
}

fn of_cluster(scene: &Scene<'_>, name: &ClusterName) -> (Vec<CheckResult>, Known) {
    checked(Known::new(), |check| {
        let Run::Cluster(run) = check.run else { return None };
        Some(run(&Case { scene, subject: name }))
    })
}

fn of_identity(scene: &Scene<'_>, key: &IdentityKey) -> Vec<CheckResult> {
    let run = |check: &Check| {
        let Run::Identity(run) = check.run else { return None };
        Some(run(&Case { scene, subject: key }))
    };
    checked(Known::new(), run).0
}

fn of_account(scene: &Scene<'_>, chain: &Chain<'_>, cluster: &Known) -> (Vec<CheckResult>, Known) {
    checked(cluster.clone(), |check| {
        let Run::Account(run) = check.run else { return None };
        Some(run(&Case { scene, subject: chain }))
    })
}

/// What makes pods is checked for its template, and a pod for what it was given. Both are said of a pod that nothing
/// known has made.
fn of_used(scene: &Scene<'_>, used: &Used<'_>, known: Known) -> Vec<CheckResult> {
    let is_pod = used.workload.key.kind.is_pod();
    let has_template = !is_pod || scene.workloads.owner(used.workload).is_none();
    let case = Case { scene, subject: used };
    let run = |check: &Check| match check.run {
        Run::Template(run) => has_template.then(|| run(&case)),
        Run::Pod(run) => is_pod.then(|| run(&case)),
        Run::Cluster(_)
        | Run::Identity(_)
        | Run::Account(_)
        | Run::Team(_)
        | Run::Federation(_)
        | Run::Controller(_)
        | Run::Call(_) => None,
    };
    checked(known, run).0
}

fn of_federation(scene: &Scene<'_>, federation: &Federation<'_>) -> Vec<CheckResult> {
    let run = |check: &Check| {
        let Run::Federation(run) = check.run else { return None };
        Some(run(&Case { scene, subject: federation }))
    };
    checked(Known::new(), run).0
}

/// Calls of services. What is known of a caller's account counts for its calls.
fn of_calls(
    scene: &Scene<'_>,
    by_account: &BTreeMap<&ServiceAccountKey, Known>,
    by_cluster: &BTreeMap<&ClusterName, Known>,
) -> Vec<SubjectResults> {
    let of_call = |call: &Call<'_>| {
        let known = by_account.get(&call.account(&call.caller.account));
        let known = known.or_else(|| by_cluster.get(call.cluster));
        let run = |check: &Check| {
            let Run::Call(run) = check.run else { return None };
            Some(run(&Case { scene, subject: call }))
        };
        SubjectResults {
            kind: SubjectKind::Service,
            address: call.address(),
            identity: None,
            team: Some(call.team.clone()),
            cluster: Some(call.cluster.clone()),
            checks: checked(known.cloned().unwrap_or_default(), run).0,
        }
    };
    scene.calls.iter().map(of_call).collect()
}

fn of_team(scene: &Scene<'_>, probed: &Probed<'_>) -> Vec<CheckResult> {
    let run = |check: &Check| {
        let Run::Team(run) = check.run else { return None };
        Some(run(&Case { scene, subject: probed }))
    };
    checked(Known::new(), run).0
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
        let blocked = check.needs.iter().find_map(|need| blocks(need, known.get(need)?, check));
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
fn blocks(need: &'static str, outcome: &Outcome, check: &Check) -> Option<&'static str> {
    match outcome {
        Outcome::Skipped { blocked_by } => Some(blocked_by),
        Outcome::Checked(Verdict::Fail(finding)) if finding.spares.contains(&check.code) => None,
        // What can be told of the webhook from its registration alone may be little; the pod for show tells the rest.
        Outcome::Checked(Verdict::Unknown { .. }) if check.code == INJECTION => None,
        outcome if outcome.lets_on() => None,
        Outcome::Checked(_) => Some(need),
    }
}
