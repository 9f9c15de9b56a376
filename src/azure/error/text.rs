//! What a server says, made safe to show on one line.

/// The most characters of a message that are kept.
const LONGEST_MESSAGE: usize = 600;
/// The most characters of a body that could not be understood.
const LONGEST_SNIPPET: usize = 80;

/// One line without control characters, cut where it gets too long.
pub(crate) fn clean(text: &str) -> String {
    cut(text, LONGEST_MESSAGE)
}

/// The beginning of a body, if it has any text.
pub(crate) fn snippet(body: &[u8]) -> Option<String> {
    let beginning = &body[..body.len().min(LONGEST_SNIPPET * 8)];
    let text = cut(&String::from_utf8_lossy(beginning), LONGEST_SNIPPET);
    (!text.is_empty()).then_some(text)
}

fn cut(text: &str, longest: usize) -> String {
    let visible = text.replace(|character: char| character.is_control(), " ");
    let line = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::{clean, snippet};

    #[test]
    fn a_servers_text_cannot_move_the_cursor_or_fill_the_screen() {
        assert_eq!(clean("Not \u{1b}[31mred\r\n Trace ID: 1"), "Not [31mred Trace ID: 1");
        assert_eq!(clean(&"é".repeat(601)).chars().count(), 601);
    }

    #[test]
    fn an_empty_body_has_no_snippet() {
        assert_eq!(snippet(b" \n"), None);
        assert_eq!(snippet(b"<html>\n<head>").as_deref(), Some("<html> <head>"));
    }
}
