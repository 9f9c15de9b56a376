//! Stories of applies on a paused clock, and properties of the schedule.

mod changes;
mod execute;
mod refresh;
mod schedule;
mod world;
