//! The dependency rule of the crate, read from its source: modules look upstream only, and the ones that
//! decide are pure.
//!
//! The check is textual: it reads every `crate::<module>` path. Grouped imports (`use crate::{…}`) and
//! aliases of the crate's root would dodge it, so they are refused as well.

#![expect(clippy::unwrap_used, reason = "a test that panics says where")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

/// What each module may use besides itself.
const MAY_USE: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("event", &["model"]),
    ("files", &[]),
    ("profile", &["model"]),
    ("desired", &["profile", "model"]),
    ("observed", &["model"]),
    ("plan", &["desired", "observed", "model", "profile"]),
    ("ports", &["observed", "model"]),
    (
        "gather",
        &["ports", "observed", "desired", "event", "model", "profile"],
    ),
    ("apply", &["plan", "ports", "event", "model", "desired"]),
    ("report", &["plan", "profile", "apply", "event", "model"]),
    ("oidc", &["ports", "event", "model"]),
    ("azure", &["ports", "observed", "event", "files", "model"]),
    (
        "kubernetes",
        &["oidc", "ports", "observed", "event", "model"],
    ),
    ("sandbox", &[]),
    (
        "command",
        &[
            "model",
            "event",
            "files",
            "profile",
            "desired",
            "observed",
            "plan",
            "ports",
            "gather",
            "apply",
            "report",
            "oidc",
            "azure",
            "kubernetes",
            "sandbox",
        ],
    ),
    (
        "cli",
        &[
            "model",
            "event",
            "files",
            "profile",
            "desired",
            "observed",
            "plan",
            "ports",
            "gather",
            "apply",
            "report",
            "oidc",
            "azure",
            "kubernetes",
            "sandbox",
            "command",
        ],
    ),
];

/// Modules, or single files, that decide: no async, clock, environment, file or client in them.
const PURE: &[&str] = &[
    "model",
    "profile",
    "desired",
    "observed",
    "plan",
    "report",
    "event",
    "apply/schedule",
    "apply/estimate",
    "apply/outcome",
    "azure/pipeline/pace",
];

/// What a pure module must not name.
const IMPURE: &[&str] = &[
    "async fn",
    "tokio::",
    "reqwest::",
    "kube::",
    "azure_core",
    "axum::",
    "std::fs",
    "std::env::",
    "std::net",
    "std::process",
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
];

/// What belongs to one adapter alone.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("azure_mgmt_msi", &["azure/legacy"]),
    ("azure_core_legacy", &["azure/legacy"]),
    ("println!", &[]),
    ("io::stdout", &["cli/sink", "cli/terminal"]),
    ("io::stderr", &["cli/sink", "cli/terminal"]),
    ("indicatif", &["cli/progress"]),
    (
        "crate::plan::",
        &["plan", "apply", "report", "command", "cli"],
    ),
];

fn sources() -> BTreeMap<String, String> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &mut found);
    let named = found.into_iter().map(|path| {
        let name = path.strip_prefix(&root).unwrap().with_extension("");
        (
            name.to_string_lossy().replace('\\', "/"),
            fs::read_to_string(&path).unwrap(),
        )
    });
    named.collect()
}

/// The part of a source that ships: no comments, and nothing behind the first `#[cfg(test)]`.
fn shipped(source: &str) -> String {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let code = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    code.collect::<Vec<_>>().join("\n")
}

fn is_test_file(name: &str) -> bool {
    name.ends_with("tests") || name.contains("/tests/") || name.contains("_tests/")
}

fn module_of(name: &str) -> &str {
    name.split('/').next().unwrap_or(name)
}

/// Every broken rule in one file, in words.
fn violations(name: &str, source: &str) -> Vec<String> {
    let (module, code) = (module_of(name), shipped(source));
    let mut broken = Vec::new();
    if code.contains("crate::{") || code.contains("use crate::*") || code.contains("use crate as") {
        broken.push(format!(
            "{name}: grouped or glob import from the crate's root"
        ));
    }
    if !matches!(module, "main" | "lib") {
        let allowed = MAY_USE.iter().find(|(from, _)| *from == module);
        let Some((_, allowed)) = allowed else {
            return vec![format!("{name}: module `{module}` has no row in the table")];
        };
        for path in code.split("crate::").skip(1) {
            let target: String = path
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            let known = MAY_USE.iter().any(|(row, _)| *row == target);
            if known && target != module && !allowed.contains(&target.as_str()) {
                broken.push(format!("{name}: `{module}` may not use `{target}`"));
            }
        }
    }
    if PURE
        .iter()
        .any(|pure| name == *pure || name.starts_with(&format!("{pure}/")))
    {
        let impure = IMPURE.iter().filter(|impure| code.contains(**impure));
        broken.extend(impure.map(|impure| format!("{name}: pure, but names `{impure}`")));
    }
    for (word, places) in ONLY_IN {
        let here = places
            .iter()
            .any(|place| name == *place || name.starts_with(&format!("{place}/")));
        if !here && code.contains(word) {
            broken.push(format!("{name}: `{word}` belongs to {places:?}"));
        }
    }
    broken
}

#[test]
fn modules_look_upstream_only_and_decisions_are_pure() {
    let files = sources();
    assert!(files.len() > 20, "the walk found the sources");
    let broken: Vec<String> = files
        .iter()
        .filter(|(name, _)| !is_test_file(name))
        .flat_map(|(name, source)| violations(name, source))
        .collect();
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn every_file_is_short_enough_to_be_read() {
    const LONGEST: usize = 500;
    let long: Vec<String> = sources()
        .iter()
        .map(|(name, source)| (name, shipped_lines(name, source)))
        .filter(|(_, lines)| *lines > LONGEST)
        .map(|(name, lines)| format!("{name}: {lines} lines"))
        .collect();
    assert!(long.is_empty(), "\n{}", long.join("\n"));
}

fn shipped_lines(name: &str, source: &str) -> usize {
    if is_test_file(name) {
        return 0;
    }
    source
        .split("#[cfg(test)]")
        .next()
        .unwrap_or_default()
        .lines()
        .count()
}

#[test]
fn the_guard_sees_planted_violations() {
    let found = |name: &str, source: &str| !violations(name, source).is_empty();
    assert!(found(
        "plan/planner",
        "use crate::azure::client::AzureClient;"
    ));
    assert!(found("azure/client", "use crate::plan::value::Plan;"));
    assert!(found(
        "plan/order",
        "let now = std::time::SystemTime::now();"
    ));
    assert!(found("model/text", "use crate::{plan, profile};"));
    assert!(found("sandbox/world", "use crate::model::arm_id::ArmId;"));
    assert!(found("azure/client", "use azure_mgmt_msi::Client;"));
    assert!(found("cli/offline", "let out = io::stdout().lock();"));
    assert!(found("stray/file", "fn main() {}"));
    assert!(!found(
        "plan/planner",
        "// crate::azure is what this must not use\nuse crate::model::arm_id::ArmId;"
    ));
}
