//! A stage whose runs find a served sandbox by the way of real services: a cloud file, the environment's
//! sign-in and a kubeconfig, without `--sandbox`.

use std::fmt::Write;
use std::net::TcpListener;

use widctl::sandbox::{PRINCIPAL_CLIENT_ID, STATIC_TOKEN, World};

use super::support::{Stage, Started, root, team};

/// A stage with a served sandbox.
pub(super) struct Served {
    pub(super) stage: Stage,
    /// Where the sandbox is, without a slash at the end.
    pub(super) base: String,
    _running: Started,
}

impl Served {
    /// Serves what a profile assumes, with faults.
    pub(super) fn new(profile: &str, faults: &str) -> Self {
        let mut stage = Stage::new();
        stage.write("teams.toml", profile);
        stage.write("faults.toml", faults);
        let serve = "sandbox serve --file sandbox.json --profile teams.toml --faults faults.toml";
        let mut served = stage.start(serve);
        let line = served.wait_for("Serving the sandbox on ");
        let base = line.split(' ').next_back().unwrap().trim_end_matches('/');
        let base = base.to_owned();
        served.wait_for("Ctrl-C stops it");
        stage.write(
            "clouds.toml",
            format!(
                "[clouds.double]\narm = \"{base}\"\nauthority_host = \"{base}\"\n\
                 arm_audience = \"https://management.azure.com\"\n"
            ),
        );
        stage.set("WIDCTL_CLOUD_FILE", Some(stage.path("clouds.toml")));
        stage.set("AZURE_TENANT_ID", Some(World::in_memory().tenant()));
        stage.set("AZURE_CLIENT_ID", Some(PRINCIPAL_CLIENT_ID));
        stage.set("AZURE_CLIENT_SECRET", Some("any"));
        Self { stage, base, _running: served }
    }

    /// Gives the runs to come another profile with these pinned clusters.
    pub(super) fn profile(&self, pinned: &[&str]) {
        self.stage.write("teams.toml", profile(pinned));
    }

    /// The API server of a cluster that is pinned to the context of the same name.
    pub(super) fn server(&self, name: &str) -> String {
        format!("{}/clusters/{name}-{name}", self.base)
    }

    /// Writes the kubeconfig of the home directory.
    pub(super) fn kubeconfig(&self, entries: &[Entry]) {
        self.stage.write(".kube/config", kubeconfig(entries));
    }
}

/// A context of a kubeconfig with a cluster and a user of the same name.
pub(super) struct Entry {
    pub(super) name: &'static str,
    /// What stands below `cluster:`, in YAML's flow style without the braces.
    pub(super) cluster: String,
    /// What stands below `user:`, in the same way.
    pub(super) user: String,
}

impl Entry {
    /// A context that signs in to a server with the sandbox's token.
    pub(super) fn new(name: &'static str, server: &str) -> Self {
        Self {
            name,
            cluster: format!("server: \"{server}\""),
            user: format!("token: {STATIC_TOKEN}"),
        }
    }

    /// With more below `cluster:`.
    pub(super) fn and(mut self, cluster: &str) -> Self {
        self.cluster = format!("{}, {cluster}", self.cluster);
        self
    }

    /// With another way to sign in.
    pub(super) fn user(mut self, user: impl Into<String>) -> Self {
        self.user = user.into();
        self
    }

    /// Signs in with an exec plugin that is this line of shell.
    pub(super) fn plugin(self, line: &str) -> Self {
        self.user(format!(
            "exec: {{apiVersion: client.authentication.k8s.io/v1, command: sh, args: [-c, {line:?}]}}"
        ))
    }
}

/// A kubeconfig of these contexts.
pub(super) fn kubeconfig(entries: &[Entry]) -> String {
    let mut text = "apiVersion: v1\nkind: Config\n".to_owned();
    let mut list = |title: &str, line: &dyn Fn(&Entry) -> String| {
        writeln!(text, "{title}:").unwrap();
        for entry in entries {
            writeln!(text, "- {{name: {}, {}}}", entry.name, line(entry)).unwrap();
        }
    };
    list("clusters", &|entry| format!("cluster: {{{}}}", entry.cluster));
    list("contexts", &|entry| format!("context: {{cluster: {0}, user: {0}}}", entry.name));
    list("users", &|entry| format!("user: {{{}}}", entry.user));
    text
}

/// A root profile with the AKS cluster `weu` and clusters that are pinned to contexts of their names, and
/// one team for every ten clusters: an identity takes no more than twenty.
pub(super) fn profile(pinned: &[&str]) -> String {
    let mut text = root("acme", &["weu"]).replace("[azure]\n", "[azure]\ncloud = \"double\"\n");
    for name in pinned {
        write!(
            text,
            "[clusters.{name}]\ncontext = \"{name}\"\nissuer = \"https://oidc.contoso.com/{name}\"\n\n"
        )
        .unwrap();
    }
    let all: Vec<&str> = std::iter::once("weu").chain(pinned.iter().copied()).collect();
    for (number, clusters) in all.chunks(10).enumerate() {
        text.push_str(&team(&format!("team-{number}"), clusters));
    }
    text
}

/// An address on loopback that nobody listens on.
pub(super) fn dead() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    format!("https://{address}")
}

/// A listener that takes connections into its backlog and never says a word. It is there while it is held.
pub(super) fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}
