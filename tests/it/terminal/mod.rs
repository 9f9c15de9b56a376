//! The program on a terminal of its own: what it shows there, and what is typed.
//!
//! The terminal is the program's controlling one, so that Ctrl-C reaches it as it reaches people's. Nothing here
//! sleeps: a story waits for a text, and fails where none comes.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that panics says where")]

mod pictures;
mod screens;

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::cli::support::{Ran, Stage};

pub(crate) const CTRL_C: &str = "\u{3}";
pub(crate) const CTRL_D: &str = "\u{4}";

/// Longer than any run takes on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_mins(1);
/// What has left the screen and is still shown by [`Terminal::screen`].
const KEPT_ROWS: NonZeroU16 = NonZeroU16::new(500).unwrap();

/// How many columns and rows a terminal has, and what it calls itself.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) columns: u16,
    pub(crate) rows: u16,
    pub(crate) name: &'static str,
}

impl Kind {
    /// One that takes no sequences: no colour, and nothing moves on it.
    pub(crate) const DUMB: Self = Self { columns: 80, rows: 24, name: "dumb" };
    /// The smallest that people have.
    pub(crate) const USUAL: Self = Self { columns: 80, rows: 24, name: "xterm-256color" };
    /// A pane beside others.
    pub(crate) const NARROW: Self = Self { columns: 20, rows: 24, name: "xterm-256color" };
}

/// A run whose streams are a terminal.
pub(crate) struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    shown: mpsc::Receiver<Vec<u8>>,
    /// The screen with what has left it above: as wide as the terminal and higher.
    screen: vt100::Parser,
    /// All that was shown so far, sequences included.
    seen: String,
    /// How much of it was waited for.
    read: usize,
    _held: Box<dyn MasterPty + Send>,
}

impl Terminal {
    /// Starts the program with this command line.
    pub(crate) fn new(stage: &Stage, line: &str, kind: Kind) -> Self {
        let columns = NonZeroU16::new(kind.columns).unwrap();
        let size = PtySize { rows: kind.rows, cols: kind.columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let child = pair.slave.spawn_command(command(stage, line, kind)).unwrap();
        drop(pair.slave);
        let mut output = pair.master.try_clone_reader().unwrap();
        let (sender, shown) = mpsc::channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Once nobody has the terminal open any more, reading it is an error.
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            keys: pair.master.take_writer().unwrap(),
            shown,
            screen: vt100::Parser::new(KEPT_ROWS, columns, 0),
            seen: String::new(),
            read: 0,
            _held: pair.master,
        }
    }

    /// Waits for a text that was not waited for yet, and answers what was shown up to it.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        loop {
            if let Some(place) = self.seen[self.read..].find(text) {
                let until = self.read + place + text.len();
                let shown = self.seen[self.read..until].to_owned();
                self.read = until;
                return shown;
            }
            let more = self.shown.recv_timeout(PATIENCE);
            let more = more.unwrap_or_else(|_| panic!("no `{text}` in {}", self.seen));
            self.show(&more);
        }
    }

    fn show(&mut self, bytes: &[u8]) {
        self.screen.process(bytes);
        self.seen.push_str(&String::from_utf8_lossy(bytes).replace('\r', ""));
    }

    /// Types these keys, and no Enter behind them.
    pub(crate) fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Types a line.
    pub(crate) fn answer(&mut self, line: &str) {
        self.press(&format!("{line}\n"));
    }

    /// What somebody sees who scrolls back to the start, row by row.
    pub(crate) fn screen(&self) -> String {
        let screen = self.screen.screen();
        let (_, columns) = screen.size();
        let rows: Vec<String> =
            screen.rows(0, columns.get()).map(|row| row.trim_end().into()).collect();
        rows.join("\n").trim_end().to_owned()
    }

    /// The same with its colours.
    pub(crate) fn coloured_screen(&self) -> String {
        let screen = self.screen.screen();
        let (_, columns) = screen.size();
        let rows: Vec<String> =
            screen.rows_formatted(0, columns.get()).map(|row| format!("{row}\u{1b}[0m")).collect();
        let shown = self.screen().lines().count();
        rows[..shown].join("\n")
    }

    /// Whether anything on the screen has a colour.
    pub(crate) fn is_coloured(&self) -> bool {
        let screen = self.screen.screen();
        let (rows, columns) = screen.size();
        let mut cells =
            (0..rows.get()).flat_map(|row| (0..columns.get()).map(move |column| (row, column)));
        cells.any(|(row, column)| {
            screen.cell(row, column).is_some_and(|cell| cell.fgcolor() != vt100::Color::Default)
        })
    }

    /// Waits for the end; what was not waited for yet is the output.
    pub(crate) fn end(mut self) -> Ran {
        // Nothing more is shown once nobody has the terminal open any more.
        loop {
            match self.shown.recv_timeout(PATIENCE) {
                Ok(more) => self.show(&more),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("no end after {}", self.seen),
            }
        }
        let status = self.child.wait().unwrap();
        assert_eq!(status.signal(), None, "the program ended by itself: {}", self.seen);
        Ran {
            code: status.exit_code().try_into().unwrap(),
            stdout: self.seen.split_off(self.read),
            stderr: String::new(),
        }
    }
}

impl Drop for Terminal {
    /// A test that fails leaves nothing running.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(stage: &Stage, line: &str, kind: Kind) -> CommandBuilder {
    let child = stage.child(line);
    let mut command = CommandBuilder::new(child.get_program());
    command.args(child.get_args());
    command.cwd(child.get_current_dir().unwrap());
    command.env_clear();
    command.env("TERM", kind.name);
    for (name, value) in child.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    command
}
