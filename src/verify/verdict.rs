//! What a check says.

/// What a check found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is as it has to be.
    Pass,
    /// The same, with what was looked at, where that is not always the same.
    PassBy(String),
    /// It works, and may not go on to.
    Warn(Finding),
    /// It is broken.
    Fail(Finding),
    /// Nobody knows.
    Unknown {
        /// Why not.
        cause: Cause,
        /// The same for people.
        why: String,
    },
    /// There is nothing to check.
    NotApplicable,
}

/// Why nobody knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// It could not be read. A run that may read it would know.
    Unread,
    /// It cannot be seen from here, whoever asks.
    NotProvable,
}

/// What is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// What it should be.
    pub wanted: String,
    /// What it is.
    pub found: String,
    /// Why that matters, one sentence.
    pub why: &'static str,
    /// The command that repairs it, where one does.
    pub fix: Option<Vec<String>>,
    /// The codes of checks that need this one and that this finding leaves possible.
    pub spares: &'static [&'static str],
}

impl Verdict {
    /// Broken, with no command that repairs it.
    pub(super) fn fail(
        wanted: impl Into<String>,
        found: impl Into<String>,
        why: &'static str,
    ) -> Self {
        Self::Fail(Finding {
            wanted: wanted.into(),
            found: found.into(),
            why,
            fix: None,
            spares: &[],
        })
    }

    /// The same with a command that repairs it; an empty one is none.
    pub(super) fn repaired_by(self, command: Option<Vec<String>>) -> Self {
        let command = command.filter(|command| !command.is_empty());
        match self {
            Self::Fail(finding) => Self::Fail(Finding { fix: command, ..finding }),
            Self::Warn(finding) => Self::Warn(Finding { fix: command, ..finding }),
            Self::Pass | Self::PassBy(_) | Self::Unknown { .. } | Self::NotApplicable => self,
        }
    }

    /// The same, where some of the checks that need it are possible all the same.
    pub(super) fn sparing(self, spares: &'static [&'static str]) -> Self {
        match self {
            Self::Fail(finding) => Self::Fail(Finding { spares, ..finding }),
            Self::Pass
            | Self::PassBy(_)
            | Self::Warn(_)
            | Self::Unknown { .. }
            | Self::NotApplicable => self,
        }
    }

    /// Not broken yet.
    pub(super) fn warn(
        wanted: impl Into<String>,
        found: impl Into<String>,
        why: &'static str,
    ) -> Self {
        Self::Warn(Finding {
            wanted: wanted.into(),
            found: found.into(),
            why,
            fix: None,
            spares: &[],
        })
    }

    /// It could not be read.
    pub(super) fn unread(why: impl Into<String>) -> Self {
        Self::Unknown { cause: Cause::Unread, why: why.into() }
    }

    /// It cannot be seen from here.
    pub(super) fn not_provable(why: impl Into<String>) -> Self {
        Self::Unknown { cause: Cause::NotProvable, why: why.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict;

    #[test]
    fn a_command_of_no_words_repairs_nothing() {
        let broken = || Verdict::fail("a", "b", "c");
        assert_eq!(broken().repaired_by(Some(Vec::new())), broken());
        assert_ne!(broken().repaired_by(Some(vec!["az".to_owned()])), broken());
    }
}
