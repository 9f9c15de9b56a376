//! The checks, by what they are about.

pub(super) mod account;
pub(super) mod cluster;
pub(super) mod controllers;
pub(super) mod credential;
pub(super) mod exchange;
pub(super) mod injection;
pub(super) mod isolation;
pub(super) mod pods;
pub(super) mod rights;
pub(super) mod service;
pub(super) mod token;
pub(super) mod webhook;
