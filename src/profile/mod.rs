//! From text to [`resolved::Profile`]: schema, merging of root and team files, guardrails and grants.
//!
//! ```text
//! bytes --files--> texts --read--> tables --merge--> complete teams --checks--> resolved::Profile
//! ```
//!
//! Nothing here touches a file, the environment or a clock: the caller hands all of it in. Every error of
//! a profile is reported together.

mod checks;
mod error;
mod excerpt;
mod files;
mod findings;
mod merge;
mod read;
pub mod resolved;
pub mod roles;
mod schema;
mod source;
pub mod starter;
pub(crate) mod suggest;
mod syntax;

use std::collections::BTreeMap;

use semver::Version;

pub use self::error::{ProfileError, ProfileErrors};
pub use self::excerpt::Piece;
pub use self::files::{Part, part};
pub use self::schema::schema_json;

use self::findings::Findings;
use self::resolved::Profile;
use self::source::Sources;
use crate::model::rule::Rule;
use crate::presets::Preset;

/// The most bytes that one file of a profile may have.
pub const LARGEST_FILE: usize = 10 * 1024 * 1024;

/// A file of a profile as it lies on disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourceFile {
    /// Its path relative to the profile's folder, with `/`; the file's own name where it is the profile.
    pub path: String,
    /// Its bytes.
    pub text: Vec<u8>,
}

/// Reads, merges and checks a profile whose files' paths are told as they are.
#[cfg(feature = "testing")]
pub fn load(
    files: &[SourceFile],
    environment: &BTreeMap<String, String>,
    widctl_version: &Version,
) -> Result<Profile, ProfileErrors> {
    load_from("", files, Values::Environment(environment), widctl_version)
}

/// What `${NAME}` stands for in the root file.
#[derive(Clone, Copy, Debug)]
pub enum Values<'e> {
    /// A variable of the environment; only names that the profile's `variables` lists are looked at.
    Environment(&'e BTreeMap<String, String>),
    /// A placeholder of the form that its place asks for.
    Placeholders,
}

/// Reads, merges and checks a profile. The order of the files does not matter.
///
/// `folder` is put before the files' paths wherever a place is told, and decides nothing. `values` are what `${NAME}`
/// may take. `widctl_version` is compared with `required_version`.
pub fn load_from(
    folder: &str,
    files: &[SourceFile],
    values: Values<'_>,
    widctl_version: &Version,
) -> Result<Profile, ProfileErrors> {
    let mut files: Vec<&SourceFile> = files.iter().collect();
    files.sort_by(|a, b| (&a.path, &a.text).cmp(&(&b.path, &b.text)));
    let mut findings = Findings::default();
    let sources = files::decode(folder, &files, &mut findings);
    let mut used = BTreeMap::new();
    let filled = Filled { values, used: &mut used };
    let loaded = load_sources(&files, &sources, filled, widctl_version, &mut findings);
    match loaded {
        Some(profile) if findings.is_empty() => {
            let placeholders = match values {
                Values::Environment(_) => Vec::new(),
                Values::Placeholders => used.keys().cloned().collect(),
            };
            Ok(Profile { remarks: findings.remarks(&sources, &used), placeholders, ..profile })
        }
        _ => Err(findings.finish(&sources, &used)),
    }
}

/// The rules of a profile, file by file.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    let files = [
        checks::duplicates::RULES,
        checks::grants::RULES,
        checks::guardrails::RULES,
        checks::isolation::RULES,
        checks::limits::RULES,
        checks::services::RULES,
        checks::subjects::RULES,
        checks::workloads::RULES,
        merge::clusters::RULES,
        merge::identities::RULES,
        merge::retired::RULES,
        merge::workloads::RULES,
        read::azure::RULES,
        read::federations::RULES,
        read::globs::RULES,
        read::names::RULES,
        read::rules::RULES,
        read::services::RULES,
        read::texts::RULES,
        read::tokens::RULES,
        read::variables::RULES,
    ];
    files.into_iter().flatten().copied()
}

/// The rights of a preset that a team in its own file cannot ask for, in words: it needs the root file's grant.
pub fn denied_rights(preset: &Preset) -> Vec<String> {
    let dangers = checks::rbac::dangers_of_preset(preset, source::Span::default());
    dangers.into_iter().map(|danger| danger.what).collect()
}

/// The rules of what is told of a profile that is right.
pub fn remarks() -> impl Iterator<Item = &'static Rule> {
    checks::remarks::RULES.iter().copied()
}

/// What variables stand for, and those that the profile used.
struct Filled<'e> {
    values: Values<'e>,
    used: &'e mut BTreeMap<String, String>,
}

fn load_sources(
    files: &[&SourceFile],
    sources: &Sources,
    filled: Filled<'_>,
    widctl_version: &Version,
    findings: &mut Findings,
) -> Option<Profile> {
    let Filled { values, used } = filled;
    let parsed = syntax::parse(sources, findings)?;
    let (root, teams) = files::read(sources, &parsed, values, used, findings)?;
    // The largest part of a large profile, and all of it is in the tables now.
    drop(parsed);
    checks::version::check(&root, widctl_version, findings);
    let merged = merge::merge(&root, &teams, findings);
    checks::check(&merged, findings);
    let sha256 = files::sha256(files, used);
    findings.is_empty().then(|| merge::finish(merged, sha256)).flatten()
}
