//! The files of a profile as texts, and places in them.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::model::text::is_unprintable;
use crate::profile::resolved::Place;

/// A place in a file: bytes from `start` up to `end`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct Span {
    /// The file's index in [`Sources`].
    pub(crate) file: usize,
    /// The first byte.
    pub(crate) start: usize,
    /// The byte after the last.
    pub(crate) end: usize,
}

/// A file's text under the name that messages use.
#[derive(Debug)]
pub(crate) struct Source {
    /// The file's path as people name it from where they are.
    pub(crate) path: Arc<str>,
    /// The text; where the bytes were not UTF-8, each wrong byte is a `?`.
    pub(crate) text: String,
    /// Where the lines begin; found when the first message needs it.
    line_starts: OnceLock<Vec<usize>>,
}

/// All files of a profile, sorted by path.
#[derive(Debug)]
pub(crate) struct Sources(pub(crate) Vec<Source>);

impl Source {
    /// Wraps a text.
    pub(crate) fn new(path: &str, text: String) -> Self {
        Self { path: path.into(), text, line_starts: OnceLock::new() }
    }

    /// The line and column of a byte, both from 1; the column counts characters.
    pub(crate) fn position(&self, byte: usize) -> (usize, usize) {
        let line = self.line(byte);
        let column = self
            .text
            .get(self.line_range(line).start..byte)
            .map_or(1, |text| text.chars().count() + 1);
        (line + 1, column)
    }

    /// The line of a byte, from 0.
    pub(crate) fn line(&self, byte: usize) -> usize {
        self.line_starts().partition_point(|start| *start <= byte) - 1
    }

    /// How many lines there are; never zero.
    pub(crate) fn lines(&self) -> usize {
        self.line_starts().len()
    }

    /// The bytes of a line, with its end.
    pub(crate) fn line_range(&self, line: usize) -> Range<usize> {
        let starts = self.line_starts();
        let end = starts.get(line + 1).copied().unwrap_or(self.text.len());
        starts[line]..end
    }

    fn line_starts(&self) -> &[usize] {
        self.line_starts.get_or_init(|| {
            let breaks = self.text.match_indices('\n').map(|(index, _)| index + 1);
            std::iter::once(0).chain(breaks).collect()
        })
    }
}

impl Sources {
    /// Where a place is.
    pub(crate) fn place(&self, span: Span) -> Place {
        let source = &self.0[span.file];
        let (line, column) = source.position(span.start);
        Place { path: Arc::clone(&source.path), line, column }
    }
}

/// A text in backticks for a message: unprintable characters escaped, cut when very long.
pub(crate) fn quoted(text: &str) -> String {
    format!("`{}`", quotable(text))
}

/// A text as a message may hold it: unprintable characters escaped, cut when very long.
pub(crate) fn quotable(text: &str) -> String {
    const LONGEST: usize = 160;
    let mut shown = String::with_capacity(text.len().min(LONGEST));
    for (count, character) in text.chars().enumerate() {
        if count == LONGEST {
            shown.push('…');
            break;
        }
        if is_unprintable(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// The text for excerpts: characters that could fool a terminal or a reader are replaced by harmless ones
/// of the same length, so that places stay right.
pub(crate) fn printable(text: &str) -> String {
    let mut characters = text.chars().peekable();
    let mut shown = String::with_capacity(text.len());
    while let Some(character) = characters.next() {
        let line_end = character == '\r' && characters.peek() == Some(&'\n');
        if matches!(character, '\n' | '\t') || line_end || !is_unprintable(character) {
            shown.push(character);
            continue;
        }
        shown.push(match character.len_utf8() {
            1 => '?',
            2 => '¿',
            3 => '\u{fffd}',
            _ => '\u{1f7a8}',
        });
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{Source, printable, quoted};

    #[test]
    fn positions_count_lines_and_characters_from_one() {
        let source = Source::new("a.toml", "a = 1\né = \"x\"\n".into());
        assert_eq!(source.position(0), (1, 1));
        assert_eq!(source.position(6), (2, 1));
        assert_eq!(source.position(8), (2, 2));
        assert_eq!(source.position(15), (3, 1));
    }

    #[test]
    fn what_could_fool_a_terminal_or_a_reader_is_never_shown_and_places_stay_right() {
        let text = "a\u{1b}[31m\u{9b}\u{202e}\u{e0041}\r\nb\rc";
        let shown = printable(text);
        assert_eq!(shown, "a?[31m¿\u{fffd}\u{1f7a8}\r\nb?c");
        assert_eq!(shown.len(), text.len());
    }

    #[test]
    fn quoted_texts_are_escaped_and_cut() {
        assert_eq!(quoted("a\u{1b}b"), "`a\\u{1b}b`");
        assert_eq!(quoted(&"x".repeat(500)).chars().count(), 163);
    }
}
