//! The commented starters that `init` writes. Each loads without an error as it is.

use crate::model::text::{Estate, TeamName};

use super::read::Parse;

const ROOT: &str = include_str!("starter_root.toml");
const TEAM: &str = include_str!("starter_team.toml");
/// Stands for the estate in the root's starter.
const ESTATE: &str = "my-estate";
/// Stands for the team in the team's starter.
const TEAM_NAME: &str = "my-team";

/// Why a starter cannot be written.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}: {hint}")]
pub struct InvalidName {
    message: String,
    hint: String,
}

/// A root file for this estate: one cluster, the guardrails, no team yet.
pub fn root(estate: &str) -> Result<String, InvalidName> {
    check::<Estate>(estate)?;
    Ok(ROOT.replace(ESTATE, estate))
}

/// A file of this team: one identity and one workload on the starter's cluster, within the default grants.
pub fn team(name: &str) -> Result<String, InvalidName> {
    check::<TeamName>(name)?;
    Ok(TEAM.replace(TEAM_NAME, name))
}

/// Only a valid name goes into a text that is TOML.
fn check<T: Parse>(name: &str) -> Result<(), InvalidName> {
    T::parse(name)
        .map(|_| ())
        .map_err(|refusal| InvalidName { message: refusal.message, hint: refusal.hint })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use semver::Version;

    use super::{root, team};
    use crate::profile::{SourceFile, load};

    fn file(path: &str, text: String) -> SourceFile {
        SourceFile { path: path.into(), text: text.into_bytes() }
    }

    #[test]
    fn the_starters_load_as_they_are_written() {
        let root = file("widctl.toml", root("contoso-prod").unwrap());
        let profile =
            load(std::slice::from_ref(&root), &BTreeMap::new(), &Version::new(0, 1, 0)).unwrap();
        assert_eq!(profile.estate.as_str(), "contoso-prod");

        let team = file("teams/data-eng.toml", team("data-eng").unwrap());
        let profile = load(&[root, team], &BTreeMap::new(), &Version::new(0, 1, 0)).unwrap();
        assert_eq!(profile.teams[0].identities[0].name, "id-data-eng");
        assert_eq!(profile.teams[0].workloads.len(), 1);
    }

    #[test]
    fn a_name_that_is_no_name_never_reaches_the_text() {
        assert!(root("a\"\nversion = 2").is_err());
        let refused = team("Data Eng").unwrap_err().to_string();
        assert!(refused.starts_with("`Data Eng` is not a team's name"), "{refused}");
    }
}
