//! `${NAME}`: environment variables in the root file.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::Reader;
use super::rules;
use crate::profile::report::Finding;
use crate::profile::source::Span;
use crate::profile::source::quotable;

/// What `${NAME}` may stand for in the part of a file that is being read.
#[derive(Debug)]
pub(crate) struct Variables<'a> {
    /// The names that the root file lists; `None` outside the root file.
    pub(crate) listed: Option<&'a BTreeSet<String>>,
    /// The environment.
    pub(crate) environment: &'a BTreeMap<String, String>,
    /// The variables that were used, with their values.
    pub(crate) used: &'a mut BTreeMap<String, String>,
    /// Whether this part of the root file takes none.
    forbidden: bool,
}

impl<'a> Variables<'a> {
    /// Variables as `listed` allows them.
    pub(crate) fn new(
        listed: Option<&'a BTreeSet<String>>,
        environment: &'a BTreeMap<String, String>,
        used: &'a mut BTreeMap<String, String>,
    ) -> Self {
        Self {
            listed,
            environment,
            used,
            forbidden: false,
        }
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
    /// Fills in `${NAME}` and turns `$${` into `${`. Values are not looked into again.
    pub(super) fn substitute<'t>(&mut self, text: &'t str, at: Span) -> Option<Cow<'t, str>> {
        if !text.contains("${") {
            return Some(Cow::Borrowed(text));
        }
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        let mut complete = true;
        while let Some(dollar) = rest.find("${") {
            let escaped = rest[..dollar].ends_with('$');
            filled.push_str(&rest[..dollar - usize::from(escaped)]);
            rest = &rest[dollar + 2..];
            if escaped {
                filled.push_str("${");
                continue;
            }
            let Some((name, after)) = rest.split_once('}') else {
                self.refuse_variable(
                    at,
                    "${",
                    "`${` without its `}`",
                    "write `$${` for a literal `${`",
                );
                return None;
            };
            match self.variable(name, at) {
                Some(value) => filled.push_str(&value),
                None => complete = false,
            }
            rest = after;
        }
        filled.push_str(rest);
        complete.then_some(Cow::Owned(filled))
    }

    fn variable(&mut self, name: &str, at: Span) -> Option<String> {
        let shown = quotable(name);
        let written = format!("${{{name}}}");
        let listed = self.variables.listed.map(|listed| listed.contains(name));
        let value = self.variables.environment.get(name).cloned();
        let (message, help) = match (listed, self.variables.forbidden, value) {
            (None, _, _) => (
                format!("`${{{shown}}}` in a team's own file"),
                "only the root file takes environment variables; write `$${` for a literal `${`".into(),
            ),
            (Some(_), true, _) => (
                format!("`${{{shown}}}` in a part of the profile that takes no variables"),
                "the guardrails must read the same wherever the profile is used: write the value itself"
                    .into(),
            ),
            (Some(false), false, _) => (
                format!("the variable {} is not listed in `variables`", crate::profile::source::quoted(name)),
                format!("add \"{shown}\" to `variables` at the top of the root file"),
            ),
            (Some(true), false, None) => (
                format!("the environment variable `{shown}` is not set"),
                format!("set it, for instance `export {shown}=…`, or write the value itself"),
            ),
            (Some(true), false, Some(value)) => {
                self.variables.used.insert(name.to_owned(), value.clone());
                return Some(value);
            }
        };
        self.refuse_variable(at, &written, &message, &help);
        None
    }

    /// Reports at the variable itself, or at the whole string where escapes hide it.
    fn refuse_variable(&mut self, at: Span, written: &str, message: &str, help: &str) {
        let found = self
            .source
            .text
            .get(at.start..at.end)
            .and_then(|text| text.find(written));
        let at = found.map_or(at, |offset| Span {
            file: at.file,
            start: at.start + offset,
            end: at.start + offset + written.len(),
        });
        self.report
            .add(Finding::new(&rules::VARIABLE, at, message).help(help));
    }
}
