//! `verify`, and what `sync` does of it.

use std::path::Path;
use std::time::Duration;

use crate::cli::args::{
    ConnectionArguments, Format, FormatArguments, SyncArguments, VerifyArguments, VerifyFormat,
};
use crate::cli::ndjson::Ndjson;
use crate::cli::online::now;
use crate::cli::profile::ProfileArgument;
use crate::cli::run::{Run, and_then, closed, printed};
use crate::cli::sink;
use crate::cli::terminal::Terminal;
use crate::command::condition::Condition;
use crate::command::connection::Connection;
use crate::command::failure::Failure;
use crate::command::services::Services;
use crate::command::verify::Verified;
use crate::command::verify_pod::{Asked, Proven};
use crate::command::{plan, profile_files, verify, verify_pod};
use crate::event::Event;
use crate::model::pod::PodName;
use crate::model::text::Issuer;
use crate::plan::inputs::PlanInputs;
use crate::profile::resolved::Profile;
use crate::report;
use crate::report::verify_json::VerifyReport;
use crate::verify::probe::Probing;
use crate::verify::scene::Asking;

/// How long `sync --verify` waits until Entra knows what was written.
const WAIT_AFTER_SYNC: Duration = Duration::from_mins(5);

const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

/// `verify`.
pub async fn verify(arguments: &VerifyArguments, terminal: Terminal) -> Result<Condition, Failure> {
    let format = FormatArguments { format: Format::Text, json: false, full: false };
    let run = Run::start(terminal, &format, arguments.profile.path())?;
    let done = match &arguments.pod {
        Some(pod) => Box::pin(run_pod(arguments, pod, arguments.profile(), &run)).await,
        None => run_verify(arguments, &run).await,
    };
    run.end(done)
}

async fn run_verify(arguments: &VerifyArguments, run: &Run) -> Result<Condition, Failure> {
    let profile =
        profile_files::load(arguments.profile.connected("verify", &arguments.connection))?;
    let inputs = PlanInputs {
        teams: arguments.team.clone(),
        clusters: arguments.cluster.clone(),
        ..PlanInputs::default()
    };
    plan::choose(&profile, &inputs)?;
    let options = arguments.connection.options();
    let connection = run.until_stopped(run.connect(&profile, &options)).await?;
    let asking = Asking {
        inputs,
        workload: arguments.workload.clone(),
        exchanges: !arguments.no_exchange,
        // Other pairs every day, the same ones for whoever runs it again.
        probing: Probing {
            most: arguments.probe_isolation.into(),
            seed: now().as_second() / SECONDS_PER_DAY,
        },
        ..asking(Some(&arguments.profile), &arguments.connection)
    };
    let require_all = arguments.connection.require_all;
    let wait = arguments.wait.unwrap_or_default();
    let work = async {
        let verified = prove(run, &profile, &connection, &asking, (require_all, wait)).await?;
        let printed = print(run, arguments.format, Some(&profile), &verified);
        and_then(Ok(verified.condition()), printed)
    };
    let done = work.await;
    closed(connection, done).await
}

async fn run_pod(
    arguments: &VerifyArguments,
    pod: &PodName,
    given: Option<&ProfileArgument>,
    run: &Run,
) -> Result<Condition, Failure> {
    let profile = given
        .map(|given| profile_files::load(given.connected("verify", &arguments.connection)))
        .transpose()?;
    let bare = verify_pod::bare(profile.as_ref());
    let options = arguments.connection.options();
    let open = async {
        let services = profile.as_ref().unwrap_or(&bare);
        let services = Services::prepare(services, &options, &run.events).await?;
        let context = verify_pod::context(arguments.context.as_deref(), &services)?;
        let bare = verify_pod::on_cluster(bare.clone(), &context, Issuer::from(""));
        Ok((run.open(services, &bare, &options).await?, context))
    };
    let (mut connection, context) = run.until_stopped(open).await?;
    let (context, subscription) = (context.as_str(), arguments.subscription);
    let asked = Asked { pod, context, subscription, profile: profile.as_ref() };
    let mut asking =
        Asking { exchanges: !arguments.no_exchange, ..asking(given, &arguments.connection) };
    asking.verify.extend(["--pod".to_owned(), pod.to_string()]);
    asking.verify.extend(["--context".to_owned(), context.to_owned()]);
    asking.verify.extend(subscription.map(|subscription| format!("--subscription={subscription}")));
    let wait = arguments.wait.unwrap_or_default();
    let done = {
        let proven = verify_pod::verify(&mut connection, asked, &asking, wait, &run.events);
        let proven = Box::pin(run.until_stopped(proven)).await;
        proven.and_then(|proven| show(run, arguments.format, profile.as_ref(), proven))
    };
    closed(connection, done).await
}

/// Prints what was verified of a pod, and tells what is in its way.
fn show(
    run: &Run,
    format: VerifyFormat,
    profile: Option<&Profile>,
    proven: Proven,
) -> Result<Condition, Failure> {
    let Proven { verified, beside, by_profile } = proven;
    let ended = match verified {
        Some(verified) => {
            tell(run, &verified);
            let printed = print(run, format, profile.filter(|_| by_profile), &verified);
            and_then(Ok(verified.condition()), printed)
        }
        None => Ok(Condition::Done),
    };
    if beside.is_empty() {
        return ended;
    }
    let told = Failure::Several { ended: Condition::Done, failures: beside };
    match ended {
        Ok(ended) => Err(Failure::Several { ended, failures: vec![told] }),
        Err(earlier) => Err(told.beside(Some(earlier))),
    }
}

/// Verifies what a sync has written.
pub async fn after_sync(
    arguments: &SyncArguments,
    run: &Run,
    profile: &Profile,
    connection: &Connection,
) -> Result<Condition, Failure> {
    let asking = Asking {
        inputs: arguments.choice.inputs(),
        ..asking(Some(&arguments.profile), &arguments.connection)
    };
    // What cannot be read is unknown: a failure would say that nothing was written.
    let verified = match prove(run, profile, connection, &asking, (false, WAIT_AFTER_SYNC)).await {
        Err(Failure::Interrupted(signal)) => {
            let text = "Interrupted: the sync is complete, and it was not verified.".to_owned();
            run.events.emit(Event::Message { text });
            return Ok(Condition::Interrupted(signal));
        }
        verified => verified?,
    };
    let told = match run.format {
        None => {
            let report = document(run, Some(profile), &verified);
            run.stream(|_| Ndjson::verification(&verified.results, &report))
        }
        Some(Format::Json) => run.print_held(Some(&document(run, Some(profile), &verified))),
        Some(format @ (Format::Text | Format::Markdown)) => printed(sink::result("\n"))
            .and_then(|()| print(run, format.into(), Some(profile), &verified)),
    };
    and_then(Ok(verified.condition()), told)
}

/// A command on the same profile, connected in the same way.
pub(super) fn command(
    name: &str,
    profile: Option<&ProfileArgument>,
    connection: &ConnectionArguments,
) -> Vec<String> {
    let mut command = vec!["widctl".to_owned(), name.to_owned()];
    command.extend(profile.map(|profile| text(profile.path())));
    let root_only = profile.is_some_and(|profile| profile.root_only);
    command.extend(root_only.then(|| "--root-only".to_owned()));
    for (flag, file) in
        [("--sandbox", &connection.sandbox), ("--cloud-file", &connection.cloud_file)]
    {
        command.extend(file.as_ref().map(|file| format!("{flag}={}", text(file))));
    }
    command.extend(connection.auth.map(|method| format!("--auth={method}")));
    command
}

/// How the caller repairs and asks again.
fn asking(profile: Option<&ProfileArgument>, connection: &ConnectionArguments) -> Asking {
    Asking {
        exchanges: true,
        now: now(),
        sync: command("sync", profile, connection),
        verify: command("verify", profile, connection),
        ..Asking::default()
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Verifies until it is done or a signal comes.
async fn prove(
    run: &Run,
    profile: &Profile,
    connection: &Connection,
    asking: &Asking,
    how: (bool, Duration),
) -> Result<Verified, Failure> {
    let verified =
        run.until_stopped(verify::verify(profile, connection, asking, how, &run.events)).await?;
    tell(run, &verified);
    Ok(verified)
}

/// Tells the pipeline what was verified.
fn tell(run: &Run, verified: &Verified) {
    if let Some(told) = &run.told {
        told.verified(&verified.results);
    }
}

/// What was verified as a document.
fn document<'a>(
    run: &Run,
    profile: Option<&'a Profile>,
    verified: &'a Verified,
) -> VerifyReport<'a> {
    let estate = profile.map(|profile| profile.estate.as_str());
    report::verify_json::report(&verified.results, estate, now(), run.cost())
}

/// Prints what was verified as the result.
fn print(
    run: &Run,
    format: VerifyFormat,
    profile: Option<&Profile>,
    verified: &Verified,
) -> Result<(), Failure> {
    let results = &verified.results;
    let text = match format {
        VerifyFormat::Markdown => report::verify_markdown::text(results),
        VerifyFormat::Junit => report::verify_junit::text(results),
        VerifyFormat::Json => {
            let report = document(run, profile, verified);
            return printed(sink::document(&report::verify_json::text(&report)));
        }
        VerifyFormat::Text => report::verify::text(results, run.terminal.style_out()),
    };
    printed(sink::result(&text))
}
