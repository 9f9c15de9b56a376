//! Saved plans that somebody changed, given to `apply` of the real program.

use std::fs;
use std::path::Path;
use std::time::Duration;

use proptest::strategy::{Strategy, ValueTree};
use serde_json::Value;
use tempfile::TempDir;
use widctl::profile::SourceFile;

use super::child::Ran;
use super::{Figures, child, engine, judge, number, repository};
use crate::fuzz::plan_file::TARGET;

const LONGEST: Duration = Duration::from_secs(20);

#[test]
#[ignore = "minutes long: `just attack`"]
fn a_damaged_plan_writes_all_that_the_profile_says_or_nothing() {
    let count = number("WIDCTL_ATTACK_PLANS", 100);
    let stage = TempDir::new().unwrap();
    fs::copy(repository("profiles/quickstart.toml"), stage.path().join("teams.toml")).unwrap();
    let ran = widctl(stage.path(), "plan teams.toml --out plan.json --sandbox=before.json");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let good = vec![SourceFile {
        path: "plan.json".into(),
        text: fs::read(stage.path().join("plan.json")).unwrap(),
    }];
    let mut runner = engine::runner(1, number("WIDCTL_ATTACK_SEED", 1) as u64);
    let (mut figures, begun, mut peak, mut applied) = (Figures::default(), engine::now(), 0, 0);
    for index in 0..count {
        let recipe = engine::recipes().new_tree(&mut runner).unwrap().current();
        let damaged = engine::cook(std::slice::from_ref(&good), &recipe);
        let text = damaged.first().map_or(&[][..], |file| &file.text);
        fs::write(stage.path().join("damaged.json"), text).unwrap();
        fs::copy(stage.path().join("before.json"), stage.path().join("now.json")).unwrap();
        let ran = widctl(stage.path(), "apply teams.toml --plan damaged.json --sandbox=now.json");
        peak = peak.max(ran.peak);
        let mut wrong = judge(&ran, LONGEST, false);
        let pending = pending(stage.path());
        applied += usize::from(ran.code == Some(0));
        // Five changes make the quickstart: all of them are there, or none.
        if pending != (if ran.code == Some(0) { 0 } else { 5 }) {
            wrong.push(format!("exit {:?} left {pending} changes pending", ran.code));
        }
        for why in wrong {
            let kept = || TARGET.keep(&damaged, false).display().to_string();
            figures.add(&format!("plan {index}"), &why, kept);
        }
    }
    let title = format!("damaged plans, through `apply` ({applied} applied whole)");
    figures.print(&title, count, begun.elapsed().as_secs_f64(), peak);
    assert!(figures.counts.is_empty());
}

/// How many changes a plan of what is there now has.
fn pending(stage: &Path) -> usize {
    let ran = widctl(stage, "plan teams.toml --sandbox=now.json --format json");
    let plan: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
    plan["changes"].as_array().map_or(0, Vec::len)
}

fn widctl(stage: &Path, line: &str) -> Ran {
    let line: Vec<&str> = line.split(' ').collect();
    child::run(&line, stage, &[], LONGEST)
}
