//! What `verify` found, as JSON for other programs.

use jiff::Timestamp;
use schemars::JsonSchema;
#[cfg(feature = "testing")]
use schemars::generate::SchemaSettings;
use serde::Serialize;

use crate::report::json::{self, Run};
use crate::verify::results::{CheckResult, Outcome, Results, SubjectKind, SubjectResults};
use crate::verify::verdict::{Cause, Verdict};

/// The format. The minor number grows with additions.
pub const FORMAT_VERSION: &str = "1.0";

/// Everything that was checked.
#[derive(Serialize, JsonSchema)]
pub struct VerifyReport<'a> {
    /// The format of this document.
    pub format_version: &'static str,
    /// The version of widctl that made it.
    pub widctl_version: &'static str,
    /// The estate; null without a profile.
    pub estate: Option<&'a str>,
    /// When it was made.
    #[schemars(with = "String")]
    pub created_at: Timestamp,
    /// How many checks came to what.
    pub summary: Summary,
    /// What was checked: clusters, then by team.
    pub subjects: Vec<Subject<'a>>,
    /// The tokens that were presented for identities of other teams; null without `--probe-isolation`.
    pub probes: Option<Probes>,
    /// What the run cost.
    pub run: Run,
}

/// How many checks came to what.
#[derive(Serialize, JsonSchema)]
pub struct Summary {
    /// As it has to be.
    pub pass: usize,
    /// Broken: the exit code is 6.
    pub fail: usize,
    /// Not broken yet.
    pub warn: usize,
    /// Not known.
    pub unknown: usize,
    /// Not run, because a check that they need did not pass.
    pub skipped: usize,
    /// Nothing to check.
    pub not_applicable: usize,
}

/// How many tokens were presented for identities of other teams.
#[derive(Serialize, JsonSchema)]
pub struct Probes {
    /// As many as were presented.
    pub made: usize,
    /// Of these, refused: each is a failed sign-in in Entra's log.
    pub failed_sign_ins: usize,
}

/// What was checked of one thing.
#[derive(Serialize, JsonSchema)]
pub struct Subject<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its address, as in plans; a cluster's key.
    pub address: &'a str,
    /// The identity that a workload gets; null for others.
    pub identity: Option<&'a str>,
    /// Its team; null for a cluster, and without a profile.
    pub team: Option<&'a str>,
    /// Its cluster; null for an identity and for a team.
    pub cluster: Option<&'a str>,
    /// In the order in which they need each other.
    pub checks: Vec<Check<'a>>,
}

/// What was checked.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A cluster.
    Cluster,
    /// An identity.
    Identity,
    /// An account and one identity that it gets.
    Account,
    /// The credential of a pipeline.
    Federation,
    /// What makes pods.
    Workload,
    /// A pod.
    Pod,
    /// A team.
    Team,
    /// A service and one of its callers.
    Service,
}

/// What one check came to.
#[derive(Serialize, JsonSchema)]
pub struct Check<'a> {
    /// Its stable code, `WID-V-…`.
    pub code: &'static str,
    /// What holds where it passes.
    pub title: &'static str,
    /// What came of it.
    pub status: Status,
    /// Why it is unknown; null where it is not.
    pub cause: Option<CauseName>,
    /// What it should be; null unless it fails or warns.
    pub wanted: Option<&'a str>,
    /// What it is; null unless it fails or warns, or passes by one of several ways.
    pub found: Option<&'a str>,
    /// Why that matters, or why nobody knows.
    pub why: Option<&'a str>,
    /// The command that repairs it, argument by argument; null where none does.
    pub fix: Option<&'a [String]>,
    /// The code of the check that did not pass; null unless this one is skipped.
    pub blocked_by: Option<&'static str>,
}

/// What came of a check.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// As it has to be.
    Pass,
    /// Broken.
    Fail,
    /// Not broken yet.
    Warn,
    /// Not known.
    Unknown,
    /// Not run.
    Skipped,
    /// Nothing to check.
    NotApplicable,
}

/// Why nobody knows.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CauseName {
    /// It could not be read: the exit code is 1 unless something failed.
    Unread,
    /// It cannot be seen from where widctl runs; it changes no exit code.
    NotProvable,
}

/// The document of a run.
pub fn report<'a>(
    results: &'a Results,
    estate: Option<&'a str>,
    created_at: Timestamp,
    run: Run,
) -> VerifyReport<'a> {
    let tally = results.tally();
    VerifyReport {
        format_version: FORMAT_VERSION,
        widctl_version: env!("CARGO_PKG_VERSION"),
        estate,
        created_at,
        summary: Summary {
            pass: tally.pass,
            fail: tally.fail,
            warn: tally.warn,
            unknown: tally.unknown,
            skipped: tally.skipped,
            not_applicable: tally.not_applicable,
        },
        subjects: results.subjects.iter().map(subject).collect(),
        probes: results
            .probes
            .map(|probes| Probes { made: probes.made, failed_sign_ins: probes.refused }),
        run,
    }
}

/// The document as text.
pub fn text(report: &VerifyReport<'_>) -> String {
    json::pretty(report)
}

fn subject(subject: &SubjectResults) -> Subject<'_> {
    Subject {
        kind: match subject.kind {
            SubjectKind::Cluster => Kind::Cluster,
            SubjectKind::Identity => Kind::Identity,
            SubjectKind::Account => Kind::Account,
            SubjectKind::Federation => Kind::Federation,
            SubjectKind::Workload => Kind::Workload,
            SubjectKind::Pod => Kind::Pod,
            SubjectKind::Team => Kind::Team,
            SubjectKind::Service => Kind::Service,
        },
        address: &subject.address,
        identity: subject.identity.as_deref(),
        team: subject.team.as_ref().map(AsRef::as_ref),
        cluster: subject.cluster.as_ref().map(AsRef::as_ref),
        checks: subject.checks.iter().map(check).collect(),
    }
}

fn check(result: &CheckResult) -> Check<'_> {
    let CheckResult { code, title, outcome } = result;
    let mut check = Check {
        code,
        title,
        status: Status::Pass,
        cause: None,
        wanted: None,
        found: None,
        why: None,
        fix: None,
        blocked_by: None,
    };
    match outcome {
        Outcome::Checked(Verdict::Pass) => {}
        Outcome::Checked(Verdict::PassBy(found)) => check.found = Some(found),
        Outcome::Checked(Verdict::NotApplicable) => check.status = Status::NotApplicable,
        Outcome::Checked(Verdict::Fail(finding) | Verdict::Warn(finding)) => {
            let fails = matches!(outcome, Outcome::Checked(Verdict::Fail(_)));
            check.status = if fails { Status::Fail } else { Status::Warn };
            check.wanted = Some(&finding.wanted);
            check.found = Some(&finding.found);
            check.why = Some(finding.why);
            check.fix = finding.fix.as_deref();
        }
        Outcome::Checked(Verdict::Unknown { cause, why }) => {
            check.status = Status::Unknown;
            check.cause = Some(match cause {
                Cause::Unread => CauseName::Unread,
                Cause::NotProvable => CauseName::NotProvable,
            });
            check.why = Some(why);
        }
        Outcome::Skipped { blocked_by } => {
            check.status = Status::Skipped;
            check.blocked_by = Some(blocked_by);
        }
    }
    check
}

/// The JSON Schema that docs/verify.schema.json is made from.
#[cfg(feature = "testing")]
pub fn schema() -> String {
    let generator = SchemaSettings::draft2020_12().into_generator();
    json::pretty(&generator.into_root_schema_for::<VerifyReport<'static>>())
}
