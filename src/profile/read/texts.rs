//! Free texts, words from a closed list, and the numbers that a profile has.

use std::borrow::Cow;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use semver::VersionReq;
use toml::Spanned;
use toml::de::DeValue;

use super::{Parse, Reader, Refusal, Value, rules};
use crate::model::rule::rules;
use crate::presets;
use crate::presets::Preset;
use crate::profile::findings::Finding;
use crate::profile::resolved::{ForeignVerdict, Mode};
use crate::profile::source::quoted;
use crate::profile::suggest::did_you_mean;

rules! {
    WORD = "WID-WORD", Check;
        "a word is one of those that its key knows",
        "The key takes one word of a short list.",
        "Write one of the words that the message names.";
    EMPTY_TEXT = "WID-EMPTY-TEXT", Check;
        "texts are not empty",
        "An empty text says nothing here; leaving the key out says it better.",
        "Write the text, or remove the key.";
    NUMBER = "WID-NUMBER", Check;
        "a number is in the range of its key",
        "A count is not negative, and a share is at most 100 percent.",
        "Write a decimal number in the range that the message names.";
    REQUIRED_VERSION = "WID-REQUIRED-VERSION", Check;
        "the profile can be read by this widctl",
        "`required_version` asks for another release of widctl, so that an older one cannot misread the profile.",
        "Use a release that `required_version` admits, or correct the requirement (`\">=0.1\"`).";
}

/// A text that is not empty.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Text(pub(crate) Arc<str>);

impl Parse for Text {
    fn parse(text: &str) -> Result<Self, Refusal> {
        if text.trim().is_empty() {
            let message = "the text is empty".into();
            return Err(Refusal {
                rule: &EMPTY_TEXT,
                message,
                hint: "write it, or remove the key".into(),
            });
        }
        Ok(Self(text.into()))
    }
}

/// A text that may be empty: the core API group of an RBAC rule is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct AnyText(pub(crate) Arc<str>);

impl Parse for AnyText {
    fn parse(text: &str) -> Result<Self, Refusal> {
        Ok(Self(text.into()))
    }
}

/// The version of the file format.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Version;

impl Value for Version {
    const WHAT: &'static str = "the integer 1";

    fn read(reader: &mut Reader<'_>, value: &Spanned<DeValue<'_>>) -> Option<Self> {
        let DeValue::Integer(number) = value.get_ref() else {
            reader.wrong_type::<Self>(value);
            return None;
        };
        if number.radix() == 10 && number.as_str() == "1" {
            return Some(Self);
        }
        let message =
            format!("version {} of the profile's format is not known", quoted(number.as_str()));
        let at = reader.span(value.span());
        reader.findings.add(
            Finding::new(&rules::VERSION, at, message).hint("this widctl reads `version = 1`"),
        );
        None
    }
}

/// A whole number from 0 to `MOST`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whole<const MOST: u32>(pub(crate) u32);

impl<const MOST: u32> Value for Whole<MOST> {
    const WHAT: &'static str = "a whole number";

    fn read(reader: &mut Reader<'_>, value: &Spanned<DeValue<'_>>) -> Option<Self> {
        let DeValue::Integer(number) = value.get_ref() else {
            reader.wrong_type::<Self>(value);
            return None;
        };
        let parsed = number.as_str().replace('_', "").parse().ok();
        let parsed = parsed.filter(|parsed| *parsed <= MOST && number.radix() == 10).map(Self);
        if parsed.is_none() {
            let message = format!("{} is not a number from 0 to {MOST}", quoted(number.as_str()));
            let finding = Finding::new(&NUMBER, reader.span(value.span()), message);
            reader.findings.add(finding.hint(NUMBER.fix));
        }
        parsed
    }
}

impl<const MOST: u32> JsonSchema for Whole<MOST> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "whole number".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "minimum": 0, "maximum": MOST})
    }
}

/// Which releases of widctl may read the profile.
#[derive(Clone, Debug)]
pub(crate) struct Requirement(pub(crate) VersionReq);

impl Parse for Requirement {
    fn parse(text: &str) -> Result<Self, Refusal> {
        VersionReq::parse(text).map(Self).map_err(|error| Refusal {
            rule: &REQUIRED_VERSION,
            message: format!("{} is not a version requirement: {error}", quoted(text)),
            hint: "write for instance `required_version = \">=0.1\"`".into(),
        })
    }
}

/// A word of a closed list.
pub(crate) trait Word: Copy + 'static {
    /// What it is for: `mode`.
    const WHAT: &'static str;
    /// The words and what they mean.
    const WORDS: &'static [(&'static str, Self)];
}

fn word<W: Word>(text: &str) -> Result<W, Refusal> {
    let found = W::WORDS.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    found.ok_or_else(|| unknown(W::WHAT, text, W::WORDS.iter().map(|(word, _)| *word)))
}

fn unknown<'a>(what: &str, text: &str, known: impl Iterator<Item = &'a str> + Clone) -> Refusal {
    Refusal {
        rule: &WORD,
        message: format!("unknown {what} {}", quoted(text)),
        hint: did_you_mean(text, known),
    }
}

impl Parse for &'static Preset {
    fn parse(text: &str) -> Result<Self, Refusal> {
        let names = presets::all().iter().map(|preset| preset.name.as_str());
        presets::by_name(text).ok_or_else(|| unknown("preset", text, names))
    }
}

impl JsonSchema for Preset {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "preset".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = presets::all().iter().map(|preset| preset.name.as_str()).collect();
        json_schema!({"type": "string", "enum": names})
    }
}

/// Declares closed lists of words.
macro_rules! words {
    ($($(#[$meta:meta])* $type:ty, $what:literal { $($word:literal => $value:expr,)+ })+) => {$(
        impl Word for $type {
            const WHAT: &'static str = $what;
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, $value)),+];
        }

        impl Parse for $type {
            fn parse(text: &str) -> Result<Self, Refusal> {
                word(text)
            }
        }

        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                $what.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "enum": [$($word),+]})
            }
        }
    )+};
}

/// A level of scopes that policy can deny.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum DeniedScope {
    /// Management groups.
    ManagementGroup,
    /// Whole subscriptions.
    Subscription,
    /// Whole resource groups.
    ResourceGroup,
}

/// What a cluster in Azure is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ClusterKind {
    /// An AKS cluster.
    Aks,
    /// A cluster connected by Azure Arc.
    Arc,
}

words! {
    ClusterKind, "kind of cluster" {
        "aks" => ClusterKind::Aks,
        "arc" => ClusterKind::Arc,
    }
    Mode, "mode" {
        "manage" => Mode::Manage,
        "annotate" => Mode::Annotate,
        "trust-only" => Mode::TrustOnly,
    }
    ForeignVerdict, "verdict on foreign trust" {
        "allow" => ForeignVerdict::Allow,
        "warn" => ForeignVerdict::Warn,
        "refuse" => ForeignVerdict::Refuse,
    }
    DeniedScope, "scope level" {
        "management-group" => DeniedScope::ManagementGroup,
        "subscription" => DeniedScope::Subscription,
        "resource-group" => DeniedScope::ResourceGroup,
    }
}

/// Declares the JSON Schema of values that are written in one primitive type.
macro_rules! primitive_schemas {
    ($($type:ty => $schema:tt;)+) => {$(
        impl schemars::JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!($schema)
            }
        }
    )+};
}

/// Declares types whose JSON Schema is that of the type they are read from.
macro_rules! schema_of {
    ($($wrapper:ty => $inner:ty;)+) => {$(
        impl schemars::JsonSchema for $wrapper {
            fn inline_schema() -> bool {
                <$inner>::inline_schema()
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                <$inner>::schema_name()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                <$inner>::json_schema(generator)
            }
        }
    )+};
}

pub(super) use {primitive_schemas, schema_of};

primitive_schemas! {
    Text => {"type": "string", "minLength": 1};
    AnyText => {"type": "string"};
    Version => {"type": "integer", "const": 1};
    Requirement => {"type": "string"};
}
