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
