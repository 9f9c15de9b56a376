//! Estates of any size, as profile texts.

use std::fmt::Write;

use widctl::profile::SourceFile;

/// The subscription of everything.
pub(crate) const SUBSCRIPTION: &str = "00000000-0000-4000-8000-000000000001";

/// How large an estate is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Teams, each with a file, an identity and a namespace of its own.
    pub(crate) teams: usize,
    /// Service accounts of each team.
    pub(crate) accounts: usize,
    /// Clusters; each account lives on one of them, in turn by team.
    pub(crate) clusters: usize,
}

impl Size {
    /// Workloads in all.
    pub(crate) fn workloads(self) -> usize {
        self.teams * self.accounts
    }
}

/// The files of an estate: a root file and one for each team.
pub(crate) fn files(size: Size) -> Vec<SourceFile> {
    let root = SourceFile { path: "widctl.toml".into(), text: root(size).into_bytes() };
    let teams = (0..size.teams).map(|team| SourceFile {
        path: format!("teams/team-{team:05}.toml"),
        text: self::team(size, team).into_bytes(),
    });
    std::iter::once(root).chain(teams).collect()
}

fn root(size: Size) -> String {
    let mut text = format!(
        "version = 1\nestate = \"bench\"\n\n[azure]\nsubscription = \"{SUBSCRIPTION}\"\n\
         resource_group = \"rg-workload-identity\"\nlocation = \"westeurope\"\n"
    );
    for cluster in 0..size.clusters {
        write!(
            text,
            "\n[clusters.c{cluster:03}]\nresource_group = \"rg-aks\"\nname = \"aks-{cluster:03}\"\n"
        )
        .expect("writing to a string does not fail");
    }
    text
}

fn team(size: Size, team: usize) -> String {
    let cluster = team % size.clusters;
    let mut text = format!(
        "[[team]]\nname = \"team-{team:05}\"\nnamespace = \"team-{team:05}\"\n\
         clusters = [\"c{cluster:03}\"]\ncreate_namespace = true\n\n\
         [[team.identity]]\nname = \"id-team-{team:05}\"\n"
    );
    for account in 0..size.accounts {
        write!(text, "\n[[team.workload]]\nservice_account = \"account-{account:03}\"\n")
            .expect("writing to a string does not fail");
    }
    text
}
