//! Stories of applies on a paused clock, and properties of the schedule.

mod changes;
mod execute;
mod look;
mod refresh;
mod refusals;
mod schedule;
mod world;
