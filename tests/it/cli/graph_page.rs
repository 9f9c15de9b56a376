//! The page of `graph` in headless Chromium: what a search shows. `WIDCTL_REQUIRE_CHROMIUM=1` fails where there is none.

use std::process::Command;

use super::graph::team;
use super::support::{Stage, root};

/// Set to 1 where a test without Chromium has to fail, as in CI.
const REQUIRED: &str = "WIDCTL_REQUIRE_CHROMIUM";
const PROGRAMS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// The page as the browser has drawn it, or nothing where there is no browser.
#[expect(clippy::print_stderr, reason = "a test that was skipped says so")]
#[expect(clippy::disallowed_methods, reason = "the switch of the tests is the environment's")]
fn dumped(stage: &Stage, query: &str) -> Option<String> {
    let is_there = |program: &&&str| Command::new(program).arg("--version").output().is_ok();
    let Some(program) = PROGRAMS.iter().find(is_there) else {
        let required = std::env::var_os(REQUIRED).is_some_and(|set| set == "1");
        assert!(!required, "{REQUIRED} is set, and Chromium is not installed");
        eprintln!("skipped: Chromium is not installed");
        return None;
    };
    let page = format!("file://{}#q={query}", stage.path("graph.html").display());
    let options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000"];
    let data = format!("--user-data-dir={}", stage.path("chromium").display());
    let done = Command::new(program).args(options).args([&data, "--dump-dom", &page]).output();
    Some(String::from_utf8(done.unwrap().stdout).unwrap())
}

/// The values of an attribute in what is drawn, sorted.
fn shown(page: &str, attribute: &str) -> Vec<String> {
    let (_, drawn) = page.split_once("<main").unwrap();
    let drawn = drawn.split_once("</main>").unwrap().0;
    let values = drawn.split("<li class=").filter_map(|item| {
        let value = item.split_once(&format!("{attribute}=\""))?.1;
        Some(value.split_once('"')?.0.to_owned())
    });
    let mut values: Vec<String> = values.collect();
    values.sort();
    values.dedup();
    values
}

fn drawn(teams: &str) -> Stage {
    let stage = Stage::new();
    stage.write("teams.toml", root("acme", &["weu"]) + teams);
    stage.expect(0, "graph teams.toml --sandbox=sandbox.json --format html --out graph.html");
    stage
}

#[test]
#[ignore = "needs Chromium: .ci/run"]
fn in_chromium_a_resource_shows_who_reaches_it_and_an_account_what_it_reaches() {
    let teams =
        team("data", "kv-data") + &team("shop", "kv-payments") + &team("web", "kv-payments");
    let stage = drawn(&teams);
    let Some(all) = dumped(&stage, "") else { return };
    assert_eq!(shown(&all, "data-account"), ["weu/data/app", "weu/shop/app", "weu/web/app"]);
    let page = dumped(&stage, "kv-payments").unwrap();
    assert_eq!(shown(&page, "data-account"), ["weu/shop/app", "weu/web/app"]);
    assert_eq!(shown(&page, "data-resource"), ["kv-payments"]);
    let page = dumped(&stage, "weu/data/app").unwrap();
    assert_eq!(shown(&page, "data-account"), ["weu/data/app"]);
    assert_eq!(shown(&page, "data-resource"), ["kv-data"]);
    assert!(dumped(&stage, "nobody").unwrap().contains("Nothing here has that in its name."));
}

#[test]
#[ignore = "needs Chromium: .ci/run"]
fn in_chromium_two_hundred_teams_are_drawn() {
    let teams: String =
        (0..200).map(|n| team(&format!("team-{n:03}"), &format!("kv-{n:03}"))).collect();
    let stage = drawn(&teams);
    let Some(page) = dumped(&stage, "") else { return };
    assert_eq!(shown(&page, "data-account").len(), 200);
    let page = dumped(&stage, "kv-042").unwrap();
    assert_eq!(shown(&page, "data-account"), ["weu/team-042/app"]);
}
