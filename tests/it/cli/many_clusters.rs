//! Many clusters, some of which are not there, not well, or closed to the caller.

#![cfg(unix)]

use std::net::TcpListener;
use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::routing::any;
use serde_json::json;
use tokio::sync::Barrier;

use super::served::{Entry, Served, dead, profile, silent};
use super::support::Ran;

const FORBIDDEN: &str = "[[rules]]\npath = \"/clusters/forbidden-*\"\neffect = \"forbidden\"\n";
const BAD: [&str; 3] = ["forbidden", "gone", "silent"];

/// An estate on four clusters: `weu` is well, `forbidden` refuses every list, nobody listens on `gone`, and
/// `silent` never answers as long as the listener is there.
fn one_of_four_is_well() -> (Served, TcpListener) {
    let served = Served::new(&profile(&BAD), FORBIDDEN);
    let (listener, address) = silent();
    served.kubeconfig(&[
        Entry::new("forbidden", &served.server("forbidden")),
        Entry::new("gone", &dead()),
        Entry::new("silent", &format!("http://{address}")),
    ]);
    (served, listener)
}

/// The clusters that the plan's unknown rows are of.
fn unknown(plan: &serde_json::Value) -> Vec<&str> {
    let rows = plan["unknown"].as_array().unwrap();
    let mut clusters: Vec<&str> = rows
        .iter()
        .map(|row| row["address"].as_str().unwrap().split('/').next().unwrap())
        .collect();
    clusters.dedup();
    clusters
}

fn incomplete(ran: &Ran) {
    assert!(ran.stdout.contains("+ weu/service-account/team-0/app"), "{ran:#?}");
    for cluster in BAD {
        assert!(!ran.stdout.contains(&format!("+ {cluster}/")), "{ran:#?}");
        assert!(
            ran.stdout.contains(&format!("? {cluster}/service-account/team-0/app")),
            "{ran:#?}"
        );
        assert!(ran.stdout.contains(&format!("cluster `{cluster}`")), "{ran:#?}");
    }
    assert_eq!(ran.last(), "The plan is incomplete: 6 resources could not be compared.");
}

#[test]
fn a_plan_of_many_clusters_shows_those_that_are_well_and_never_ends_with_2() {
    let (served, _held) = one_of_four_is_well();
    let stage = &served.stage;
    for line in
        ["plan teams.toml", "plan teams.toml --detailed-exitcode", "sync teams.toml --check"]
    {
        incomplete(&stage.expect(1, &format!("{line} --timeout 1s")));
    }
    let plan = "plan teams.toml --detailed-exitcode --timeout 1s";
    let json = stage.expect(1, &format!("{plan} --format json")).json();
    assert_eq!(json["complete"], false);
    assert_eq!(unknown(&json), BAD);
    let changes = json["changes"].to_string();
    assert!(changes.contains("weu/service-account/team-0/app"), "{json:#}");

    let events = stage.expect(1, &format!("{plan} --json")).events();
    let unread: Vec<_> = events.iter().filter(|event| event["code"] == "WID-UNREAD").collect();
    assert_eq!(unread.len(), 6, "{events:#?}");
    let waiting = events.iter().filter(|event| event["type"] == "waiting");
    let told: Vec<_> = waiting.map(|event| event["why"].as_str().unwrap()).collect();
    for cluster in ["gone", "silent"] {
        assert!(told.contains(&format!("no answer from cluster `{cluster}`").as_str()), "{told:?}");
    }
    assert_eq!(events.last().unwrap()["type"], "change_summary");
}

#[test]
fn nothing_is_written_while_clusters_are_away_unless_that_is_allowed() {
    let (served, _held) = one_of_four_is_well();
    let stage = &served.stage;
    let before = stage.expect(1, "plan teams.toml --timeout 1s --out plan.json");
    for line in ["sync teams.toml --auto-approve", "apply teams.toml --plan plan.json"] {
        let refused = stage.expect(1, &format!("{line} --timeout 1s"));
        for part in ["nothing was written", "--allow-incomplete", "cluster `gone`"] {
            assert!(refused.stderr.contains(part), "{line}: {refused:#?}");
        }
    }
    let after = stage.expect(1, "plan teams.toml --timeout 1s");
    incomplete(&after);
    let rows = |ran: &Ran| ran.stdout.lines().filter(|line| line.starts_with("  + ")).count();
    assert_eq!(rows(&before), rows(&after));

    let applied =
        stage.expect(5, "apply teams.toml --plan plan.json --allow-incomplete --timeout 1s");
    let summary = applied.last();
    assert!(summary.starts_with("Apply incomplete. 7 added,"), "{applied:#?}");
    assert!(summary.contains("6 not compared"), "{applied:#?}");
    let again = stage.expect(1, "sync teams.toml --auto-approve --allow-incomplete --timeout 1s");
    assert!(!again.stdout.contains("  + "), "{again:#?}");
}

#[test]
fn whoever_needs_every_cluster_is_told_at_once() {
    let (served, _held) = one_of_four_is_well();
    // `silent` would be waited for until the test gives up.
    for line in ["plan teams.toml", "sync teams.toml --auto-approve"] {
        let ran = served.stage.expect(1, &format!("{line} --require-all --timeout 10m"));
        assert_eq!(ran.stdout, "", "{ran:#?}");
        for part in ["cluster `gone` could not be reached", "leave out `--require-all`"] {
            assert!(ran.stderr.contains(part), "{ran:#?}");
        }
    }
}

/// The answer of an API server that holds nothing but the webhook.
fn nothing(uri: &Uri) -> (StatusCode, String) {
    if uri.path().contains("/namespaces/") {
        let missing = json!({ "kind": "Status", "code": 404, "reason": "NotFound" });
        return (StatusCode::NOT_FOUND, missing.to_string());
    }
    let webhook = uri.path().contains("mutatingwebhook");
    let kind = if webhook { "MutatingWebhookConfiguration" } else { "List" };
    let all = json!({ "kind": kind, "metadata": {}, "items": [], "webhooks": [] });
    (StatusCode::OK, all.to_string())
}

/// An API server on loopback that holds nothing. It answers its first request once every server that
/// shares the barrier has got one.
fn waits_for_the_others(runtime: &tokio::runtime::Runtime, barrier: &Arc<Barrier>) -> String {
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let met = Arc::new(tokio::sync::OnceCell::new());
    let barrier = Arc::clone(barrier);
    let answer = any(move |uri: Uri| async move {
        met.get_or_init(|| async {
            barrier.wait().await;
        })
        .await;
        nothing(&uri)
    });
    runtime.spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    format!("http://{address}")
}

const TEN: [&str; 10] = ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9"];

#[test]
fn ten_clusters_sign_in_and_are_read_side_by_side() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let barrier = Arc::new(Barrier::new(TEN.len()));
    let served = Served::new(&profile(&TEN), "");
    // No plugin answers before all of them run, no server before all of them are asked.
    let plugin = "mkdir -p begun/$$; until [ $(ls begun | wc -l) -ge 10 ]; do sleep 0.05; done; \
                  echo '{\"status\":{\"token\":\"one\"}}'";
    let servers =
        TEN.map(|name| Entry::new(name, &waits_for_the_others(&runtime, &barrier)).plugin(plugin));
    served.kubeconfig(&servers);
    let plan = served.stage.expect(0, "plan teams.toml --format json").json();
    assert_eq!(plan["complete"], true, "{plan:#}");
    assert_eq!(plan["run"]["retries"], 0, "{plan:#}");
}

#[test]
fn a_cluster_whose_sign_in_takes_long_holds_up_no_other() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let served = Served::new(&profile(&["a-slow", "b-fast"]), "");
    // The plugin of the one waits until the other is read.
    let asked = served.stage.path("asked");
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let fast = format!("http://{}", listener.local_addr().unwrap());
    let answer = any(move |uri: Uri| async move {
        std::fs::write(asked, "").unwrap();
        nothing(&uri)
    });
    runtime.spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    let plugin = "until [ -e asked ]; do sleep 0.05; done; echo '{\"status\":{\"token\":\"one\"}}'";
    served.kubeconfig(&[Entry::new("b-fast", &fast), Entry::new("a-slow", &fast).plugin(plugin)]);
    served.stage.expect(0, "plan teams.toml");
}
