//! The state file: kept, locked, whole or not at all.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::tempdir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use widctl::sandbox;
use widctl::sandbox::{SandboxError, World};

use super::support::{Caller, IDENTITY, fill};

#[tokio::test]
async fn a_world_is_the_same_after_it_was_closed_and_opened() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("sandbox.json");
    let identity = format!("{IDENTITY}?api-version=2024-11-30");
    let world = World::open(&path).unwrap();
    fill(&world);
    let made = Caller::of(&world).await.put(&identity, &json!({ "location": "eastus" })).await;
    let before = world.to_json();
    world.flush().unwrap();
    drop(world);
    let world = World::open(&path).unwrap();
    assert_eq!(world.to_json(), before);
    let caller = Caller::of(&world).await;
    assert_eq!(caller.get(&identity).await.body, made.body);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("{\n  \"format\": 1,\n"), "{}", &text[..40]);
}

#[test]
fn the_same_world_gives_the_same_bytes() {
    let text = || {
        let folder = tempdir().unwrap();
        let path = folder.path().join("sandbox.json");
        let world = World::open(&path).unwrap();
        world.set_time("2026-01-01T00:00:00Z".parse().unwrap());
        fill(&world);
        world.flush().unwrap();
        fs::read_to_string(&path).unwrap()
    };
    assert_eq!(text(), text());
}

#[test]
fn a_file_in_use_is_refused_until_it_is_free() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("sandbox.json");
    let first = World::open(&path).unwrap();
    let second = World::open(&path);
    assert!(matches!(second, Err(SandboxError::InUse { .. })), "{second:?}");
    drop(first);
    assert!(World::open(&path).is_ok());
}

#[test]
fn the_port_of_a_server_that_is_gone_is_not_told_of_the_next_holder() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("sandbox.json");
    let lock = folder.path().join("sandbox.json.lock");
    let said = || World::open(&path).unwrap_err().to_string();
    let killed = World::open(&path).unwrap();
    killed.announce(4280);
    assert!(said().ends_with("join it with `--sandbox=http://127.0.0.1:4280`, or stop that one"));
    drop(killed);
    assert_eq!(fs::read_to_string(&lock).unwrap(), "4280\n");
    let next = World::open(&path).unwrap();
    assert!(said().ends_with("in use by another process; stop that one, or name another file"));
    for forged in ["http://evil", "0", "99999", "42801234567"] {
        fs::write(&lock, forged).unwrap();
        assert!(!said().contains("--sandbox"), "{forged}");
    }
    drop(next);
}

#[test]
fn a_damaged_file_and_one_of_another_format_are_refused_and_left_alone() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("sandbox.json");
    let shown = path.display().to_string();
    for damaged in ["", "{\"format\": 1", "{\"format\": 1}", "[]"] {
        fs::write(&path, damaged).unwrap();
        let error = World::open(&path).unwrap_err();
        assert!(matches!(error, SandboxError::Damaged { .. }), "{damaged}: {error:?}");
        assert_eq!(
            error.to_string(),
            format!(
                "the sandbox file {shown} is damaged; fix it by hand, or delete it to start anew"
            )
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), damaged);
    }
    fs::write(&path, "{\"format\": 7}").unwrap();
    let error = World::open(&path).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the sandbox file {shown} has format 7, this version reads format 1; delete it to start anew, or use the version that wrote it"
        )
    );
}

#[test]
fn a_file_that_cannot_be_written_stays_as_it_was_and_the_change_is_not_forgotten() {
    let folder = tempdir().unwrap();
    let inside = folder.path().join("inside");
    let path = inside.join("sandbox.json");
    let world = World::open(&path).unwrap();
    fill(&world);
    world.flush().unwrap();
    let before = fs::read_to_string(&path).unwrap();
    let aside = folder.path().join("aside");
    fs::rename(&inside, &aside).unwrap();
    world.grow_namespace("weu", "more");
    assert!(matches!(world.flush(), Err(SandboxError::Io { .. })));
    fs::rename(&aside, &inside).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), before);
    world.flush().unwrap();
    assert!(fs::read_to_string(&path).unwrap().contains("\"/namespaces//more\""));
    let left: Vec<_> = fs::read_dir(&inside).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "the file and its lock: {left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_served_world_reaches_its_file_by_itself_and_once_more_at_the_end() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("sandbox.json");
    let world = World::open(&path).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(sandbox::serve(world.clone(), listener, async {
        let _ = stopped.await;
    }));
    fill(&world);
    let has = |path: &std::path::Path, key: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let state: Value = serde_json::from_str(&text).unwrap_or_default();
        !state["clusters"]["weu"]["objects"][key].is_null()
    };
    let by_itself = tokio::time::timeout(Duration::from_secs(10), async {
        while !has(&path, "/namespaces//data-eng") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    by_itself.await.unwrap();
    world.grow_namespace("weu", "last");
    stop.send(()).unwrap();
    served.await.unwrap().unwrap();
    assert!(has(&path, "/namespaces//last"));
}
