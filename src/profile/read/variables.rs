//! `${NAME}`: environment variables in the root file, and which of them no profile may name.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use wildmatch::WildMatch;

use super::placeholders::Form;
use super::texts::{Text, primitive_schemas};
use super::{Parse, Reader, Refusal, rules, unseen};
use crate::model::rule::{Rule, rules};
use crate::model::text::is_unprintable;
use crate::profile::Values;
use crate::profile::findings::Finding;
use crate::profile::source::{Span, quotable, quoted};

rules! {
    SECRET_VARIABLE = "WID-SECRET-VARIABLE", Guardrail;
        "a profile names no variable that holds a secret",
        "What a profile takes from the environment is shown in plans and written to tags, so a pull request that lists `AZURE_CLIENT_SECRET` would print it. Variables are refused by their names, whatever the case.",
        "Remove the name from `variables`. A value that is no secret can be given in a variable with another name.";
}

/// Names of variables that hold secrets or sign somebody in, as globs, and what each of them gives away.
const SECRETS: &[(&str, &str)] = &[
    // <https://learn.microsoft.com/dotnet/api/azure.identity.environmentcredential>
    ("AZURE_CLIENT_CERTIFICATE*", "the certificate that widctl signs in with"),
    // <https://azure.github.io/azure-workload-identity/docs/installation/mutating-admission-webhook.html>
    ("AZURE_FEDERATED_TOKEN*", "the token that widctl signs in with"),
    // <https://docs.github.com/actions/reference/security/oidc>
    ("ACTIONS_ID_TOKEN_REQUEST_*", "tokens in the name of the pipeline"),
    ("ACTIONS_RUNTIME_*", "the pipeline's caches and artifacts"),
    // <https://learn.microsoft.com/azure/devops/pipelines/build/variables#systemaccesstoken>
    ("SYSTEM_ACCESSTOKEN", "the pipeline's token"),
    // <https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference>
    ("IDENTITY_HEADER", "the managed identity of the machine"),
    ("MSI_SECRET", "the managed identity of the machine"),
    // <https://developer.hashicorp.com/terraform/cli/config/config-file#environment-variable-credentials>
    ("TF_TOKEN_*", "a token of Terraform"),
    ("*TOKEN", "a token"),
    ("*_JWT", "a token"),
    ("*_PAT", "a personal access token"),
    ("*SECRET", "a secret"),
    ("*PASSWORD", "a password"),
    ("*PASSWD", "a password"),
    ("*PASSPHRASE", "a password"),
    ("*_PASS", "a password"),
    ("*_PWD", "a password"),
    ("*_KEY", "a key"),
    ("*APIKEY", "a key"),
    ("*CREDENTIAL", "credentials"),
    ("*CREDENTIALS", "credentials"),
    ("*_CREDS", "credentials"),
    ("*_AUTH", "credentials"),
    ("*_AUTH_CONFIG", "credentials"),
    ("*_COOKIE", "a session"),
    ("*_SAS", "a shared access signature"),
    ("*CONNECTION_STRING", "a connection with its key"),
    ("*CONNECTIONSTRING", "a connection with its key"),
    ("*DATABASE_URL", "a connection with its password"),
    ("*_DSN", "a connection with its password"),
];

/// What a variable of this name gives away, if it holds a secret.
fn secret(name: &str) -> Option<&'static str> {
    let name = name.trim().to_ascii_uppercase();
    SECRETS.iter().find(|(glob, _)| WildMatch::new(glob).matches(&name)).map(|(_, what)| *what)
}

/// The name of a variable that a profile may take.
#[derive(Clone, Debug)]
pub(crate) struct VariableName;

impl Parse for VariableName {
    fn parse(text: &str) -> Result<Self, Refusal> {
        Text::parse(text)?;
        match secret(text) {
            None => Ok(Self),
            Some(what) => Err(Refusal {
                rule: &SECRET_VARIABLE,
                message: secret_message(text, what),
                hint: SECRET_VARIABLE.fix.into(),
            }),
        }
    }
}

fn secret_message(name: &str, what: &str) -> String {
    format!(
        "the variable {} gives away {what}, and a profile's values are shown in plans",
        quoted(name)
    )
}

primitive_schemas! {
    VariableName => {"type": "string", "minLength": 1};
}

/// The longest value of a variable, in bytes: nothing in a profile is longer.
const LONGEST_VALUE: usize = 1_024;
/// The most variables of one text that are refused one by one.
const MOST_REFUSED: usize = 10;
/// How much the variables of a profile bring in together, in bytes.
const MOST_FILLED: usize = 10 * 1024 * 1024;

/// What `${NAME}` may stand for in the part of a file that is being read.
#[derive(Debug)]
pub(crate) struct Variables<'a> {
    /// The names that the root file lists; `None` outside the root file.
    pub(crate) listed: Option<&'a BTreeSet<String>>,
    /// Where values come from.
    values: Values<'a>,
    /// The form of placeholders in the text that is being read.
    form: Form,
    /// The variables that were used, with their values.
    pub(crate) used: &'a mut BTreeMap<String, String>,
    /// Whether this part of the root file takes none.
    forbidden: bool,
    /// How many bytes were filled in so far.
    filled: usize,
}

impl<'a> Variables<'a> {
    /// Variables as `listed` allows them.
    pub(crate) fn new(
        listed: Option<&'a BTreeSet<String>>,
        values: Values<'a>,
        used: &'a mut BTreeMap<String, String>,
    ) -> Self {
        Self { listed, values, form: Form::Name, used, forbidden: false, filled: 0 }
    }

    /// Allows none from here on; returns what to restore.
    pub(crate) fn forbid(&mut self) -> bool {
        std::mem::replace(&mut self.forbidden, true)
    }

    /// Ends [`Variables::forbid`].
    pub(crate) fn restore(&mut self, before: bool) {
        self.forbidden = before;
    }
}

impl Reader<'_> {
    /// The text anew with placeholders of another form; `None` where nothing in it is a placeholder.
    pub(super) fn refill<'t>(
        &mut self,
        written: &'t str,
        at: Span,
        form: Form,
    ) -> Option<Cow<'t, str>> {
        let Values::Placeholders = self.variables.values else { return None };
        self.variables.form = form;
        let text = self.text(written, at);
        self.variables.form = Form::Name;
        text.filter(|text| text != written)
    }

    /// Fills in `${NAME}` and turns `$${` into `${`. Values are not looked into again.
    pub(super) fn substitute<'t>(&mut self, text: &'t str, at: Span) -> Option<Cow<'t, str>> {
        if !text.contains("${") {
            return Some(Cow::Borrowed(text));
        }
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        let mut refused = 0;
        while let Some(dollar) = rest.find("${") {
            let escaped = rest[..dollar].ends_with('$');
            filled.push_str(&rest[..dollar - usize::from(escaped)]);
            rest = &rest[dollar + 2..];
            if escaped {
                filled.push_str("${");
                continue;
            }
            let Some((name, after)) = rest.split_once('}') else {
                let refusal = Refusal {
                    rule: &rules::VARIABLE,
                    message: "`${` without its `}`".into(),
                    hint: "write `$${` for a literal `${`".into(),
                };
                self.refuse_variable(at, "${", refusal);
                return None;
            };
            let form = self.variables.form.after(&filled);
            match self.variable((name, form), at) {
                Some(value) => filled.push_str(&value),
                None => refused += 1,
            }
            // A text can be full of them, and each is searched for in it.
            if refused == MOST_REFUSED {
                return None;
            }
            rest = after;
        }
        filled.push_str(rest);
        (refused == 0).then_some(Cow::Owned(filled))
    }

    fn variable(&mut self, (name, form): (&str, Form), at: Span) -> Option<String> {
        let value = match self.allowed(name, form) {
            Ok(value) => value,
            Err(refusal) => {
                self.refuse_variable(at, &format!("${{{name}}}"), refusal);
                return None;
            }
        };
        self.variables.filled += value.len();
        self.variables.used.insert(name.to_owned(), value.clone());
        Some(value)
    }

    /// The value of a variable, or why it is not filled in. The value itself is never told.
    fn allowed(&self, name: &str, form: Form) -> Result<String, Refusal> {
        let shown = quotable(name);
        let refused = |rule: &'static Rule, message: String, hint: &str| {
            let hint = hint.to_owned();
            Err(Refusal { rule, message, hint })
        };
        let variable = |message, hint: &str| refused(&rules::VARIABLE, message, hint);
        let Some(listed) = self.variables.listed else {
            return variable(
                format!("`${{{shown}}}` in a team's own file"),
                "only the root file takes environment variables; write `$${` for a literal `${`",
            );
        };
        if self.variables.forbidden {
            return variable(
                format!("`${{{shown}}}` in a part of the profile that takes no variables"),
                "the guardrails must read the same wherever the profile is used: write the value itself",
            );
        }
        if let Some(what) = secret(name) {
            let message = secret_message(name, what);
            return refused(&SECRET_VARIABLE, message, SECRET_VARIABLE.fix);
        }
        if !listed.contains(name) {
            return variable(
                format!("the variable {} is not listed in `variables`", quoted(name)),
                &format!("add \"{shown}\" to `variables` at the top of the root file"),
            );
        }
        let environment = match self.variables.values {
            Values::Environment(environment) => environment,
            Values::Placeholders => return Ok(form.value(name)),
        };
        let Some(value) = environment.get(name) else {
            return variable(
                format!("the environment variable `{shown}` is not set"),
                &format!("set it, for instance `export {shown}=…`, or write the value itself"),
            );
        };
        if value.is_empty() {
            return variable(
                format!("`${{{shown}}}` is empty"),
                &format!("set it, for instance `export {shown}=…`, or write the value itself"),
            );
        }
        if let Some(character) = value.chars().find(|character| is_unprintable(*character)) {
            let unseen = unseen(character);
            let message = format!("the value of the variable `{shown}` holds {unseen}");
            let hint = "set it to a text without control characters and invisible characters";
            return refused(&rules::CONTROL_CHARACTER, message, hint);
        }
        let filled = self.variables.filled + value.len();
        if value.len() > LONGEST_VALUE || filled > MOST_FILLED {
            let message = format!("the variable `{shown}` brings in too much text");
            return variable(
                message,
                &format!(
                    "a value has at most {LONGEST_VALUE} bytes, and all that are filled in at most 10 MiB"
                ),
            );
        }
        Ok(value.clone())
    }

    /// Reports at the variable itself, or at the whole string where escapes hide it.
    fn refuse_variable(&mut self, at: Span, written: &str, refusal: Refusal) {
        let found = self.source.text.get(at.start..at.end).and_then(|text| text.find(written));
        let at = found.map_or(at, |offset| Span {
            file: at.file,
            start: at.start + offset,
            end: at.start + offset + written.len(),
        });
        self.findings.add(Finding::new(refusal.rule, at, refusal.message).hint(refusal.hint));
    }
}
