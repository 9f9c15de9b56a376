//! Carrying a plan out: what may run when is decided by a pure schedule, and a thin async shell obeys it.

pub mod cause;
pub mod error;
pub mod estimate;
pub mod execute;
pub mod outcome;
pub mod refresh;
pub mod schedule;

mod attempt;
mod pause;
mod step;

#[cfg(test)]
mod tests;
