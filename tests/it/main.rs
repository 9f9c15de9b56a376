//! The integration tests, in one binary so that they link once.

mod azure;
mod kubernetes;
mod plan;
mod profile;
mod report;
mod sandbox;
