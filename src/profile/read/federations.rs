//! Federations: a subject as its issuer sends it, or one that is made of a repository on GitHub.

use std::sync::Arc;

use toml::Spanned;
use toml::de::DeValue;

use super::names::FederationName;
use super::texts::{primitive_schemas, schema_of};
use super::{At, Parse, Reader, Refusal, Required, Value, missing_key};
use crate::model::rule::rules;
use crate::model::text::{Audience, Issuer, Subject};
use crate::profile::findings::Finding;
use crate::profile::schema::{FederationTable, GithubTable};
use crate::profile::source::{Span, quoted};

rules! {
    GITHUB = "WID-GITHUB", Check;
        "a repository on GitHub is written as GitHub writes it",
        "GitHub makes the subject of the names, of both ids or none, and of one of branch or tag, environment and pull request; Entra compares it byte for byte.",
        "Write `github = { owner = \"contoso\", owner_id = 1234, repository = \"web\", repository_id = 5678, ref = \"refs/heads/main\" }`.";
}

/// Who signs the tokens of jobs on GitHub, unless an enterprise has an issuer of its own.
/// <https://docs.github.com/actions/reference/security/oidc>
pub(crate) const GITHUB_ISSUER: &str = "https://token.actions.githubusercontent.com";
/// How the issuer of a GitHub Enterprise Server ends. It sends no ids.
pub(crate) const ENTERPRISE_SERVER: &str = "/_services/token";
/// How the command prints the ids of a repository.
const PRINT_IDS: &str = "`gh api repos/OWNER/REPOSITORY --jq '.owner.id, .id'` prints both";

/// A federation with its issuer and subject, however they are written.
#[derive(Clone, Debug)]
pub(crate) struct Federation {
    /// Its name.
    pub(crate) name: Required<FederationName>,
    /// Who signs the tokens.
    pub(crate) issuer: Required<Issuer>,
    /// Whom the tokens are about.
    pub(crate) subject: Required<Subject>,
    /// Whom the tokens are for.
    pub(crate) audience: Option<At<Audience>>,
    /// Whether all of it could be read.
    pub(crate) intact: bool,
}

/// An id that GitHub gave once and for all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct GithubId(i64);

/// The full name of a branch or tag.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct GitRef(Arc<str>);

/// The name of an environment on GitHub.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Environment(Arc<str>);

fn refusal(text: &str, what: &str, hint: &str) -> Refusal {
    Refusal { rule: &GITHUB, message: format!("{} is not {what}", quoted(text)), hint: hint.into() }
}

impl Value for GithubId {
    const WHAT: &'static str = "a whole number";

    fn read(reader: &mut Reader<'_>, value: &Spanned<DeValue<'_>>) -> Option<Self> {
        let DeValue::Integer(number) = value.get_ref() else {
            reader.wrong_type::<Self>(value);
            return None;
        };
        let id = number.as_str().replace('_', "").parse().ok();
        let id = id.filter(|id| *id > 0 && number.radix() == 10).map(Self);
        if id.is_none() {
            let message = "an id on GitHub is a decimal number from 1 to 9223372036854775807";
            let finding = Finding::new(&GITHUB, reader.span(value.span()), message);
            reader.findings.add(finding.hint(PRINT_IDS));
        }
        id
    }
}

impl Parse for GitRef {
    /// <https://git-scm.com/docs/git-check-ref-format>
    fn parse(text: &str) -> Result<Self, Refusal> {
        let name = ["refs/heads/", "refs/tags/"].iter().find_map(|kind| text.strip_prefix(kind));
        let no_name = |character: char| {
            character.is_whitespace() || [':', '*', '?', '[', '\\', '^', '~'].contains(&character)
        };
        if name.is_none_or(|name| name.is_empty() || name.contains(no_name)) {
            let hint = "write the full name, `refs/heads/main` or `refs/tags/v1`";
            return Err(refusal(text, "the full name of a branch or tag", hint));
        }
        Ok(Self(text.into()))
    }
}

impl Parse for Environment {
    fn parse(text: &str) -> Result<Self, Refusal> {
        const LONGEST: usize = 255;
        let escaped = text.to_ascii_lowercase().contains("%3a");
        let wrong = text.trim() != text || text.contains('*') || text.chars().count() > LONGEST;
        if text.is_empty() || wrong || escaped {
            let hint = "write its name as GitHub shows it; widctl writes each `:` as `%3A`, as GitHub does in tokens";
            return Err(refusal(text, "the name of an environment", hint));
        }
        Ok(Self(text.into()))
    }
}

impl Value for Federation {
    const WHAT: &'static str = FederationTable::WHAT;

    fn read(reader: &mut Reader<'_>, value: &Spanned<DeValue<'_>>) -> Option<Self> {
        let table = FederationTable::read(reader, value)?;
        let at = reader.span(value.span());
        let given =
            |key: &str| value.get_ref().as_table().is_some_and(|keys| keys.contains_key(key));
        let FederationTable { name, mut issuer, mut subject, github, audience, mut intact } = table;
        let mut found = Vec::new();
        if given("github") {
            if let Some(subject) = &subject {
                let message = "a federation has `github` or `subject`, not both";
                found
                    .push(Finding::new(&GITHUB, subject.at, message).hint("remove one of the two"));
            } else if let Some(github) = github.filter(|github| github.intact) {
                let implied = || At { value: Issuer::from(GITHUB_ISSUER), at: github.at };
                let signer = if given("issuer") { issuer } else { Some(implied()) };
                match signer.as_ref().map(|signer| made(&github, signer)) {
                    Some(Ok(made)) => subject = Some(At { value: made, at: github.at }),
                    Some(Err(finding)) => found.push(finding),
                    None => {}
                }
                issuer = signer;
            }
        } else {
            let missing = ["issuer", "subject"].into_iter().filter(|key| !given(key));
            found.extend(missing.map(|key| missing_key(at, key, "a string")));
        }
        intact &= found.is_empty();
        for finding in found {
            reader.findings.add(finding);
        }
        let (issuer, subject) = (Required(issuer), Required(subject));
        Some(Self { name, issuer, subject, audience, intact })
    }
}

/// The subject that GitHub sends for jobs of a repository.
/// <https://docs.github.com/actions/reference/security/oidc#example-subject-claims>
fn made(table: &At<GithubTable>, issuer: &At<Issuer>) -> Result<Subject, Finding> {
    let wrong =
        |at: Span, message: String, hint: &str| Err(Finding::new(&GITHUB, at, message).hint(hint));
    let on_server = issuer.as_str().ends_with(ENTERPRISE_SERVER);
    if !on_server && !is_of_github(issuer.as_str()) {
        let message = format!("{} is not an issuer of GitHub", quoted(issuer.as_str()));
        return wrong(
            issuer.at,
            message,
            "leave `issuer` out, or write `https://token.actions.githubusercontent.com/ENTERPRISE` where the enterprise has an issuer of its own; with other issuers write `subject`",
        );
    }
    let (owner_id, repository_id) = match (&table.owner_id, &table.repository_id) {
        (Some(owner), Some(repository)) if !on_server => {
            (format!("@{}", owner.0), format!("@{}", repository.0))
        }
        (Some(_), Some(_)) => {
            let message = "a GitHub Enterprise Server sends no ids in subjects".to_owned();
            return wrong(table.at, message, "leave `owner_id` and `repository_id` out");
        }
        (None, None) => (String::new(), String::new()),
        (Some(_), None) | (None, Some(_)) => {
            let message = "GitHub sends both `owner_id` and `repository_id`, or none".to_owned();
            return wrong(table.at, message, PRINT_IDS);
        }
    };
    let pull_request = table.pull_request.as_ref().is_some_and(|each| each.value);
    let jobs = match (&table.r#ref, &table.environment, pull_request) {
        (Some(git_ref), None, false) => format!("ref:{}", git_ref.0),
        (None, Some(environment), false) => {
            format!("environment:{}", environment.0.replace(':', "%3A"))
        }
        (None, None, true) => "pull_request".to_owned(),
        _ => {
            let message = "a federation trusts the jobs of one of `ref`, `environment` and `pull_request = true`";
            return wrong(
                table.at,
                message.to_owned(),
                "write one of them; each further one is a federation of its own",
            );
        }
    };
    let names = table.owner.get().zip(table.repository.get());
    let (owner, repository) = names.expect("an intact table has both");
    let text = format!("repo:{}{owner_id}/{}{repository_id}:{jobs}", owner.0, repository.0);
    Subject::parse(&text)
        .map_err(|Refusal { rule, message, hint }| Finding::new(rule, table.at, message).hint(hint))
}

/// Whether an issuer is GitHub's own or that of an enterprise on it, to the byte.
/// <https://docs.github.com/enterprise-cloud@latest/actions/reference/security/oidc>
fn is_of_github(issuer: &str) -> bool {
    let name = |text: &str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        !text.is_empty() && text.bytes().all(known)
    };
    let Some(rest) = issuer.strip_prefix("https://token.actions.") else { return false };
    let (host, enterprise) =
        rest.split_once('/').map_or((rest, None), |(host, slug)| (host, Some(slug)));
    let known = host == "githubusercontent.com" || host.strip_suffix(".ghe.com").is_some_and(name);
    known && enterprise.is_none_or(name)
}

schema_of! {
    Federation => FederationTable;
}

primitive_schemas! {
    GithubId => {"type": "integer", "minimum": 1};
    GitRef => {"type": "string", "pattern": "^refs/(heads|tags)/."};
    Environment => {"type": "string", "minLength": 1, "maxLength": 255};
}
