//! The program itself against a real cluster, with the sandbox for Azure.

use std::path::PathBuf;

use widctl::ports::read::ClusterRead;
use widctl::sandbox::{PRINCIPAL_CLIENT_ID, World};

use super::control_plane::impersonate;
use super::site::{Ground, Site};
use crate::cli::support::{Ran, Stage, Started};

/// Stands for the site's namespace; the estate is called like it, so that no test sees another's objects.
const NAMESPACE: &str = "NAMESPACE";

/// An estate whose one cluster is real.
pub(super) struct Estate {
    pub(super) site: Site,
    pub(super) stage: Stage,
    kubeconfig: PathBuf,
    _azure: Started,
}

impl Estate {
    /// An estate with the team `data` and these workloads and identities, TOML; `None` where there is no
    /// cluster and none is required.
    pub(super) async fn new(team: &str) -> Option<Self> {
        Self::with(|_| team.to_owned()).await
    }

    /// The same with what the site says.
    pub(super) async fn with(team: impl FnOnce(&Site) -> String) -> Option<Self> {
        let site = Site::real().await?;
        let team = team(&site);
        let Ground::Real(plane) = &site.ground else {
            unreachable!("the site is real");
        };
        let kubeconfig = plane.kubeconfig.clone();
        let context = kube::config::Kubeconfig::read_from(&plane.kubeconfig).unwrap();
        let context = context.current_context.unwrap();
        let issuer = site.cluster.issuer().await.unwrap();
        let stage = Stage::new();
        let profile = format!(
            r#"version = 1
estate = "{NAMESPACE}"

[azure]
cloud = "double"
subscription = "00000000-0000-4000-8000-000000000001"
resource_group = "rg-workload-identity"
location = "westeurope"

[clusters.real]
context = "{context}"
issuer = "{issuer}"

[[team]]
name = "data"
namespace = "{NAMESPACE}"
clusters = ["real"]

{team}"#
        );
        stage.write("teams.toml", profile.replace(NAMESPACE, &site.namespace));
        let mut azure = stage.start("sandbox serve --profile teams.toml");
        let line = azure.wait_for("Serving the sandbox on ");
        let base = line.split(' ').next_back().unwrap();
        azure.wait_for("Ctrl-C stops it");
        let clouds = format!(
            "[clouds.double]\narm = \"{base}\"\nauthority_host = \"{base}\"\narm_audience = \
             \"https://management.azure.com\"\n"
        );
        stage.write("clouds.toml", clouds);
        Some(Self { site, stage, kubeconfig, _azure: azure })
    }

    /// From now on the program is run by the kubeconfig that a scheduled job mounts, with what this cluster has in the
    /// place of its pod's address, authority and token.
    pub(super) fn use_own_account(&mut self) {
        let read = kube::config::Kubeconfig::read_from(self.plane()).unwrap();
        let cluster = read.clusters[0].cluster.as_ref().unwrap();
        let authority = std::fs::read(cluster.certificate_authority.as_ref().unwrap()).unwrap();
        self.stage.write("pod/own/ca.crt", authority);
        self.stage.edit(
            "pod/kubeconfig/config",
            "https://kubernetes.default.svc",
            cluster.server.as_ref().unwrap(),
        );
        let own = self.stage.path("pod/own");
        let own = own.to_str().unwrap();
        let mounted = "/var/run/secrets/kubernetes.io/serviceaccount";
        self.stage.edit("pod/kubeconfig/config", mounted, own);
        self.kubeconfig = self.stage.path("pod/kubeconfig/config");
    }

    /// From now on the program is run as the administrator.
    pub(super) fn use_administrator(&mut self) {
        self.kubeconfig = self.plane().to_owned();
    }

    fn plane(&self) -> &'static std::path::Path {
        let Ground::Real(plane) = &self.site.ground else { unreachable!("the site is real") };
        &plane.kubeconfig
    }

    /// From now on the program is run as this user.
    pub(super) fn impersonate(&mut self, user: &str) {
        let mut kubeconfig = kube::config::Kubeconfig::read_from(&self.kubeconfig).unwrap();
        impersonate(&mut kubeconfig, user);
        let text = serde_json::to_string(&kubeconfig).unwrap();
        self.stage.write("impersonating.kubeconfig", text);
        self.kubeconfig = self.stage.path("impersonating.kubeconfig");
    }

    /// Runs the program and expects an exit code.
    pub(super) fn expect(&self, code: i32, line: &str) -> Ran {
        let mut command = self.stage.command(line);
        command
            .env("KUBECONFIG", &self.kubeconfig)
            .env("WIDCTL_CLOUD_FILE", self.stage.path("clouds.toml"))
            .env("AZURE_TENANT_ID", World::in_memory().tenant())
            .env("AZURE_CLIENT_ID", PRINCIPAL_CLIENT_ID)
            .env("AZURE_CLIENT_SECRET", "any");
        let ran = Ran::of(command);
        assert_eq!(ran.code, code, "{line}: {ran:#?}");
        ran
    }
}
