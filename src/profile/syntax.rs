//! From texts to TOML documents, within bounds: what a text costs does not grow faster than the text.

use toml::Spanned;
use toml::de::DeTable;
use toml_parser::ParseError;
use toml_parser::parser::RecursionGuard;
use toml_parser::parser::parse_document;

use super::read::rules;
use super::report::Finding;
use super::report::Report;
use super::source::Source;
use super::source::Sources;
use super::source::Span;
use super::source::quotable;

/// A file's document; the reader's tables borrow from its source.
pub(crate) type Document<'s> = Spanned<DeTable<'s>>;

/// The most words and signs of all files together: each takes about 100 bytes of memory.
const MOST_TOKENS: usize = 10_000_000;
/// The most errors of one file that are looked into; the others are counted.
const MOST_ERRORS: usize = 1_000;
/// How deep arrays, tables and dotted keys may be nested, as the TOML library reads them.
/// <https://docs.rs/toml/latest/toml/#feature-flags> (`unbounded`)
const DEEPEST: u32 = 80;

/// The documents; `None` where one could not be parsed, which was reported. Other files' mistakes would
/// drown in what follows from a missing file, so nothing further is looked at then.
pub(crate) fn parse<'s>(sources: &'s Sources, report: &mut Report) -> Option<Vec<Document<'s>>> {
    let mut documents = Vec::with_capacity(sources.0.len());
    let mut tokens = 0;
    for (index, source) in sources.0.iter().enumerate() {
        let seen = Survey::of(&source.text);
        tokens += seen.tokens;
        if tokens > MOST_TOKENS {
            let at = Span {
                file: index,
                start: 0,
                end: 0,
            };
            let message = format!("the profile has more than {MOST_TOKENS} words and signs");
            report.add(Finding::new(&rules::TOO_LARGE, at, message).help(rules::TOO_LARGE.fix));
            return None;
        }
        let (document, errors) = DeTable::parse_recoverable(seen.explained(source));
        report.add_untold(seen.errors.saturating_sub(errors.len().max(MOST_ERRORS)));
        for error in errors {
            let range = error.span().unwrap_or(0..0);
            let at = Span {
                file: index,
                start: range.start,
                end: range.end,
            };
            report.add(finding(at, error.message()));
        }
        documents.push(document);
    }
    report.is_empty().then_some(documents)
}

/// The library says in two ways that something is too deep, both in its own words.
fn finding(at: Span, message: &str) -> Finding {
    if message.contains("recurs") {
        let message = format!("arrays, tables or keys are nested more than {DEEPEST} deep");
        return Finding::new(&rules::TOO_LARGE, at, message).help(rules::TOO_LARGE.fix);
    }
    Finding::new(&rules::SYNTAX, at, quotable(message))
}

/// What one pass over a text finds, before a value of it is made: the library makes a value of every
/// error as well, and a text can be nothing but errors.
struct Survey {
    tokens: usize,
    errors: usize,
    /// Where the last error that is looked into ends.
    last: Option<usize>,
}

impl Survey {
    fn of(text: &str) -> Self {
        let tokens = toml_parser::Source::new(text).lex().into_vec();
        let mut survey = Self {
            tokens: tokens.len(),
            errors: 0,
            last: None,
        };
        let mut count = |error: ParseError| {
            survey.errors += 1;
            if survey.errors == MOST_ERRORS {
                survey.last = error.unexpected().map(|place| place.end());
            }
        };
        parse_document(
            &tokens,
            &mut RecursionGuard::new(&mut (), DEEPEST),
            &mut count,
        );
        survey
    }

    /// The part of the text whose errors are looked into.
    fn explained<'s>(&self, source: &'s Source) -> &'s str {
        let text = source.text.as_str();
        self.last
            .map_or(text, |end| &text[..text.floor_char_boundary(end)])
    }
}
