//! Globs of grants and of denied namespaces.

use std::sync::Arc;

use wildmatch::WildMatch;

use super::texts::primitive_schemas;
use super::{Parse, Refusal};
use crate::model::rule::rules;
use crate::profile::source::quoted;

rules! {
    GLOB = "WID-GLOB", Check;
        "a grant is a glob with `{team}` as its only placeholder",
        "`*` stands for any characters, `?` for one, `{team}` for the team's name; anything else in braces or any space would never match.",
        "Correct the glob.";
}

/// The placeholder for the team's name.
const TEAM: &str = "{team}";

/// A glob: `*` for any characters, `?` for one, `{team}` for the team's name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Glob(pub(crate) Arc<str>);

impl Parse for Glob {
    fn parse(text: &str) -> Result<Self, Refusal> {
        let rest = text.replace(TEAM, "");
        let wrong = text.is_empty()
            || rest.contains(|character: char| {
                matches!(character, '{' | '}') || character.is_whitespace()
            });
        if wrong {
            return Err(Refusal {
                rule: &GLOB,
                message: format!("{} is not a glob", quoted(text)),
                help: "`*` stands for any characters, `?` for one, `{team}` for the team's name"
                    .into(),
            });
        }
        Ok(Self(text.into()))
    }
}

impl Glob {
    /// The glob's text for one team.
    pub(crate) fn text_of_team(&self, team: &str) -> String {
        self.0.replace(TEAM, team)
    }

    /// The glob for one team. A team's name is a DNS label, so it adds no `*` or `?`.
    pub(crate) fn of_team(&self, team: &str) -> WildMatch {
        WildMatch::new(&self.text_of_team(team))
    }

    /// Whether it is another one for each team.
    pub(crate) fn names_the_team(&self) -> bool {
        self.0.contains(TEAM)
    }
}

primitive_schemas! {
    Glob => {"type": "string", "minLength": 1};
}
