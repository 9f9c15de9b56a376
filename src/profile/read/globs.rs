//! Globs of grants and of denied namespaces.

use std::sync::Arc;

use toml::Spanned;
use toml::de::DeValue;
use wildmatch::WildMatch;

use super::texts::{primitive_schemas, schema_of};
use super::{At, Parse, Reader, Refusal, Value, rules as shapes};
use crate::model::rule::rules;
use crate::model::subject;
use crate::profile::findings::Finding;
use crate::profile::schema::FederationGrantTable;
use crate::profile::source::quoted;

rules! {
    GLOB = "WID-GLOB", Check;
        "a grant is a glob with `{team}` as its only placeholder",
        "`*` stands for any characters, `?` for one, `{team}` for the team's name; anything else in braces or any space would never match.",
        "Correct the glob.";
    SUBJECT_GLOB = "WID-SUBJECT-GLOB", Check;
        "a grant of subjects is a glob with `*` as its only wildcard",
        "`*` stands for any characters but `:` and `/`; at the end, after `:`, it covers the rest; alone it is every subject of the issuer. `{team}` is the team's name.",
        "Write for instance `repo:contoso@1234/{team}-*:*`.";
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
                hint: "`*` stands for any characters, `?` for one, `{team}` for the team's name"
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

/// A glob of subjects. `*` stands for any characters but `:` and `/`, so that a grant of one owner's
/// repositories covers nobody else's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct SubjectGlob(pub(crate) Glob);

impl Parse for SubjectGlob {
    fn parse(text: &str) -> Result<Self, Refusal> {
        let rest = text.replace(TEAM, "");
        let why = if text.is_empty() {
            "it is empty"
        } else if text.trim() != text {
            "it begins or ends with a space"
        } else if rest.contains(['{', '}']) {
            "`{team}` is its only placeholder"
        } else if rest.contains('?') {
            "`*` is its only wildcard"
        } else {
            return Ok(Self(Glob(text.into())));
        };
        Err(Refusal {
            rule: &SUBJECT_GLOB,
            message: format!("{} is not a glob of subjects: {why}", quoted(text)),
            hint: SUBJECT_GLOB.fix.into(),
        })
    }
}

/// Whether a glob of subjects, filled in for a team, covers a subject.
pub(crate) fn covers_subject(glob: &str, subject: &str) -> bool {
    if glob == "*" {
        return true;
    }
    let Some(head) = glob.strip_suffix(":*") else {
        return subject::is_meant(glob, subject);
    };
    // No `*` of the head crosses a colon, so that as many colons end it in the subject.
    let end = subject.match_indices(':').nth(head.matches(':').count());
    end.is_some_and(|(end, _)| end + 1 < subject.len() && subject::is_meant(head, &subject[..end]))
}

/// The subjects of a grant, which may not be left out.
#[derive(Clone, Debug)]
pub(crate) struct Subjects(pub(crate) Vec<At<SubjectGlob>>);

impl Value for Subjects {
    const WHAT: &'static str = "an array of globs of subjects, `[\"repo:contoso@1234/{team}-*:*\"]`, or `[\"*\"]` for everybody behind the issuer";

    fn read(reader: &mut Reader<'_>, value: &Spanned<DeValue<'_>>) -> Option<Self> {
        Vec::read(reader, value).map(Self)
    }
}

/// A grant of subjects of one issuer.
#[derive(Clone, Debug)]
pub(crate) struct FederationGrant(pub(crate) FederationGrantTable);

impl Value for FederationGrant {
    const WHAT: &'static str = FederationGrantTable::WHAT;

    fn read(reader: &mut Reader<'_>, value: &Spanned<DeValue<'_>>) -> Option<Self> {
        if let DeValue::String(issuer) = value.get_ref() {
            let message = format!("{} alone would grant everybody behind it", quoted(issuer));
            let finding = Finding::new(&shapes::WRONG_TYPE, reader.span(value.span()), message);
            reader.findings.add(finding.hint(shapes::GRANTED_SUBJECTS));
            return None;
        }
        FederationGrantTable::read(reader, value).map(Self)
    }
}

schema_of! {
    Subjects => Vec<At<SubjectGlob>>;
    FederationGrant => FederationGrantTable;
}

primitive_schemas! {
    SubjectGlob => {"type": "string", "minLength": 1};
    Glob => {"type": "string", "minLength": 1};
}
