//! What exists of each team as Markdown, for a page or a job summary.

use crate::model::plural;
use crate::report::escape;
use crate::report::markdown::{LONGEST, NOTICE};
use crate::report::status::{self, COLUMNS, Status};

/// A table of teams, and what differs. What does not fit is left out, and a notice says so.
pub fn text(status: &Status, full: bool) -> String {
    let mut text = format!("## widctl status\n\n{}\n", escape::markdown(&status.sentence()));
    let not_read = status.not_read();
    if !not_read.is_empty() {
        text.push_str("\nNot read:\n\n");
        for line in not_read {
            push!(text, "- {}\n", escape::markdown(&line));
        }
    }
    let row = |cells: &[String; 7]| format!("| {} |\n", cells.join(" | "));
    push!(
        text,
        "\n{}{}",
        row(&COLUMNS.map(str::to_owned)),
        row(&COLUMNS.map(|_| "---".to_owned()))
    );
    let cells = |cells: [String; 7]| cells.map(|cell| escape::markdown(&cell));
    let rows = status.teams.iter().map(|team| row(&cells(team.row()))).collect();
    let rows_left = fill(&mut text, rows);
    let details_left = fill(&mut text, status::details(status, full));
    let left = [(rows_left, "row"), (details_left, "team")];
    let left = left.into_iter().filter(|(count, _)| *count > 0);
    let left: Vec<String> = left.map(|(count, noun)| plural::count(count, noun)).collect();
    if !left.is_empty() {
        let left = left.join(" and ");
        push!(text, "\n> **Cut here.** {left} not shown. `--format json` has all.\n");
    }
    text
}

/// Adds what fits, and answers how many are left out.
fn fill(text: &mut String, parts: Vec<String>) -> usize {
    let mut length = text.chars().count();
    let all = parts.len();
    for (added, part) in parts.into_iter().enumerate() {
        length += part.chars().count();
        if length > LONGEST - NOTICE {
            return all - added;
        }
        text.push_str(&part);
    }
    0
}
