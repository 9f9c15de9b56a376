//! Whoever stops a run that waits for a plugin or a server is not kept waiting, and nothing is left running.

#![cfg(unix)]

use std::path::Path;
use std::time::{Duration, Instant};

use super::served::{Entry, Served, profile, silent};

/// Waits until a file has a line, and answers it.
fn line_of(path: &Path) -> String {
    let begun = Instant::now();
    loop {
        match std::fs::read_to_string(path) {
            Ok(text) if text.ends_with('\n') => return text.trim().to_owned(),
            _ => assert!(begun.elapsed() < Duration::from_mins(1), "no {}", path.display()),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until a process is gone.
fn gone(id: &str) {
    let begun = Instant::now();
    let alive = || {
        let mut kill = std::process::Command::new("kill");
        let kill = kill.args(["-0", id]).stderr(std::process::Stdio::null());
        kill.status().unwrap().success()
    };
    while alive() {
        assert!(begun.elapsed() < Duration::from_mins(1), "{id} still runs");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A plugin that starts a child, writes its id down, and waits for it.
const HANGING: &str = "sleep 600 & echo $! > child; wait";

#[test]
fn a_run_that_waits_for_a_plugin_ends_at_once_and_the_plugins_children_with_it() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let served = Served::new(&profile(&["onprem"]), "");
        served.kubeconfig(&[Entry::new("onprem", "https://10.0.0.1").plugin(HANGING)]);
        let plan = served.stage.start("plan teams.toml");
        let child = line_of(&served.stage.path("child"));
        plan.signal(signal);
        let stopped = plan.end();
        assert_eq!(stopped.code, code, "{stopped:#?}");
        assert_eq!(stopped.stdout, "");
        assert!(stopped.stderr.contains("interrupted: nothing was written"), "{stopped:#?}");
        gone(&child);
    }
}

#[test]
fn a_run_that_waits_for_a_server_says_for_which_and_ends_at_once() {
    let served = Served::new(&profile(&["onprem"]), "");
    let (_held, address) = silent();
    served.kubeconfig(&[Entry::new("onprem", &format!("http://{address}"))]);
    let mut plan = served.stage.start("plan teams.toml --timeout 10m");
    plan.wait_for("waiting for cluster onprem");
    plan.signal("INT");
    let stopped = plan.end();
    assert_eq!(stopped.code, 130, "{stopped:#?}");
    assert!(stopped.stderr.contains("interrupted: nothing was written"), "{stopped:#?}");
}

#[test]
fn a_second_signal_leaves_no_plugin_behind_either() {
    let served = Served::new(&profile(&["onprem"]), "");
    // Its tokens have expired at once. The connection and the six reads get one each, the first write waits.
    let line = format!(
        "echo >> runs; [ $(wc -l < runs) -gt 7 ] && {{ {HANGING}; }}; \
         echo '{{\"status\":{{\"token\":\"sandbox-static-token\",\"expirationTimestamp\":\"2020-01-01T00:00:00Z\"}}}}'"
    );
    let entry = Entry::new("onprem", &served.server("onprem"));
    served.kubeconfig(&[entry.plugin(&line)]);
    let mut sync = served.stage.start("sync teams.toml --auto-approve");
    let child = line_of(&served.stage.path("child"));
    sync.signal("INT");
    sync.wait_for("Stopping: ");
    sync.signal("INT");
    let ended = sync.end();
    assert_eq!(ended.code, 130, "{ended:#?}");
    gone(&child);
}
