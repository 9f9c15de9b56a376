//! Progress for people: a moving bar on a terminal, a plain line every ten seconds elsewhere.

use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use indicatif::ProgressBar;
use indicatif::ProgressDrawTarget;
use indicatif::ProgressStyle;
use tokio::time::Instant;

use crate::cli::terminal::Terminal;
use crate::event::Ended;
use crate::event::Event;
use crate::event::EventSink;
use crate::report::escape;

/// How often a plain line says that the run goes on.
pub const HEARTBEAT: Duration = Duration::from_secs(10);

/// Shows where a run stands, on stderr.
pub struct Progress {
    live: bool,
    quiet: bool,
    phase: Mutex<Phase>,
}

/// The phase that is running.
struct Phase {
    title: String,
    steps: Option<usize>,
    done: usize,
    since: Instant,
    waiting: Option<String>,
    bar: ProgressBar,
}

impl Progress {
    /// Progress as this terminal can show it.
    pub fn new(terminal: Terminal) -> Self {
        let phase = Phase {
            title: String::new(),
            steps: None,
            done: 0,
            since: Instant::now(),
            waiting: None,
            bar: ProgressBar::hidden(),
        };
        Self {
            live: terminal.live,
            quiet: terminal.quiet,
            phase: Mutex::new(phase),
        }
    }

    /// Says that a long phase goes on, where no bar moves. The caller calls it every [`HEARTBEAT`].
    pub fn heartbeat(&self) {
        let phase = self.phase();
        if self.live || self.quiet || phase.title.is_empty() {
            return;
        }
        Terminal::say(&format!("{}\n", phase.line()));
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self, title: String, steps: Option<usize>) {
        let mut phase = self.phase();
        phase.bar.finish_and_clear();
        *phase = Phase {
            bar: if self.live {
                bar(&title, steps)
            } else {
                ProgressBar::hidden()
            },
            title,
            steps,
            done: 0,
            since: Instant::now(),
            waiting: None,
        };
    }

    fn step(&self) {
        let mut phase = self.phase();
        phase.done += 1;
        phase.waiting = None;
        phase.bar.inc(1);
        phase.bar.set_message("");
    }

    /// Says something of its own lines; what strangers wrote in it does nothing to the terminal.
    fn line_above(&self, text: &str) {
        if self.quiet {
            return;
        }
        let lines: Vec<_> = text.lines().map(escape::terminal).collect();
        let line = lines.join("\n");
        let phase = self.phase();
        phase.bar.suspend(|| Terminal::say(&format!("{line}\n")));
    }
}

impl Phase {
    fn line(&self) -> String {
        let Self {
            title,
            steps,
            done,
            since,
            waiting,
            bar: _,
        } = self;
        let count = steps
            .map(|steps| format!(" {done} of {steps}"))
            .unwrap_or_default();
        let waiting = waiting
            .as_ref()
            .map(|why| format!(", {why}"))
            .unwrap_or_default();
        format!(
            "{title}…{count} [{} s elapsed{waiting}]",
            since.elapsed().as_secs()
        )
    }
}

impl EventSink for Progress {
    fn emit(&self, event: Event) {
        match event {
            Event::PhaseStarted { title, steps } => {
                self.start(escape::terminal(&title).into_owned(), steps);
            }
            Event::StepFinished { .. } => self.step(),
            Event::PhaseFinished => {
                let mut phase = self.phase();
                phase.bar.finish_and_clear();
                phase.title.clear();
            }
            Event::Waiting { why, pause } => {
                let why = escape::terminal(&why);
                let text = format!("{why}, {} s", pause.as_secs_f64().ceil());
                let mut phase = self.phase();
                phase.bar.set_message(text.clone());
                phase.waiting = Some(text);
            }
            Event::ChangeEnded {
                address,
                action,
                ended,
                error,
            } => {
                self.step();
                self.line_above(&ended_line(&address, action, ended, error.as_deref()));
            }
            Event::Message { text } => self.line_above(&text),
            Event::RequestSent(_) | Event::ChangeStarted { .. } => {}
        }
    }
}

fn bar(title: &str, steps: Option<usize>) -> ProgressBar {
    let target = ProgressDrawTarget::stderr();
    let (bar, template) = match steps {
        Some(steps) => (
            ProgressBar::with_draw_target(Some(steps as u64), target),
            "{spinner} {prefix} {bar:24} {pos} of {len} {msg:.dim}",
        ),
        None => (
            ProgressBar::with_draw_target(None, target),
            "{spinner} {prefix} {msg:.dim}",
        ),
    };
    let style = ProgressStyle::with_template(template).expect("the template is a constant");
    bar.set_style(style);
    bar.set_prefix(title.to_owned());
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

fn ended_line(address: &str, action: &str, ended: Ended, error: Option<&str>) -> String {
    let word = match ended {
        Ended::Done => "done",
        Ended::Failed => "FAILED",
        Ended::Skipped => "skipped",
        Ended::NotStarted => "not started",
        Ended::Unproven => "UNPROVEN",
    };
    let mut text = format!("  {action} {address}: {word}");
    for line in error.into_iter().flat_map(str::lines) {
        text.push_str("\n    ");
        text.push_str(line);
    }
    text
}
