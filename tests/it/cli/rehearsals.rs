//! The files of faults in docs/sandbox.md: each does what it says, and the golden file holds what a person
//! sees of it.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::thread;

use super::support::{Ran, Stage, repository};

/// The rehearsals of the documentation, each by the comment on its first line.
fn rehearsals() -> Vec<(String, String)> {
    let documentation = repository("docs/sandbox.md");
    let (_, chapter) = documentation.split_once("### Rehearsals\n").unwrap();
    let (chapter, _) = chapter.split_once("\n## ").unwrap();
    let blocks = chapter.split("```toml\n").skip(1);
    let blocks = blocks.map(|rest| rest.split("```").next().unwrap());
    blocks
        .map(|block| {
            let title = block.lines().next().unwrap();
            let title = title.strip_prefix("# ").expect("a block begins with its title");
            (title.to_owned(), block.to_owned())
        })
        .collect()
}

/// A text without what every run has otherwise: the ids of requests and of the run.
fn without_ids(text: &str) -> String {
    let mut plain = text.to_owned();
    for label in ["(request ", "correlation "] {
        let mut parts = plain.split(label);
        let mut masked = parts.next().unwrap().to_owned();
        for part in parts {
            let id = part.find([',', ')']).unwrap();
            write!(masked, "{label}[id]{}", &part[id..]).unwrap();
        }
        plain = masked;
    }
    plain
}

/// Why the run paused, each reason once, without the lengths.
fn reasons(ran: &Ran) -> BTreeSet<String> {
    let events = ran.events();
    let waits = events.iter().filter(|event| event["type"] == "waiting");
    let whys = waits.map(|wait| wait["why"].as_str().unwrap().to_owned());
    whys.collect()
}

/// What people are told when it fails: the errors with what fixes them, each on one line. The changes
/// beside them end in no fixed order.
fn told(ran: &Ran) -> String {
    let mut errors: Vec<String> = Vec::new();
    for piece in ran.stderr.split("FAILED\n").skip(1) {
        let below = piece.lines().take_while(|line| line.starts_with("    "));
        errors.push(below.collect::<Vec<_>>().join(" "));
    }
    if let Some(at) = ran.stderr.find("error: ") {
        let lines = ran.stderr[at..].lines();
        let lines = lines.take_while(|line| !line.starts_with("Requests: "));
        errors.push(lines.collect::<Vec<_>>().join(" "));
    }
    let unknown = ran.stdout.split("unknown: ").skip(1);
    errors.extend(unknown.map(|rest| rest.split("\n\n").next().unwrap().to_owned()));
    let on_one_line = |error: &String| {
        let line = error.split_whitespace().collect::<Vec<_>>().join(" ");
        without_ids(&line) + "\n"
    };
    errors.iter().map(on_one_line).collect()
}

#[test]
fn the_reference_of_faults_is_a_file_that_is_taken_as_it_stands() {
    let documentation = repository("docs/sandbox.md");
    let (_, chapter) = documentation.split_once("\n## Faults\n").unwrap();
    let (_, block) = chapter.split_once("```toml\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let stage = Stage::quickstart();
    stage.write("faults.toml", block);
    let ran = stage.expect(0, "plan teams.toml --sandbox --sandbox-faults faults.toml");
    for (right, place) in [
        (
            "write role assignments on kv-data-eng\n  (Microsoft.Authorization/roleAssignments/write)",
            "/subscriptions/",
        ),
        ("patch serviceaccounts in namespace data-eng", "namespace data-eng of cluster weu\n"),
    ] {
        let warning = format!("you likely may not {right}\n  --> {place}");
        assert!(ran.stdout.contains(&warning), "{ran:#?}");
    }
}

#[test]
fn what_the_sandbox_assumes_is_seen_at_once_though_reads_lag_behind() {
    let stage = Stage::quickstart();
    stage.write("faults.toml", "stale_reads_ms = 2000\n");
    let line = "sync teams.toml --sandbox=sandbox.json --auto-approve";
    stage.expect(0, &format!("{line} --sandbox-faults faults.toml"));
    let again = stage.expect(0, line);
    assert!(again.stdout.contains("No changes."), "{again:#?}");
}

#[test]
fn every_documented_file_of_faults_does_what_it_says() {
    let rehearsed = rehearsals().into_iter().map(|(title, faults)| {
        thread::spawn(move || {
            let stage = Stage::quickstart();
            stage.write("faults.toml", faults);
            let line = "sync teams.toml --sandbox=sandbox.json --auto-approve --parallelism 1";
            let rehearsal = format!("{line} --sandbox-faults faults.toml");
            let ran = stage.widctl(&format!("{rehearsal} --json"));
            let mut seen = format!("# {title}\nexit {}\n", ran.code);
            for why in reasons(&ran) {
                writeln!(seen, "waits: {why}").unwrap();
            }
            if ran.code != 0 {
                let another = Stage::quickstart();
                another.write("faults.toml", stage.read("faults.toml"));
                seen.push_str(&told(&another.expect(ran.code, &rehearsal)));
            }
            assert!(seen.lines().count() > 2, "{seen}: it makes no difference");
            // Nothing that was written, or not, is in the way of a run without faults.
            stage.expect(0, line);
            seen + "\n"
        })
    });
    let rehearsed: Vec<_> = rehearsed.collect();
    let all = rehearsed.into_iter().map(|run| run.join().unwrap());
    insta::assert_snapshot!("rehearsals", all.collect::<String>());
}
