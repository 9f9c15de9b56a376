//! The one way out: everything that is printed goes through here, without secrets and made harmless for
//! wherever it ends up. Results go to stdout; progress, questions and errors to stderr.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;

use tracing_subscriber::fmt::MakeWriter;

use crate::cli::pipeline::Pipeline;
use crate::cli::pipeline::command::Command;
use crate::command::write_file;
use crate::ports::secrets;
use crate::report::escape;

/// Writes lines of a result, text or Markdown, to stdout. A reader that went away is not an error.
pub fn result(text: &str) -> io::Result<()> {
    to_stdout(&lines(text))
}

/// Writes JSON to stdout, the same values with everything escaped that a log would act on.
pub fn document(json: &str) -> io::Result<()> {
    to_stdout(&escape::json(&secrets::strike(json)))
}

/// Writes lines to stderr.
pub fn say(text: &str) {
    to_stderr(&lines(text));
}

/// Gives a command to the pipeline that runs this process. The one text that leaves as a command, made of values.
pub fn command(command: &Command, pipeline: Pipeline) {
    if let Some(line) = command.line(pipeline) {
        to_stderr(&secrets::strike(&line));
    }
}

/// Writes to the end of a file that a pipeline reads.
pub fn append(path: &Path, text: &str) -> io::Result<()> {
    write_file::append(path)?.write_all(secrets::strike(text).as_bytes())
}

/// Where logs go: each event is a whole write.
#[derive(Clone, Copy, Debug)]
pub struct Logs;

impl Write for Logs {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        say(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Logs {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        *self
    }
}

/// A file of logs, each event a whole write, with nothing in it that stderr would not show.
#[derive(Clone, Debug)]
pub struct LogFile(Arc<File>);

impl LogFile {
    /// Logs to an open file.
    pub fn new(file: File) -> Self {
        Self(Arc::new(file))
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.as_ref().write_all(lines(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for LogFile {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// A text as it is printed, with everything that makes it harmless and nothing that is secret.
pub fn lines(text: &str) -> Cow<'_, str> {
    match secrets::strike(text) {
        Cow::Borrowed(text) => escape::printed(text),
        Cow::Owned(text) => Cow::Owned(escape::printed(&text).into_owned()),
    }
}

/// Nobody is left to tell when that fails.
fn to_stderr(text: &str) {
    let mut err = io::stderr().lock();
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}

fn to_stdout(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
