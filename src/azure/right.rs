//! What gives a caller a right.

use super::error::action::Missing;
use super::error::hint;
use crate::model::right::ArmRight;

/// How a right is given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remedy {
    /// The smallest built-in role with the right.
    pub role: &'static str,
    /// The command that assigns it.
    pub command: String,
}

/// How a right is given; `None` where no built-in role is known to have it.
pub fn remedy(right: &ArmRight) -> Option<Remedy> {
    let missing = Missing { action: Some(right.action.to_owned()), ..Missing::default() };
    let role = missing.role()?;
    let command = hint::assigning(role, "<object id>", &right.scope.to_string());
    Some(Remedy { role, command })
}
