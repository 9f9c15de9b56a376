//! One async use case per command. Commands return values; only `cli` prints.

pub mod counts;
pub mod verdict;
