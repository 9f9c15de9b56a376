//! From TOML values to typed ones. Every wrong value of a file is reported, not just the first, and each
//! value keeps its place.

pub(crate) mod azure;
pub(crate) mod collections;
pub(crate) mod federations;
pub(crate) mod globs;
pub(crate) mod names;
pub(crate) mod placeholders;
pub(crate) mod rules;
pub(crate) mod services;
pub(crate) mod texts;
pub(crate) mod tokens;
pub(crate) mod variables;

use std::borrow::Cow;
use std::ops::{Deref, Range};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use self::placeholders::Form;
use self::variables::Variables;
use super::findings::{Finding, Findings};
use super::source::{Source, Span, quoted};
use super::suggest;
use crate::model::rule::Rule;
use crate::model::text::is_unprintable;

/// A value with its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct At<T> {
    /// The value.
    pub(crate) value: T,
    /// Where it stands.
    pub(crate) at: Span,
}

impl<T> Deref for At<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// The value of a key that must be there; `None` where it was missing or wrong, which was reported.
#[derive(Clone, Debug)]
pub(crate) struct Required<T>(pub(crate) Option<At<T>>);

impl<T> Required<T> {
    /// The value, if it could be read.
    pub(crate) fn get(&self) -> Option<&At<T>> {
        self.0.as_ref()
    }
}

/// Passes a type's JSON Schema through a wrapper.
macro_rules! same_schema {
    ($($wrapper:ident),+) => {$(
        impl<T: JsonSchema> JsonSchema for $wrapper<T> {
            fn inline_schema() -> bool {
                T::inline_schema()
            }

            fn schema_name() -> Cow<'static, str> {
                T::schema_name()
            }

            fn schema_id() -> Cow<'static, str> {
                T::schema_id()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                T::json_schema(generator)
            }
        }
    )+};
}

use same_schema;
same_schema!(At, Required);

/// Reads one file.
pub(crate) struct Reader<'a> {
    /// The file's index.
    pub(crate) file: usize,
    /// The file.
    pub(crate) source: &'a Source,
    /// Where errors go.
    pub(crate) findings: &'a mut Findings,
    /// What `${NAME}` may stand for.
    pub(crate) variables: Variables<'a>,
}

/// A value that can be read from TOML.
pub(crate) trait Value: Sized {
    /// What it is, for people: `a string`.
    const WHAT: &'static str;

    /// Reads it; `None` means that it was wrong and that this was reported.
    fn read(reader: &mut Reader<'_>, value: &Spanned<DeValue<'_>>) -> Option<Self>;
}

/// Why a text is not the value that it should be.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The rule that it breaks.
    pub(crate) rule: &'static Rule,
    /// What is wrong.
    pub(crate) message: String,
    /// How to fix it.
    pub(crate) hint: String,
}

impl Refusal {
    /// The same refusal of a text that variables were filled into: the values of variables are not
    /// quoted, since a log shows more people what the environment holds.
    fn of_variables(self, written: &str) -> Self {
        Self {
            message: format!(
                "with its variables filled in, {} breaks the rule: {}",
                quoted(written),
                self.rule.title
            ),
            hint: self.rule.fix.into(),
            rule: self.rule,
        }
    }
}

/// A value that is written as a string.
pub(crate) trait Parse: Sized {
    /// Understands the text, after substitution.
    fn parse(text: &str) -> Result<Self, Refusal>;
}

impl<T: Parse> Value for T {
    const WHAT: &'static str = "a string";

    fn read(reader: &mut Reader<'_>, value: &Spanned<DeValue<'_>>) -> Option<Self> {
        let at = reader.span(value.span());
        let DeValue::String(text) = value.get_ref() else {
            reader.wrong_type::<Self>(value);
            return None;
        };
        let written: &str = text;
        let mut text = reader.text(text, at)?;
        let mut parsed = T::parse(&text);
        // Which form a place asks for is what its own rule takes.
        for form in Form::ALL.into_iter().skip(1) {
            let Some(refilled) =
                parsed.is_err().then(|| reader.refill(written, at, form)).flatten()
            else {
                break;
            };
            parsed = T::parse(&refilled);
            text = refilled;
        }
        match parsed {
            Ok(parsed) => Some(parsed),
            Err(refusal) => {
                let Refusal { rule, message, hint } =
                    if text == written { refusal } else { refusal.of_variables(written) };
                reader.findings.add(Finding::new(rule, at, message).hint(hint));
                None
            }
        }
    }
}

impl Reader<'_> {
    /// A place in this file.
    pub(crate) fn span(&self, range: Range<usize>) -> Span {
        Span { file: self.file, start: range.start, end: range.end }
    }

    /// Reports a value of another type.
    pub(crate) fn wrong_type<T: Value>(&mut self, value: &Spanned<DeValue<'_>>) {
        let found = match value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        };
        let message = format!("expected {}, found {found}", T::WHAT);
        let hint = match T::WHAT {
            "a string" => "write it in quotes, `\"…\"`",
            "an array" => {
                "write it in square brackets, `[\"…\", \"…\"]`, or `[[…]]` above a list of tables"
            }
            "a table" => "write it as a table, `[name]` or `{ key = \"…\" }`",
            other => other,
        };
        let finding = Finding::new(&rules::WRONG_TYPE, self.span(value.span()), message);
        self.findings.add(finding.hint(hint));
    }

    /// A string with its variables filled in; `None` if it cannot be used, which was reported.
    pub(crate) fn text<'t>(&mut self, text: &'t str, at: Span) -> Option<Cow<'t, str>> {
        let text = self.substitute(text, at)?;
        if let Some(character) = text.chars().find(|character| is_unprintable(*character)) {
            let message = format!("{} holds {}", quoted(&text), unseen(character));
            self.findings.add(
                Finding::new(&rules::CONTROL_CHARACTER, at, message)
                    .hint("write the text without control characters and invisible characters"),
            );
            return None;
        }
        Some(text)
    }
}

/// A character that people cannot see, as they call it.
pub(crate) fn unseen(character: char) -> String {
    match character {
        '\t' => "a tab".into(),
        '\n' => "a line break".into(),
        other => format!("the character U+{:04X}, which people cannot see", u32::from(other)),
    }
}

/// Reads the keys of one table.
pub(crate) struct TableReader<'r, 'a, 't> {
    /// The reader of the file.
    pub(crate) reader: &'r mut Reader<'a>,
    table: &'t DeTable<'t>,
    at: Span,
    intact: bool,
    /// Keys that must be there and are not, and what they hold.
    missing: Vec<(&'static str, &'static str)>,
}

/// What a key of a table can hold.
pub(crate) trait Field: Sized {
    /// Reads the key.
    fn read(table: &mut TableReader<'_, '_, '_>, key: &'static str) -> Self;
}

impl<'r, 'a, 't> TableReader<'r, 'a, 't> {
    /// A reader of this table.
    pub(crate) fn new(reader: &'r mut Reader<'a>, table: &'t DeTable<'t>, at: Span) -> Self {
        Self { reader, table, at, intact: true, missing: Vec::new() }
    }

    /// Reads one key.
    pub(crate) fn field<T: Field>(&mut self, key: &'static str) -> T {
        T::read(self, key)
    }

    /// Reports the keys that are not known, and those that are missing unless one of the former was meant;
    /// says whether the table was right so far.
    pub(crate) fn finish(mut self, known: &'static [&'static str]) -> bool {
        for key in self.table.keys() {
            if !known.contains(&key.get_ref().as_ref()) {
                self.intact = false;
                let meant = suggest::nearest(key.get_ref(), known.iter().copied());
                self.missing.retain(|(missing, _)| Some(*missing) != meant);
                let at = self.reader.span(key.span());
                let finding = unknown_key(key.get_ref(), at, known, self.reader.findings);
                self.reader.findings.add(finding);
            }
        }
        for (key, what) in self.missing {
            self.reader.findings.add(missing_key(self.at, key, what));
        }
        self.intact
    }

    fn value<T: Value>(&mut self, key: &str) -> Option<Result<At<T>, ()>> {
        let value = self.table.get(key)?;
        // `[[team.identity]]` below `[[teams]]` makes a table of `team`: the one mistake is the key.
        let is_misnamed = || self.table.contains_key(format!("{key}s").as_str());
        if T::WHAT == "an array" && value.get_ref().is_table() && is_misnamed() {
            self.intact = false;
            return Some(Err(()));
        }
        let at = self.reader.span(value.span());
        let read = T::read(self.reader, value);
        self.intact &= read.is_some();
        Some(read.map(|value| At { value, at }).ok_or(()))
    }
}

/// A key that no table of this kind has.
pub(crate) fn unknown_key(
    key: &str,
    at: Span,
    known: &'static [&'static str],
    findings: &Findings,
) -> Finding {
    let bare_issuers = key == "issuers" && known.contains(&"federations");
    let similar = findings.suggest(key, known.iter().copied()).filter(|_| !bare_issuers);
    let general = if bare_issuers { rules::GRANTED_SUBJECTS } else { rules::UNKNOWN_KEY.fix };
    Finding::new(&rules::UNKNOWN_KEY, at, format!("unknown key {}", quoted(key)))
        .label("not a key of this table")
        .hint(similar.unwrap_or_else(|| general.into()))
}

/// A key that a table must have.
fn missing_key(at: Span, key: &str, what: &str) -> Finding {
    Finding::new(&rules::MISSING_KEY, at, format!("the key `{key}` is missing"))
        .label(format!("this table needs `{key}`"))
        .hint(format!("add `{key}`: {what}"))
}

/// A field's name as a key: `ref` is a word of Rust, so that its field is `r#ref`.
pub(crate) const fn key_of(field: &'static str) -> &'static str {
    match field.as_bytes() {
        [b'r', b'#', ..] => field.split_at(2).1,
        _ => field,
    }
}

impl<T: Value> Field for Option<At<T>> {
    fn read(table: &mut TableReader<'_, '_, '_>, key: &'static str) -> Self {
        table.value(key)?.ok()
    }
}

impl<T: Value> Field for Required<T> {
    fn read(table: &mut TableReader<'_, '_, '_>, key: &'static str) -> Self {
        let value = table.value(key);
        if value.is_none() {
            table.intact = false;
            table.missing.push((key, T::WHAT));
        }
        Self(value.and_then(Result::ok))
    }
}

/// Declares the tables of the file format: their keys once, for reading and for the JSON Schema.
macro_rules! tables {
    ($($(#[$meta:meta])* $name:ident {
        $($(#[$field_meta:meta])* $field:ident: $type:ty,)+
    })+) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, schemars::JsonSchema)]
        #[schemars(deny_unknown_fields)]
        pub(crate) struct $name {
            $($(#[$field_meta])* pub(crate) $field: $type,)+
            #[schemars(skip)]
            #[doc = "Whether each of its keys is known and could be read."]
            pub(crate) intact: bool,
        }

        impl $name {
            /// The keys of the table.
            pub(crate) const KEYS: &'static [&'static str] = &[$($crate::profile::read::key_of(stringify!($field))),+];

            /// Reads the keys of a table that stands at `at`.
            pub(crate) fn read_table(
                reader: &mut $crate::profile::read::Reader<'_>,
                table: &toml::de::DeTable<'_>,
                at: $crate::profile::source::Span,
            ) -> Self {
                let mut table = $crate::profile::read::TableReader::new(reader, table, at);
                $(let $field = table.field($crate::profile::read::key_of(stringify!($field)));)+
                let intact = table.finish(Self::KEYS);
                Self { $($field,)+ intact }
            }
        }

        impl $crate::profile::read::Value for $name {
            const WHAT: &'static str = "a table";

            fn read(
                reader: &mut $crate::profile::read::Reader<'_>,
                value: &toml::Spanned<toml::de::DeValue<'_>>,
            ) -> Option<Self> {
                let toml::de::DeValue::Table(table) = value.get_ref() else {
                    reader.wrong_type::<Self>(value);
                    return None;
                };
                let at = reader.span(value.span());
                Some(Self::read_table(reader, table, at))
            }
        }
    )+};
}

pub(crate) use tables;
