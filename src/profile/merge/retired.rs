//! Teams that leave: they are read like the others, and nobody else may count on them.

use crate::model::rule::rules;
use crate::profile::findings::Finding;
use crate::profile::schema::TeamTable;
use crate::profile::source::{Span, quoted};

rules! {
    RETIRED_TEAM = "WID-RETIRED-TEAM", Check;
        "a team that stays uses nothing of one that leaves",
        "What a team with `retired = true` has is deleted with `--prune`, and whoever uses it would lose it.",
        "Take the reference out, or let the team stay until nobody uses what it has.";
}

/// Whether the team leaves.
pub(crate) fn is_retired(team: &TeamTable) -> bool {
    team.retired.as_ref().is_some_and(|retired| retired.value)
}

/// A reference of a team that stays to what one that leaves has.
pub(crate) fn used(what: &str, owner: &TeamTable, at: Span) -> Finding {
    let name = owner.name.get().map_or("", |name| name.as_str());
    let finding = Finding::new(
        &RETIRED_TEAM,
        at,
        format!("{what} is of team {}, which leaves", quoted(name)),
    );
    let finding = finding.hint(RETIRED_TEAM.fix);
    match &owner.retired {
        Some(retired) => finding.related(retired.at, "the team leaves"),
        None => finding,
    }
}
