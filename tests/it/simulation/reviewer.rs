//! Somebody changes the profile, the saved plan or what exists between `plan` and `apply`: what is written is what
//! the plan said when it was shown, or nothing.
//!
//! Only whoever changes the file into what widctl would plan by now, without asking it for more than the command
//! line does, makes a plan that no apply can tell from an approved one; its text is what counts then.

mod edits;
mod shown;
mod wire;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use fastrand::Rng;
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;
use widctl::cli::exit;
use widctl::command::apply::{ApplyOptions, Known};
use widctl::command::condition::Condition;
use widctl::command::connection::Connection;
use widctl::command::failure::Failure;
use widctl::command::plan::Planned;
use widctl::command::profile_files::Given;
use widctl::command::{apply, plan, profile_files};
use widctl::event::EventSink;
use widctl::plan::file::PlanFile;
use widctl::plan::inputs::PlanInputs;
use widctl::profile::resolved::Profile;
use widctl::report;
use widctl::report::rows::PlanRows;
use widctl::report::style::Style;
use widctl::sandbox::World;

use super::run::{Heard, connect};
use super::seeds::{SEEDS, each_seed};
use shown::{Facts, Seen, Shown};
use wire::Wire;

/// Who changes something before an apply, as often as it is here.
const WHO: [&str; 8] = ["nobody", "profile", "profile", "profile", "file", "file", "world", "all"];
/// How often a plan is reviewed while its applies are refused.
const REVIEWS: usize = 3;
/// How applies ended, each of which has to come up: who had changed something, and the exit code.
const ENDS: [&str; 14] = [
    "nobody: 0",
    "nobody, after a kill: 0",
    "nobody: 1",
    "nobody: 5",
    "profile: 0",
    "profile: 1",
    "profile: 3",
    "profile: 7",
    "file: 0",
    "file: 3",
    "file: 64",
    "world: 0",
    "world: 1",
    "world: 3",
];

/// One plan between its approval and its end.
struct Review {
    rng: Rng,
    world: World,
    folder: tempfile::TempDir,
    wire: Arc<Wire>,
    /// What the command line asks for.
    given: PlanInputs,
    /// Whether the rest is written where a resource is refused.
    allow_incomplete: bool,
    trace: Vec<String>,
}

/// A saved plan and what was known when it was made.
struct Approved {
    file: Value,
    shown: Shown,
    before: Seen,
}

impl Review {
    fn new(rng: Rng) -> Self {
        let world = wire::world();
        Self {
            rng,
            world,
            folder: tempfile::tempdir().unwrap(),
            wire: Arc::default(),
            given: PlanInputs::default(),
            allow_incomplete: false,
            trace: Vec::new(),
        }
    }

    /// The whole life of a plan: reviewed and applied until an apply is not refused. How each of them ended.
    async fn live(&mut self) -> Result<Vec<String>, String> {
        let mut profile = edits::profile(&mut self.rng);
        self.settle(&profile);
        self.write("profile.toml", &toml(&profile));
        if self.rng.bool() {
            // There is something already, and it is changed.
            self.plan_and_write().await;
            for _ in 0..self.rng.usize(0..3) {
                edits::edit_profile(&mut self.rng, &mut profile);
            }
            self.write("profile.toml", &toml(&profile));
        }
        let Some(approved) = self.approved().await else {
            return Ok(Vec::new());
        };
        let begun = self.rng.u32(0..3) == 0;
        if begun {
            self.begin(&approved).await?;
        }
        let mut ends = Vec::new();
        for _ in 0..REVIEWS {
            let who = *self.rng.choice(&WHO).unwrap();
            self.review(who, &profile, &approved).await;
            let end = self.apply(who, &approved).await?;
            let killed = if begun && who == "nobody" { ", after a kill" } else { "" };
            ends.push(format!("{who}{killed}: {end}"));
            if who == "nobody" {
                if !self.endings(&approved).contains(&end) {
                    return Err(format!("exit {end} though nobody changed anything"));
                }
                if end != 1 {
                    self.is_over().await?;
                }
            }
            // What exists stays changed, and nothing is approved twice.
            if [0, 5].contains(&end) || ["world", "all"].contains(&who) {
                break;
            }
        }
        Ok(ends)
    }

    /// Most namespaces exist that the teams do not create.
    fn settle(&mut self, profile: &Value) {
        for team in profile["team"].as_array().into_iter().flatten() {
            if team["create_namespace"] == false && self.rng.u32(0..4) > 0 {
                for spec in wire::clusters() {
                    self.world.grow_namespace(&spec.key, team["namespace"].as_str().unwrap());
                }
            }
        }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn seen(&self) -> Seen {
        Seen::new(self.world.to_json())
    }

    /// Forgets what was written so far, and how the run before was to end.
    fn turn(&self, kill: Option<(usize, bool)>) {
        let mut record = self.wire.0.lock().unwrap();
        record.writes.clear();
        record.kill = kill;
    }

    async fn connect(&self, profile: &Profile, way: &Router) -> Result<Connection, Failure> {
        connect(profile, &self.world, way, 1, &events()).await
    }

    async fn plan(&self, inputs: &PlanInputs) -> Result<(Planned, Connection), Failure> {
        let profile = profile_files::load(given(&self.folder.path().join("profile.toml")))?;
        let (way, _) = self.wire.over(&self.world);
        let connection = self.connect(&profile, &way).await?;
        let now = at("2026-01-01T00:00:00Z");
        let about = plan::about(&profile, &connection, inputs.clone(), now);
        let planned = plan::plan(&profile, &connection, about, false, &events()).await?;
        Ok((planned, connection))
    }

    /// Syncs, if the profile lets it.
    async fn plan_and_write(&mut self) {
        if let Ok((planned, connection)) = self.plan(&PlanInputs::default()).await {
            write(&planned, &connection).await;
        }
    }

    /// Plans something, saves and shows it.
    async fn approved(&mut self) -> Option<Approved> {
        let widens = self.rng.bool();
        self.allow_incomplete = self.rng.bool();
        self.given = PlanInputs {
            prune: widens && self.rng.bool(),
            allow_mass_delete: widens,
            adopt: widens && self.rng.bool(),
            force_conflicts: widens && self.rng.bool(),
            ..PlanInputs::default()
        };
        let mut inputs = self.given.clone();
        if self.rng.u32(0..4) == 0 && !inputs.prune {
            inputs.teams = vec!["team-0".into()];
        }
        let (planned, _) = self.plan(&inputs).await.ok()?;
        if planned.plan.changes.is_empty() {
            return None;
        }
        let file = file(&planned);
        let text = text(&file);
        self.trace.push(text.clone());
        self.wire.0.lock().unwrap().made.clear();
        let file = file.to_json();
        self.write("plan.json", &file);
        let file = serde_json::from_str(&file).unwrap();
        Some(Approved { file, shown: Shown::read(&text), before: self.seen() })
    }

    /// An apply that is killed.
    async fn begin(&mut self, approved: &Approved) -> Result<(), String> {
        let count = approved.file["changes"].as_array().map_or(0, Vec::len);
        let kill = (self.rng.usize(1..=count), self.rng.bool());
        self.turn(Some(kill));
        let end = self.carry_out().await;
        self.trace.push(format!("killed: {}", end.is_none()));
        self.judge(approved, &[])
    }

    /// Changes what was approved, by whoever it is that changes something.
    async fn review(&mut self, who: &str, profile: &Value, approved: &Approved) {
        let (mut edited, mut file) = (profile.clone(), approved.file.clone());
        while ["profile", "all"].contains(&who) && edited == *profile {
            edits::edit_profile(&mut self.rng, &mut edited);
        }
        let edited = toml(&edited);
        self.write("profile.toml", &edited);
        if ["world", "all"].contains(&who) {
            let wanted: Vec<String> = approved.shown.created().collect();
            let done = edits::edit_world(&mut self.rng, &self.world, &wanted);
            self.trace.push(done);
        }
        if ["file", "all"].contains(&who) {
            if self.rng.u32(0..4) == 0 {
                self.forge(&mut file).await;
            }
            let ids = self.ids();
            while file == approved.file {
                edits::edit_file(&mut self.rng, &mut file, &ids);
            }
        }
        let file = serde_json::to_string_pretty(&file).unwrap();
        self.write("plan.json", &file);
        self.trace.push(format!("{who}:\n{edited}\n{file}"));
    }

    /// Puts into the file what widctl itself plans where it is asked for more.
    async fn forge(&mut self, file: &mut Value) {
        let wider = PlanInputs {
            prune: true,
            allow_mass_delete: true,
            adopt: true,
            force_conflicts: true,
            ..PlanInputs::default()
        };
        if let Ok((planned, _)) = self.plan(&wider).await {
            let forged: Value = serde_json::from_str(&planned.file().to_json()).unwrap();
            for key in ["inputs", "changes"] {
                file[key] = forged[key].clone();
            }
        }
    }

    /// The ids of all identities.
    fn ids(&self) -> Vec<String> {
        let state = self.world.to_json();
        let documents = state["resources"].as_object().into_iter().flatten();
        let ids = documents.flat_map(|(_, document)| {
            ["clientId", "principalId"]
                .map(|id| document["properties"][id].as_str().map(str::to_owned))
        });
        ids.flatten().collect()
    }

    /// The exit codes of an apply of what was approved.
    fn endings(&self, approved: &Approved) -> &'static [u8] {
        let refused = approved.file["refused"].as_array().is_some_and(|rows| !rows.is_empty());
        match (refused, self.allow_incomplete) {
            (false, _) => &[0],
            (true, false) => &[1],
            (true, true) => &[5],
        }
    }

    /// Applies what lies there; the exit code.
    async fn apply(&mut self, who: &str, approved: &Approved) -> Result<u8, String> {
        self.turn(None);
        let before = self.seen();
        let ended = self.carry_out().await.ok_or("the run never ended")?;
        let saved = fs::read(self.folder.path().join("plan.json")).unwrap();
        let edited = PlanFile::parse(&saved).ok();
        // What a file says counts where somebody changed it and nothing in it asks for more than the caller does.
        let edited = edited.filter(|file| {
            ["file", "all"].contains(&who) && file.inputs.widening() == self.given.widening()
        });
        let edited = edited.map(|file| Approved {
            file: Value::Null,
            shown: Shown::read(&text(&file)),
            before,
        });
        self.judge(approved, edited.as_slice())?;
        let count = self.wire.0.lock().unwrap().writes.len();
        let (code, why) = match ended {
            Ok(condition) => (exit::code(condition), String::new()),
            Err(failure) => (exit::code(failure.condition()), format!("{failure:?}")),
        };
        self.trace.push(format!("exit {code} after {count} writes: {why}"));
        match code {
            0 => Ok(code),
            5 if self.allow_incomplete => Ok(code),
            1 | 3 | 7 | 64 if count == 0 => Ok(code),
            _ => Err(format!("exit {code} after {count} writes")),
        }
    }

    /// Every write is one that the approved plan says, or the file as it was changed.
    fn judge(&self, approved: &Approved, edited: &[Approved]) -> Result<(), String> {
        let record = self.wire.0.lock().unwrap();
        let now = self.seen();
        for write in &record.writes {
            let objection = |plan: &Approved| {
                let facts = Facts { before: &plan.before, now: &now, made: &record.made };
                plan.shown.objection(write, &facts)
            };
            let Some(why) = objection(approved) else {
                continue;
            };
            if edited.iter().all(|file| objection(file).is_some()) {
                return Err(format!("the plan that was shown does not have\n{why}"));
            }
        }
        Ok(())
    }

    /// `apply PROFILE --plan FILE`, below the command line; nothing where it was killed.
    async fn carry_out(&self) -> Option<Result<Condition, Failure>> {
        let (way, killed) = self.wire.over(&self.world);
        tokio::select! {
            biased;
            () = killed.notified() => None,
            ended = self.apply_saved(&way) => Some(ended),
        }
    }

    async fn apply_saved(&self, way: &Router) -> Result<Condition, Failure> {
        let path = self.folder.path().join("plan.json");
        let now = at("2026-01-01T01:00:00Z");
        let (saved, profile) =
            apply::read(&path, given(&self.folder.path().join("profile.toml")), &self.given, now)?;
        let connection = self.connect(&profile, way).await?;
        let tenant = Some(connection.signed_in.tenant);
        let known = Known { now, profile: Some(&profile), tenant };
        let outdated = apply::outdated(&path, &saved, &known);
        let about = plan::about(&profile, &connection, saved.inputs.clone(), now);
        let planned = match plan::plan(&profile, &connection, about, false, &events()).await {
            Ok(planned) => outdated.map_or(Ok(planned), Err)?,
            Err(failure) => return Err(failure.beside(outdated)),
        };
        apply::approve(&saved, &planned)?;
        apply::writable(&planned, self.allow_incomplete)?;
        Ok(write(&planned, &connection).await)
    }

    /// After an apply that ended well nothing of it is left to do.
    async fn is_over(&self) -> Result<(), String> {
        let saved = fs::read(self.folder.path().join("plan.json")).unwrap();
        let inputs = PlanFile::parse(&saved).unwrap().inputs;
        let (planned, _) = self.plan(&inputs).await.map_err(|failure| format!("{failure:?}"))?;
        if planned.plan.changes.is_empty() {
            return Ok(());
        }
        Err(format!("this is left to do:\n{}", text(&file(&planned))))
    }
}

async fn write(planned: &Planned, connection: &Connection) -> Condition {
    let (_stop, stop) = watch::channel(None);
    let options = ApplyOptions { seed: 1, stop };
    let outcome = apply::apply(planned, connection, &options, &events()).await;
    apply::condition(planned, &outcome, None)
}

fn given(path: &Path) -> Given<'_> {
    Given { path, root_only: false, command: "apply", placeholders: false }
}

fn events() -> Arc<dyn EventSink> {
    Arc::new(Heard::default())
}

/// A profile as its file has it.
fn toml(profile: &Value) -> String {
    toml::to_string(profile).unwrap()
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn file(planned: &Planned) -> PlanFile {
    PlanFile::new(&planned.plan, planned.about.clone())
}

/// A saved plan as it is shown.
fn text(file: &PlanFile) -> String {
    let rows = PlanRows {
        changes: &file.changes,
        kept: &file.kept,
        unknown: &file.unknown,
        refused: &file.refused,
        waiting: &file.waiting,
        compared: &file.compared,
        names_nothing: false,
        scope_read: &file.scope_read,
        profile: None,
        notes: &file.notes,
        missing: &[],
        graph: None,
        summary: file.summary,
    };
    report::text::plan(&rows, Style::PLAIN)
}

/// Lives one life: how its applies ended in the first line and what happened below, or what went wrong.
fn live(seed: u64) -> Result<String, String> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().start_paused(true).build().unwrap();
    let mut rng = Rng::with_seed(seed);
    runtime.block_on(async {
        // Until there is something to plan.
        loop {
            let mut review = Review::new(rng.fork());
            let ended = review.live().await;
            let trace = review.trace.join("\n");
            match ended {
                Ok(ends) if ends.is_empty() => {}
                Ok(ends) => return Ok(format!("{}\n{trace}", ends.join("; "))),
                Err(wrong) => return Err(format!("{wrong}\n{trace}")),
            }
        }
    })
}

#[test]
fn what_is_written_was_shown_whoever_edits_profile_file_or_world_before_the_apply() {
    let (seeds, lives) = each_seed(1, live);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for ends in lives.iter().filter_map(|life| life.lines().next()) {
        for end in ends.split("; ") {
            *counts.entry(end).or_default() += 1;
        }
    }
    if seeds >= SEEDS {
        let missing: Vec<&str> = ENDS.into_iter().filter(|end| !counts.contains_key(end)).collect();
        assert!(missing.is_empty(), "no apply ended as {missing:?}: {counts:?}");
    }
}
