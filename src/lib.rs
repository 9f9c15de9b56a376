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
//!
//! Only [`cli`] is for others. The rest is open to the tests, which ask for the feature `testing`; without it the
//! compiler sees what nothing uses.

#![cfg_attr(
    not(feature = "testing"),
    allow(unreachable_pub, reason = "what the tests reach is not reached from outside")
)]

#[cfg(not(feature = "testing"))]
mod apply;
#[cfg(feature = "testing")]
pub mod apply;
#[cfg(not(feature = "testing"))]
mod azure;
#[cfg(feature = "testing")]
pub mod azure;
pub mod cli;
#[cfg(not(feature = "testing"))]
mod command;
#[cfg(feature = "testing")]
pub mod command;
#[cfg(not(feature = "testing"))]
mod desired;
#[cfg(feature = "testing")]
pub mod desired;
#[cfg(not(feature = "testing"))]
mod event;
#[cfg(feature = "testing")]
pub mod event;
#[cfg(not(feature = "testing"))]
mod files;
#[cfg(feature = "testing")]
pub mod files;
#[cfg(not(feature = "testing"))]
mod gather;
#[cfg(feature = "testing")]
pub mod gather;
#[cfg(not(feature = "testing"))]
mod graph;
#[cfg(feature = "testing")]
pub mod graph;
#[cfg(not(feature = "testing"))]
mod kubernetes;
#[cfg(feature = "testing")]
pub mod kubernetes;
#[cfg(not(feature = "testing"))]
mod model;
#[cfg(feature = "testing")]
pub mod model;
#[cfg(not(feature = "testing"))]
mod observed;
#[cfg(feature = "testing")]
pub mod observed;
#[cfg(not(feature = "testing"))]
mod oidc;
#[cfg(feature = "testing")]
pub mod oidc;
#[cfg(not(feature = "testing"))]
mod plan;
#[cfg(feature = "testing")]
pub mod plan;
#[cfg(not(feature = "testing"))]
mod ports;
#[cfg(feature = "testing")]
pub mod ports;
#[cfg(not(feature = "testing"))]
mod presets;
#[cfg(feature = "testing")]
pub mod presets;
#[cfg(not(feature = "testing"))]
mod profile;
#[cfg(feature = "testing")]
pub mod profile;
#[cfg(not(feature = "testing"))]
mod render;
#[cfg(feature = "testing")]
pub mod render;
#[cfg(not(feature = "testing"))]
mod report;
#[cfg(feature = "testing")]
pub mod report;
#[cfg(not(feature = "testing"))]
mod sandbox;
#[cfg(feature = "testing")]
pub mod sandbox;
#[cfg(not(feature = "testing"))]
mod verify;
#[cfg(feature = "testing")]
pub mod verify;
