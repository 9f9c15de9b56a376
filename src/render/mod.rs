//! What the systems that run workloads are configured with: a profile, and what a target is given beside it, become
//! named documents. Nothing is read or written here. Another target is another file and a row of [`TARGETS`].

mod admission;
mod airflow;
mod argo;
pub mod cronjob;
mod kubernetes;
mod prefect;
mod prefect_operator;
mod prefect_template;
mod presets;
mod service_auth;
mod status;
mod yaml;

use crate::model::text::ClusterName;
use crate::profile::SourceFile;
use crate::profile::resolved::{Profile, Team};
use crate::profile::suggest::did_you_mean;

/// What documents are made of.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// The profile.
    pub profile: &'a Profile,
    /// Its files.
    pub files: &'a [SourceFile],
    /// The one team whose workloads are rendered.
    pub team: Option<&'a str>,
    /// The one cluster that is rendered for.
    pub cluster: Option<&'a str>,
    /// The caller's own base job template of Prefect.
    pub base: Option<&'a str>,
    /// Where workers of Prefect reach its API.
    pub prefect_api_url: Option<&'a str>,
    /// What `widctl status --format json` printed.
    pub status: Option<&'a str>,
    /// How a job in the cluster runs.
    pub job: cronjob::Job<'a>,
}

/// Something to be written as a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Document {
    /// The file's name, unique among the documents of a target; `/` is between folders.
    pub name: String,
    /// Its text.
    pub text: String,
    /// What people do with it, a line each; `FILE` stands for where it is.
    pub next: Vec<String>,
}

/// Why there is no document.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{what}")]
pub struct Unrendered {
    /// What is wrong.
    pub what: String,
    /// What fixes it.
    pub hint: String,
    /// Whether the command line is, and not a file.
    pub is_usage: bool,
}

impl<'a> Given<'a> {
    /// A profile with nothing beside it.
    pub fn new(profile: &'a Profile) -> Self {
        let job = cronjob::Job { image: None, schedule: "@hourly", run: cronjob::Run::Check };
        Self {
            profile,
            files: &[],
            team: None,
            cluster: None,
            base: None,
            prefect_api_url: None,
            status: None,
            job,
        }
    }

    /// The teams that are rendered: the chosen one, or all.
    fn teams(&self) -> Result<Vec<&'a Team>, Unrendered> {
        let teams = &self.profile.teams;
        let Some(name) = self.team else { return Ok(teams.iter().collect()) };
        let found = teams.iter().find(|team| team.name.as_str() == name);
        found.map(|team| vec![team]).ok_or_else(|| {
            if self.profile.retired.iter().any(|team| team.name.as_str() == name) {
                let what = format!("team `{name}` leaves, so nothing is rendered for it");
                return Unrendered::usage(what, "leave `--team` out, or name another team");
            }
            let names = teams.iter().map(|team| team.name.as_str());
            Unrendered::usage(format!("there is no team `{name}`"), did_you_mean(name, names))
        })
    }

    /// Those of these clusters that are rendered for.
    fn chosen<'c>(
        &self,
        clusters: impl IntoIterator<Item = &'c ClusterName>,
    ) -> impl Iterator<Item = &'c ClusterName> {
        let only = self.cluster;
        clusters.into_iter().filter(move |cluster| only.is_none_or(|only| cluster.as_str() == only))
    }

    /// That the chosen teams have nothing of this on the chosen clusters.
    fn nobody_has(&self, what: &str) -> String {
        let on = self.cluster.map_or(String::new(), |cluster| format!(" on cluster `{cluster}`"));
        match self.team {
            None => format!("no team has a {what}{on}"),
            Some(team) => format!("team `{team}` has no {what}{on}"),
        }
    }

    /// What chooses fewer documents, as it is written.
    pub fn choices(&self) -> Vec<&'static str> {
        let Profile { teams, clusters, .. } = self.profile;
        let team = (self.team.is_none() && teams.len() > 1).then_some("`--team NAME`");
        let cluster = (self.cluster.is_none() && clusters.len() > 1).then_some("`--cluster NAME`");
        team.into_iter().chain(cluster).collect()
    }
}

impl Unrendered {
    /// The command line or the profile does not fit the target.
    fn usage(what: String, hint: impl Into<String>) -> Self {
        Self { what, hint: hint.into(), is_usage: true }
    }
}

/// A value as a file.
fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}

/// What can be rendered.
#[derive(Debug)]
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is, for people.
    pub title: &'static str,
    render: fn(&Given<'_>) -> Result<Vec<Document>, Unrendered>,
}

/// Every target.
pub static TARGETS: &[Target] = &[
    admission::TARGET,
    prefect::TARGET,
    prefect_operator::TARGET,
    argo::TARGET,
    airflow::TARGET,
    service_auth::TARGET,
    kubernetes::KUBERNETES,
    kubernetes::KUSTOMIZE,
    kubernetes::FLUX,
    cronjob::TARGET,
];

impl Target {
    /// The documents, sorted by name.
    pub fn render(&self, given: &Given<'_>) -> Result<Vec<Document>, Unrendered> {
        if let Some(name) = given.cluster
            && !given.profile.clusters.keys().any(|cluster| cluster.as_str() == name)
        {
            let known = given.profile.clusters.keys().map(ClusterName::as_str);
            let hint = did_you_mean(name, known);
            return Err(Unrendered::usage(format!("there is no cluster `{name}`"), hint));
        }
        let mut documents = (self.render)(given)?;
        documents.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(documents)
    }
}
