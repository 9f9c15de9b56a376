//! From text to [`resolved::Profile`]: schema, merging of root and team files, guardrails and grants.

pub mod resolved;
