//! The integration tests, in one binary so that they link once.

mod azure;
mod cli;
mod cluster;
mod distribution;
mod fuzz;
mod kubernetes;
mod links;
mod page;
mod pipelines;
mod plan;
mod presets;
mod profile;
mod python;
mod readme;
mod remedy;
mod render;
mod report;
mod rounds;
mod sandbox;
mod security;
mod simulation;
mod terminal;
mod verify;
mod words;
