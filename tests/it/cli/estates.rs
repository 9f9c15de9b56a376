//! Estates beside each other.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use super::support::{Stage, root, team};

fn sync(profile: &str) -> String {
    format!("sync {profile} --sandbox=sandbox.json --auto-approve")
}

#[test]
fn two_estates_never_touch_each_others_objects() {
    let stage = Stage::new();
    let clusters = ["weu"];
    stage.write("a.toml", root("acme", &clusters) + &team("one", &clusters));
    stage.write("b.toml", root("beta", &clusters) + &team("two", &clusters));
    for profile in ["a.toml", "b.toml"] {
        let ran = stage.expect(0, &sync(profile));
        assert_eq!(ran.last(), "Apply complete! 4 added, 0 changed, 0 destroyed. 0 unchanged.");
    }
    let of_both = stage.read("sandbox.json");
    for profile in ["a.toml", "b.toml"] {
        let line = format!("{} --prune", sync(profile));
        let ran = stage.expect(0, &line);
        assert_eq!(ran.stdout, "No changes. Live state matches the profile.\n");
    }
    assert_eq!(stage.read("sandbox.json"), of_both);
}

#[test]
fn an_identity_of_another_estate_is_refused_and_left_alone() {
    let stage = Stage::new();
    let clusters = ["weu"];
    stage.write("a.toml", root("acme", &clusters) + &team("one", &clusters));
    stage.write("b.toml", root("beta", &clusters) + &team("one", &clusters));
    stage.expect(0, &sync("a.toml"));
    let before = stage.read("sandbox.json");
    for flags in ["", "--adopt", "--force-conflicts"] {
        let ran = stage.expect(1, &format!("{} {flags}", sync("b.toml")));
        assert!(ran.stderr.contains("azure/identity/id-one"), "{ran:#?}");
        assert!(ran.stderr.contains("acme"), "{ran:#?}");
        assert!(ran.stderr.contains("nothing was written"), "{ran:#?}");
    }
    assert_eq!(stage.read("sandbox.json"), before);
}

/// Every fifth write to Azure and every ninth of its reads is throttled.
const THROTTLED: &str = r#"latency = { read_ms = 20, list_ms = 40, write_ms = 100 }

[[rules]]
api = "arm"
method = "PUT"
every = 5
effect = { answer = { status = 429, code = "TooManyRequests", retry_after = 1 } }

[[rules]]
api = "arm"
method = "GET"
every = 9
effect = { answer = { status = 429, code = "TooManyRequests", retry_after = 1 } }
"#;
const ESTATES: usize = 50;

/// An estate with a resource group of its own, two teams and their namespaces on the cluster that all share.
fn of_many(number: usize) -> String {
    let name = format!("unit-{number}");
    let teams = ["data", "web"].map(|noun| team(&format!("{noun}-{number}"), &["weu"]));
    root(&name, &["weu"]).replace("rg-workload-identity", &format!("rg-{name}")) + &teams.concat()
}

/// Syncs an estate: some runs are killed in the middle, and the one after them is left to its end.
fn killed_at_random(stage: &Stage, line: &str, number: usize) -> usize {
    let (mut killed, mut random) = (0, fastrand::Rng::with_seed(number as u64));
    for _ in 0..2 {
        let mut run = stage.child(line);
        run.stdout(Stdio::null()).stderr(Stdio::null());
        let mut run = run.spawn().unwrap();
        let until = Instant::now() + Duration::from_millis(random.u64(50..4_000));
        while run.try_wait().unwrap().is_none() && Instant::now() < until {
            thread::sleep(Duration::from_millis(5));
        }
        killed += usize::from(run.try_wait().unwrap().is_none());
        let _ = run.kill();
        run.wait().unwrap();
    }
    stage.expect(0, line);
    killed
}

/// What comes of each estate's number, each in a thread of its own.
fn side_by_side<T: Send>(run: impl Fn(usize) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let run = &run;
        let runs: Vec<_> = (0..ESTATES).map(|number| scope.spawn(move || run(number))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    })
}

#[test]
#[cfg(unix)]
#[ignore = "fifty processes at once: just test-estates"]
fn fifty_estates_on_one_throttled_azure_that_are_killed_at_random_end_without_a_duplicate() {
    let stage = Stage::new();
    stage.write("faults.toml", THROTTLED);
    let mut served = stage.start("sandbox serve --file sandbox.json --faults faults.toml");
    let line = served.wait_for("Serving the sandbox on ");
    let base = line.split(' ').next_back().unwrap();
    served.wait_for("Ctrl-C stops it");
    let line =
        |number: usize| format!("sync unit-{number}.toml --sandbox={base} --auto-approve -q");
    let killed = side_by_side(|number| {
        stage.write(&format!("unit-{number}.toml"), of_many(number));
        killed_at_random(&stage, &line(number), number)
    });
    let killed: usize = killed.into_iter().sum();
    assert!(killed > ESTATES / 4, "{killed} runs were killed before their end");
    for again in side_by_side(|number| stage.expect(0, &line(number))) {
        assert_eq!(again.last(), "No changes. Live state matches the profile.", "{again:#?}");
    }
    served.signal("INT");
    served.end();
    let world = stage.json("sandbox.json");
    let resources = world["resources"].as_object().unwrap();
    let of = |part: &'static str| resources.iter().filter(move |(path, _)| path.contains(part));
    let credentials: Vec<_> = of("/federatedidentitycredentials/").collect();
    let pairs = credentials.iter().map(|(path, credential)| {
        let (identity, _) = path.split_once("/federatedidentitycredentials/").unwrap();
        let properties = &credential["properties"];
        (identity, properties["issuer"].to_string(), properties["subject"].to_string())
    });
    let pairs: BTreeSet<_> = pairs.collect();
    assert_eq!((credentials.len(), pairs.len()), (2 * ESTATES, 2 * ESTATES));
    let below = of("/userassignedidentities/").count();
    assert_eq!(below - credentials.len(), 2 * ESTATES, "identities");
}
