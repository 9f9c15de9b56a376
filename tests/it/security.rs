//! The page about security names tests that exist.

#![expect(clippy::unwrap_used, reason = "a test that panics says where")]

use std::fs;
use std::path::Path;

const PAGE: &str = include_str!("../../docs/security.md");

/// The tests that the page names: paths in backticks.
fn named() -> Vec<&'static str> {
    let quoted = PAGE.split('`').skip(1).step_by(2);
    quoted.filter(|text| text.contains("::") && !text.starts_with("::")).collect()
}

/// Whether a source of the program or of its tests has this function.
fn exists(test: &str) -> bool {
    let (module, function) = test.rsplit_once("::").unwrap();
    let module = module.replace("::", "/");
    let inside = module.strip_suffix("/tests").unwrap_or(&module);
    let files = [
        format!("tests/it/{module}.rs"),
        format!("tests/it/{module}/mod.rs"),
        format!("src/{module}.rs"),
        format!("src/{inside}.rs"),
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    files.iter().any(|file| {
        let source = fs::read_to_string(root.join(file)).unwrap_or_default();
        source.contains(&format!("fn {function}("))
    })
}

#[test]
fn every_line_of_the_page_about_security_is_held_by_a_test() {
    let missing: Vec<&str> = named().into_iter().filter(|test| !exists(test)).collect();
    assert!(named().len() > 40, "the page was read");
    assert!(missing.is_empty(), "{missing:#?}");
    for line in PAGE.lines().filter(|line| line.starts_with("| ") && !line.contains("not stopped"))
    {
        let is_head = line.contains("| held by |");
        assert!(is_head || line.contains("::"), "no test holds: {line}");
    }
}
