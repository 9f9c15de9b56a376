//! The errors of a profile, with their places, for people and for machines.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::excerpt;
use super::excerpt::{Labels, Piece};
use super::source::Source;
use crate::model::rule::Rule;

/// What helps where nothing of a file is shown.
const UNQUOTED: &str = "a link leads out of its folder to this file, so nothing of it is shown: name the file itself to see more";

/// One thing that is wrong with a profile.
#[derive(Debug)]
pub struct ProfileError {
    rule: &'static Rule,
    message: String,
    hint: String,
    path: Arc<str>,
    line: usize,
    column: usize,
    /// The lines around the places; none where nothing of the file may be quoted.
    excerpt: Vec<Piece>,
}

/// Everything that is wrong with a profile, in the order of files and places.
#[derive(Debug)]
pub struct ProfileErrors {
    /// The ones that are told.
    errors: Vec<ProfileError>,
    count: usize,
    refused: bool,
}

impl ProfileError {
    /// An error whose first label is its place.
    pub(crate) fn new(
        rule: &'static Rule,
        message: String,
        hint: String,
        labels: Labels,
        source: &Source,
    ) -> Self {
        let start = labels.first().map_or(0, |(range, _)| range.start);
        let (line, column) = source.position(start);
        let excerpt = excerpt::cut(source, labels);
        Self { rule, message, hint, path: Arc::clone(&source.path), line, column, excerpt }
    }

    /// The rule that is broken.
    pub fn rule(&self) -> &'static Rule {
        self.rule
    }

    /// The file's path, as people name it from where they are.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The line and column of its place, both from 1.
    pub fn position(&self) -> (usize, usize) {
        (self.line, self.column)
    }

    /// How to fix it; may be empty, may have several lines.
    pub fn hint(&self) -> &str {
        &self.hint
    }

    /// The lines around its places.
    pub fn excerpt(&self) -> &[Piece] {
        &self.excerpt
    }
}

impl fmt::Display for ProfileError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl Error for ProfileError {}

impl ProfileErrors {
    /// Wraps the errors that are told, in order, with how many there are in all and whether any of them
    /// is a refusal.
    pub(crate) fn new(errors: Vec<ProfileError>, count: usize, refused: bool) -> Self {
        Self { errors, count, refused }
    }

    /// The same errors without anything that stands in the files, for files that whoever named them may
    /// not have meant: rules and places alone.
    #[must_use]
    pub fn unquoted(mut self) -> Self {
        for error in &mut self.errors {
            error.message = error.rule.title.into();
            error.hint = UNQUOTED.into();
            error.excerpt.clear();
        }
        self
    }

    /// The errors that are told, in the order of files and places.
    pub fn iter(&self) -> std::slice::Iter<'_, ProfileError> {
        self.errors.iter()
    }

    /// How many there are; never zero.
    pub fn count(&self) -> usize {
        self.count
    }

    /// How many of them are counted and not told, since nobody would read them.
    pub fn left_out(&self) -> usize {
        self.count - self.errors.len()
    }

    /// Whether a guardrail, a grant or the isolation of teams refused (exit code 7), beside whatever
    /// else is wrong.
    pub fn refused(&self) -> bool {
        self.refused
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
        match self.count {
            1 => formatter.write_str("the profile has an error"),
            count => write!(formatter, "the profile has {count} errors"),
        }
    }
}

impl Error for ProfileErrors {}
