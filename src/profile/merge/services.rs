//! Services: which account takes tokens, and of whom.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{MergedTeam, retired};
use crate::model::text::{ClusterName, Namespace, ObjectName};
use crate::profile::findings::{Finding, Findings};
use crate::profile::read::At;
use crate::profile::read::collections::Items;
use crate::profile::read::rules::TOO_LARGE;
use crate::profile::read::services::{CallerName, SERVICE_CALLER, ServiceName, TeamAccount};
use crate::profile::resolved::{Account, Caller, Service};
use crate::profile::schema::ServiceTable;
use crate::profile::source::{Span, quoted};

/// A complete service.
#[derive(Debug)]
pub(crate) struct MergedService<'a> {
    /// The table.
    pub(crate) table: &'a At<ServiceTable>,
    /// Its team's index.
    pub(crate) team: usize,
    /// Its name.
    pub(crate) name: &'a At<ServiceName>,
    /// Where its audience stands.
    pub(crate) audience_at: Span,
    /// Where each of its callers is named.
    pub(crate) callers_at: Vec<Span>,
    /// The service.
    pub(crate) resolved: Service,
}

/// The most pairs of a caller and a cluster that all services have: lists multiply.
const MOST_PAIRS: usize = 100_000;

/// The accounts of workloads: by team's index and name, their namespaces and clusters.
type Accounts<'m> =
    BTreeMap<(usize, &'m ObjectName), BTreeMap<&'m Namespace, BTreeSet<&'m ClusterName>>>;

/// Merges the services of all teams. `all_named` says whether each team's name could be read.
pub(crate) fn merge<'a>(
    teams: &[MergedTeam<'a>],
    all_named: bool,
    findings: &mut Findings,
) -> Vec<MergedService<'a>> {
    let mut accounts = Accounts::new();
    for (index, team) in teams.iter().enumerate() {
        for workload in team.workloads.iter().map(|workload| &workload.resolved) {
            let namespaces = accounts.entry((index, &workload.service_account)).or_default();
            namespaces.entry(&workload.namespace).or_default().extend(&workload.clusters);
        }
    }
    let by_name = teams.iter().enumerate().map(|(index, team)| (team.name.as_str(), index));
    let services =
        Services { teams, by_name: by_name.collect(), accounts, all_named, pairs: Cell::new(0) };
    let tables = teams.iter().enumerate().flat_map(|(index, team)| {
        team.table.service.items().iter().map(move |table| (index, table))
    });
    tables.filter_map(|(team, table)| services.service(team, table, findings)).collect()
}

struct Services<'m, 'a> {
    teams: &'m [MergedTeam<'a>],
    by_name: BTreeMap<&'m str, usize>,
    accounts: Accounts<'m>,
    all_named: bool,
    /// How many pairs of a caller and a cluster all services have so far.
    pairs: Cell<usize>,
}

impl<'m, 'a> Services<'m, 'a> {
    /// The service; `None` where something of it is missing or wrong, which was reported.
    fn service(
        &self,
        team: usize,
        table: &'a At<ServiceTable>,
        findings: &mut Findings,
    ) -> Option<MergedService<'a>> {
        let account =
            table.account.get().and_then(|name| self.account((team, ""), name, name.at, findings));
        let named = table.callers.get();
        if let Some(empty) = named.filter(|named| named.is_empty()) {
            let finding = Finding::new(&SERVICE_CALLER, empty.at, "the service has no caller");
            findings.add(finding.hint("name the accounts that call it, or remove the service"));
        }
        let named = named.filter(|named| !named.is_empty())?;
        let callers: Vec<_> = named.iter().map(|name| self.caller(team, name, findings)).collect();
        let callers: Option<Vec<_>> = callers.into_iter().collect();
        let (name, audience) = (table.name.get()?, table.audience.get()?);
        let ((account, clusters), callers) = (account.filter(|_| table.intact)?, callers?);
        self.pairs.set(self.pairs.get() + callers.len().saturating_mul(clusters.len()));
        if self.pairs.get() > MOST_PAIRS {
            let message = format!(
                "up to here, services have more than {MOST_PAIRS} pairs of a caller and a cluster"
            );
            findings.add(Finding::new(&TOO_LARGE, table.at, message));
            return None;
        }
        let callers = callers.into_iter().map(|(team, account, of_caller)| Caller {
            team: self.teams[team].name.value.clone(),
            account,
            clusters: of_caller.intersection(clusters).copied().cloned().collect(),
        });
        let resolved = Service {
            name: name.0.clone(),
            audience: audience.0.clone(),
            account,
            clusters: clusters.iter().copied().cloned().collect(),
            callers: callers.collect(),
        };
        let callers_at = named.iter().map(|name| name.at).collect();
        let audience_at = audience.at;
        Some(MergedService { table, team, name, audience_at, callers_at, resolved })
    }

    /// The account that a service of the team `of` names.
    fn caller(
        &self,
        of: usize,
        name: &'m At<CallerName>,
        findings: &mut Findings,
    ) -> Option<(usize, Account, &BTreeSet<&'m ClusterName>)> {
        let CallerName(team, account) = &name.value;
        let Some(team) = self.by_name.get(team.as_str()) else {
            // The team whose name could not be read may be the one that is meant.
            if self.all_named {
                let message = format!("there is no team {}", quoted(team.as_str()));
                let hint = findings.suggest(team.as_str(), self.by_name.keys().copied());
                let hint = hint.unwrap_or_else(|| SERVICE_CALLER.fix.into());
                findings.add(Finding::new(&SERVICE_CALLER, name.at, message).hint(hint));
            }
            return None;
        };
        let [leaves, owner] = [of, *team].map(|team| self.teams[team].table);
        if retired::is_retired(owner) && !retired::is_retired(leaves) {
            let what = format!("caller {}", quoted(&format!("{}/{}", name.0, account.name)));
            findings.add(retired::used(&what, owner, name.at));
            return None;
        }
        let prefix = format!("{}/", name.0);
        let (account, clusters) = self.account((*team, &prefix), account, name.at, findings)?;
        Some((*team, account, clusters))
    }

    /// An account of a team's workloads and its clusters. The profile writes `prefix` before it.
    fn account(
        &self,
        (team, prefix): (usize, &str),
        account: &'m TeamAccount,
        at: Span,
        findings: &mut Findings,
    ) -> Option<(Account, &BTreeSet<&'m ClusterName>)> {
        let TeamAccount { namespace: meant, name } = account;
        let found = self.accounts.get(&(team, name)).into_iter().flatten();
        let is_meant =
            |namespace: &Namespace| meant.as_ref().is_none_or(|meant| meant == namespace);
        let mut found = found.filter(|(namespace, _)| is_meant(namespace));
        let Some((namespace, clusters)) = found.next() else {
            if let Some(finding) = self.unknown(team, account, at, findings) {
                findings.add(finding);
            }
            return None;
        };
        if let Some((other, _)) = found.next() {
            let message = format!(
                "team {} has account {} in several namespaces",
                quoted(self.teams[team].name.as_str()),
                quoted(name.as_str())
            );
            let hint = format!(
                "write its namespace before it, `{prefix}{namespace}/{name}` or `{prefix}{other}/{name}` for instance"
            );
            findings.add(Finding::new(&SERVICE_CALLER, at, message).hint(hint));
            return None;
        }
        let account = Account { namespace: (*namespace).clone(), name: name.clone() };
        Some((account, clusters))
    }

    /// An account that no workload of the team has. A workload that could not be read may be the one that is meant.
    fn unknown(
        &self,
        team: usize,
        TeamAccount { namespace, name }: &TeamAccount,
        at: Span,
        findings: &Findings,
    ) -> Option<Finding> {
        let team = &self.teams[team];
        if !team.table.intact || team.workloads.len() < team.table.workload.items().len() {
            return None;
        }
        let mut message = format!(
            "team {} has no workload with account {}",
            quoted(team.name.as_str()),
            quoted(name.as_str())
        );
        let known = team.workloads.iter().map(|workload| &workload.resolved);
        let hint = if let Some(namespace) = namespace {
            let _ = write!(message, " in namespace {}", quoted(namespace.as_str()));
            let of_name = known.clone().filter(|workload| workload.service_account == *name);
            let namespaces = of_name.map(|workload| workload.namespace.as_str());
            findings.suggest(namespace.as_str(), namespaces)
        } else {
            findings.suggest(name.as_str(), known.map(|known| known.service_account.as_str()))
        };
        let hint = hint.unwrap_or_else(|| SERVICE_CALLER.fix.into());
        Some(Finding::new(&SERVICE_CALLER, at, message).hint(hint))
    }
}
