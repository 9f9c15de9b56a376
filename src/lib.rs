//! widctl gives many teams on shared Kubernetes clusters their own Azure identity, and keeps it that way.
//!
//! ```text
//! profiles/*.toml --> profile --> Profile --> desired --> DesiredState --+
//! Azure --------> azure      --+                                         +--> plan --> Plan
//! Kubernetes ---> kubernetes --+--> gather --> ObservedState ------------+
//! Plan --> apply --> Outcome, events      Plan | Outcome --> report --> cli (the one that prints)
//! ```
//!
//! Modules look upstream only; decisions are pure; effects never decide. `tests/layering.rs` guards it.

pub mod apply;
pub mod azure;
pub mod cli;
pub mod command;
pub mod desired;
pub mod event;
pub mod files;
pub mod gather;
pub mod kubernetes;
pub mod model;
pub mod observed;
pub mod oidc;
pub mod plan;
pub mod ports;
pub mod profile;
pub mod report;
pub mod sandbox;
