//! What the commands with a plan share: sinks, signals, the connection's life, the summary.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::cli::args::{ConnectionArguments, Format, FormatArguments};
use crate::cli::ndjson::Ndjson;
use crate::cli::pipeline::told::Told;
use crate::cli::progress::{HEARTBEAT, Progress};
use crate::cli::terminal::Terminal;
use crate::cli::{logging, signals, sink};
use crate::command::condition::{Condition, Signal};
use crate::command::connection::Connection;
use crate::command::counts::Counts;
use crate::command::failure::Failure;
use crate::command::plan::{Pending, Planned};
use crate::command::preflight;
use crate::command::rehearsal::SandboxOptions;
use crate::command::services::{ConnectOptions, Services};
use crate::event::{Event, EventSink};
use crate::graph::Graph;
use crate::plan::row::ChangeRow;
use crate::profile::resolved::Profile;
use crate::report::missing::MissingRight;
use crate::report::rows::PlanRows;
use crate::report::style::Style;
use crate::report::verify_json::VerifyReport;
use crate::report::{json, markdown, missing, profile, screen};

/// Where a run's events go.
enum EventOutput {
    /// To people, on stderr.
    Progress(Box<Progress>),
    /// To programs, on stdout.
    Stream(Ndjson),
}

impl EventSink for EventOutput {
    fn emit(&self, event: Event) {
        logging::tell(&event);
        match self {
            Self::Progress(progress) => progress.emit(event),
            Self::Stream(stream) => stream.emit(event),
        }
    }
}

/// What is shown with a plan.
#[derive(Clone, Copy, Default)]
pub struct Beside<'a> {
    /// What the caller is likely not allowed to write.
    pub missing: &'a [MissingRight],
    /// The teams that something happens to, drawn in Markdown.
    pub graph: Option<&'a Graph>,
}

/// One run of a command.
pub struct Run {
    /// The streams.
    pub terminal: Terminal,
    /// How the result is printed; `None` for the event stream.
    pub format: Option<Format>,
    /// Whether plans are shown whole.
    full: bool,
    /// The profile as it was given.
    profile: PathBuf,
    /// Holds the signal that stops the run, once one came.
    pub stop: watch::Receiver<Option<Signal>>,
    /// Takes the events.
    pub events: Arc<dyn EventSink>,
    counts: Arc<Counts<EventOutput>>,
    started: Instant,
    /// A document that waits for what is verified after it; `None` where nothing is.
    held: Option<Mutex<String>>,
    /// What the pipeline is told; `None` where none runs this.
    pub told: Option<Told>,
}

impl Run {
    /// Starts a run: listens for signals, shows progress.
    pub fn start(
        terminal: Terminal,
        format: &FormatArguments,
        profile: &Path,
    ) -> Result<Self, Failure> {
        let output = if format.json {
            EventOutput::Stream(Ndjson::start().map_err(stdout)?)
        } else {
            EventOutput::Progress(Box::new(Progress::new(terminal)))
        };
        let counts = Arc::new(Counts::new(output));
        let beating = Arc::clone(&counts);
        tokio::spawn(async move {
            let mut beats = tokio::time::interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
            loop {
                beats.tick().await;
                if let EventOutput::Progress(progress) = beating.next() {
                    progress.heartbeat();
                }
            }
        });
        let stop = signals::listen().map_err(|source| {
            Failure::file("listen for signals on", Path::new("this process"), source)
        })?;
        let events: Arc<dyn EventSink> = Arc::clone(&counts) as _;
        let (full, format) = (format.full, (!format.json).then_some(format.format));
        let (profile, started) = (profile.to_owned(), Instant::now());
        let (held, told) = (None, terminal.pipeline.map(Told::new));
        Ok(Self { terminal, format, full, profile, stop, events, counts, started, held, told })
    }

    /// Keeps documents back until something was verified, or the run ends.
    #[must_use]
    pub fn holding(self) -> Self {
        Self { held: Some(Mutex::default()), ..self }
    }

    /// Prints a document, or keeps it back.
    pub fn print_document(&self, document: &impl Serialize) -> Result<(), Failure> {
        let Some(held) = &self.held else { return printed(sink::value(document)) };
        *held.lock().unwrap_or_else(PoisonError::into_inner) = json::pretty(document);
        Ok(())
    }

    /// Prints the document that was kept back, if one was, with what was verified after it.
    pub fn print_held(&self, verified: Option<&VerifyReport<'_>>) -> Result<(), Failure> {
        let Some(held) = &self.held else { return Ok(()) };
        let text = std::mem::take(&mut *held.lock().unwrap_or_else(PoisonError::into_inner));
        match verified {
            _ if text.is_empty() => Ok(()),
            Some(verified) => printed(sink::document(&json::with_verification(&text, verified))),
            None => printed(sink::document(&text)),
        }
    }

    /// Connects for the profile and says who is signed in.
    pub async fn connect(
        &self,
        profile: &Profile,
        options: &ConnectOptions,
    ) -> Result<Connection, Failure> {
        if let Some(text) = profile::placeholders(&profile.placeholders) {
            self.events.emit(Event::Message { text });
        }
        let services = Services::prepare(profile, options, &self.events).await?;
        self.open(services, profile, options).await
    }

    /// The same with services that are prepared.
    pub async fn open(
        &self,
        services: Services,
        profile: &Profile,
        options: &ConnectOptions,
    ) -> Result<Connection, Failure> {
        let connection = Connection::open(services, profile, options, &self.events).await?;
        let signed_in = &connection.signed_in;
        let text = format!(
            "Signed in as {} by {}, tenant {}.",
            signed_in.principal, signed_in.method, signed_in.tenant
        );
        self.events.emit(Event::Message { text });
        Ok(connection)
    }

    /// Runs something that writes nothing, until it ends or a signal comes.
    pub async fn until_stopped<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let mut stop = self.stop.clone();
        tokio::select! {
            biased;
            signal = stop.wait_for(Option::is_some) => match signal.ok().and_then(|signal| *signal) {
                Some(signal) => Err(Failure::Interrupted(signal)),
                None => std::future::pending().await,
            },
            done = work => done,
        }
    }

    /// Tells the pipeline of a plan.
    pub fn tell_plan(&self, planned: &Planned, beside: Beside<'_>) {
        if let Some(told) = &self.told {
            let changes: Vec<ChangeRow> = planned.plan.rows().collect();
            told.plan(&self.rows(planned, &changes, beside));
        }
    }

    fn rows<'p>(
        &'p self,
        planned: &'p Planned,
        changes: &'p [ChangeRow],
        Beside { missing, graph }: Beside<'p>,
    ) -> PlanRows<'p> {
        let rows = PlanRows::new(&planned.plan, changes).with_missing(missing);
        rows.with_graph(graph).of_profile(&self.profile)
    }

    /// Prints a plan as the result.
    pub fn print_plan(&self, planned: &Planned, beside: Beside<'_>) -> Result<(), Failure> {
        self.tell_plan(planned, beside);
        // JSON is written row by row.
        let is_json = self.format == Some(Format::Json);
        let changes = if is_json { Vec::new() } else { planned.plan.rows().collect() };
        let rows = self.rows(planned, &changes, beside);
        let text = match self.format {
            Some(Format::Text) => {
                let detail = self.terminal.detail(self.full);
                screen::plan(&rows, self.terminal.style_out(), detail)
            }
            Some(Format::Markdown) => markdown::plan(&rows),
            Some(Format::Json) => {
                let file = planned.file();
                return self.print_document(&json::plan(&file, beside.missing, &self.cost()));
            }
            None => return self.stream(|stream| stream.plan(&rows, &self.cost())),
        };
        printed(sink::result(&text))
    }

    /// Finds out what the caller is likely not allowed to write.
    pub async fn preflight(
        &self,
        planned: &Planned,
        connection: &Connection,
    ) -> Result<Vec<MissingRight>, Failure> {
        let missing = preflight::preflight(planned, connection, &*self.events);
        self.until_stopped(async { Ok(missing.await) }).await
    }

    /// Says what the caller is likely not allowed to write, where no plan is printed.
    pub fn say_missing(&self, missing: &[MissingRight]) -> Result<(), Failure> {
        if self.format.is_none() {
            return self.stream(|_| Ndjson::missing(missing));
        }
        if !missing.is_empty() {
            let text = missing::text(missing, Style::PLAIN);
            let text = text.trim_end().to_owned();
            self.events.emit(Event::Message { text });
        }
        Ok(())
    }

    /// Takes the least time of what comes next, so that it stays on the screen.
    pub fn expect(&self, least: Duration) {
        if let EventOutput::Progress(progress) = self.counts.next() {
            progress.expect(least);
        }
    }

    /// Writes to the event stream, if that is what was asked for.
    pub fn stream(
        &self,
        write: impl FnOnce(&Ndjson) -> std::io::Result<()>,
    ) -> Result<(), Failure> {
        match self.counts.next() {
            EventOutput::Stream(stream) => printed(write(stream)),
            EventOutput::Progress(_) => Ok(()),
        }
    }

    /// What the run cost so far.
    pub fn cost(&self) -> json::Run {
        let counted = self.counts.counted();
        json::Run {
            requests: json::Requests {
                arm_reads: counted.arm_reads,
                arm_writes: counted.arm_writes,
                cluster_reads: counted.cluster_reads,
                cluster_writes: counted.cluster_writes,
                token_requests: counted.token_requests,
            },
            retries: counted.retries,
            waited_seconds: json::seconds(counted.waited),
            paced_seconds: json::seconds(counted.paced),
            seconds: json::seconds(self.started.elapsed()),
        }
    }

    /// Ends the run: the event stream tells of a failure and closes with its summary, a document is kept back no longer.
    pub fn end(&self, ended: Result<Condition, Failure>) -> Result<Condition, Failure> {
        let told = self.stream(|stream| stream.end(&ended, &self.cost()));
        let ended = and_then(and_then(ended, told), self.print_held(None));
        if let Some(told) = &self.told {
            told.end(ended.as_ref().err());
        }
        ended
    }

    /// Prints a plan that nothing is made of, and says how a run ends with it.
    pub fn conclude(
        &self,
        planned: &Planned,
        beside: Beside<'_>,
        pending: Pending,
    ) -> Result<Condition, Failure> {
        let ended = match planned.refused() {
            // What could not be read is in the plan, and decides the exit code as well.
            Some(refused) => {
                Err(Failure::Several { ended: planned.condition(pending), failures: vec![refused] })
            }
            None => Ok(planned.condition(pending)),
        };
        and_then(ended, self.print_plan(planned, beside))
    }

    /// The signal that has come, if one has.
    pub fn signal(&self) -> Option<Signal> {
        *self.stop.borrow()
    }
}

/// Closes the connection, whatever became of the work.
pub async fn closed(
    connection: Connection,
    done: Result<Condition, Failure>,
) -> Result<Condition, Failure> {
    let saved = connection.close().await;
    and_then(done, saved)
}

/// How a run ended after which something else may have failed: neither hides the other.
pub fn and_then(
    ended: Result<Condition, Failure>,
    later: Result<(), Failure>,
) -> Result<Condition, Failure> {
    match (ended, later) {
        (ended, Ok(())) => ended,
        (Ok(ended), Err(later)) => Err(Failure::Several { ended, failures: vec![later] }),
        (Err(earlier), Err(later)) => Err(later.beside(Some(earlier))),
    }
}

/// What a write to stdout gave.
pub fn printed(written: std::io::Result<()>) -> Result<(), Failure> {
    written.map_err(stdout)
}

fn stdout(source: std::io::Error) -> Failure {
    Failure::file("print the result to", Path::new("stdout"), source)
}

impl ConnectionArguments {
    /// The same for the commands.
    pub fn options(&self) -> ConnectOptions {
        let sandbox = self.sandbox.as_ref().map(|file| SandboxOptions {
            file: file.clone(),
            strict: self.sandbox_strict,
            faults: self.sandbox_faults.clone(),
        });
        ConnectOptions {
            auth: self.auth,
            cloud_file: self.cloud_file.clone(),
            parallelism: self.parallelism.into(),
            timeout: self.timeout,
            sandbox,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{and_then, stdout};
    use crate::command::condition::{Condition, Signal};
    use crate::command::failure::Failure;

    #[test]
    fn what_fails_after_a_run_hides_nothing_that_counts_for_more() {
        let full = || Err(stdout(std::io::ErrorKind::StorageFull.into()));
        let code = |ended: Result<Condition, Failure>| match ended {
            Ok(condition) => condition,
            Err(failure) => failure.condition(),
        };
        for (ended, expected) in [
            (Condition::Interrupted(Signal::Interrupt), Condition::Interrupted(Signal::Interrupt)),
            (Condition::PartlyApplied, Condition::PartlyApplied),
            (Condition::Pending, Condition::Failed),
            (Condition::Done, Condition::Failed),
        ] {
            assert_eq!(code(and_then(Ok(ended), full())), expected);
        }
        let both = and_then(Err(Failure::Interrupted(Signal::Terminate)), full()).unwrap_err();
        assert_eq!(both.parts().len(), 2);
        assert_eq!(both.condition(), Condition::Interrupted(Signal::Terminate));
        assert_eq!(code(and_then(Ok(Condition::Done), Ok(()))), Condition::Done);
    }
}
