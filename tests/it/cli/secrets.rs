//! No secret reaches a stream or a file, however much is asked to be told.

use super::support::Ran;
use super::support::Stage;

/// How every JSON Web Token begins, what opens the sandbox's clusters and what signs in to it.
const SECRETS: [&str; 4] = [
    "eyJ",
    "sandbox-static-token",
    "the-sandbox-takes-any-secret",
    "Bearer ",
];

fn holds_none(what: &str, text: &str) {
    for secret in SECRETS {
        if let Some(at) = text.find(secret) {
            let around: String = text[at.saturating_sub(200)..].chars().take(400).collect();
            panic!("{what} holds `{secret}`: {around}");
        }
    }
}

#[test]
fn no_stream_and_no_file_holds_a_secret_however_much_is_logged() {
    for format in ["", "--json", "--format json", "--format markdown"] {
        let stage = Stage::quickstart();
        for line in [
            "plan teams.toml --out plan.json --sandbox=sandbox.json",
            "apply teams.toml --plan plan.json --sandbox=sandbox.json",
            "sync teams.toml --sandbox=sandbox.json --auto-approve",
        ] {
            let mut command = stage.command(&format!("{line} {format} -vvv"));
            command.env("RUST_LOG", "trace");
            let ran = Ran::of(command);
            assert_eq!(ran.code, 0, "{line}");
            assert!(ran.stderr.contains("TRACE"), "{line}");
            holds_none("stderr", &ran.stderr);
            holds_none("stdout", &ran.stdout);
        }
        holds_none("the plan", &stage.read("plan.json"));
        holds_none("the sandbox", &stage.read("sandbox.json"));
    }
}

#[test]
fn an_error_holds_no_secret_either() {
    let stage = Stage::quickstart();
    stage.write(
        "faults.toml",
        "[[rules]]\npath = \"*/userAssignedIdentities/*\"\nmethod = \"PUT\"\neffect = \"policy-denial\"\n\n[[rules]]\npath = \"/clusters/*\"\nmethod = \"PATCH\"\neffect = \"truncate\"\n",
    );
    let line = "sync teams.toml --sandbox=sandbox.json --auto-approve --sandbox-faults faults.toml";
    let mut command = stage.command(line);
    command.env("RUST_LOG", "trace");
    let ran = Ran::of(command);
    assert!(ran.code == 1 || ran.code == 5, "{}", ran.stdout);
    holds_none("stderr", &ran.stderr);
    holds_none("stdout", &ran.stdout);
}
