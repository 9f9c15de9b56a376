//! The one question.

use std::io;

use tokio::sync::watch;

use crate::cli::sink;
use crate::command::condition::Signal;

/// How the question was answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Exactly `yes`.
    Yes,
    /// Anything else, the end of input, or a signal.
    No,
}

/// Forgets what was typed before a question that is asked again: it answers another one.
pub fn forget_typed() {
    #[cfg(unix)]
    // What is no terminal holds nothing that was typed.
    let _ = rustix::termios::tcflush(io::stdin(), rustix::termios::QueueSelector::IFlush);
}

/// Asks for `yes`. Nothing else is taken for it, so that a stray key press writes nothing.
pub async fn ask(question: &str, mut stop: watch::Receiver<Option<Signal>>) -> io::Result<Answer> {
    sink::say(&format!("\n{question}\n  Only `yes` will be accepted: "));
    let answer = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|_| line)
    });
    tokio::select! {
        biased;
        _ = stop.wait_for(Option::is_some) => {
            sink::say("\n");
            Ok(Answer::No)
        }
        line = answer => {
            let line = line.map_err(io::Error::other)??;
            Ok(if line.trim_end_matches(['\r', '\n']) == "yes" { Answer::Yes } else { Answer::No })
        }
    }
}
