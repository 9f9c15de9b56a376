//! The one way out: everything that is printed goes through here, without secrets and made harmless for
//! wherever it ends up. Results go to stdout; progress, questions and errors to stderr.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use tracing_subscriber::fmt::MakeWriter;

use crate::cli::pipeline::Pipeline;
use crate::cli::pipeline::command::Command;
use crate::command::write_file;
use crate::ports::secrets;
use crate::report::escape;

/// Writes lines of a result, text or Markdown, to stdout.
pub fn result(text: &str) -> io::Result<()> {
    to_stdout(&lines(text))
}

/// Writes JSON to stdout, the same values with everything escaped that a log would act on.
pub fn document(json: &str) -> io::Result<()> {
    to_stdout(&escape::json(&secrets::strike(json)))
}

/// Writes a value to stdout as [`document`] does its text, line by line: no value of it spans two.
pub fn value(value: &impl Serialize) -> io::Result<()> {
    let mut out = Escaped { line: Vec::new(), out: BufWriter::new(io::stdout().lock()) };
    let written = serde_json::to_writer_pretty(&mut out, value).map_err(io::Error::from);
    unless_gone(written.and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()))
}

/// What is written of a document, made harmless when its line ends.
struct Escaped<W> {
    line: Vec<u8>,
    out: W,
}

impl<W: Write> Write for Escaped<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                let line = String::from_utf8_lossy(&self.line);
                self.out.write_all(escape::json(&secrets::strike(&line)).as_bytes())?;
                self.line.clear();
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
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
    unless_gone(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// A reader that went away is not an error.
fn unless_gone(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::Escaped;

    #[test]
    fn what_is_written_in_pieces_is_escaped_and_struck_by_lines() {
        crate::ports::secrets::learn("a-secret-of-forty-characters-in-a-document");
        let mut out = Escaped { line: Vec::new(), out: Vec::new() };
        let pieces =
            ["{\n  \"a\": \"#", "#[x] a-secret-of-forty-char", "acters-in-a-document\"\n", "}\n"];
        for piece in pieces {
            out.write_all(piece.as_bytes()).unwrap();
        }
        let text = String::from_utf8(out.out).unwrap();
        assert!(!text.contains("a-secret-of-f") && !text.contains("##"), "{text}");
        assert!(
            text.starts_with("{\n  \"a\": \"#\\u0023[x] ") && text.ends_with("\n}\n"),
            "{text}"
        );
    }
}
