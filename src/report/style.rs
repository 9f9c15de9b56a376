//! Colours by label. What is printed is complete without them.

use anstyle::{AnsiColor, Style as Ansi};

/// How wide prose gets where no terminal has a width.
pub(super) const WIDTH: usize = 100;
/// How many columns a bar with its title, numbers and times takes.
const ROOM_FOR_A_BAR: usize = 80;
/// A narrower terminal breaks the lines itself: in fewer columns hardly two words fit.
const NARROWEST: usize = 40;

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

/// How text looks: whether labels become colours, and how wide the terminal is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Style {
    /// Whether labels become ANSI colours.
    pub(super) coloured: bool,
    /// How wide the terminal is, where it is one and says so.
    pub(super) terminal: Option<usize>,
}

impl Style {
    /// Text alone, where no terminal has a width.
    pub const PLAIN: Self = Self { coloured: false, terminal: None };
    /// Text with ANSI colours, where no terminal has a width.
    pub const COLOURED: Self = Self { coloured: true, terminal: None };

    /// The same in a terminal this wide, if it is one.
    #[must_use]
    pub fn within(self, columns: Option<usize>) -> Self {
        Self { terminal: columns.map(|columns| columns.max(NARROWEST)).or(self.terminal), ..self }
    }

    /// Whether the terminal has no room for a bar beside its numbers.
    pub fn is_narrow(self) -> bool {
        self.columns() < ROOM_FOR_A_BAR
    }

    /// How many columns a line of prose has at most.
    pub(super) fn columns(self) -> usize {
        self.terminal.unwrap_or(WIDTH)
    }

    /// The text as its label asks for.
    pub fn paint(self, label: Label, text: &str) -> String {
        if !self.coloured || text.is_empty() {
            return text.to_owned();
        }
        let ansi = ansi(label);
        format!("{ansi}{text}{ansi:#}")
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
