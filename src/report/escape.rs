//! Making texts of strangers harmless for where they go.

use std::borrow::Cow;

use crate::model::text::is_unprintable;

/// A text of somebody else within a line: nothing in it moves the cursor, changes a colour, turns the reading
/// direction, breaks the line or hides. What a pipeline's log would take for a command is [`printed`]'s matter: it
/// depends on where in its line the text comes to be.
pub fn terminal(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            hostile if is_unprintable(hostile) => push_code(&mut escaped, hostile),
            harmless => escaped.push(harmless),
        }
    }
    Cow::Owned(escaped)
}

/// Whole lines on their way out: no pipeline takes one for a command, and of control sequences only our own
/// colours are left. A log may be a pipeline's although no variable says so, as a container's is, so it does not
/// matter where this process thinks that it runs.
///
/// GitHub's runner trims a line and takes `::name …::` at its start, and `##[name]` anywhere in it; the agent of
/// Azure Pipelines takes `##vso[…]` anywhere, and formats what `##[…]` begins.
/// <https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs>
/// <https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands>
pub fn printed(text: &str) -> Cow<'_, str> {
    let is_plain = |character| matches!(character, '\n' | '\t') || !is_unprintable(character);
    if !text.contains("::") && !text.contains("##") && text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for line in text.split_inclusive('\n') {
        push_line(&mut escaped, line);
    }
    Cow::Owned(escaped)
}

fn push_line(escaped: &mut String, line: &str) {
    let mut at_start = true;
    let mut before = None;
    let mut rest = line;
    while let Some(character) = rest.chars().next() {
        if let Some(length) = color(rest) {
            escaped.push_str(&rest[..length]);
            rest = &rest[length..];
            continue;
        }
        rest = &rest[character.len_utf8()..];
        let opens = |name: char| name == '[' || name.is_ascii_alphabetic();
        let is_command = match character {
            ':' => at_start && before == Some(':'),
            '#' => before == Some('#') && rest.starts_with(opens),
            _ => false,
        };
        if is_command || (is_unprintable(character) && !matches!(character, '\n' | '\t')) {
            push_code(escaped, character);
        } else {
            escaped.push(character);
        }
        at_start &= character.is_whitespace() || (character == ':' && before != Some(':'));
        before = Some(character);
    }
}

/// How long the colour sequence at the start of the text is.
/// <https://www.ecma-international.org/publications-and-standards/standards/ecma-48/>, 8.3.117
fn color(text: &str) -> Option<usize> {
    let numbers = text.strip_prefix("\u{1b}[")?;
    let end = numbers.find(|character: char| !character.is_ascii_digit() && character != ';')?;
    numbers[end..].starts_with('m').then_some("\u{1b}[".len() + end + 1)
}

fn push_code(escaped: &mut String, character: char) {
    push!(escaped, "\\u{{{:x}}}", u32::from(character));
}

/// JSON that was serialized already, on its way out: the same values, but nothing in it does anything to the
/// terminal or log that shows it. Line breaks between values stay.
pub fn json(serialized: &str) -> String {
    let mut escaped = String::with_capacity(serialized.len());
    let mut before = None;
    for character in serialized.chars() {
        let command = character == '#' && before == Some('#');
        if command || (is_unprintable(character) && character != '\n') {
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

/// JSON on one line inside of a `<script>`: the same values, and nothing ends the element or a line of it.
/// <https://html.spec.whatwg.org/multipage/scripting.html#restrictions-for-contents-of-script-elements>
pub fn script_json(serialized: &str) -> String {
    let mut escaped = String::with_capacity(serialized.len());
    for character in json(serialized).chars() {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                push!(escaped, "\\u{:04x}", u32::from(character));
            }
            harmless => escaped.push(harmless),
        }
    }
    escaped
}

/// A text inside of a quoted label of Mermaid: whatever is neither letter, digit nor plain is a character by its number.
/// <https://mermaid.js.org/syntax/flowchart.html#entity-codes-to-escape-characters>
pub fn mermaid(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in terminal(text).chars() {
        match character {
            ' ' | '-' | '_' | '.' | '/' | ',' => escaped.push(character),
            letter if letter.is_alphanumeric() => escaped.push(letter),
            other => push!(escaped, "#{};", u32::from(other)),
        }
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
    escaped.replace("://", ":<!-- -->//").replace("www.", "www<!-- -->.")
}

/// A text as Markdown code that may stand in a table: nothing in it is markup, mention or link.
pub fn markdown_code(text: &str) -> String {
    let text = terminal(text);
    let longest = text.split(|character| character != '`').map(str::len).max();
    let fence = "`".repeat(longest.unwrap_or_default() + 1);
    let pad =
        if text.is_empty() || text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    // A table ends its cell at a bar even inside code.
    let text = text.replace('|', "\\|");
    format!("{fence}{pad}{text}{pad}{fence}")
}
