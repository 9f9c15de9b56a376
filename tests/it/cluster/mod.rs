//! What holds on a real API server: `just test-cluster`.
//!
//! The contract's stories run against the sandbox in every test run, and against a real cluster where
//! ignored tests are asked for.

#![expect(clippy::unwrap_used, reason = "a test that panics says where")]

mod admission;
mod argo;
mod cluster_wide;
mod contract;
pub(crate) mod control_plane;
mod controllers;
mod cronjob;
mod definitions;
mod estate;
mod isolation;
mod kubectl;
mod life;
mod manifests;
mod prefect;
mod presets;
mod refused;
pub(crate) mod restricted;
mod services;
mod sidecars;
pub(crate) mod site;
mod throttled;
pub(crate) mod tools;
mod verify;
mod verify_pod;
mod verify_pods;
mod webhook;
