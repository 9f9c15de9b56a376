//! What is wrong with a profile, collected while it is read and checked.

use std::collections::BTreeMap;

use super::error::{ProfileError, ProfileErrors};
use super::resolved::Remark;
use super::source::{Sources, Span};
use super::suggest::did_you_mean;
use crate::model::rule::Rule;

/// A broken rule and where it is broken.
#[derive(Debug)]
pub(crate) struct Finding {
    rule: &'static Rule,
    at: Span,
    label: Option<String>,
    message: String,
    hint: String,
    related: Vec<(Span, String)>,
}

/// The most errors that are told; the others are counted. Refusals are told before others, since they
/// decide what the command ends in.
const MOST_TOLD: usize = 100;
/// How many findings are kept until the ones that will not be told are dropped.
const MOST_KEPT: usize = 10 * MOST_TOLD;
/// The longest message and hint, in characters: what they quote is cut already, so only a mistake of ours
/// is longer.
const LONGEST_TEXT: usize = 4_000;

/// Everything found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Those that may be told.
    told: Vec<Finding>,
    /// What is told where nothing is wrong.
    warned: Vec<Finding>,
    count: usize,
    refused: bool,
}

impl Finding {
    /// A finding with its message: what is wrong and why, as a fragment in lower case. The rule's own fix
    /// stands in for an exact one.
    pub(crate) fn new(rule: &'static Rule, at: Span, message: impl Into<String>) -> Self {
        Self {
            rule,
            at,
            label: None,
            message: message.into(),
            hint: rule.fix.to_owned(),
            related: Vec::new(),
        }
    }

    /// What stands at the place itself.
    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// How to fix it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Another place that matters.
    pub(crate) fn related(mut self, at: Span, label: impl Into<String>) -> Self {
        self.related.push((at, label.into()));
        self
    }

    fn finish(self, sources: &Sources, used: &BTreeMap<String, String>) -> ProfileError {
        let source = &sources.0[self.at.file];
        let message = without_values(self.message, used);
        let mut hint = without_values(self.hint, used);
        let mut labels = vec![(self.at.start..self.at.end, self.label)];
        for (span, label) in self.related {
            if span.file == self.at.file {
                labels.push((span.start..span.end, Some(label)));
            } else {
                let place = sources.place(span);
                let space = if hint.is_empty() { "" } else { "\n" };
                hint = format!("{hint}{space}{label}: {place}");
            }
        }
        ProfileError::new(self.rule, shortened(message), shortened(hint), labels, source)
    }

    /// The order in which findings are told.
    fn order(&self) -> (Span, &'static str, &str) {
        (self.at, self.rule.code, &self.message)
    }
}

/// The text with the names of variables in place of their values, whatever their case. What is shorter
/// than a word is no secret, and would be found everywhere.
fn without_values(mut text: String, used: &BTreeMap<String, String>) -> String {
    const SHORTEST: usize = 6;
    for (name, value) in used.iter().filter(|(_, value)| value.len() >= SHORTEST) {
        let (value, written) = (value.to_ascii_lowercase(), format!("${{{name}}}"));
        let mut done = 0;
        while let Some(found) = text[done..].to_ascii_lowercase().find(&value) {
            let start = done + found;
            text.replace_range(start..start + value.len(), &written);
            done = start + written.len();
        }
    }
    text
}

fn shortened(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(LONGEST_TEXT) {
        text.truncate(end);
        text.push('…');
    }
    text
}

impl Findings {
    /// Adds a finding.
    pub(crate) fn add(&mut self, finding: Finding) {
        self.count += 1;
        self.refused |= finding.rule.kind.is_refusal();
        self.told.push(finding);
        if self.told.len() >= MOST_KEPT {
            self.keep_told();
        }
    }

    /// Adds a warning: it is told where nothing is wrong, and changes nothing.
    pub(crate) fn warn(&mut self, finding: Finding) {
        self.warned.push(finding);
    }

    /// The warnings, in the order of files and places, with the names of variables instead of their values.
    pub(crate) fn remarks(
        mut self,
        sources: &Sources,
        used: &BTreeMap<String, String>,
    ) -> Vec<Remark> {
        self.warned.sort_by(|a, b| a.order().cmp(&b.order()));
        let remarks = self.warned.into_iter().map(|finding| Remark {
            code: finding.rule.code,
            place: sources.place(finding.at),
            text: shortened(without_values(finding.message, used)),
            fix: shortened(without_values(finding.hint, used)),
        });
        remarks.collect()
    }

    /// Counts errors that were not looked into.
    pub(crate) fn add_untold(&mut self, count: usize) {
        self.count += count;
    }

    /// Drops what will not be told, whatever is found yet.
    fn keep_told(&mut self) {
        self.told.sort_by(|a, b| {
            let (check, other) = (!a.rule.kind.is_refusal(), !b.rule.kind.is_refusal());
            check.cmp(&other).then_with(|| a.order().cmp(&b.order()))
        });
        self.told.truncate(MOST_TOLD);
    }

    /// A suggestion for a wrong name. Where there are hundreds of findings, a suggestion for each would
    /// cost more than the whole profile, and nobody reads them.
    pub(crate) fn suggest<'n>(
        &self,
        wrong: &str,
        known: impl IntoIterator<Item = &'n str> + Clone,
    ) -> Option<String> {
        const MOST: usize = 200;
        let hint = (self.count < MOST).then(|| did_you_mean(wrong, known))?;
        (!hint.is_empty()).then_some(hint)
    }

    /// Whether nothing was found.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The findings as errors, in the order of files and places. They name the variables that were used
    /// instead of their values.
    pub(crate) fn finish(
        mut self,
        sources: &Sources,
        used: &BTreeMap<String, String>,
    ) -> ProfileErrors {
        self.keep_told();
        self.told.sort_by(|a, b| a.order().cmp(&b.order()));
        let (count, refused) = (self.count, self.refused);
        let errors = self.told.into_iter();
        let errors = errors.map(|finding| finding.finish(sources, used)).collect();
        ProfileErrors::new(errors, count, refused)
    }
}
