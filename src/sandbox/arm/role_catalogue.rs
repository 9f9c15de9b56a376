//! The built-in roles that the sandbox knows; others can be added to a world as custom roles.

use std::sync::LazyLock;

use serde::Deserialize;

/// A built-in role.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BuiltInRole {
    pub(super) name: String,
    pub(super) id: String,
    #[serde(default)]
    pub(super) actions: Vec<String>,
    #[serde(default)]
    pub(super) not_actions: Vec<String>,
    #[serde(default)]
    pub(super) data_actions: Vec<String>,
}

#[derive(Deserialize)]
struct Catalogue {
    role: Vec<BuiltInRole>,
}

/// Every built-in role that the sandbox knows.
pub(super) static ROLES: LazyLock<Vec<BuiltInRole>> = LazyLock::new(|| {
    let catalogue: Catalogue = toml::from_str(include_str!("role_catalogue.toml"))
        .expect("the catalogue is part of the program");
    catalogue.role
});
