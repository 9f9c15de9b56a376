//! The room of advice: all of it on one page, and every command in it pasted into a shell.

#![expect(clippy::unwrap_used, reason = "a test that panics says where")]

#[cfg(unix)]
mod paste;
mod table;
mod world;
