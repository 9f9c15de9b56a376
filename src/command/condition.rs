//! How a command ended, as a set of conditions; only `cli::exit` knows their numbers.

/// A condition that a run ended in, in the order of precedence: the first that holds is what the caller
/// is told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Condition {
    /// The command line was wrong.
    Usage,
    /// A signal stopped the run; writes in flight were finished.
    Interrupted(Signal),
    /// A guardrail or a grant refused.
    GuardrailRefused,
    /// The approved plan no longer fits.
    PlanStale,
    /// Not signed in, or every target refused.
    NotSignedIn,
    /// Some changes failed or were left out, the rest stands.
    PartlyApplied,
    /// A verification failed.
    Unverified,
    /// Any other error; part of the targets could not be read.
    Failed,
    /// Changes or kept leftovers are pending, and the caller asked to be told.
    Pending,
    /// Done, or nothing to do.
    Done,
}

/// A signal that stops a run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

/// Of several conditions the one that the caller is told.
pub fn foremost(conditions: impl IntoIterator<Item = Condition>) -> Condition {
    conditions.into_iter().min().unwrap_or(Condition::Done)
}
