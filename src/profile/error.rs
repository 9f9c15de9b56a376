//! The errors of a profile, with their places, for people and for machines.

use std::error::Error;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::Diagnostic;
use miette::LabeledSpan;
use miette::NamedSource;
use miette::Severity;
use miette::SourceCode;

use super::rule::Rule;
use super::source::Source;

/// One thing that is wrong with a profile.
#[derive(Debug)]
pub struct ProfileError {
    rule: &'static Rule,
    message: String,
    help: String,
    labels: Vec<(Range<usize>, Option<String>)>,
    path: Arc<str>,
    line: usize,
    column: usize,
    source: Arc<NamedSource<Arc<str>>>,
}

/// Everything that is wrong with a profile, in the order of files and places.
#[derive(Debug)]
pub struct ProfileErrors {
    errors: Vec<ProfileError>,
}

impl ProfileError {
    /// An error whose first label is its place.
    pub(crate) fn new(
        rule: &'static Rule,
        message: String,
        help: String,
        labels: Vec<(Range<usize>, Option<String>)>,
        source: &Source,
    ) -> Self {
        let start = labels.first().map_or(0, |(range, _)| range.start);
        let (line, column) = source.position(start);
        Self {
            rule,
            message,
            help,
            labels,
            path: Arc::clone(&source.path),
            line,
            column,
            source: source.shown(),
        }
    }

    /// The rule that is broken.
    pub fn rule(&self) -> &'static Rule {
        self.rule
    }

    /// The file's path, as it was handed in.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The line and column of its place, both from 1.
    pub fn position(&self) -> (usize, usize) {
        (self.line, self.column)
    }

    /// How to mend it; may be empty, may have several lines.
    pub fn mend(&self) -> &str {
        &self.help
    }
}

impl fmt::Display for ProfileError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl Error for ProfileError {}

impl Diagnostic for ProfileError {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.rule.code))
    }

    fn severity(&self) -> Option<Severity> {
        Some(Severity::Error)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        (!self.help.is_empty()).then(|| Box::new(&self.help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&*self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().enumerate().map(
            |(index, (range, text))| {
                if index == 0 {
                    LabeledSpan::new_primary_with_span(text.clone(), range.clone())
                } else {
                    LabeledSpan::new_with_span(text.clone(), range.clone())
                }
            },
        )))
    }
}

impl ProfileErrors {
    /// Wraps the errors, in order.
    pub(crate) fn new(errors: Vec<ProfileError>) -> Self {
        Self { errors }
    }

    /// The errors, in the order of files and places.
    pub fn iter(&self) -> std::slice::Iter<'_, ProfileError> {
        self.errors.iter()
    }

    /// How many there are; never zero.
    pub fn count(&self) -> usize {
        self.errors.len()
    }

    /// Whether a guardrail, a grant or the isolation of teams refused (exit code 7), beside whatever
    /// else is wrong.
    pub fn refused(&self) -> bool {
        self.errors.iter().any(|error| error.rule.kind.is_refusal())
    }
}

impl<'a> IntoIterator for &'a ProfileErrors {
    type Item = &'a ProfileError;
    type IntoIter = std::slice::Iter<'a, ProfileError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for ProfileErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.errors.len() {
            1 => formatter.write_str("the profile has an error"),
            count => write!(formatter, "the profile has {count} errors"),
        }
    }
}

impl Error for ProfileErrors {}

impl Diagnostic for ProfileErrors {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(
            self.errors.iter().map(|error| error as &dyn Diagnostic),
        ))
    }
}
