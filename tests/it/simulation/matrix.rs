//! Every fault on every kind of request: each run either succeeds or ends in an error that says what to do,
//! and the next run finishes the work.

use std::fmt::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use fastrand::Rng;
use serde_json::json;
use widctl::apply::error::ChangeError;
use widctl::command::failure::Failure;
use widctl::event::Ended;
use widctl::plan::inputs::PlanInputs;
use widctl::sandbox::{Dropped, Effect, ScriptedAnswer};

use super::attempt::Attempt;
use super::fault::Fault;
use super::foreigners::Foreigners;
use super::interference::{Aimed, Interference};
use super::run::{End, Ran};
use super::scenario::{SUBSCRIPTION, Scenario};
use crate::page;

/// The page that shows the table.
const PAGE: &str = "docs/faults.md";
const BEGIN: &str = "<!-- matrix -->\n";
const END: &str = "<!-- /matrix -->\n";

/// Another pipeline writes credentials of the same identity.
const CONCURRENT_WRITES: &str =
    "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity";

/// What a way out of an unknown row begins with; no error says these of itself, and no service here does.
const WAYS: [&str; 8] = [
    "run again",
    "plan again",
    "sign in again",
    "fetch the credentials again",
    "az role assignment create",
    "allow it in",
    "compare ",
    "have its owner",
];

/// The faults, by the name that the table gives them.
fn faults() -> Vec<(&'static str, Fault)> {
    let answer = |status: u16, code: &str, retry_after: Option<u64>| {
        Fault::Effect(Effect::Answer(ScriptedAnswer {
            status,
            code: code.into(),
            message: "a fault".into(),
            retry_after,
        }))
    };
    vec![
        ("401", answer(401, "InvalidAuthenticationToken", None)),
        ("403", Fault::Effect(Effect::Forbidden)),
        ("404", answer(404, "ParentResourceNotFound", None)),
        ("408", answer(408, "RequestTimeout", None)),
        ("409", answer(409, CONCURRENT_WRITES, None)),
        ("429", answer(429, "TooManyRequests", Some(5))),
        ("499", answer(499, "ClientClosedRequest", None)),
        ("500", answer(500, "InternalServerError", None)),
        ("502", answer(502, "BadGateway", None)),
        ("503", answer(503, "ServiceUnavailable", Some(5))),
        ("504", answer(504, "GatewayTimeout", None)),
        ("lost before", Fault::Effect(Effect::Drop(Dropped::Before))),
        ("lost after", Fault::Effect(Effect::Drop(Dropped::After))),
        ("cut short", Fault::Effect(Effect::Truncate)),
        ("no JSON", Fault::Effect(Effect::NotJson)),
        ("too slow", Fault::Slow),
        ("stalled", Fault::Stalled),
        ("policy", Fault::Effect(Effect::PolicyDenial)),
    ]
}

/// An estate that is synced, has drifted, and has a later profile to be synced to.
async fn estate() -> Attempt {
    let scenario = Scenario::of_every_kind();
    let interference = Interference::new(
        &scenario.world,
        Rng::with_seed(1),
        Foreigners::new(&scenario.world).await,
    );
    let first = Attempt {
        profile: scenario.first,
        world: scenario.world,
        interference: Arc::clone(&interference),
        inputs: PlanInputs::default(),
        seed: 1,
        number: 1,
        kill: None,
    };
    let ran = first.run().await.unwrap();
    assert!(ran.complete, "{}", ran.shown);
    let identity = format!(
        "/subscriptions/{SUBSCRIPTION}/resourcegroups/rg-wi/providers/Microsoft.ManagedIdentity/\
         userAssignedIdentities/id-team-0-0"
    );
    let drifted = first.world.edit_resource(&identity, |identity| {
        identity["tags"]["widctl-team"] = json!("somebody-else");
    });
    assert!(drifted);
    Attempt {
        profile: scenario.later,
        inputs: PlanInputs { prune: true, allow_mass_delete: true, ..PlanInputs::default() },
        ..first
    }
}

/// How a run ended, in a word.
fn ending(ran: &Ran) -> &'static str {
    match &ran.end {
        _ if ran.complete => "done",
        End::Failed(_) => "stops",
        End::Applied(_) | End::Unchanged => "partly",
    }
}

/// Strikes requests of a kind and answers how the run ended, after the next one has finished the work; or what
/// is wrong with it.
async fn cell(kind: &str, name: &str, fault: &Fault, times: usize) -> Result<&'static str, String> {
    let run = estate().await;
    run.interference.aim(Some(Aimed { kind: kind.into(), fault: fault.clone(), times }));
    let mut striking = run.clone();
    // Nothing is pruned where something could not be read; without that the rest is written.
    striking.inputs.prune = !is_observation(kind);
    let struck = striking.run().await.unwrap();
    run.interference.aim(None);
    let wrong = |what: &str, ran: &Ran| {
        let place = format!("{name} on {kind}, {times} times");
        Err(format!("{place}: {what}:\n{}", ran.shown))
    };
    if let Some(what) = helpless(&struck) {
        return wrong(&format!("{what} does not say what to do"), &struck);
    }
    let next = run.run().await.unwrap();
    // A 404 is believed: what does not exist needs no deletion.
    let believed = name == "404" || striking.inputs != run.inputs;
    if struck.complete && !believed && !matches!(next.end, End::Unchanged) {
        return wrong("it says that all is written, and the next run writes more", &struck);
    }
    if !next.complete {
        return wrong("the next run does not finish the work", &next);
    }
    let last = run.run().await.unwrap();
    if !matches!(last.end, End::Unchanged) {
        return wrong("something is left", &last);
    }
    if let Some(violation) = run.interference.violations().first() {
        return wrong(violation, &struck);
    }
    Ok(ending(&struck))
}

/// What went wrong in a run without anybody being told what helps.
fn helpless(ran: &Ran) -> Option<String> {
    let says = |help: &str| !help.trim().is_empty();
    let unknown = ran.unknown.iter();
    let unread = unknown
        .filter(|row| !WAYS.iter().any(|way| row.why.contains(way)))
        .map(|row| format!("`{}`, which is unknown,", row.address));
    let ended = match &ran.end {
        End::Unchanged => Vec::new(),
        End::Applied(outcome) => outcome
            .changes
            .iter()
            .filter(|change| matches!(change.ended, Ended::Failed | Ended::Unproven))
            .filter(|change| {
                let hint = change.error.as_ref().and_then(ChangeError::hint);
                !hint.is_some_and(|hint| says(&hint))
            })
            .map(|change| format!("`{}`, which failed,", change.address))
            .collect(),
        End::Failed(failure) => {
            let helps = if let Failure::Refused(refusals) = &**failure {
                let mut fixes = refusals.iter().map(|refusal| refusal.fix.as_deref());
                fixes.all(|fix| fix.is_some_and(says))
            } else {
                failure.hint().is_some_and(|help| says(&help))
            };
            (!helps).then(|| failure.to_string()).into_iter().collect()
        }
    };
    unread.chain(ended).next()
}

/// Whether requests of a kind read what the plan compares; the other reads belong to writes, or ask
/// beforehand whether they are allowed.
fn is_observation(kind: &str) -> bool {
    let single = [
        "listclusterusercredential",
        "managedclusters",
        "mutatingwebhookconfigurations",
        "openid-configuration",
        "resourcegroups",
    ];
    kind.split_once(' ').is_some_and(|(method, resource)| {
        let lists = method == "LIST" && resource != "permissions";
        lists || single.contains(&resource)
    })
}

/// The kinds of request that a run sends which nothing disturbs.
fn kinds() -> Vec<String> {
    paused(async {
        let run = estate().await;
        let ran = run.run().await.unwrap();
        assert!(ran.complete, "{}", ran.shown);
        run.interference.kinds().into_iter().collect()
    })
}

fn paused<T>(work: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.unwrap().block_on(work)
}

/// All cells, worked on side by side.
fn cells(kinds: &[String], faults: &[(&'static str, Fault)]) -> Vec<Result<String, String>> {
    let count = kinds.len() * faults.len();
    let next = AtomicUsize::new(0);
    let done = Mutex::new(vec![Ok(String::new()); count]);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        return;
                    }
                    let kind = &kinds[index / faults.len()];
                    let (name, fault) = &faults[index % faults.len()];
                    let once = paused(cell(kind, name, fault, 1));
                    let always = paused(cell(kind, name, fault, usize::MAX));
                    done.lock().unwrap()[index] = match (once, always) {
                        (Err(wrong), _) | (_, Err(wrong)) => Err(wrong),
                        (Ok(once), Ok(always)) if once == always => Ok(once.to_owned()),
                        (Ok(once), Ok(always)) => Ok(format!("{once} / {always}")),
                    };
                }
            });
        }
    });
    done.into_inner().unwrap()
}

#[test]
fn every_fault_on_every_request_ends_well_or_says_what_to_do() {
    let (kinds, faults) = (kinds(), faults());
    let (cells, wrong): (Vec<_>, Vec<_>) =
        cells(&kinds, &faults).into_iter().partition(Result::is_ok);
    let wrong: Vec<String> = wrong.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    let cells: Vec<String> = cells.into_iter().flatten().collect();
    let mut table = String::from("| request |");
    for (name, _) in &faults {
        write!(table, " {name} |").unwrap();
    }
    writeln!(table, "\n|---|{}", "---|".repeat(faults.len())).unwrap();
    for (kind, row) in kinds.iter().zip(cells.chunks(faults.len())) {
        writeln!(table, "| {kind} | {} |", row.join(" | ")).unwrap();
    }
    page::shows(PAGE, (BEGIN, END), &table);
}
