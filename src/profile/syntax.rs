//! From texts to TOML documents, within bounds: what a text costs does not grow faster than the text.

use std::cell::Cell;

use toml::Spanned;
use toml::de::DeTable;
use toml_parser::ParseError;
use toml_parser::parser::{Event, EventKind, RecursionGuard, ValidateWhitespace, parse_document};

use super::findings::{Finding, Findings};
use super::read::rules;
use super::source::{Source, Sources, Span, quotable};

/// A file's document; the reader's tables borrow from its source.
pub(crate) type Document<'s> = Spanned<DeTable<'s>>;

/// The most words and signs of a file, and of all files together: each takes about 100 bytes of memory.
const MOST_TOKENS_OF_FILE: usize = 2_000_000;
const MOST_TOKENS: usize = 10_000_000;
/// The most errors of one file that are looked into; the others are counted.
const MOST_ERRORS: usize = 1_000;
/// How deep arrays, tables and dotted keys may be nested, as the TOML library reads them.
/// <https://docs.rs/toml/latest/toml/#feature-flags> (`unbounded`)
const DEEPEST: u32 = 80;

/// The documents; `None` where one could not be parsed, which was reported. Other files' mistakes would
/// drown in what follows from a missing file, so nothing further is looked at then.
pub(crate) fn parse<'s>(
    sources: &'s Sources,
    findings: &mut Findings,
) -> Option<Vec<Document<'s>>> {
    let mut documents = Vec::with_capacity(sources.0.len());
    let mut tokens = 0;
    for (index, source) in sources.0.iter().enumerate() {
        let seen = Survey::of(&source.text);
        tokens += seen.tokens;
        let bounds =
            [("the file", seen.tokens, MOST_TOKENS_OF_FILE), ("the profile", tokens, MOST_TOKENS)];
        if let Some((what, _, most)) = bounds.iter().find(|(_, found, most)| found > most) {
            let at = Span { file: index, start: 0, end: 0 };
            let message = format!("{what} has more than {most} words and signs");
            findings.add(Finding::new(&rules::TOO_LARGE, at, message));
            return None;
        }
        if let Some(start) = yaml(&source.text) {
            let at = Span { file: index, start, end: start };
            let message = "this looks like YAML; a profile is TOML";
            let hint = "`widctl init` writes one to begin with";
            findings.add(Finding::new(&rules::SYNTAX, at, message).hint(hint));
            return None;
        }
        let (document, errors) = DeTable::parse_recoverable(seen.explained(source));
        let untold = seen.errors.get().saturating_sub(errors.len());
        findings.add_untold(untold);
        for error in errors {
            let range = error.span().unwrap_or(0..0);
            let at = Span { file: index, start: range.start, end: range.end };
            findings.add(finding(at, error.message()));
        }
        documents.push(document);
    }
    findings.is_empty().then_some(documents)
}

/// The library says in two ways that something is too deep, both in its own words.
fn finding(at: Span, message: &str) -> Finding {
    if message.contains("recurs") {
        let message = format!("arrays, tables or keys are nested more than {DEEPEST} deep");
        return Finding::new(&rules::TOO_LARGE, at, message);
    }
    // The library says what it expected, which the rule's fix would only repeat.
    let is_open = message.contains("string, expected `") || message.contains("string, expected '");
    let hint =
        if is_open { "close the text with the quote that opens it, on the same line" } else { "" };
    Finding::new(&rules::SYNTAX, at, quotable(message)).hint(hint)
}

/// Where a text begins as YAML does and TOML cannot: with `---`, or a bare key before a colon.
fn yaml(text: &str) -> Option<usize> {
    let is_content = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let line = text.lines().find(is_content)?;
    let is_key = |key: &str| {
        !key.is_empty()
            && key.chars().all(|character| character.is_alphanumeric() || "_-".contains(character))
    };
    let is_yaml = line.trim_end() == "---"
        || line.split_once(':').is_some_and(|(key, value)| {
            is_key(key) && (value.is_empty() || value.starts_with(' '))
        });
    is_yaml.then(|| text.find(line)).flatten()
}

/// What one pass over a text finds, before a value of it is made: the library makes a value of every
/// error as well, and a text can be nothing but errors.
#[derive(Default)]
struct Survey {
    tokens: usize,
    errors: Cell<usize>,
    /// Where the last error that is looked into ends.
    last: Cell<Option<usize>>,
}

impl Survey {
    /// Takes the same steps as the library's own reading, up to where it makes tables.
    fn of(text: &str) -> Self {
        let source = toml_parser::Source::new(text);
        let tokens = source.lex().into_vec();
        let survey = Self { tokens: tokens.len(), ..Self::default() };
        if survey.tokens > MOST_TOKENS_OF_FILE {
            return survey;
        }
        let note = |error: ParseError| survey.note(&error);
        let mut decode = |event: Event| {
            let Some(raw) = source.get(event) else { return };
            if event.kind() == EventKind::SimpleKey {
                raw.decode_key(&mut (), &mut { note });
            } else if event.kind() == EventKind::Scalar {
                let _ = raw.decode_scalar(&mut (), &mut { note });
            }
        };
        let mut spaces = ValidateWhitespace::new(&mut decode, source);
        let mut guarded = RecursionGuard::new(&mut spaces, DEEPEST);
        parse_document(&tokens, &mut guarded, &mut { note });
        survey
    }

    fn note(&self, error: &ParseError) {
        self.errors.set(self.errors.get() + 1);
        // Not every error has a place.
        if self.errors.get() >= MOST_ERRORS && self.last.get().is_none() {
            self.last.set(error.unexpected().map(|place| place.end()));
        }
    }

    /// The part of the text whose errors are looked into.
    fn explained<'s>(&self, source: &'s Source) -> &'s str {
        let text = source.text.as_str();
        self.last.get().map_or(text, |end| &text[..text.floor_char_boundary(end)])
    }
}
