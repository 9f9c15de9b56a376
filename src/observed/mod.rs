//! What exists, as plain facts.

pub mod cluster_roles;
pub mod controllers;
pub mod evidence;
pub mod pods;
pub mod read;
pub mod state;
pub mod webhook;
