//! The integration tests, in one binary so that they link once.

mod azure;
mod kubernetes;
mod profile;
mod report;
mod sandbox;
