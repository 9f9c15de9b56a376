//! The lines around an error's places, cut out of the file: what a message shows, and what it costs to
//! show it, does not grow with the file or its lines.

use std::ops::Range;

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use super::source::{Source, printable, quotable};

/// Places in one text, with what stands there.
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

/// Some pieces of a file.
#[derive(Debug)]
pub(crate) struct Excerpt {
    name: String,
    pieces: Vec<Piece>,
}

/// Lines that follow each other.
#[derive(Debug)]
struct Piece {
    /// Where it begins in the excerpt.
    start: usize,
    /// As messages may show it.
    text: String,
    lines: Vec<Line>,
}

/// A line of a piece.
#[derive(Debug)]
struct Line {
    /// Its number in the file, from 0.
    number: usize,
    /// Where it begins in the piece.
    start: usize,
    /// The part of the file that is shown of it, with the end of the line.
    shown: Range<usize>,
    /// Whether something was left out before and after that part.
    cut: (bool, bool),
    /// How many bytes of the line were left out before that part.
    skipped: usize,
}

impl Excerpt {
    /// Cuts out what these places need; answers them as places in the excerpt.
    pub(crate) fn new(source: &Source, labels: Labels) -> (Self, Labels) {
        let labels: Labels =
            labels.into_iter().map(|(range, text)| (within(source, range), text)).collect();
        let mut excerpt = Self { name: quotable(&source.path), pieces: Vec::new() };
        let mut start = 0;
        for lines in windows(source, &labels) {
            let piece = Piece::new(source, start, lines, &labels);
            start += piece.text.len() + 1;
            excerpt.pieces.push(piece);
        }
        let moved = labels
            .into_iter()
            .map(|(range, text)| (excerpt.place(range.start)..excerpt.place(range.end), text))
            .collect();
        (excerpt, moved)
    }

    /// A byte of the file as a byte of the excerpt.
    fn place(&self, byte: usize) -> usize {
        let piece = self.pieces.partition_point(|piece| piece.lines[0].begins() <= byte);
        self.pieces[piece.saturating_sub(1)].place(byte)
    }
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

impl Piece {
    fn new(source: &Source, start: usize, lines: Range<usize>, labels: &Labels) -> Self {
        let mut piece = Self { start, text: String::new(), lines: Vec::with_capacity(lines.len()) };
        for number in lines {
            piece.push(source, number, labels);
        }
        piece
    }

    fn push(&mut self, source: &Source, number: usize, labels: &Labels) {
        let whole = source.line_range(number);
        let text = &source.text[whole.clone()];
        let content = text.trim_end_matches(['\r', '\n']);
        let start = self.text.len();
        let (mut shown, mut cut) = (whole.clone(), (false, false));
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
        if shown.end < whole.end {
            self.text.push_str(&text[content.len()..]);
        }
        let skipped = shown.start - whole.start;
        self.lines.push(Line { number, start, shown, cut, skipped });
    }

    fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// A byte of the file as a byte of the excerpt; what was cut off lies at the mark of the cut.
    fn place(&self, byte: usize) -> usize {
        let line = self.lines.partition_point(|line| line.begins() <= byte);
        let line = &self.lines[line.saturating_sub(1)];
        if byte < line.shown.start {
            return self.start + line.start;
        }
        self.start + line.text_start() + byte.min(line.shown.end) - line.shown.start
    }

    /// The line of a byte of the piece, as an index.
    fn line(&self, byte: usize) -> usize {
        self.lines.partition_point(|line| line.start <= byte).max(1) - 1
    }
}

impl Line {
    /// Where the line begins in the file.
    fn begins(&self) -> usize {
        self.shown.start - self.skipped
    }

    /// Where its own text begins in the piece.
    fn text_start(&self) -> usize {
        self.start + if self.cut.0 { CUT.len() } else { 0 }
    }
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let (start, end) = (span.offset(), span.offset() + span.len());
        let piece = self
            .pieces
            .iter()
            .find(|piece| (piece.start..=piece.end()).contains(&start) && end <= piece.end());
        let piece = piece.ok_or(MietteError::OutOfBounds)?;
        let (start, end) = (start - piece.start, end - piece.start);
        let (first, last) = (piece.line(start), piece.line(end));
        let from = piece.lines[first.saturating_sub(lines_before)].start;
        let after = piece.lines.get(last + lines_after + 1);
        let to = after.map_or(piece.text.len(), |line| line.start);
        // The place itself is asked for without context, to name its line and column.
        let (line, from, column) = if lines_before == 0 {
            let line = &piece.lines[first];
            let column = line.skipped + start.saturating_sub(line.text_start());
            (line.number, start, column)
        } else {
            let line = &piece.lines[first.saturating_sub(lines_before)];
            (line.number, from, 0)
        };
        let data = &piece.text[from..to.max(from)];
        // The renderer counts a text's lines from the beginning of the file.
        let counted = line + data.matches('\n').count();
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            data.as_bytes(),
            SourceSpan::from((piece.start + from, data.len())),
            line,
            column,
            counted,
        )))
    }
}
