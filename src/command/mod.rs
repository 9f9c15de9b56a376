//! One async use case per command. Commands return values; only `cli` prints.

pub mod apply;
pub mod condition;
pub mod connection;
pub mod counts;
pub mod explain;
pub mod failure;
pub mod graph;
pub mod init;
pub mod plan;
pub mod preflight;
pub mod presets;
pub mod profile_files;
pub mod profile_search;
pub mod rehearsal;
pub mod render;
pub mod services;
pub mod show;
pub mod status;
pub mod token;
pub mod verify;
pub mod verify_pod;
pub mod write_file;
