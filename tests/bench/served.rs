//! A sandbox in a process of its own, as services are, that takes its time.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Instant;

use url::Url;

/// Seconds that the services take: a read, a list, a write.
const READ: f64 = 0.06;
pub(crate) const LIST: f64 = 0.1;
pub(crate) const WRITE: f64 = 0.3;
const FAULTS: &str = "latency = { read_ms = 60, list_ms = 100, write_ms = 300 }\n";
/// How often the stand-in is asked for what it takes.
const PROBES: usize = 15;

/// Stops when it is dropped.
pub(crate) struct Served {
    pub(crate) base: Url,
    process: Child,
    /// Stays open for what the process still has to say.
    _output: BufReader<ChildStdout>,
}

/// Seconds that a lone request takes, by whoever only waits for the bytes of its answer.
#[derive(Clone, Copy)]
pub(crate) struct Takes {
    pub(crate) read: f64,
    pub(crate) list: f64,
    pub(crate) write: f64,
}

impl Served {
    /// Serves what the profile in a folder assumes, from the folder's `state`.
    pub(crate) fn start(folder: &Path) -> Self {
        let state = folder.join("state");
        std::fs::create_dir_all(&state).expect("a folder can be made");
        std::fs::write(state.join("faults"), FAULTS).expect("a file can be written");
        let mut process = Command::new(super::WIDCTL)
            .args(["sandbox", "serve", "--port", "0", "--file"])
            .arg(state.join("sandbox.json"))
            .arg("--faults")
            .arg(state.join("faults"))
            .arg("--profile")
            .arg(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("widctl starts");
        let mut output = BufReader::new(process.stdout.take().expect("it is piped"));
        let mut line = String::new();
        output.read_line(&mut line).expect("it says where it serves");
        let base = line.trim().strip_prefix("Serving the sandbox on ").map(Url::parse);
        let base = base.expect("it says where it serves").expect("that is an address");
        Self { base, process, _output: output }
    }

    /// What requests take: beyond what it is told, the stand-in has timers of whole milliseconds and work of its own.
    pub(crate) fn takes(&self) -> Takes {
        let mut beyond: Vec<f64> = (0..PROBES).map(|_| self.probe() - READ).collect();
        beyond.sort_by(f64::total_cmp);
        let beyond = beyond[PROBES / 2];
        Takes { read: READ + beyond, list: LIST + beyond, write: WRITE + beyond }
    }

    /// Seconds of a read that needs no token, on a connection that is open.
    fn probe(&self) -> f64 {
        let address =
            (self.base.host_str().expect("it has a host"), self.base.port().unwrap_or(80));
        let mut stream = TcpStream::connect(address).expect("it listens");
        let request =
            "GET /oidc/none/none HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        let start = Instant::now();
        stream.write_all(request.as_bytes()).expect("it reads");
        stream.read_to_end(&mut Vec::new()).expect("it answers");
        start.elapsed().as_secs_f64()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.process.kill().expect("it is ours");
        self.process.wait().expect("it ends");
    }
}
