//! Exit codes: the one place that knows their numbers.

use crate::command::condition::{Condition, Signal};

/// The exit code that tells the caller of a condition.
pub fn code(condition: Condition) -> u8 {
    match condition {
        Condition::Done => 0,
        Condition::Failed => 1,
        Condition::Pending => 2,
        Condition::PlanStale => 3,
        Condition::NotSignedIn => 4,
        Condition::PartlyApplied => 5,
        Condition::Unverified => 6,
        Condition::GuardrailRefused => 7,
        Condition::Usage => 64,
        Condition::Interrupted(Signal::Interrupt) => 130,
        Condition::Interrupted(Signal::Terminate) => 143,
    }
}

/// The table of exit codes for `--help`.
pub const TABLE: &str = "\
Exit codes:
    0  done, or nothing to do; `plan` without a flag also when there are changes
    1  error; also when part of the targets could not be read, or a resource is refused
    2  changes or kept leftovers pending: `plan`, `show --detailed-exitcode`; `sync --check`
    3  the approved plan no longer fits, refused, nothing written
    4  not signed in, or every target refused
    5  partly applied: some changes failed, were left out or refused, the rest is written
    6  `verify`, or `sync --verify`, found a failure
    7  a guardrail or a grant refused; with `--allow-incomplete` the rest is written
   64  usage
  130  interrupted (143: terminated): the write in flight was finished, the summary printed";

#[cfg(test)]
mod tests {
    use super::code;
    use crate::command::condition::{Condition, Signal, foremost};

    /// All conditions, foremost first: the table of precedence.
    const PRECEDENCE: [(Condition, u8); 11] = [
        (Condition::Usage, 64),
        (Condition::Interrupted(Signal::Interrupt), 130),
        (Condition::Interrupted(Signal::Terminate), 143),
        (Condition::GuardrailRefused, 7),
        (Condition::PlanStale, 3),
        (Condition::NotSignedIn, 4),
        (Condition::PartlyApplied, 5),
        (Condition::Unverified, 6),
        (Condition::Failed, 1),
        (Condition::Pending, 2),
        (Condition::Done, 0),
    ];

    #[test]
    fn each_condition_has_its_documented_code() {
        for (condition, number) in PRECEDENCE {
            assert_eq!(code(condition), number, "{condition:?}");
        }
    }

    #[test]
    fn of_two_conditions_the_earlier_in_the_table_wins() {
        for (position, (first, _)) in PRECEDENCE.iter().enumerate() {
            for (later, _) in &PRECEDENCE[position..] {
                assert_eq!(foremost([*later, *first]), *first);
                assert_eq!(foremost([*first, *later]), *first);
            }
        }
    }

    #[test]
    fn nothing_said_means_done() {
        assert_eq!(foremost([]), Condition::Done);
    }
}
