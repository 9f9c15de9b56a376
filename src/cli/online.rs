//! The commands that connect, `plan`, `apply`, `sync` and `release`: what is asked, in which order it is shown and said.

use jiff::Timestamp;

use crate::apply::estimate;
use crate::apply::outcome::Outcome;
use crate::cli::args::{
    ApplyArguments, ChoiceArguments, ConnectionArguments, FilterArguments, Format, PlanArguments,
    ReleaseArguments, SyncArguments, WideningArguments,
};
use crate::cli::pipeline::told::Output;
use crate::cli::profile::ProfileArgument;
use crate::cli::prompt::Answer;
use crate::cli::run::{Beside, Run, and_then, closed, printed};
use crate::cli::terminal::Terminal;
use crate::cli::{prompt, saved, sink, verify};
use crate::command::apply::{ApplyOptions, Known};
use crate::command::condition::Condition;
use crate::command::connection::Connection;
use crate::command::failure::{Failure, MOST_QUESTIONS};
use crate::command::plan::{Pending, Planned};
use crate::command::profile_files::Given;
use crate::command::{apply, graph, plan, profile_files, services};
use crate::event::Event;
use crate::plan::approval;
use crate::plan::file::About;
use crate::plan::inputs::PlanInputs;
use crate::profile::resolved::Profile;
use crate::report::{escape, json, markdown, next, outcome, summary};

/// How many addresses at which a plan changed are named.
const MOST_PLACES: usize = 10;

/// `plan`.
pub async fn plan(arguments: &PlanArguments, terminal: Terminal) -> Result<Condition, Failure> {
    let run = Run::start(terminal, &arguments.format, arguments.profile.path())?;
    run.end(run_plan(arguments, &run).await)
}

async fn run_plan(arguments: &PlanArguments, run: &Run) -> Result<Condition, Failure> {
    if arguments.graph && run.format != Some(Format::Markdown) {
        return Err(Failure::Usage {
            what: "`--graph` draws in Markdown alone".into(),
            hint: "add `--format markdown`, or draw with `widctl graph`".into(),
        });
    }
    let profile = profile_files::load(arguments.profile.connected("plan", &arguments.connection))?;
    let inputs = arguments.choice.inputs();
    plan::choose(&profile, &inputs)?;
    let options = arguments.connection.options();
    let connection = run.until_stopped(run.connect(&profile, &options)).await?;
    let about = plan::about(&profile, &connection, inputs, now());
    let require_all = arguments.connection.require_all;
    let work = plan::plan(&profile, &connection, about, require_all, &run.events);
    let work = async {
        let planned = run.until_stopped(work).await.inspect_err(|_| {
            arguments.out.iter().for_each(|out| saved::say_unsaved(run, out));
        })?;
        let saved = arguments.out.as_ref().map_or(Ok(()), |out| planned.save(out));
        let missing = run.preflight(&planned, &connection).await?;
        let pending = Pending::asked(arguments.detailed_exitcode, arguments.ignore_kept);
        let graph = arguments.graph.then(|| graph::touched(&profile, &planned)).flatten();
        let ended =
            run.conclude(&planned, Beside { missing: &missing, graph: graph.as_ref() }, pending);
        let said = match (saved, &arguments.out) {
            (Ok(()), Some(out)) => {
                if let Some(told) = &run.told {
                    told.output(Output::path("plan_file", out));
                }
                saved::say(run, arguments, out, &planned)
            }
            (saved, _) => saved,
        };
        and_then(ended, said)
    };
    let done = work.await;
    closed(connection, done).await
}

/// Connects, does work that writes nothing, and shows what came of it.
pub async fn observed<T>(
    (run, profile): (&Run, &Profile),
    only: &FilterArguments,
    how: &ConnectionArguments,
    work: impl AsyncFnOnce(&Connection, About) -> Result<T, Failure>,
    show: impl FnOnce(T) -> Result<Condition, Failure>,
) -> Result<Condition, Failure> {
    let inputs = only.inputs();
    plan::choose(profile, &inputs)?;
    let connection = run.until_stopped(run.connect(profile, &how.options())).await?;
    let about = plan::about(profile, &connection, inputs, now());
    let done = run.until_stopped(work(&connection, about)).await.and_then(show);
    closed(connection, done).await
}

/// `sync`.
pub async fn sync(arguments: &SyncArguments, terminal: Terminal) -> Result<Condition, Failure> {
    let run = Run::start(terminal, &arguments.format, arguments.profile.path())?;
    let run = if arguments.verify { run.holding() } else { run };
    run.end(Box::pin(run_sync(arguments, &run)).await)
}

async fn run_sync(arguments: &SyncArguments, run: &Run) -> Result<Condition, Failure> {
    let profile = profile_files::load(arguments.profile.connected("sync", &arguments.connection))?;
    let inputs = arguments.choice.inputs();
    plan::choose(&profile, &inputs)?;
    let options = arguments.connection.options();
    let connection = run.until_stopped(run.connect(&profile, &options)).await?;
    let about = plan::about(&profile, &connection, inputs, now());
    let require_all = arguments.connection.require_all;
    let again = async || {
        let plan = plan::plan(&profile, &connection, about.clone(), require_all, &run.events);
        run.until_stopped(plan).await
    };
    let work = async {
        let planned = again().await?;
        if arguments.check || planned.plan.changes.is_empty() {
            let pending = Pending::asked(arguments.check, arguments.ignore_kept);
            return run.conclude(&planned, Beside::default(), pending);
        }
        let how = Approving {
            auto_approve: arguments.auto_approve,
            allow_incomplete: arguments.allow_incomplete,
            can_save: true,
        };
        let verify = if arguments.verify {
            Vec::new()
        } else {
            verify_command(&arguments.profile, &arguments.connection, &planned.about.inputs)
        };
        let target = Target { connection: &connection, profile: &profile, verify };
        write_confirmed(run, planned, target, how, again).await
    };
    let done = match work.await {
        Ok(Condition::Done) if arguments.verify => {
            verify::after_sync(arguments, run, &profile, &connection).await
        }
        done => done,
    };
    closed(connection, done).await
}

/// `release`.
pub async fn release(
    arguments: &ReleaseArguments,
    terminal: Terminal,
) -> Result<Condition, Failure> {
    let run = Run::start(terminal, &arguments.format, &arguments.profile)?;
    run.end(run_release(arguments, &run).await)
}

async fn run_release(arguments: &ReleaseArguments, run: &Run) -> Result<Condition, Failure> {
    let placeholders = arguments.connection.sandbox.is_some();
    let path = &arguments.profile;
    let given = Given { path, root_only: false, command: "release", placeholders };
    let profile = profile_files::load(given)?;
    let options = arguments.connection.options();
    let connection = run.until_stopped(run.connect(&profile, &options)).await?;
    let about = plan::about(&profile, &connection, PlanInputs::default(), now());
    let (addresses, require_all) = (&arguments.addresses, arguments.connection.require_all);
    let again = async || {
        let about = about.clone();
        let plan = plan::release(&profile, &connection, about, addresses, require_all, &run.events);
        run.until_stopped(plan).await
    };
    let work = async {
        let planned = again().await?;
        let auto_approve = arguments.auto_approve;
        let how = Approving { auto_approve, allow_incomplete: false, can_save: false };
        let verify = Vec::new();
        let target = Target { connection: &connection, profile: &profile, verify };
        write_confirmed(run, planned, target, how, again).await
    };
    let done = work.await;
    closed(connection, done).await
}

/// How a plan comes to be approved.
#[derive(Clone, Copy)]
struct Approving {
    /// Beforehand, without asking.
    auto_approve: bool,
    /// Also where it is incomplete.
    allow_incomplete: bool,
    /// Whether it could be saved, to be approved as a file.
    can_save: bool,
}

/// Shows a plan, asks for it, and writes what was confirmed.
async fn write_confirmed(
    run: &Run,
    mut planned: Planned,
    target: Target<'_>,
    how: Approving,
    again: impl AsyncFn() -> Result<Planned, Failure>,
) -> Result<Condition, Failure> {
    let show = async |planned: &Planned| {
        let missing = run.preflight(planned, target.connection).await?;
        // In JSON the outcome is the result, and there is one document on stdout.
        let beside = Beside { missing: &missing, graph: None };
        if run.format == Some(Format::Json) {
            run.tell_plan(planned, beside);
            run.say_missing(&missing)?;
        } else {
            run.print_plan(planned, beside)?;
        }
        apply::writable(planned, how.allow_incomplete)
    };
    show(&planned).await?;
    if !how.auto_approve {
        planned = confirmed(run, planned, how.can_save, again, show).await?;
        if planned.plan.changes.is_empty() {
            return run.conclude(&planned, Beside::default(), Pending::Nothing);
        }
        apply::writable(&planned, how.allow_incomplete)?;
    }
    write(run, &planned, target).await
}

/// Asks until the plan that was confirmed is what a new reading gives, or nothing is left to do. An answer may
/// come after hours: what it approves is what it saw.
async fn confirmed(
    run: &Run,
    mut shown: Planned,
    can_save: bool,
    again: impl AsyncFn() -> Result<Planned, Failure>,
    show: impl AsyncFn(&Planned) -> Result<(), Failure>,
) -> Result<Planned, Failure> {
    let mut questions = 0;
    loop {
        confirm(run, can_save).await?;
        questions += 1;
        let fresh = again().await?;
        let [before, now] = [&shown, &fresh].map(|planned| planned.plan.rows().collect::<Vec<_>>());
        let changing = places(&approval::differing(&before, &now));
        if changing.is_empty() {
            return Ok(fresh);
        }
        if questions == MOST_QUESTIONS && !fresh.plan.changes.is_empty() {
            return Err(Failure::Unsettled { changing });
        }
        let changing = changing.join("\n  ");
        sink::say(&format!(
            "\nThe plan changed while it waited for an answer. It is another one at:\n  {changing}\n\n"
        ));
        if fresh.plan.changes.is_empty() {
            return Ok(fresh);
        }
        show(&fresh).await?;
        prompt::forget_typed();
        shown = fresh;
    }
}

/// `apply`.
pub async fn apply(arguments: &ApplyArguments, terminal: Terminal) -> Result<Condition, Failure> {
    let run = Run::start(terminal, &arguments.format, arguments.profile.path())?;
    run.end(run_apply(arguments, &run).await)
}

async fn run_apply(arguments: &ApplyArguments, run: &Run) -> Result<Condition, Failure> {
    let path = &arguments.plan;
    let now = now();
    let given = arguments.widening.inputs();
    let profile = arguments.profile.connected("apply", &arguments.connection);
    let (saved, profile) = apply::read(path, profile, &given, now)?;
    let mut known = Known { now, profile: Some(&profile), tenant: None };
    let options = arguments.connection.options();
    let connection = run.until_stopped(run.connect(&profile, &options)).await;
    // A guardrail that refuses what the profile wants by now counts for more than an approval that is too old,
    // so that the plan is made all the same. It only reads.
    let connection = connection.map_err(|f| f.beside(apply::outdated(path, &saved, &known)))?;
    known.tenant = Some(connection.signed_in.tenant);
    let about = plan::about(&profile, &connection, saved.inputs.clone(), now);
    let require_all = arguments.connection.require_all;
    let work = async {
        let plan = plan::plan(&profile, &connection, about, require_all, &run.events);
        let planned = match (run.until_stopped(plan).await, apply::outdated(path, &saved, &known)) {
            (Ok(planned), None) => planned,
            (Ok(planned), Some(outdated)) => return Err(planned.with_refused(outdated)),
            (Err(failure), outdated) => return Err(failure.beside(outdated)),
        };
        let already_done = apply::approve(&saved, &planned)?;
        // What could not be read is not wanted by the plan, and not done for that.
        if already_done > 0 && planned.plan.is_complete() {
            let text = format!("{already_done} of the approved changes are done already.");
            run.events.emit(Event::Message { text });
        }
        if planned.plan.changes.is_empty() {
            return run.conclude(&planned, Beside::default(), Pending::Nothing);
        }
        apply::writable(&planned, arguments.allow_incomplete)?;
        let missing = run.preflight(&planned, &connection).await?;
        run.tell_plan(&planned, Beside { missing: &missing, graph: None });
        run.say_missing(&missing)?;
        let verify = verify_command(&arguments.profile, &arguments.connection, &saved.inputs);
        let target = Target { connection: &connection, profile: &profile, verify };
        write(run, &planned, target).await
    };
    let done = work.await;
    closed(connection, done).await
}

/// The first addresses as texts, and how many more there are.
fn places(addresses: &[&str]) -> Vec<String> {
    let named = addresses.iter().take(MOST_PLACES);
    let mut places: Vec<String> = named.map(|named| escape::terminal(named).into_owned()).collect();
    match addresses.len() - places.len() {
        0 => {}
        more => places.push(format!("and {more} more")),
    }
    places
}

/// Asks for `yes` where somebody can answer.
async fn confirm(run: &Run, can_save: bool) -> Result<(), Failure> {
    if !run.terminal.can_ask || run.format != Some(Format::Text) {
        return Err(Failure::Unattended { can_save });
    }
    let answer = prompt::ask("Do you want to make these changes?", run.stop.clone()).await;
    let asked = std::path::Path::new("the terminal");
    match answer.map_err(|source| Failure::file("read an answer from", asked, source))? {
        Answer::Yes => Ok(()),
        Answer::No => match run.signal() {
            Some(signal) => Err(Failure::Interrupted(signal)),
            None => Err(Failure::Unconfirmed),
        },
    }
}

/// What a plan is written to, and how what was written is verified; empty where it is not.
struct Target<'a> {
    connection: &'a Connection,
    profile: &'a Profile,
    verify: Vec<String>,
}

/// The command that verifies what these filters chose.
fn verify_command(
    profile: &ProfileArgument,
    connection: &ConnectionArguments,
    inputs: &PlanInputs,
) -> Vec<String> {
    let mut command = verify::command("verify", Some(profile), connection);
    for (flag, globs) in [("--team", &inputs.teams), ("--cluster", &inputs.clusters)] {
        command.extend(globs.iter().map(|glob| format!("{flag}={glob}")));
    }
    command
}

/// Writes the plan and prints what became of it.
async fn write(run: &Run, planned: &Planned, target: Target<'_>) -> Result<Condition, Failure> {
    let Target { connection, profile, verify } = target;
    let least = estimate::estimate(&planned.plan.changes);
    if let Some(text) = summary::estimate(least) {
        run.events.emit(Event::Message { text });
    }
    run.expect(least);
    let options = ApplyOptions { seed: services::jitter_seed(), stop: run.stop.clone() };
    let outcome = apply::apply(planned, connection, &options, &run.events).await;
    if let Some(told) = &run.told {
        told.outcome(&outcome, planned.plan.unchanged);
    }
    let next = next::commands(&planned.plan.changes, &outcome, &profile.clusters, &verify);
    let by_hand = next::by_hand(&planned.plan, &outcome);
    let printed = print_outcome(run, planned, &outcome)
        .and_then(|()| say_commands(run, next::BY_HAND, &by_hand))
        .and_then(|()| say_commands(run, next::NEXT, &next));
    and_then(Ok(apply::condition(planned, &outcome, run.signal())), printed)
}

fn print_outcome(run: &Run, planned: &Planned, outcome: &Outcome) -> Result<(), Failure> {
    let unchanged = planned.plan.unchanged;
    if matches!(run.format, Some(Format::Text | Format::Markdown)) {
        let text = summary::cost(&run.cost());
        run.events.emit(Event::Message { text });
    }
    let text = match run.format {
        Some(Format::Text) => {
            outcome::text(outcome, unchanged, run.terminal.style_out(), run.terminal.verbose)
        }
        // The plan before it is Markdown; the outcome is a section of its own.
        Some(Format::Markdown) => format!("\n{}", markdown::outcome(outcome, unchanged)),
        Some(Format::Json) => {
            return run.print_document(&json::outcome(outcome, unchanged, &run.cost()));
        }
        None => {
            return run.stream(|stream| {
                stream.outcome(outcome, unchanged, &run.cost());
                Ok(())
            });
        }
    };
    printed(sink::result(&text))
}

/// Says what is left to do, beside the result: its last line is the sentence that scripts look for. A document in JSON
/// has its own readers.
fn say_commands(run: &Run, heading: &str, commands: &[String]) -> Result<(), Failure> {
    let Some(text) = next::text(heading, commands) else { return Ok(()) };
    match run.format {
        Some(Format::Markdown) => {
            return printed(sink::result(&markdown::commands(heading, commands)));
        }
        Some(Format::Json) => {}
        Some(Format::Text) => run.events.emit(Event::Message { text }),
        None => {
            for command in commands {
                run.events.emit(Event::Message { text: format!("{heading}: {command}") });
            }
        }
    }
    Ok(())
}

impl ChoiceArguments {
    /// The same for the planner.
    pub(super) fn inputs(&self) -> PlanInputs {
        let Self { team, cluster, widening } = self;
        PlanInputs { teams: team.clone(), clusters: cluster.clone(), ..widening.inputs() }
    }
}

impl WideningArguments {
    /// The same for the planner, for all teams and clusters.
    fn inputs(&self) -> PlanInputs {
        let Self { prune, allow_mass_delete, adopt, force_conflicts } = self;
        PlanInputs {
            prune: *prune,
            allow_mass_delete: *allow_mass_delete,
            adopt: *adopt,
            force_conflicts: *force_conflicts,
            ..PlanInputs::default()
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the edge that hands the time in")]
pub(super) fn now() -> Timestamp {
    Timestamp::now()
}
