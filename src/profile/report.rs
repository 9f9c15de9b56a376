//! What is wrong with a profile, collected while it is read and checked.

use super::error::ProfileError;
use super::error::ProfileErrors;
use super::rule::Rule;
use super::source::Sources;
use super::source::Span;
use super::suggest::did_you_mean;

/// A broken rule and where it is broken.
#[derive(Debug)]
pub(crate) struct Finding {
    rule: &'static Rule,
    at: Span,
    label: Option<String>,
    message: String,
    help: String,
    related: Vec<(Span, String)>,
}

/// Everything found so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    findings: Vec<Finding>,
}

impl Finding {
    /// A finding with its message: what is wrong and why, as a fragment in lower case.
    pub(crate) fn new(rule: &'static Rule, at: Span, message: impl Into<String>) -> Self {
        Self {
            rule,
            at,
            label: None,
            message: message.into(),
            help: String::new(),
            related: Vec::new(),
        }
    }

    /// What stands at the place itself.
    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// How to mend it.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// Another place that matters.
    pub(crate) fn related(mut self, at: Span, label: impl Into<String>) -> Self {
        self.related.push((at, label.into()));
        self
    }

    fn finish(self, sources: &Sources) -> ProfileError {
        let source = &sources.0[self.at.file];
        let mut help = self.help;
        let mut labels = vec![(self.at.start..self.at.end, self.label)];
        for (span, label) in self.related {
            if span.file == self.at.file {
                labels.push((span.start..span.end, Some(label)));
            } else {
                let place = sources.place(span);
                let space = if help.is_empty() { "" } else { "\n" };
                help = format!("{help}{space}{label}: {place}");
            }
        }
        ProfileError::new(self.rule, self.message, help, labels, source)
    }
}

impl Report {
    /// Adds a finding.
    pub(crate) fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// A suggestion for a wrong name. Where there are hundreds of findings, a suggestion for each would
    /// cost more than the whole profile, and nobody reads them.
    pub(crate) fn suggest<'n>(
        &self,
        wrong: &str,
        known: impl IntoIterator<Item = &'n str> + Clone,
    ) -> Option<String> {
        const MOST: usize = 200;
        let hint = (self.findings.len() < MOST).then(|| did_you_mean(wrong, known))?;
        (!hint.is_empty()).then_some(hint)
    }

    /// Whether nothing was found.
    pub(crate) fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    /// The findings as errors, in the order of files and places.
    pub(crate) fn finish(mut self, sources: &Sources) -> ProfileErrors {
        self.findings
            .sort_by(|a, b| (a.at, a.rule.code, &a.message).cmp(&(b.at, b.rule.code, &b.message)));
        let errors = self
            .findings
            .into_iter()
            .map(|finding| finding.finish(sources));
        ProfileErrors::new(errors.collect())
    }
}
