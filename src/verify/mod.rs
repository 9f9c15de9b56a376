//! Pure checks that workloads get their tokens, over what was observed and asked for: which link is broken, and what
//! repairs it.
//!
//! A [`scene`] is everything that is known; the [`table`] lists the checks; the [`runner`] runs them, and skips those
//! that need one that did not pass.

pub mod probe;
pub mod results;
pub mod runner;
pub mod scene;
pub mod table;
pub mod verdict;

mod checks;
mod controllers;
mod repair;
mod services;
mod workloads;

#[cfg(test)]
mod tests;
