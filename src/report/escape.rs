//! Making texts of strangers harmless for where they go.

use std::borrow::Cow;

/// A text for a terminal or a log: nothing in it moves the cursor, changes a colour, turns the reading
/// direction, breaks the line, hides, or is taken for a command by a pipeline's log.
pub fn terminal(text: &str) -> Cow<'_, str> {
    let holds_command = text.contains("::") || text.contains("##");
    if !holds_command && !text.contains(is_hostile) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            hostile if is_hostile(hostile) => push_code(&mut escaped, hostile),
            harmless => escaped.push(harmless),
        }
    }
    Cow::Owned(without_commands(&escaped))
}

/// Breaks what a pipeline's log would take for a command: `##[` and `##vso[` anywhere in a line, `::name`
/// at its start, which after wrapping is the start of any word.
fn without_commands(text: &str) -> String {
    let text = text
        .replace("##[", "#\\u{23}[")
        .replace("##vso[", "#\\u{23}vso[");
    let words = text.split(' ').map(|word| match word.strip_prefix("::") {
        Some(name) if !name.is_empty() => format!(":\\u{{3a}}{name}"),
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Whether a character does something to its surroundings instead of being seen.
fn is_hostile(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' // Arabic letter mark
            | '\u{ad}' // soft hyphen
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}' // zero width, direction marks
            | '\u{2028}'..='\u{202e}' // line separators, direction embeddings and overrides
            | '\u{2060}'..='\u{206f}' // invisible operators, direction isolates
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}' // tags
        )
}

fn push_code(escaped: &mut String, character: char) {
    push!(escaped, "\\u{{{:x}}}", u32::from(character));
}

/// JSON that was serialized already: the same values, but nothing in it does anything to the terminal or
/// log that shows it. Line breaks between values stay.
pub fn json(serialized: &str) -> String {
    let mut escaped = String::with_capacity(serialized.len());
    let mut before = None;
    for character in serialized.chars() {
        let command = character == '#' && before == Some('#');
        if command || (is_hostile(character) && character != '\n') {
            for unit in character.encode_utf16(&mut [0; 2]) {
                push!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(character);
        }
        before = Some(character);
    }
    escaped
}

/// A text as Markdown prose: no markup, no HTML, no mention of a person, no link.
pub fn markdown(text: &str) -> String {
    let text = terminal(text);
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // A mention and a reference need their sign directly before the name.
            '@' => escaped.push_str("@<!-- -->"),
            '#' => escaped.push_str("\\#<!-- -->"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '!' | '|' | '~' | '$' => {
                escaped.push('\\');
                escaped.push(character);
            }
            harmless => escaped.push(harmless),
        }
    }
    // A link is made of what follows a scheme or stands for a host.
    escaped
        .replace("://", ":<!-- -->//")
        .replace("www.", "www<!-- -->.")
}

/// A text as Markdown code that may stand in a table: nothing in it is markup, mention or link.
pub fn markdown_code(text: &str) -> String {
    let text = terminal(text);
    let longest = text.split(|character| character != '`').map(str::len).max();
    let fence = "`".repeat(longest.unwrap_or_default() + 1);
    let pad = if text.is_empty() || text.starts_with('`') || text.ends_with('`') {
        " "
    } else {
        ""
    };
    // A table ends its cell at a bar even inside code.
    let text = text.replace('|', "\\|");
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// The message of a GitHub workflow command.
/// <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>
pub fn github_message(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A property of a GitHub workflow command, `file` or `title`.
pub fn github_property(text: &str) -> String {
    github_message(text).replace(':', "%3A").replace(',', "%2C")
}

/// The message or a property of an Azure Pipelines logging command.
/// <https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands#formatting-commands>
pub fn azure_pipelines(text: &str) -> String {
    let text = text.replace('%', "%AZP25").replace(';', "%3B");
    text.replace(']', "%5D")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}
