//! Progress for people: a moving bar on a terminal, a plain line every ten seconds elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use tokio::time::Instant;

use crate::cli::sink;
use crate::cli::terminal::Terminal;
use crate::event::{Ended, Event, EventSink};
use crate::model::plural;
use crate::report::screen::MANY;
use crate::report::style::Style;
use crate::report::{escape, summary, wrap};

/// How often a plain line says that the run goes on.
pub const HEARTBEAT: Duration = Duration::from_secs(10);

/// How many open steps are named at most.
const NAMED: usize = 3;
/// How long it is shown at least that requests are held back: they follow each other closely, and what is shown
/// must not flicker.
const PACING_SHOWN: Duration = Duration::from_secs(2);
/// From when on a bar without an estimate tells how long it has moved: most reads end before.
const CLOCK_SHOWN: Duration = Duration::from_secs(5);

/// Shows where a run stands, on stderr.
pub struct Progress {
    live: bool,
    quiet: bool,
    verbose: bool,
    style: Style,
    /// The least time that the next phase takes, where that is long.
    least: Mutex<Option<Duration>>,
    phase: Mutex<Phase>,
}

/// The phase that is running.
struct Phase {
    title: String,
    steps: Option<usize>,
    done: usize,
    since: Instant,
    /// The least time that it takes, where that is long.
    least: Option<Duration>,
    /// Why requests are repeated, and until when the longest pause lasts.
    waiting: Option<(String, Instant)>,
    /// The long steps that have begun and not ended.
    open: BTreeSet<String>,
    /// How many changes have ended so, for the same reason where they have one.
    alike: BTreeMap<(&'static str, Option<String>), usize>,
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
            least: None,
            waiting: None,
            open: BTreeSet::new(),
            alike: BTreeMap::new(),
            bar: ProgressBar::hidden(),
        };
        let Terminal { live, quiet, verbose, .. } = terminal;
        let style = terminal.style_err();
        Self { live, quiet, verbose, style, least: Mutex::new(None), phase: Mutex::new(phase) }
    }

    /// Takes the least time that the next phase takes.
    pub fn expect(&self, least: Duration) {
        let mut next = self.least.lock().unwrap_or_else(PoisonError::into_inner);
        *next = summary::is_long(least).then_some(least);
    }

    /// Says that a long phase goes on, where no bar moves. The caller calls it every [`HEARTBEAT`].
    pub fn heartbeat(&self) {
        let phase = self.phase();
        if self.live || self.quiet || phase.title.is_empty() {
            return;
        }
        sink::say(&format!("{}\n", phase.line()));
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self, title: String, steps: Option<usize>) {
        let least = self.least.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut phase = self.phase();
        phase.bar.finish_and_clear();
        *phase = Phase {
            bar: if self.live {
                bar(&title, steps, least, self.style)
            } else {
                ProgressBar::hidden()
            },
            title,
            steps,
            done: 0,
            since: Instant::now(),
            least,
            waiting: None,
            open: BTreeSet::new(),
            alike: BTreeMap::new(),
        };
    }

    fn step(&self, title: Option<&str>) {
        let mut phase = self.phase();
        phase.done += 1;
        if let Some(title) = title {
            phase.open.remove(title);
        }
        phase.bar.inc(1);
        phase.show();
    }

    /// The line of a change that ended: of many that ended so for the same reason, or were done among many, the
    /// first, and then how many there are by the tenth, the hundredth and so on. The outcome tells of all.
    fn worth_telling(
        &self,
        line: String,
        word: &'static str,
        cause: Option<String>,
    ) -> Option<String> {
        let mut phase = self.phase();
        let is_of_many = phase.steps.is_some_and(|steps| steps > MANY);
        if self.verbose || (cause.is_none() && !is_of_many) {
            return Some(line);
        }
        let why = if cause.is_some() { " for one reason" } else { "" };
        let count = phase.alike.entry((word, cause)).or_default();
        *count += 1;
        match *count {
            1 => Some(line),
            many if 10_usize.pow(many.ilog10()) == many => {
                let many = plural::thousands(many);
                Some(format!("  {many} {word} so far{why}; `-v` tells each"))
            }
            _ => None,
        }
    }

    /// Says something of its own lines; what strangers wrote in it does nothing to the terminal.
    fn line_above(&self, text: &str) {
        if self.quiet {
            return;
        }
        // What is indented is a command to copy, or wrapped already.
        let lines = text.lines().map(escape::terminal);
        let lines: Vec<_> = lines
            .map(|line| {
                if line.starts_with(' ') {
                    line.into_owned()
                } else {
                    wrap::line(&line, 0, self.style)
                }
            })
            .collect();
        let line = lines.join("\n");
        let phase = self.phase();
        phase.bar.suspend(|| sink::say(&format!("{line}\n")));
    }
}

impl Phase {
    /// Takes note of a pause. The one that ends last is shown.
    fn wait(&mut self, text: String, until: Instant) {
        let is_last = self.waiting.as_ref().is_none_or(|(_, last)| *last <= until);
        if is_last {
            self.waiting = Some((text, until));
        }
        self.show();
    }

    /// What the phase waits for: why a request is repeated, and the long steps that are open.
    fn waits(&self) -> Vec<String> {
        let now = Instant::now();
        let waiting = self.waiting.iter().filter(|(_, until)| *until > now);
        let mut waits: Vec<String> = waiting.map(|(text, _)| text.clone()).collect();
        let named: Vec<_> =
            self.open.iter().take(NAMED).map(|title| escape::terminal(title)).collect();
        if !named.is_empty() {
            let more = match self.open.len() - named.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            waits.push(format!("waiting for {}{more}", named.join(", ")));
        }
        waits
    }

    /// Shows it beside the bar.
    fn show(&self) {
        let waits = self.waits().join("; ");
        self.bar.set_message(if waits.is_empty() { waits } else { format!("({waits})") });
    }

    fn line(&self) -> String {
        let count =
            self.steps.map(|steps| format!(" {} of {steps}", self.done)).unwrap_or_default();
        let mut status = vec![clock(self.since.elapsed(), self.least, (self.done, self.steps))];
        status.extend(self.waits());
        format!("{}…{count} [{}]", self.title, status.join("; "))
    }
}

impl EventSink for Progress {
    fn emit(&self, event: Event) {
        match event {
            Event::PhaseStarted { title, steps } => {
                self.start(escape::terminal(&title).into_owned(), steps);
            }
            Event::StepStarted { title } => {
                let mut phase = self.phase();
                phase.open.insert(title);
                phase.show();
            }
            Event::StepFinished { title } => self.step(Some(&title)),
            Event::PhaseFinished => {
                let mut phase = self.phase();
                phase.bar.finish_and_clear();
                phase.title.clear();
            }
            Event::Waiting { why, pause } => {
                let why = escape::terminal(&why);
                let text = format!("{why}, {} s", pause.as_secs_f64().ceil());
                self.phase().wait(text, Instant::now() + pause);
            }
            Event::Paced { pause } => {
                let until = Instant::now() + pause.max(PACING_SHOWN);
                self.phase().wait("keeping to Azure's rate".to_owned(), until);
            }
            Event::ChangeEnded { address, action, ended, error, cause } => {
                self.step(None);
                let line = ended_line(&address, action, ended, error.as_deref());
                if let Some(line) = self.worth_telling(line, word(ended), cause) {
                    self.line_above(&line);
                }
            }
            Event::Message { text } => self.line_above(&text),
            Event::RequestSent(_) | Event::ChangeStarted { .. } => {}
        }
    }
}

/// How long a phase has run and, where its least time is known, how long it goes on: what is left of that time, or
/// the share of the steps that have not ended, whichever is longer.
fn clock(elapsed: Duration, least: Option<Duration>, steps: (usize, Option<usize>)) -> String {
    let elapsed_text = summary::time(elapsed);
    let (Some(least), (done, Some(steps @ 1..))) = (least, steps) else {
        return format!("{elapsed_text} elapsed");
    };
    let [open, all] =
        [steps.saturating_sub(done), steps].map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    let share = least.saturating_mul(open) / all;
    let left = match least.saturating_sub(elapsed).max(share).as_secs() {
        seconds @ 0..=90 => format!("{} s", seconds.next_multiple_of(10).max(10)),
        seconds => format!("{} min", seconds.div_ceil(60)),
    };
    format!("about {left} left, {elapsed_text} elapsed")
}

/// One line: what is drawn over two would leave the first behind.
fn bar(title: &str, steps: Option<usize>, least: Option<Duration>, style: Style) -> ProgressBar {
    let template = match steps {
        Some(_) if style.is_narrow() => "{spinner} {pos} of {len} {clock}{wide_msg:.dim}",
        Some(_) => "{spinner} {prefix} {bar:12} {pos} of {len} {clock}{wide_msg:.dim}",
        None => "{spinner} {prefix} {clock}{wide_msg:.dim}",
    };
    let steps_shown = steps.map(|steps| steps as u64);
    let bar = ProgressBar::with_draw_target(steps_shown, ProgressDrawTarget::stderr());
    let shown = ProgressStyle::with_template(template).expect("the template is a constant");
    bar.set_style(shown.with_key("clock", move |state: &ProgressState, text: &mut dyn Write| {
        let elapsed = state.elapsed();
        if least.is_some() || elapsed >= CLOCK_SHOWN {
            let done = usize::try_from(state.pos()).unwrap_or(usize::MAX);
            let _ = write!(text, "{} ", clock(elapsed, least, (done, steps)));
        }
    }));
    bar.set_prefix(title.to_owned());
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

fn word(ended: Ended) -> &'static str {
    match ended {
        Ended::Done => "done",
        Ended::Failed => "FAILED",
        Ended::Skipped => "skipped",
        Ended::NotStarted => "not started",
        Ended::Unproven => "UNPROVEN",
    }
}

fn ended_line(address: &str, action: &str, ended: Ended, error: Option<&str>) -> String {
    let mut text = format!("  {action} {address}: {}", word(ended));
    for line in error.into_iter().flat_map(str::lines) {
        text.push_str("\n    ");
        text.push_str(line);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::clock;

    #[test]
    fn a_phase_tells_what_is_left_of_what_was_announced() {
        let told = |elapsed, least: Option<u64>, steps| {
            clock(Duration::from_secs(elapsed), least.map(Duration::from_secs), steps)
        };
        let at_start = told(0, Some(499), (0, Some(400)));
        assert_eq!(at_start, "about 9 min left, 0 s elapsed");
        let on_time = told(139, Some(499), (150, Some(400)));
        assert_eq!(on_time, "about 6 min left, 2 min 19 s elapsed");
        // A late apply has what its open changes take, an early one what the rates leave.
        let late = told(600, Some(499), (360, Some(400)));
        assert_eq!(late, "about 50 s left, 10 min 0 s elapsed");
        let early = told(10, Some(100), (400, Some(400)));
        assert_eq!(early, "about 90 s left, 10 s elapsed");
        assert_eq!(told(72, None, (3, Some(4))), "1 min 12 s elapsed");
        assert_eq!(told(72, None, (3, None)), "1 min 12 s elapsed");
    }
}
