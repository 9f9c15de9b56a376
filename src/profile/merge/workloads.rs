//! Workloads: which identity, which namespace, which clusters.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::IdentityIndex;
use super::clusters::MergedCluster;
use super::identities::IdentityNames;
use super::retired;
use crate::model::kinds::rbac::PolicyRule;
use crate::model::rule::rules;
use crate::model::text::{Audience, ClusterName, Namespace, ObjectName, TOKEN_EXCHANGE_AUDIENCE};
use crate::presets::Preset;
use crate::profile::findings::{Finding, Findings};
use crate::profile::read::collections::Items;
use crate::profile::read::names::IdentityName;
use crate::profile::read::rules::TOO_LARGE;
use crate::profile::read::texts::Text;
use crate::profile::read::{At, Required};
use crate::profile::resolved::{Mode, Workload};
use crate::profile::schema::{RootFile, RuleTable, TeamTable, WorkloadTable};
use crate::profile::source::{Span, quoted};

rules! {
    NO_IDENTITY = "WID-NO-IDENTITY", Check;
        "every workload has one identity of its own",
        "A workload's account is annotated with exactly one identity. It may be left out only where the team has exactly one.",
        "Add a `[[team.identity]]`, or name the workload's `identity`.";
    UNKNOWN_IDENTITY = "WID-UNKNOWN-IDENTITY", Check;
        "a workload's identities are in the profile",
        "The profile has no identity of that name. One that exists already is in the profile with `create = false`.",
        "Correct the name, or add the identity to the team.";
    NO_NAMESPACE = "WID-NO-NAMESPACE", Check;
        "every workload has a namespace",
        "Neither the workload nor its team names a namespace, and widctl assumes none.",
        "Add `namespace` to the team or to the workload.";
    NO_CLUSTER = "WID-NO-CLUSTER", Check;
        "every workload runs on a cluster of its team",
        "Neither the workload nor its team names a cluster, or the workload names one that is not among the team's.",
        "Add the cluster to `clusters` of the team; a workload's own `clusters` are some of these.";
    UNKNOWN_CLUSTER = "WID-UNKNOWN-CLUSTER", Check;
        "clusters are in the root file",
        "The root file has no `[clusters.NAME]` of that name.",
        "Correct the name, or add the cluster to the root file.";
}

/// A complete workload.
#[derive(Debug)]
pub(crate) struct MergedWorkload<'a> {
    /// The table.
    pub(crate) table: &'a At<WorkloadTable>,
    /// Where its account's name stands.
    pub(crate) name_at: Span,
    /// Where its namespace stands, in the workload or its team.
    pub(crate) namespace_at: Span,
    /// Its identity, and where that is named.
    pub(crate) identity: (IdentityIndex, Span),
    /// The identities that trust it besides, and where they are named.
    pub(crate) extra_identities: Vec<(IdentityIndex, Span)>,
    /// The workload.
    pub(crate) resolved: Workload,
}

/// What workloads refer to.
pub(crate) struct Workloads<'m, 'a> {
    /// The root file.
    pub(crate) root: &'a RootFile,
    /// The clusters.
    pub(crate) clusters: &'m BTreeMap<ClusterName, Option<MergedCluster<'a>>>,
    /// The identities of all teams.
    pub(crate) names: &'m IdentityNames<'a>,
    /// How many pairs of an identity and a cluster all workloads have so far.
    pub(crate) pairs: Cell<usize>,
}

/// The most pairs of an identity and a cluster that all workloads have. Lists multiply: a few megabytes
/// of text can ask for more credentials than memory holds.
const MOST_PAIRS: usize = 500_000;
/// How many of a team's identities a message names.
const MOST_NAMED: usize = 10;

/// A team, and what its workloads ask of it, found once for all of them.
struct Team<'a> {
    table: &'a At<TeamTable>,
    /// Whether it has an identity whose name could not be read.
    unread: bool,
    clusters: BTreeSet<&'a ClusterName>,
}

impl<'a> Team<'a> {
    fn new(table: &'a At<TeamTable>) -> Self {
        let mut identities = table.identity.items().iter();
        let clusters = table.clusters.items().iter();
        Self {
            table,
            unread: identities.any(|identity| identity.name.get().is_none()),
            clusters: clusters.map(|name| &name.value).collect(),
        }
    }
}

/// A workload's identity: which, its name in its own table, and where the workload names it.
type Chosen = (IdentityIndex, String, Span);

impl<'a> Workloads<'_, 'a> {
    /// The complete workloads of a team.
    pub(crate) fn merge(
        &self,
        team: &'a At<TeamTable>,
        findings: &mut Findings,
    ) -> Vec<MergedWorkload<'a>> {
        self.report_unknown_clusters(team.clusters.items(), findings);
        let (identities, workloads) = (team.identity.items(), team.workload.items());
        let is_empty = identities.is_empty() && workloads.is_empty();
        if team.intact && is_empty && !retired::is_retired(team) {
            let at = team.name.get().map_or(team.at, |name| name.at);
            findings.add(
                Finding::new(&NO_IDENTITY, at, "the team has no identity and no workload")
                    .hint("add `[[team.identity]]`, or remove the team"),
            );
        }
        let team = Team::new(team);
        workloads.iter().filter_map(|table| self.workload(&team, table, findings)).collect()
    }

    /// The workload; `None` where something of it is missing or wrong, which was reported.
    fn workload(
        &self,
        of_team: &Team<'a>,
        table: &'a At<WorkloadTable>,
        findings: &mut Findings,
    ) -> Option<MergedWorkload<'a>> {
        let team = of_team.table;
        self.report_unknown_clusters(table.clusters.items(), findings);
        let identity = self.identity(of_team, table, findings);
        let named = table.extra_identities.items().iter();
        let extra: Option<Vec<Chosen>> =
            named.map(|name| self.named_identity(name, of_team, findings)).collect();
        let namespace = table.namespace.as_ref().or(team.namespace.as_ref());
        let clusters = self.clusters(of_team, table, findings);
        let account = table.service_account.get();
        if namespace.is_none() && table.intact && team.intact {
            findings.add(
                Finding::new(
                    &NO_NAMESPACE,
                    account.map_or(table.at, |account| account.at),
                    "the workload has no namespace",
                )
                .hint("add `namespace` to the team, or to the workload"),
            );
        }
        let (identity, identity_name, identity_at) = identity?;
        let (account, namespace, extra) = (account?, namespace?, extra?);
        let clusters = clusters.filter(|_| table.intact && team.intact)?;
        let mode = table.mode.as_ref().map_or(Mode::Manage, |mode| mode.value);
        let create = team.create_namespace.as_ref().is_some_and(|create| create.value);
        let audience = table.audience.as_ref().map(|audience| audience.value.clone());
        let resolved = Workload {
            service_account: account.value.clone(),
            namespace: namespace.value.clone(),
            // An account that somebody else owns has its namespace; trust-only leaves the cluster alone.
            create_namespace: create && mode == Mode::Manage,
            clusters,
            identity: identity_name,
            extra_identities: extra.iter().map(|(_, name, _)| name.clone()).collect(),
            audience: audience.unwrap_or_else(|| Audience::from(TOKEN_EXCHANGE_AUDIENCE)),
            token_expiration: table.token_expiration.as_ref().map_or(3_600, |time| time.value.0),
            mode,
            preset: table.preset.as_ref().map(|preset| preset.value),
            controller: table.preset.as_ref().and_then(|preset| self.controller(preset.value)),
            rules: rules(table.rule.items())?,
        };
        Some(MergedWorkload {
            table,
            name_at: account.at,
            namespace_at: namespace.at,
            identity: (identity, identity_at),
            extra_identities: extra.into_iter().map(|(index, _, at)| (index, at)).collect(),
            resolved,
        })
    }

    /// The account that the root file names for a preset.
    fn controller(&self, preset: &Preset) -> Option<(Namespace, ObjectName)> {
        let controllers = self.root.policy.as_ref()?.value.0.controllers.as_ref()?;
        let mut named = controllers.value.0.iter();
        let (_, account) = named.find(|(named, _)| named.value == preset)?;
        Some((account.0.clone(), account.1.clone()))
    }

    fn identity(
        &self,
        of_team: &Team<'_>,
        table: &At<WorkloadTable>,
        findings: &mut Findings,
    ) -> Option<Chosen> {
        if let Some(name) = &table.identity {
            return self.named_identity(name, of_team, findings);
        }
        let team = of_team.table;
        let own = team.identity.items();
        if let [only] = own {
            let name = only.name.get()?;
            let found = self.names.get(&name.folded())?;
            return Some((found.index?, found.name.to_owned(), name.at));
        }
        if table.intact && team.intact {
            let at = table.service_account.get().map_or(table.at, |account| account.at);
            let (message, hint) = if own.is_empty() {
                (
                    "the workload names no identity and its team has none",
                    "add `[[team.identity]]`".into(),
                )
            } else {
                let names = own.iter().filter_map(|identity| identity.name.get());
                let names = names.map(|name| quoted(&name.0)).take(MOST_NAMED);
                let names: Vec<String> = names.collect();
                let others = if own.len() > MOST_NAMED { ", …" } else { "" };
                (
                    "the workload names no identity and its team has several",
                    format!("add `identity`, one of {}{others}", names.join(", ")),
                )
            };
            findings.add(Finding::new(&NO_IDENTITY, at, message).hint(hint));
        }
        None
    }

    fn named_identity(
        &self,
        name: &At<IdentityName>,
        team: &Team<'_>,
        findings: &mut Findings,
    ) -> Option<Chosen> {
        if let Some(found) = self.names.get(&name.folded()) {
            if retired::is_retired(found.team) && !retired::is_retired(team.table) {
                let what = format!("identity {}", quoted(found.name));
                findings.add(retired::used(&what, found.team, name.at));
            }
            return Some((found.index?, found.name.to_owned(), name.at));
        }
        // The name of an identity that could not be read may be the one that is meant.
        if team.table.intact && !team.unread {
            let known = self.names.values().map(|identity| identity.name);
            let message = format!("there is no identity {}", quoted(&name.0));
            let hint =
                findings.suggest(&name.0, known).unwrap_or_else(|| UNKNOWN_IDENTITY.fix.into());
            findings.add(Finding::new(&UNKNOWN_IDENTITY, name.at, message).hint(hint));
        }
        None
    }

    /// The clusters of a workload, sorted.
    fn clusters(
        &self,
        of_team: &Team<'a>,
        table: &'a At<WorkloadTable>,
        findings: &mut Findings,
    ) -> Option<Vec<ClusterName>> {
        let team = of_team.table;
        for name in table.clusters.items() {
            let foreign = !of_team.clusters.is_empty() && !of_team.clusters.contains(&name.value);
            if foreign && self.clusters.contains_key(&name.value) {
                let message = format!("cluster {} is not one of the team's", quoted(name.as_str()));
                let finding = Finding::new(&NO_CLUSTER, name.at, message);
                let at = team.clusters.as_ref().map_or(name.at, |list| list.at);
                findings.add(
                    finding
                        .related(at, "the team's clusters")
                        .hint("add it to the team's `clusters`, or remove it here"),
                );
            }
        }
        let own: BTreeSet<&ClusterName>;
        let chosen = if table.clusters.is_some() {
            let names = table.clusters.items().iter();
            own = names.map(|name| &name.value).collect();
            &own
        } else {
            &of_team.clusters
        };
        let place = || {
            let account = table.service_account.get();
            account.map_or(table.at, |account| account.at)
        };
        if chosen.is_empty() && table.intact && team.intact {
            findings.add(
                Finding::new(&NO_CLUSTER, place(), "the workload has no cluster")
                    .hint("add `clusters` to the team, `clusters = [\"…\"]`"),
            );
        }
        let before = self.pairs.get();
        let identities = 1 + table.extra_identities.items().len();
        self.pairs.set(before + chosen.len() * identities);
        if self.pairs.get() > MOST_PAIRS {
            if before <= MOST_PAIRS {
                let message = format!(
                    "up to here, workloads have more than {MOST_PAIRS} pairs of an identity and a cluster"
                );
                findings.add(Finding::new(&TOO_LARGE, place(), message));
            }
            return None;
        }
        let known = |name: &&ClusterName| self.clusters.get(*name).is_some_and(Option::is_some);
        let complete = !chosen.is_empty() && chosen.iter().all(known);
        complete.then(|| chosen.iter().copied().cloned().collect())
    }

    fn report_unknown_clusters(&self, named: &[At<ClusterName>], findings: &mut Findings) {
        if self.root.clusters.is_none() && !self.root.intact {
            return;
        }
        for name in named {
            if !self.clusters.contains_key(&name.value) {
                let known = self.clusters.keys().map(ClusterName::as_str);
                let message = format!("there is no cluster {}", quoted(name.as_str()));
                let hint = findings.suggest(name.as_str(), known).unwrap_or_else(|| {
                    format!("add `[clusters.{}]` to the root file", name.as_str())
                });
                findings.add(Finding::new(&UNKNOWN_CLUSTER, name.at, message).hint(hint));
            }
        }
    }
}

/// RBAC rules, sorted and without repeats; `None` where one could not be read.
fn rules(tables: &[At<RuleTable>]) -> Option<Vec<PolicyRule>> {
    let mut rules: Vec<PolicyRule> =
        tables.iter().map(|rule| policy_rule(rule)).collect::<Option<_>>()?;
    rules.sort();
    rules.dedup();
    Some(rules)
}

fn policy_rule(rule: &RuleTable) -> Option<PolicyRule> {
    if !rule.intact {
        return None;
    }
    let required = |list: &Required<Vec<At<Text>>>| {
        let texts = list.get()?.value.iter().map(|text| Arc::clone(&text.0));
        Some(sorted(texts))
    };
    let api_groups = match &rule.api_groups {
        Some(groups) => sorted(groups.value.iter().map(|group| Arc::clone(&group.0))),
        None => vec![Arc::from("")],
    };
    Some(PolicyRule {
        api_groups,
        resources: required(&rule.resources)?,
        resource_names: sorted(rule.resource_names.items().iter().map(|name| Arc::clone(&name.0))),
        verbs: required(&rule.verbs)?,
    })
}

fn sorted(texts: impl Iterator<Item = Arc<str>>) -> Vec<Arc<str>> {
    let mut texts: Vec<Arc<str>> = texts.collect();
    texts.sort();
    texts.dedup();
    texts
}
