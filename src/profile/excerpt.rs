//! The lines around an error's places, cut out of the file: what a message shows, and what it costs to
//! show it, does not grow with the file or its lines.

use std::ops::Range;

use super::source::{Source, printable};

/// Places in one text, with what is said of them.
pub(crate) type Labels = Vec<(Range<usize>, Option<String>)>;

/// How many lines before and after a place are shown.
const CONTEXT: usize = 1;
/// The most lines in one piece; a place that spans more is cut to its first line.
const MOST_LINES: usize = 20;
/// The longest line that is shown whole, in bytes.
const LONGEST_LINE: usize = 300;
/// How much of a longer line is shown before a place, and in all.
const BEFORE_PLACE: usize = 60;
const PART_OF_LINE: usize = 200;
const CUT: &str = "…";

/// A part of a file around places that matter: lines that follow each other.
#[derive(Debug)]
pub struct Piece {
    /// The number of its first line in the file, from 1.
    pub first_line: usize,
    /// The lines as messages may show them.
    pub text: String,
    /// The places in the text.
    pub marks: Vec<Mark>,
}

/// A place in a piece.
#[derive(Debug)]
pub struct Mark {
    /// Its bytes in the text of the piece.
    pub range: Range<usize>,
    /// What is to be said of it.
    pub label: Option<String>,
    /// Whether it is the error's own place.
    pub primary: bool,
}

/// A piece while it is cut out.
struct Cutout {
    text: String,
    lines: Vec<Line>,
}

/// A line of a piece.
struct Line {
    /// Where it begins in the piece.
    start: usize,
    /// The part of the file that is shown of it.
    shown: Range<usize>,
    /// Whether something was left out before that part.
    cut_before: bool,
    /// How many bytes of the line were left out before that part.
    skipped: usize,
}

/// Cuts out what these places need, the first of which is the error's own.
pub(crate) fn cut(source: &Source, labels: Labels) -> Vec<Piece> {
    let labels: Labels =
        labels.into_iter().map(|(range, text)| (within(source, range), text)).collect();
    let mut pieces: Vec<(Cutout, Piece)> = windows(source, &labels)
        .into_iter()
        .map(|lines| {
            let mut cutout = Cutout::new(source, lines.clone(), &labels);
            let text = std::mem::take(&mut cutout.text);
            (cutout, Piece { first_line: lines.start + 1, text, marks: Vec::new() })
        })
        .collect();
    for (index, (range, label)) in labels.into_iter().enumerate() {
        let at = pieces.partition_point(|(cutout, _)| cutout.begins() <= range.start);
        let (cutout, piece) = &mut pieces[at.saturating_sub(1)];
        let range = cutout.place(range.start)..cutout.place(range.end);
        piece.marks.push(Mark { range, label, primary: index == 0 });
    }
    pieces.into_iter().map(|(_, piece)| piece).collect()
}

/// A range that lies in the text, at characters, and is not longer than a piece.
fn within(source: &Source, range: Range<usize>) -> Range<usize> {
    let text = &source.text;
    let start = text.floor_char_boundary(range.start);
    let end = text.floor_char_boundary(range.end).max(start);
    let first = source.line(start);
    if source.line(end) - first < MOST_LINES - 2 * CONTEXT {
        return start..end;
    }
    let line = source.line_range(first);
    start..line.start + text[line.clone()].trim_end_matches(['\r', '\n']).len()
}

/// The lines that are shown, in pieces whose lines follow each other.
fn windows(source: &Source, labels: &Labels) -> Vec<Range<usize>> {
    let mut windows: Vec<Range<usize>> = labels
        .iter()
        .map(|(range, _)| {
            let first = source.line(range.start).saturating_sub(CONTEXT);
            let last = source.line(range.end) + CONTEXT;
            first..source.lines().min(last + 1)
        })
        .collect();
    windows.sort_by_key(|lines| (lines.start, lines.end));
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(windows.len());
    for lines in windows {
        match merged.last_mut() {
            Some(last) if lines.start < last.end || lines.end - last.start <= MOST_LINES => {
                last.end = last.end.max(lines.end);
            }
            _ => merged.push(lines),
        }
    }
    merged
}

impl Cutout {
    fn new(source: &Source, lines: Range<usize>, labels: &Labels) -> Self {
        let mut cutout = Self { text: String::new(), lines: Vec::with_capacity(lines.len()) };
        for number in lines {
            cutout.push(source, number, labels);
        }
        cutout
    }

    fn push(&mut self, source: &Source, number: usize, labels: &Labels) {
        let whole = source.line_range(number);
        let content = source.text[whole.clone()].trim_end_matches(['\r', '\n']);
        if !self.lines.is_empty() {
            self.text.push('\n');
        }
        let start = self.text.len();
        let (mut shown, mut cut) = (whole.start..whole.start + content.len(), (false, false));
        if content.len() > LONGEST_LINE {
            let focus = labels
                .iter()
                .map(|(range, _)| range.start)
                .find(|place| whole.contains(place))
                .map_or(0, |place| place - whole.start);
            let from = content.floor_char_boundary(focus.saturating_sub(BEFORE_PLACE));
            let to = content.floor_char_boundary(from + PART_OF_LINE);
            cut = (from > 0, to < content.len());
            shown = whole.start + from..whole.start + to;
        }
        if cut.0 {
            self.text.push_str(CUT);
        }
        self.text.push_str(&printable(&source.text[shown.clone()]));
        if cut.1 {
            self.text.push_str(CUT);
        }
        let skipped = shown.start - whole.start;
        self.lines.push(Line { start, shown, cut_before: cut.0, skipped });
    }

    /// Where it begins in the file.
    fn begins(&self) -> usize {
        self.lines.first().map_or(0, Line::begins)
    }

    /// A byte of the file as a byte of the piece; what was cut off lies at the mark of the cut.
    fn place(&self, byte: usize) -> usize {
        let line = self.lines.partition_point(|line| line.begins() <= byte);
        let line = &self.lines[line.saturating_sub(1)];
        if byte < line.shown.start {
            return line.start;
        }
        line.text_start() + byte.min(line.shown.end) - line.shown.start
    }
}

impl Line {
    /// Where the line begins in the file.
    fn begins(&self) -> usize {
        self.shown.start - self.skipped
    }

    /// Where its own text begins in the piece.
    fn text_start(&self) -> usize {
        self.start + if self.cut_before { CUT.len() } else { 0 }
    }
}
