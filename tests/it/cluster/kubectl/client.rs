//! The built `kubectl` and what it prints.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::oneshot;
use url::Url;
use widctl::sandbox;

use crate::cluster::control_plane::{control_plane, programs};
use crate::cluster::site::Site;
use crate::cluster::tools;

/// The files that command lines name.
const MANIFESTS: [(&str, &str); 9] = [
    ("account.yaml", include_str!("manifests/account.yaml")),
    ("bare.yaml", include_str!("manifests/bare.yaml")),
    ("binding.yaml", include_str!("manifests/binding.yaml")),
    ("held.yaml", include_str!("manifests/held.yaml")),
    ("made.yaml", include_str!("manifests/made.yaml")),
    ("namespace.yaml", include_str!("manifests/namespace.yaml")),
    ("other-team.yaml", include_str!("manifests/other-team.yaml")),
    ("role.yaml", include_str!("manifests/role.yaml")),
    ("smaller-role.yaml", include_str!("manifests/smaller-role.yaml")),
];

/// A `kubectl` on one of the grounds, and the transcript of what was done with it.
pub(super) struct Kubectl {
    site: Site,
    program: PathBuf,
    kubeconfig: PathBuf,
    folder: TempDir,
    transcript: String,
    /// Stops the sandbox on the socket.
    _stop: oneshot::Sender<()>,
}

impl Kubectl {
    /// The sandbox on a socket; `None` where `kubectl` cannot be built and need not be.
    pub(super) async fn on_the_sandbox() -> Option<Self> {
        let program = programs()?.join("kubectl");
        let mut site = Site::sandbox();
        site.namespace = "widctl-test-kubectl".into();
        site.world().grow_namespace("weu", &site.namespace);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            let _ = stopped.await;
        };
        tokio::spawn(sandbox::serve(site.world().clone(), listener, shutdown));
        let folder = TempDir::new().unwrap();
        let kubeconfig = folder.path().join("kubeconfig");
        let text = sandbox::kubeconfig(&site.world().clusters(), &base);
        fs::write(&kubeconfig, text).unwrap();
        Some(Self::new(site, program, kubeconfig, folder, stop))
    }

    /// The real control plane, as its administrator; `None` as above.
    pub(super) async fn on_a_real_cluster() -> Option<Self> {
        let plane = control_plane()?;
        if !plane.is_own() {
            tools::skip("what kubectl prints is known for one version of the server alone");
            return None;
        }
        let program = programs()?.join("kubectl");
        let site = Site::real().await?;
        let kubeconfig = plane.kubeconfig.clone();
        // A controller makes it.
        site.until(async || site.accounts().get("default").await.is_ok()).await;
        let (stop, _) = oneshot::channel();
        Some(Self::new(site, program, kubeconfig, TempDir::new().unwrap(), stop))
    }

    fn new(
        site: Site,
        program: PathBuf,
        kubeconfig: PathBuf,
        folder: TempDir,
        stop: oneshot::Sender<()>,
    ) -> Self {
        for (name, text) in MANIFESTS {
            let text = text.replace("NAMESPACE", &site.namespace);
            fs::write(folder.path().join(name), text).unwrap();
        }
        Self { site, program, kubeconfig, folder, transcript: String::new(), _stop: stop }
    }

    /// The story's own namespace, which command lines call `NAMESPACE`.
    pub(super) fn namespace(&self) -> &str {
        &self.site.namespace
    }

    /// Runs command lines one after the other.
    pub(super) async fn runs(&mut self, lines: &str) {
        for line in lines.lines().filter(|line| !line.is_empty()) {
            self.run(line).await;
        }
    }

    /// Runs one command line, writes down what it printed, and answers what of it was the result.
    pub(super) async fn run(&mut self, line: &str) -> String {
        let mut command = self.command(&self.kubeconfig);
        let asked = line.replace("NAMESPACE", &self.site.namespace);
        let done = command.args(words(&asked)).output().await.unwrap();
        let text = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).unwrap();
            text.replace(&self.site.namespace, "NAMESPACE")
        };
        let (stdout, stderr) = (text(done.stdout), text(done.stderr));
        let transcript = &mut self.transcript;
        writeln!(transcript, "$ kubectl {line}").unwrap();
        for printed in stdout.lines() {
            writeln!(transcript, "{printed}").unwrap();
        }
        for complaint in stderr.lines() {
            writeln!(transcript, "! {complaint}").unwrap();
        }
        if !done.status.success() {
            writeln!(transcript, "exit code {}", done.status.code().unwrap()).unwrap();
        }
        transcript.push('\n');
        stdout
    }

    /// Cleans up behind a story that succeeded.
    pub(super) async fn leave(self) {
        self.site.leave().await;
    }

    fn command(&self, kubeconfig: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg(format!("--namespace={}", self.site.namespace))
            .current_dir(self.folder.path())
            .env("KUBECONFIG", kubeconfig)
            .env("KUBECACHEDIR", self.folder.path().join("cache"))
            .env("HOME", self.folder.path())
            .env("TMPDIR", self.folder.path())
            .kill_on_drop(true);
        command
    }

    /// Compares the transcript with the golden one, which is the same for both grounds.
    pub(super) fn has_printed(&mut self, story: &str) {
        let transcript = std::mem::take(&mut self.transcript);
        insta::with_settings!({
            prepend_module_to_snapshot => false,
            omit_expression => true,
            filters => [
                (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UID"),
                (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"),
                (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ [+-]\d{4}", "TIME"),
                (r#"(esourceVersion"?: )"\d+""#, "${1}NUMBER"),
                (r"(Resource Version: +)\d+", "${1}NUMBER"),
                (r"\S*/(LIVE|MERGED)-\d+", "$1"),
                (r"eyJ[\w-]+\.[\w-]+\.[\w-]+", "TOKEN"),
                // What a watch that did not come about, or ended at once, leaves in the log.
                (r"(?m)^! [EIW]\d{4} .*\n", ""),
                // Columns are as wide as the longest name.
                (r"(\S)[ \t]{2,}", "$1  "),
                (r"(?m)[ \t]+$", ""),
                (r"(?m)  (\d+[smh])+(  |$)", "  AGE$2"),
            ],
        }, {
            insta::assert_snapshot!(story, transcript);
        });
    }
}

/// The words of a command line; quotes keep blanks together.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for sign in line.chars() {
        match sign {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(String::new()),
            _ => words.last_mut().unwrap().push(sign),
        }
    }
    words
}
