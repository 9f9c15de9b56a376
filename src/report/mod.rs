//! Pure renderers: rows and values in, text out. Every text that comes from a profile or a server is
//! escaped for where it goes.

/// Appends formatted text to a `String`, which cannot fail.
macro_rules! push {
    ($text:expr, $($format:tt)+) => {{
        use std::fmt::Write as _;
        let _ = write!($text, $($format)+);
    }};
}

pub mod diagnostic;
pub mod difference;
pub mod escape;
pub mod events;
pub mod graph;
pub mod json;
pub mod markdown;
pub mod missing;
pub mod next;
pub mod outcome;
#[cfg(feature = "testing")]
pub mod plan_schema;
pub mod profile;
pub mod refusal;
pub mod rows;
pub mod sarif;
pub mod screen;
pub mod show_json;
pub mod status;
pub mod status_json;
pub mod status_markdown;
pub mod style;
pub mod summary;
pub mod text;
pub mod verify;
pub mod verify_json;
pub mod verify_junit;
pub mod verify_markdown;
pub mod wrap;

mod field;
mod short;
mod teams;
