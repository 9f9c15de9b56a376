//! The command line: the one module that prints, asks and knows exit codes.

pub mod args;
pub mod exit;
