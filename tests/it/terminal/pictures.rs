//! The pictures of the README are the last screens of real runs.

use std::fs;
use std::path::Path;

use anstyle_svg::Term;
use serde_json::{Value, json};

use super::{Kind, Terminal};
use crate::cli::support::Stage;

const WIDE: Kind = Kind { columns: 100, rows: 40, name: "xterm-256color" };
const CLIENT_ID: &str = "azure.workload.identity/client-id";

/// The quickstart after a sync, with what somebody did to it since.
fn damaged(damage: impl FnOnce(&mut Value)) -> Stage {
    let stage = Stage::quickstart();
    stage.expect(0, "sync teams.toml --sandbox --auto-approve");
    let mut world = stage.json(".widctl/sandbox.json");
    damage(&mut world);
    stage.write(".widctl/sandbox.json", world.to_string());
    stage
}

/// Deletes what has such a path.
fn delete(all: &mut Value, part: &str) {
    let all = all.as_object_mut().unwrap();
    let path = all.keys().find(|path| path.contains(part)).unwrap().clone();
    all.remove(&path);
}

/// `kubectl annotate` puts another client id on the account.
fn annotate(objects: &mut Value) {
    let metadata = &mut objects["/serviceaccounts/data-eng/etl"]["metadata"];
    metadata["annotations"][CLIENT_ID] = "00000000-0000-0000-0000-000000000000".into();
    let managers = metadata["managedFields"].as_array_mut().unwrap();
    let field = format!("f:{CLIENT_ID}");
    let ours = &mut managers[0]["fieldsV1"]["f:metadata"]["f:annotations"];
    ours.as_object_mut().unwrap().remove(&field);
    let mut theirs = managers[0].clone();
    theirs["manager"] = "kubectl-annotate".into();
    theirs["operation"] = "Update".into();
    theirs["fieldsV1"] = json!({ "f:metadata": { "f:annotations": { field: {} } } });
    managers.push(theirs);
}

/// Compares a picture with what the terminal shows; `WIDCTL_BLESS=1` draws it anew.
fn shows(name: &str, line: &str, terminal: &Terminal) {
    let text = format!("$ widctl {line}\n{}", terminal.coloured_screen());
    let drawn = Term::new().min_width_px(WIDE.columns.into()).render_svg(&text);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures").join(name);
    #[expect(clippy::disallowed_methods, reason = "whether to draw the picture anew")]
    if std::env::var_os("WIDCTL_BLESS").is_some() {
        fs::write(&path, &drawn).unwrap();
    }
    let shown = fs::read_to_string(&path).unwrap_or_default();
    assert!(shown == drawn, "{name} shows another screen: `just bless` draws it anew:\n{text}");
}

#[test]
fn the_plan_of_the_first_screen_is_what_is_asked_about() {
    let stage = damaged(|state| {
        delete(&mut state["resources"], "/federatedidentitycredentials/");
        let clusters = state["clusters"].as_object_mut().unwrap();
        annotate(&mut clusters.values_mut().next().unwrap()["objects"]);
    });
    let line = "sync teams.toml --sandbox";
    let mut sync = Terminal::new(&stage, line, WIDE);
    sync.wait_for("Only `yes` will be accepted: ");
    shows("plan.svg", line, &sync);
    sync.answer("no");
    assert_eq!(sync.end().code, 1);
}

#[test]
fn the_broken_link_of_the_readme_is_what_verify_finds() {
    let stage = damaged(|state| delete(&mut state["resources"], "/federatedidentitycredentials/"));
    let line = "verify teams.toml --sandbox";
    let mut verify = Terminal::new(&stage, line, WIDE);
    verify.wait_for("Verify: ");
    verify.wait_for("\n");
    shows("verify.svg", line, &verify);
    assert_eq!(verify.end().code, 6);
}
