//! What people and programs read, shape by shape.

mod escape;
mod events;
mod json;
mod markdown;
mod rows;
mod text;
