//! The words that every layer shares: names, identifiers, ARM ids, and one struct per resource kind.
//!
//! The comparison rules of Azure and Kubernetes live in the `Eq` and `Ord` of these types, so that no
//! caller has to remember them: ARM ids are caseless, issuers, subjects and audiences are compared byte
//! for byte, role definitions by their GUID.

pub mod arm_id;
pub mod awaited;
pub mod controller_kind;
pub mod expression;
pub mod guid;
pub mod host;
pub mod kinds;
pub mod location;
pub mod plural;
pub mod pod;
pub mod right;
pub mod rule;
pub mod shell;
pub mod subject;
pub mod text;
pub mod webhook;
pub mod workload_kind;
