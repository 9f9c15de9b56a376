//! Which rows `--team` and `--cluster` select. They select what is reported and written, never what is
//! compared: with filtered inputs everything of everybody else would look left over.

use std::collections::BTreeSet;

use wildmatch::WildMatch;

use crate::desired::state::{DesiredState, Trust};
use crate::model::kinds::identity::IdentityKey;
use crate::model::text::{ClusterName, Namespace, TeamName};
use crate::plan::contents::Compared;
use crate::plan::inputs::PlanInputs;
use crate::profile::suggest::did_you_mean;

/// The rows that are selected, and what they depend on.
pub(crate) struct Selection<'a> {
    teams: Vec<WildMatch>,
    clusters: Vec<WildMatch>,
    /// What the selected rows need; empty without a filter.
    identities: BTreeSet<&'a IdentityKey>,
    namespaces: BTreeSet<(&'a ClusterName, &'a Namespace)>,
    used_clusters: BTreeSet<&'a ClusterName>,
}

impl<'a> Selection<'a> {
    /// Reads the globs; without any, everything is selected.
    pub(crate) fn new(desired: &'a DesiredState, inputs: &PlanInputs) -> Self {
        let globs = |texts: &[String]| texts.iter().map(|text| WildMatch::new(text)).collect();
        let mut selection = Self {
            teams: globs(&inputs.teams),
            clusters: globs(&inputs.clusters),
            identities: BTreeSet::new(),
            namespaces: BTreeSet::new(),
            used_clusters: BTreeSet::new(),
        };
        selection.take_accounts(desired);
        selection.take_credentials(desired);
        selection
    }

    fn take_credentials(&mut self, desired: &'a DesiredState) {
        for (key, credential) in &desired.credentials {
            let cluster = match &credential.trust {
                Trust::Cluster { cluster, .. } => Some(cluster),
                Trust::Federation { .. } => None,
            };
            if !self.has_row(&credential.team, cluster) {
                continue;
            }
            self.used_clusters.extend(cluster);
            if self.is_filtered() {
                self.identities.insert(&key.identity);
            }
        }
    }

    fn take_accounts(&mut self, desired: &'a DesiredState) {
        for (key, account) in &desired.service_accounts {
            if !self.has_row(&account.team, Some(&key.cluster)) {
                continue;
            }
            self.used_clusters.insert(&key.cluster);
            if self.is_filtered() {
                self.identities.insert(&account.identity);
                self.namespaces.insert((&key.cluster, &key.namespace));
            }
        }
    }

    /// Whether anything is left out.
    pub(crate) fn is_filtered(&self) -> bool {
        !self.teams.is_empty() || !self.clusters.is_empty()
    }

    /// Whether teams alone are chosen, all of which leave: everything of them is left over.
    pub(crate) fn is_of_retired(&self, desired: &DesiredState) -> bool {
        let is_chosen = |team: &&TeamName| matches(&self.teams, Some(team.as_str()));
        let mut chosen = desired.teams.iter().filter(is_chosen);
        !self.teams.is_empty()
            && self.clusters.is_empty()
            && chosen.all(|team| desired.retired.teams.contains(team))
    }

    /// Whether a credential or a Kubernetes object is selected.
    pub(crate) fn has_row(&self, team: &TeamName, cluster: Option<&ClusterName>) -> bool {
        self.has_leftover(Some(team), cluster)
    }

    /// Whether something left over is selected, of which the team or the cluster may be unknown.
    pub(crate) fn has_leftover(
        &self,
        team: Option<&TeamName>,
        cluster: Option<&ClusterName>,
    ) -> bool {
        matches(&self.teams, team.map(TeamName::as_str))
            && matches(&self.clusters, cluster.map(ClusterName::as_str))
    }

    /// Whether an identity and its roles are selected, for themselves or as a dependency.
    pub(crate) fn has_identity(&self, key: &IdentityKey, team: &TeamName) -> bool {
        self.has_row(team, None) || self.identities.contains(key)
    }

    /// Whether a namespace is selected: where a selected account lives in it.
    pub(crate) fn has_namespace(&self, cluster: &ClusterName, namespace: &Namespace) -> bool {
        !self.is_filtered() || self.namespaces.contains(&(cluster, namespace))
    }

    /// What of the profile is compared.
    pub(crate) fn compared(&self, desired: &DesiredState) -> Compared {
        let (teams, other_teams) = matched(&self.teams, desired.teams.iter());
        let (clusters, other_clusters) = matched(&self.clusters, desired.clusters.keys());
        Compared { teams, clusters, other_teams, other_clusters }
    }

    /// Whether a selected row needs the cluster.
    pub(crate) fn uses_cluster(&self, cluster: &ClusterName) -> bool {
        self.used_clusters.contains(cluster)
    }
}

/// A filter that matches nothing, or that cannot be: whoever wrote it meant something else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unmatched {
    /// Which one.
    pub what: String,
    /// What there is instead.
    pub hint: String,
}

/// Whether the filters choose teams alone, all of which leave.
pub fn is_of_retired(desired: &DesiredState, inputs: &PlanInputs) -> bool {
    Selection::new(desired, inputs).is_of_retired(desired)
}

/// The first filter that matches nothing of the profile, or that narrows a prune of what stays.
pub fn unmatched(desired: &DesiredState, inputs: &PlanInputs) -> Option<Unmatched> {
    let teams: Vec<&str> = desired.teams.iter().map(TeamName::as_str).collect();
    let clusters: Vec<&str> = desired.clusters.keys().map(ClusterName::as_str).collect();
    let filters = [
        ("--team", "team", &inputs.teams, teams),
        ("--cluster", "cluster", &inputs.clusters, clusters),
    ];
    for (flag, noun, globs, names) in filters {
        let is_lost = |glob: &&String| {
            let glob = WildMatch::new(glob);
            !names.iter().any(|name| glob.matches(name))
        };
        if let Some(glob) = globs.iter().find(is_lost) {
            let what = format!("`{flag} {glob}` matches no {noun} of the profile");
            let hint = match names.len() {
                0 => format!("leave it out: the profile has no {noun}"),
                _ => did_you_mean(glob, names),
            };
            return Some(Unmatched { what, hint });
        }
    }
    if inputs.prune && !is_of_retired(desired, inputs) {
        return Some(Unmatched {
            what: "`--prune` takes `--team` only of teams that leave, and no `--cluster`"
                .to_owned(),
            hint: "prune without a filter, or say `retired = true` of the team".to_owned(),
        });
    }
    let is_narrowed_twice = !inputs.teams.is_empty() && !inputs.clusters.is_empty();
    let is_nothing = || Selection::new(desired, inputs).used_clusters.is_empty();
    (is_narrowed_twice && is_nothing()).then(|| Unmatched {
        what: format!(
            "no team of `--team {}` has a workload on a cluster of `--cluster {}`",
            inputs.teams.join(" --team "),
            inputs.clusters.join(" --cluster ")
        ),
        hint: "leave out `--team` or `--cluster`".to_owned(),
    })
}

/// The names that globs match, and how many others there are; without globs there is nothing to name.
fn matched<N: AsRef<str>>(
    globs: &[WildMatch],
    names: impl ExactSizeIterator<Item = N>,
) -> (Option<Vec<String>>, usize) {
    if globs.is_empty() {
        return (None, 0);
    }
    let all = names.len();
    let is_matched = |name: &N| globs.iter().any(|glob| glob.matches(name.as_ref()));
    let matched: Vec<String> =
        names.filter(is_matched).map(|name| name.as_ref().to_owned()).collect();
    let others = all - matched.len();
    (Some(matched), others)
}

fn matches(globs: &[WildMatch], text: Option<&str>) -> bool {
    globs.is_empty() || text.is_some_and(|text| globs.iter().any(|glob| glob.matches(text)))
}
