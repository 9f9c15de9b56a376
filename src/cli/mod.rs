//! The command line: the one module that prints, asks and knows exit codes.

pub mod args;
pub mod exit;
pub mod logging;
pub mod progress;
pub mod prompt;
pub mod signals;
pub mod terminal;
