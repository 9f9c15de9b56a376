//! Tab in a real shell.

use std::process::Command;

use super::graph::team;
use super::support::{Stage, root};

/// What bash is told for a line whose last word is being typed.
fn tab(stage: &Stage, words: &[&str]) -> Vec<String> {
    stage.write("widctl.bash", stage.expect(0, "completions bash").stdout);
    let script = r#"source widctl.bash
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_clap_complete_widctl widctl "${COMP_WORDS[COMP_CWORD]}"
printf '%s\n' "${COMPREPLY[@]}""#;
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_widctl")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut bash = Command::new("bash");
    bash.args(["-c", script, "bash", "widctl"]).args(words).current_dir(stage.path("."));
    bash.env("PATH", format!("{}:{path}", program.display())).env_remove("WIDCTL_PROFILE");
    let ran = bash.output().unwrap();
    assert!(ran.status.success() && ran.stderr.is_empty(), "{ran:?}");
    let mut told: Vec<String> =
        String::from_utf8(ran.stdout).unwrap().lines().map(str::to_owned).collect();
    told.retain(|word| !word.is_empty());
    told
}

fn estate() -> Stage {
    let stage = Stage::new();
    let teams = team("data", "kv-data") + &team("web", "kv-web");
    stage.write("widctl.toml", root("acme", &["eus", "weu"]) + &teams);
    let teams = team("mail", "kv-mail");
    stage.write("other.toml", root("other", &["weu"]) + &teams);
    stage
}

#[test]
fn teams_and_clusters_complete_from_the_profile_that_is_found() {
    let stage = estate();
    for command in ["plan", "sync", "verify", "status", "graph", "render"] {
        assert_eq!(tab(&stage, &[command, "--team", ""]), ["data", "web"], "{command}");
    }
    assert_eq!(tab(&stage, &["plan", "--team", "w"]), ["web"]);
    assert_eq!(tab(&stage, &["status", "--cluster", ""]), ["eus", "weu"]);
    assert_eq!(tab(&stage, &["plan", "--full", "--team", "data", "--cluster", "e"]), ["eus"]);
}

#[test]
fn the_profile_that_the_line_names_is_the_one_that_is_read() {
    let stage = estate();
    assert_eq!(tab(&stage, &["plan", "other.toml", "--team", ""]), ["mail"]);
    // Nothing is said where it cannot be loaded, and nothing is guessed.
    assert_eq!(tab(&stage, &["plan", "no.toml", "--team", "w"]), [""; 0]);
    stage.write("broken.toml", "[[team]");
    assert_eq!(tab(&stage, &["plan", "broken.toml", "--team", "w"]), [""; 0]);
}

#[test]
fn commands_flags_and_their_values_complete() {
    let stage = estate();
    assert_eq!(tab(&stage, &["sta"]), ["status"]);
    assert_eq!(tab(&stage, &["plan", "--prun"]), ["--prune"]);
    assert_eq!(tab(&stage, &["plan", "--format", "m"]), ["markdown"]);
}
