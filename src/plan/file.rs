//! The saved plan: what a reviewer approved, as JSON.
//!
//! Nothing in it is executed. An apply plans again and uses the file only to see whether what it wants
//! was approved (see [`crate::plan::approval`]).

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use crate::model::guid::TenantId;
use crate::model::text::Estate;
use crate::plan::contents::{Compared, Kept, Note, Plan, Refused, Summary, Unknown, Waiting};
use crate::plan::inputs::PlanInputs;
use crate::plan::row::ChangeRow;
use crate::plan::scope::ScopeRead;

/// The format of the files that this version writes. The minor number grows with additions.
pub const FORMAT_VERSION: &str = "2.2";
/// How long an approval holds.
pub const LONGEST_AGE: SignedDuration = SignedDuration::from_hours(24);
/// How far the clocks of the machine that planned and the one that applies may differ.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// A saved plan.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PlanFile")]
pub struct PlanFile<C = Vec<ChangeRow>> {
    /// The version of this format, `2.2`.
    pub format_version: String,
    /// The widctl that planned.
    pub widctl_version: String,
    /// The profile's estate.
    pub estate: String,
    /// The tenant that was observed.
    #[schemars(with = "String")]
    pub tenant: TenantId,
    /// SHA-256 of the profile, in lower-case hex.
    pub profile_sha256: String,
    /// When the plan was made.
    #[schemars(with = "String")]
    pub created_at: Timestamp,
    /// What the caller chose; an apply of this file plans with the same.
    pub inputs: PlanInputs,
    /// What of the profile was compared.
    pub compared: Compared,
    /// Whether everything of it could be read and nothing is refused.
    pub complete: bool,
    /// The changes in order.
    pub changes: C, // `Vec<ChangeRow>` where it is read, `Rows` where it is written
    /// Owned things that the profile no longer has and that are left.
    pub kept: Vec<Kept>,
    /// What could not be compared; empty in a complete plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<Unknown>,
    /// What is refused; an apply of the file writes nothing of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<Refused>,
    /// What is not written because it needs something that is refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Waiting>,
    /// Remarks.
    pub notes: Vec<Note>,
    /// Where what is left over was looked for.
    pub scope_read: ScopeRead,
    /// How many changes of each action.
    pub summary: Summary,
}

/// The rows of a plan, each made when it is written: together they take about as much memory as all else of a plan.
#[derive(Clone, Copy)]
pub struct Rows<'a>(&'a Plan);

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.rows())
    }
}

/// What a file says about its plan beside the plan itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct About {
    /// The running widctl.
    pub widctl_version: String,
    /// The profile's estate.
    pub estate: Estate,
    /// The observed tenant.
    pub tenant: TenantId,
    /// SHA-256 of the profile.
    pub profile_sha256: String,
    /// What the caller chose.
    pub inputs: PlanInputs,
    /// The time now.
    pub now: Timestamp,
}

/// Why a saved plan cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file ends in the middle.
    #[error("the saved plan is cut off")]
    Truncated(#[source] serde_json::Error),
    /// The file is not a saved plan.
    #[error("this is not a saved plan of widctl")]
    Malformed(#[source] serde_json::Error),
    /// The format is another one.
    #[error("the saved plan has format {0}; this widctl reads {FORMAT_VERSION}")]
    Format(String),
    /// Another widctl planned.
    #[error("widctl {planned} made the saved plan and {running} is running; plan again")]
    WidctlVersion {
        /// Who planned.
        planned: String,
        /// Who is running.
        running: String,
    },
    /// The profile is that of another estate.
    #[error("the saved plan is of estate `{planned}`, the profile of `{profile}`")]
    Estate {
        /// The file's estate.
        planned: String,
        /// The profile's estate.
        profile: String,
    },
    /// The sign-in is to another tenant.
    #[error("the saved plan is of tenant {planned}, the sign-in of {signed_in}")]
    Tenant {
        /// The file's tenant.
        planned: TenantId,
        /// The tenant of the sign-in.
        signed_in: TenantId,
    },
    /// A filter of the plan matches nothing of the profile any more.
    #[error("the saved plan was made with a filter, and {0}")]
    Filter(String),
    /// The plan was made too long ago.
    #[error("the saved plan was made at {created_at}, more than 24 hours ago; plan again")]
    TooOld {
        /// When it was made.
        created_at: Timestamp,
    },
    /// The plan claims to be made later than now.
    #[error("the saved plan says it was made at {created_at}, which is still to come")]
    FromTheFuture {
        /// When it says it was made.
        created_at: Timestamp,
    },
}

impl FileError {
    /// Whether the file is a saved plan at all, one that no longer fits.
    pub fn is_plan(&self) -> bool {
        match self {
            Self::Truncated(_) | Self::Malformed(_) => false,
            Self::Format(_)
            | Self::WidctlVersion { .. }
            | Self::Estate { .. }
            | Self::Tenant { .. }
            | Self::Filter(_)
            | Self::TooOld { .. }
            | Self::FromTheFuture { .. } => true,
        }
    }
}

/// What is read before all else, so that another format is named rather than misread.
#[derive(Deserialize)]
struct Format {
    format_version: String,
}

impl PlanFile {
    /// The file of a plan.
    pub fn new(plan: &Plan, about: About) -> Self {
        file(plan, about, plan.rows().collect())
    }

    /// Reads a file. Whether it may be applied is said by [`PlanFile::check`].
    pub fn parse(bytes: &[u8]) -> Result<Self, FileError> {
        let understand = |error: serde_json::Error| {
            if error.is_eof() { FileError::Truncated(error) } else { FileError::Malformed(error) }
        };
        let format: Format = serde_json::from_slice(bytes).map_err(understand)?;
        if format.format_version != FORMAT_VERSION {
            return Err(FileError::Format(format.format_version));
        }
        serde_json::from_slice(bytes).map_err(understand)
    }

    /// Whether the approval still holds: the same widctl, estate and tenant, not older than a day.
    pub fn check(&self, about: &About) -> Result<(), FileError> {
        if self.widctl_version != about.widctl_version {
            return Err(FileError::WidctlVersion {
                planned: self.widctl_version.clone(),
                running: about.widctl_version.clone(),
            });
        }
        if self.estate != about.estate.as_str() {
            return Err(FileError::Estate {
                planned: self.estate.clone(),
                profile: about.estate.to_string(),
            });
        }
        if self.tenant != about.tenant {
            return Err(FileError::Tenant { planned: self.tenant, signed_in: about.tenant });
        }
        let (created_at, age) = (self.created_at, about.now.duration_since(self.created_at));
        if age > LONGEST_AGE {
            return Err(FileError::TooOld { created_at });
        }
        if age < -CLOCK_SKEW {
            return Err(FileError::FromTheFuture { created_at });
        }
        Ok(())
    }
}

impl<'a> PlanFile<Rows<'a>> {
    /// The file of a plan, for whoever writes it.
    pub fn of(plan: &'a Plan, about: About) -> Self {
        file(plan, about, Rows(plan))
    }
}

impl<C: Serialize> PlanFile<C> {
    /// The file's text, the same for the same plan.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("every key of a plan is a string");
        text.push('\n');
        text
    }
}

fn file<C>(plan: &Plan, about: About, changes: C) -> PlanFile<C> {
    PlanFile {
        format_version: FORMAT_VERSION.to_owned(),
        widctl_version: about.widctl_version,
        estate: about.estate.to_string(),
        tenant: about.tenant,
        profile_sha256: about.profile_sha256,
        created_at: about.now,
        inputs: about.inputs,
        compared: plan.compared.clone(),
        complete: plan.is_complete(),
        changes,
        kept: plan.kept.clone(),
        unknown: plan.unknown.clone(),
        refused: plan.refused.clone(),
        waiting: plan.waiting.clone(),
        notes: plan.notes.clone(),
        scope_read: plan.scope_read.clone(),
        summary: plan.summary(),
    }
}
