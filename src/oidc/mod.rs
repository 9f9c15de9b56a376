//! OIDC issuers: their discovery documents, read within bounds.

pub mod discovery;
pub mod public;
