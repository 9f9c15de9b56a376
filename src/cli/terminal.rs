//! What the streams are and how output looks on them.

use std::io;
use std::io::IsTerminal;
#[cfg(unix)]
use std::os::fd::AsFd;

use crate::cli::args::{Color, OutputArguments};
use crate::cli::pipeline::Pipeline;
use crate::report::screen::Detail;
use crate::report::style::Style;

/// Where output goes and how it looks.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact about a stream")]
pub struct Terminal {
    /// Whether stdout is a terminal, with a person before it.
    pub out: bool,
    /// Whether results are coloured.
    pub color_out: bool,
    /// Whether progress and errors are coloured.
    pub color_err: bool,
    /// How wide the terminal is that shows results.
    pub columns_out: Option<usize>,
    /// How wide the terminal is that shows progress and errors.
    pub columns_err: Option<usize>,
    /// Whether stderr is a terminal, so that progress can move.
    pub live: bool,
    /// Whether a question may be asked, and can be asked and answered.
    pub can_ask: bool,
    /// Whether only results and errors are said.
    pub quiet: bool,
    /// Whether everything is said that is otherwise counted.
    pub verbose: bool,
    /// The pipeline that is told outputs, a summary and marks.
    pub pipeline: Option<Pipeline>,
}

impl Terminal {
    /// What the caller asked for, on the streams as they are.
    pub fn new(arguments: &OutputArguments) -> Self {
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let plain = environment_forbids_color();
        let colored = |is_terminal: bool| match arguments.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => is_terminal && !plain,
        };
        Self {
            out,
            color_out: colored(out),
            color_err: colored(err),
            columns_out: columns(&io::stdout()),
            columns_err: columns(&io::stderr()),
            // A bar that is drawn anew would take the lines of a log with it.
            live: err && !arguments.quiet && arguments.verbose == 0 && !is_dumb(),
            can_ask: !arguments.no_input && io::stdin().is_terminal() && err,
            quiet: arguments.quiet,
            verbose: arguments.verbose > 0,
            pipeline: Pipeline::of_process().filter(|_| !arguments.no_pipeline),
        }
    }

    /// Nobody's terminal: a file, or a page.
    pub fn plain() -> Self {
        Self {
            out: false,
            color_out: false,
            color_err: false,
            columns_out: None,
            columns_err: None,
            live: false,
            can_ask: false,
            quiet: false,
            verbose: false,
            pipeline: None,
        }
    }

    /// How results look.
    pub fn style_out(self) -> Style {
        style(self.color_out).within(self.columns_out)
    }

    /// How much of a plan is shown. What is no terminal may be a file that somebody reads later, or a program.
    pub fn detail(self, full: bool) -> Detail {
        match self {
            Self { quiet: true, .. } => Detail::Table,
            Self { out: true, .. } if !full => Detail::Screen,
            Self { .. } => Detail::Whole,
        }
    }

    /// How progress and errors look.
    pub fn style_err(self) -> Style {
        style(self.color_err).within(self.columns_err)
    }
}

fn style(coloured: bool) -> Style {
    if coloured { Style::COLOURED } else { Style::PLAIN }
}

/// How wide the terminal of a stream is, where it is one and says so.
#[cfg(unix)]
fn columns(stream: &impl AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(stream).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

#[cfg(not(unix))]
fn columns<T>(_: &T) -> Option<usize> {
    None
}

/// <https://no-color.org>: any value but the empty one forbids colour.
#[expect(clippy::disallowed_methods, reason = "the command line reads its own environment")]
fn environment_forbids_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) || is_dumb()
}

#[expect(clippy::disallowed_methods, reason = "the command line reads its own environment")]
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|value| value == "dumb")
}
