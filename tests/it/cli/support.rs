//! A folder to run the program in, and what came of a run.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::{fs, thread};

use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_widctl");
/// Longer than any run takes on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_mins(2);

/// A folder of its own, without any environment but a home and a path.
pub(crate) struct Stage {
    folder: TempDir,
    /// Variables of its runs; `None` takes one away.
    variables: BTreeMap<&'static str, Option<OsString>>,
}

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Stage {
    /// An empty folder.
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), variables: BTreeMap::new() }
    }

    /// Sets a variable for the runs to come, or takes it away.
    pub(crate) fn set(&mut self, name: &'static str, value: Option<impl Into<OsString>>) {
        self.variables.insert(name, value.map(Into::into));
    }

    /// A folder with the quickstart's profile in `teams.toml`.
    pub(crate) fn quickstart() -> Self {
        let stage = Self::new();
        stage.write("teams.toml", repository("profiles/quickstart.toml"));
        stage
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes a file anew with every `from` replaced, which it must hold.
    pub(crate) fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "`{name}` holds no `{from}`");
        self.write(name, text.replace(from, to));
    }

    /// The program with this command line, arguments separated by spaces, run in the folder.
    pub(crate) fn command(&self, line: &str) -> assert_cmd::Command {
        let mut command = assert_cmd::Command::new(PROGRAM);
        command
            .args(line.split_whitespace())
            .current_dir(self.folder.path())
            .env_clear()
            .envs(self.environment())
            .timeout(PATIENCE);
        command
    }

    /// Runs the program to its end.
    pub(crate) fn widctl(&self, line: &str) -> Ran {
        Ran::of(self.command(line))
    }

    /// Runs the program and expects an exit code.
    pub(crate) fn expect(&self, code: i32, line: &str) -> Ran {
        let ran = self.widctl(line);
        assert_eq!(ran.code, code, "{line}: {ran:#?}");
        ran
    }

    /// Starts the program and goes on.
    pub(crate) fn start(&self, line: &str) -> Started {
        let mut command = self.child(line);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Started::new(command.spawn().unwrap())
    }

    /// The program with this command line, for whoever has streams of their own.
    pub(crate) fn child(&self, line: &str) -> std::process::Command {
        let mut command = std::process::Command::new(PROGRAM);
        command
            .args(line.split_whitespace())
            .current_dir(self.folder.path())
            .env_clear()
            .envs(self.environment());
        command
    }

    fn environment(&self) -> BTreeMap<&'static str, OsString> {
        // Windows finds neither sockets nor temporary folders without the last two.
        let inherited = ["PATH", "SystemRoot", "TEMP"];
        let inherited = inherited.iter().filter_map(|name| Some((*name, std::env::var_os(name)?)));
        let mut variables: BTreeMap<_, _> =
            inherited.chain([("HOME", self.folder.path().into())]).collect();
        for (name, value) in &self.variables {
            match value {
                Some(value) => variables.insert(name, value.clone()),
                None => variables.remove(name),
            };
        }
        variables
    }
}

impl Ran {
    /// Runs a command to its end.
    pub(crate) fn of(mut command: assert_cmd::Command) -> Self {
        let output = command.output().unwrap();
        Self {
            code: output.status.code().expect("the run was in time"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The last line of the result.
    pub(crate) fn last(&self) -> &str {
        self.stdout.lines().last().unwrap_or_default()
    }

    /// The result as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// The result as a stream of JSON, one object a line.
    pub(crate) fn events(&self) -> Vec<Value> {
        let lines = self.stdout.lines();
        lines
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
            })
            .collect()
    }
}

/// A run that goes on.
pub(crate) struct Started {
    child: Child,
    lines: mpsc::Receiver<String>,
    seen: Vec<String>,
    stdout: Option<JoinHandle<String>>,
}

impl Started {
    /// Both streams become lines; those of stdout are also the result.
    fn new(mut child: Child) -> Self {
        let (sender, lines) = mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let of_stderr = sender.clone();
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = of_stderr.send(line);
            }
        });
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let stdout = thread::spawn(move || {
            let mut text = String::new();
            loop {
                let begun = text.len();
                match stdout.read_line(&mut text) {
                    Ok(0) | Err(_) => return text,
                    Ok(_) => drop(sender.send(text[begun..].trim_end().to_owned())),
                }
            }
        });
        Self { child, lines, seen: Vec::new(), stdout: Some(stdout) }
    }

    /// Waits for a line with this text on either stream and answers it.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let begun = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            let line = self.lines.recv_timeout(left);
            let line = line.unwrap_or_else(|_| panic!("no `{text}` in {:#?}", self.seen));
            self.seen.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Sends a signal, as `INT`.
    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let sent = std::process::Command::new("kill")
            .args([format!("-{name}"), self.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> Ran {
        let status = self.child.wait().unwrap();
        let stdout = self.stdout.take().unwrap().join().unwrap();
        self.seen.extend(self.lines.iter());
        Ran {
            code: status.code().expect("the program ended by itself"),
            stdout,
            stderr: self.seen.join("\n"),
        }
    }
}

impl Drop for Started {
    /// A test that fails leaves nothing running.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a text tells this, `error[WID-…]`, of the place that begins like this.
pub(crate) fn tells(text: &str, head: &str, place: &str) -> bool {
    let (head, place) = (format!("{head}: "), format!("\n  --> {place}"));
    let mut told = text.split("\n\n").filter_map(|part| part.split_once(head.as_str()));
    told.any(|(_, part)| part.contains(&place))
}

/// A file of the repository.
pub(crate) fn repository(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// A root profile of this estate with these clusters, and no team.
pub(crate) fn root(estate: &str, clusters: &[&str]) -> String {
    let clusters = clusters.iter().map(|name| {
        format!("[clusters.{name}]\nresource_group = \"rg-aks\"\nname = \"aks-{name}\"\n\n")
    });
    let clusters: String = clusters.collect();
    format!(
        r#"version = 1
estate = "{estate}"

[azure]
subscription = "00000000-0000-4000-8000-000000000001"
resource_group = "rg-workload-identity"
location = "westeurope"

{clusters}"#
    )
}

/// A team with one identity, one workload and a namespace of its own on these clusters.
pub(crate) fn team(name: &str, clusters: &[&str]) -> String {
    format!(
        r#"[[team]]
name = "{name}"
namespace = "{name}"
clusters = {clusters:?}
create_namespace = true

[[team.identity]]
name = "id-{name}"

[[team.workload]]
service_account = "app"

"#
    )
}
