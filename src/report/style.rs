//! Colours by label. What is printed is complete without them.

use anstyle::{AnsiColor, Style as Ansi};

/// What a piece of text is, which decides its colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Label {
    /// Something made.
    Added,
    /// Something changed, released or replaced.
    Changed,
    /// Something deleted.
    Removed,
    /// Something taken over.
    Adopted,
    /// A heading.
    Heading,
    /// Something that helps.
    Hint,
    /// Something that will not work as it should.
    Warning,
    /// Something that failed or was refused.
    Error,
    /// Something of less weight.
    Faint,
}

/// Whether labels become colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Style {
    /// Text alone.
    #[default]
    Plain,
    /// Text with ANSI colours.
    Coloured,
}

impl Style {
    /// The text as its label asks for.
    pub fn paint(self, label: Label, text: &str) -> String {
        match self {
            Self::Coloured if !text.is_empty() => {
                let ansi = ansi(label);
                format!("{ansi}{text}{ansi:#}")
            }
            Self::Plain | Self::Coloured => text.to_owned(),
        }
    }
}

fn ansi(label: Label) -> Ansi {
    match label {
        Label::Added => AnsiColor::Green.on_default(),
        Label::Changed | Label::Warning => AnsiColor::Yellow.on_default(),
        Label::Removed => AnsiColor::Red.on_default(),
        Label::Heading => Ansi::new().bold(),
        Label::Adopted | Label::Hint => AnsiColor::Cyan.on_default(),
        Label::Error => AnsiColor::Red.on_default().bold(),
        Label::Faint => Ansi::new().dimmed(),
    }
}
