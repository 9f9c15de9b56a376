//! Prose in lines as wide as the style says.

use crate::report::style::{Label, Style};

/// Breaks prose at spaces. Every line begins with the indent, the later ones two columns deeper. A word that is
/// longer than a line stays whole, and so does what is in backticks, so that it can be copied.
pub fn prose(text: &str, indent: usize, style: Style) -> String {
    let mut lines = String::new();
    let mut column = 0;
    let mut rest = Some(text);
    while let Some(text) = rest {
        let (word, more) = first_word(text);
        rest = more;
        let width = word.chars().count();
        if column == 0 {
            lines.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        } else if column + 1 + width > style.columns() {
            lines.push('\n');
            lines.extend(std::iter::repeat_n(' ', indent + 2));
            column = indent + 2;
        } else {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += width;
    }
    lines
}

/// The same for a sentence that is searched for, or logged: only a terminal breaks it.
pub fn line(text: &str, indent: usize, style: Style) -> String {
    match style.terminal {
        Some(_) => prose(text, indent, style),
        None => format!("{:indent$}{text}", ""),
    }
}

/// A line that begins with something painted.
pub fn headed(head: &str, label: Label, rest: &str, indent: usize, style: Style) -> String {
    let text = line(&format!("{head}{rest}"), indent, style);
    text.replacen(head, &style.paint(label, head), 1)
}

/// The text up to the first space that is not between two backticks, and what follows that space.
fn first_word(text: &str) -> (&str, Option<&str>) {
    let mut searched = 0;
    loop {
        let Some(space) = text[searched..].find(' ').map(|at| searched + at) else {
            return (text, None);
        };
        let opened = text[searched..space].find('`').map(|at| searched + at + 1);
        let closed = opened.and_then(|opened| Some(opened + text[opened..].find('`')? + 1));
        match closed {
            Some(closed) => searched = closed,
            None => return (&text[..space], Some(&text[space + 1..])),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::prose;
    use crate::report::style::Style;

    proptest! {
        #[test]
        fn no_line_is_too_wide_unless_it_is_one_word_and_no_word_is_lost(
            text in "[a-z]{1,120}( [a-z]{1,12}){0,60}",
            indent in 0_usize..10,
            columns in 40_usize..200,
        ) {
            let lines = prose(&text, indent, Style::PLAIN.within(Some(columns)));
            for line in lines.lines() {
                let alone = !line.trim().contains(' ');
                prop_assert!(line.chars().count() <= columns || alone, "{line}");
                prop_assert!(line.starts_with(&" ".repeat(indent)));
            }
            let words: Vec<&str> = lines.split_whitespace().collect();
            prop_assert_eq!(words.join(" "), text);
        }
    }

    #[test]
    fn what_is_in_backticks_is_not_broken_and_a_lone_backtick_begins_nothing() {
        let style = Style::PLAIN.within(Some(40));
        let command = "`az role assignment create --assignee 5a0d --role Reader`";
        let text = format!("give the identity the role with {command}, then wait a little");
        let lines = prose(&text, 2, style);
        assert!(lines.lines().any(|line| line.contains(command)), "{lines}");
        assert!(lines.lines().count() >= 3, "{lines}");
        let lone = prose("a ` that nobody closes, and many words behind it in this text", 0, style);
        assert!(lone.lines().all(|line| line.chars().count() <= 40), "{lone}");
    }

    #[test]
    fn a_terminal_narrower_than_forty_columns_is_treated_as_one_of_forty() {
        let text = "ten words that are only here to be broken up";
        let narrowest = prose(text, 0, Style::PLAIN.within(Some(40)));
        assert_eq!(prose(text, 0, Style::PLAIN.within(Some(8))), narrowest);
    }
}
