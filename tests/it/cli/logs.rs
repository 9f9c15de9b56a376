//! What `-v`, `-vv` and `--log-file` tell, and where it goes.

use super::served::{Served, profile};
use super::support::Stage;

const THROTTLED: &str = "[[rules]]\nmethod = \"GET\"\npath = \"*/userAssignedIdentities\"\ntimes = 1\n\
    effect = { answer = { status = 429, code = \"TooManyRequests\", message = \"wait\\u001b[31m\", retry_after = 1 } }\n";

/// The lines of a level.
fn lines<'t>(text: &'t str, level: &str) -> Vec<&'t str> {
    text.lines().filter(|line| line.contains(level)).collect()
}

#[test]
fn decisions_and_waits_are_told_once_and_each_request_twice_asked() {
    let mut served = Served::new(&profile(&[]), THROTTLED);
    served.stage.set("AZURE_LOG", None::<&str>);
    let quiet = served.stage.expect(0, "plan teams.toml").stderr;
    assert!(lines(&quiet, "INFO").is_empty() && lines(&quiet, "DEBUG").is_empty(), "{quiet}");

    let once = served.stage.expect(0, "plan teams.toml -v").stderr;
    assert!(lines(&once, "DEBUG").is_empty(), "{once}");
    for told in ["signs in with environment", "correlation id ", "read identities of subscription "]
    {
        assert!(lines(&once, "INFO").iter().any(|line| line.contains(told)), "{told}: {once}");
    }

    let twice = served.stage.expect(0, "plan teams.toml -vv").stderr;
    let requests = lines(&twice, "DEBUG");
    let arm = requests.iter().find(|line| line.contains("/userAssignedIdentities: 200")).unwrap();
    assert!(arm.contains("Azure Resource Manager: GET /subscriptions/"), "{arm}");
    assert!(arm.contains(" ms, attempt 1, id "), "{arm}");
    assert!(!twice.contains('?') && !twice.contains("api-version"), "{twice}");
    // Of Entra the host and the status alone: its path is the tenant's.
    let entra = requests.iter().find(|line| line.contains("Entra: ")).unwrap();
    assert!(entra.contains("Entra: 127.0.0.1: 200 after "), "{entra}");
    for library in ["hyper", "kube_client", "rustls", "azure_core"] {
        assert!(!twice.contains(library), "{library}: {twice}");
    }
}

#[test]
fn a_repeated_request_says_why_and_which_attempt_it_is() {
    let stage = Stage::quickstart();
    stage.write("faults.toml", THROTTLED);
    let line = "plan teams.toml --sandbox --sandbox-faults faults.toml -vv";
    let told = stage.expect(0, line).stderr;
    assert!(told.contains(" ms before the next attempt: throttled by Azure"), "{told}");
    assert!(told.contains("/userAssignedIdentities: 429 after "), "{told}");
    assert!(told.contains(" ms, attempt 2, id "), "{told}");
    assert!(!told.contains("\u{1b}[31m"), "{told}");
}

#[test]
fn a_log_file_has_each_request_whatever_is_shown_and_is_added_to() {
    let stage = Stage::quickstart();
    let line = "sync teams.toml --sandbox --auto-approve --log-file run.log";
    let shown = stage.expect(0, line).stderr;
    assert!(lines(&shown, "DEBUG").is_empty(), "{shown}");
    let first = stage.read("run.log");
    assert!(first.contains("cluster `weu`: PATCH /api/v1/namespaces/data-eng"), "{first}");
    assert!(first.contains("create azure/identity/id-data-eng: Done"), "{first}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = stage.path("run.log").metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    stage.expect(0, "plan teams.toml --sandbox --quiet --log-file run.log");
    let second = stage.read("run.log");
    assert!(second.starts_with(&first) && second.len() > first.len());
}

#[test]
fn a_log_file_that_cannot_be_written_ends_the_run_before_it_begins() {
    let stage = Stage::quickstart();
    #[cfg(unix)]
    {
        stage.write("elsewhere.log", "");
        std::os::unix::fs::symlink(stage.path("elsewhere.log"), stage.path("link.log")).unwrap();
        let line = "sync teams.toml --sandbox --auto-approve --log-file link.log";
        let ran = stage.expect(1, line);
        assert!(ran.stderr.contains("could not write the log `link.log`"), "{ran:#?}");
        assert_eq!(stage.read("elsewhere.log"), "");
    }
    let line = "sync teams.toml --sandbox --auto-approve --log-file missing/run.log";
    stage.expect(1, line);
    assert!(!stage.exists(".widctl"));
}
