//! OIDC issuers: their discovery documents and keys, read within bounds.

pub mod discovery;
pub mod keys;
pub mod public;
