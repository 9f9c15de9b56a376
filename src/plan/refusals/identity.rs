//! Refusals about managed identities.

use crate::desired::state::DesiredIdentity;
use crate::model::kinds::identity::{IdentityKey, LiveIdentity};
use crate::model::rule::rules;
use crate::model::shell;
use crate::plan::refusals::Refusal;

rules! {
    MISSING = "WID-IDENTITY-MISSING", Obstacle;
        "an identity with `create = false` does not exist",
        "the profile says that somebody else creates this identity, so widctl does not",
        "create it, correct its name or resource group, or set `create = true`";
    NO_RESOURCE_GROUP = "WID-RESOURCE-GROUP-MISSING", Obstacle;
        "the resource group of an identity does not exist",
        "widctl creates no resource groups: their place, tags and locks are your decision",
        "create the resource group, or name another one in the profile";
    ELSEWHERE = "WID-IDENTITY-LOCATION", Obstacle;
        "an identity exists in another location",
        "Azure cannot move an identity, and a new one would have another client id and no roles",
        "write the location that the identity has into the profile";
    OTHER_ESTATE = "WID-OTHER-ESTATE", Obstacle;
        "something that the profile names belongs to another estate",
        "two estates never touch each other's objects",
        "name another one, or remove it from the other estate's profile; an identity can be shared with `create = false`";
}

pub(crate) fn missing(key: &IdentityKey, wanted: &DesiredIdentity) -> Refusal {
    let what = format!("identity `{}` of team {} does not exist", key.name(), wanted.team);
    // A profile need not name the region of an identity that it does not create.
    let fix = match wanted.location.as_str() {
        "" => az("identity create", "--name", key),
        location => format!("{} --location {location}", az("identity create", "--name", key)),
    };
    MISSING.refuse(key, what, fix)
}

pub(crate) fn no_resource_group(key: &IdentityKey, wanted: &DesiredIdentity) -> Refusal {
    let id = key.id();
    let group = id.resource_group().unwrap_or_default();
    let subscription = id.subscription().map(|id| id.to_string());
    NO_RESOURCE_GROUP.refuse(
        key,
        format!("resource group `{group}` does not exist"),
        format!(
            "az group create --subscription {} --name {} --location {}",
            subscription.unwrap_or_default(),
            shell::quote(group),
            shell::quote(wanted.location.as_str())
        ),
    )
}

pub(crate) fn elsewhere(
    key: &IdentityKey,
    wanted: &DesiredIdentity,
    live: &LiveIdentity,
) -> Refusal {
    ELSEWHERE.refuse(
        key,
        format!(
            "identity `{}` exists in {}, the profile says {}",
            key.name(),
            live.location,
            wanted.location
        ),
        format!("location = \"{}\"", live.location),
    )
}

pub(crate) fn other_estate(key: &IdentityKey, estate: &str) -> Refusal {
    OTHER_ESTATE.refuse(
        key,
        format!("identity `{}` belongs to estate `{estate}`", key.name()),
        "create = false, to use it without owning it".to_owned(),
    )
}

/// An `az` command about the identity, which the flag names.
pub(crate) fn az(command: &str, flag: &str, key: &IdentityKey) -> String {
    shell::join(&az_arguments(command, flag, key))
}

/// The same, argument by argument.
pub(crate) fn az_arguments(command: &str, flag: &str, key: &IdentityKey) -> Vec<String> {
    let id = key.id();
    let subscription = id.subscription().map(|id| id.to_string()).unwrap_or_default();
    let group = id.resource_group().unwrap_or_default();
    let place = ["--subscription", &subscription, "--resource-group", group, flag, key.name()];
    let words = std::iter::once("az").chain(command.split(' ')).chain(place);
    words.map(str::to_owned).collect()
}
