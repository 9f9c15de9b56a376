//! What people and programs read, shape by shape.

#![expect(clippy::unwrap_used, reason = "a test that panics says where")]

mod escape;
mod events;
mod graph;
mod json;
mod markdown;
mod missing;
mod rows;
mod screen;
mod status;
mod text;
