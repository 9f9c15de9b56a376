//! The integration tests, in one binary so that they link once.

mod kubernetes;
mod profile;
mod sandbox;
mod azure;
