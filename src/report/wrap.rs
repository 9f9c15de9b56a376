//! Prose in lines of at most a hundred columns.

/// How wide a line gets.
pub(super) const WIDTH: usize = 100;

/// Breaks prose at spaces. Every line begins with the indent, the later ones two columns deeper; a word
/// that is longer than a line stays whole, so that it can be copied.
pub(super) fn prose(text: &str, indent: usize) -> String {
    let mut lines = String::new();
    let mut column = 0;
    for word in text.split(' ') {
        let width = word.chars().count();
        if column == 0 {
            lines.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        } else if column + 1 + width > WIDTH {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{WIDTH, prose};

    proptest! {
        #[test]
        fn no_line_is_too_wide_unless_it_is_one_word_and_no_word_is_lost(
            text in "[a-z]{1,120}( [a-z]{1,12}){0,60}",
            indent in 0_usize..10,
        ) {
            let lines = prose(&text, indent);
            for line in lines.lines() {
                let alone = !line.trim().contains(' ');
                prop_assert!(line.chars().count() <= WIDTH || alone, "{line}");
                prop_assert!(line.starts_with(&" ".repeat(indent)));
            }
            let words: Vec<&str> = lines.split_whitespace().collect();
            prop_assert_eq!(words.join(" "), text);
        }
    }
}
