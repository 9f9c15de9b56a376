//! What `verify` found, as Markdown for a pull request or a job summary.

use crate::model::shell;
use crate::report::markdown::{LONGEST, NOTICE};
use crate::report::{escape, verify};
use crate::verify::results::{CheckResult, Outcome, Results, SubjectKind, SubjectResults};
use crate::verify::verdict::{Cause, Finding, Verdict};

/// The summary sentence, then a table of what did not pass, cut where it gets too long.
pub fn text(results: &Results) -> String {
    let sentence = verify::sentence(results.tally());
    let mut text = format!("## widctl verify\n\n**{sentence}**\n");
    results.probes.iter().for_each(|made| push!(text, "\n{}\n", verify::probes(*made)));
    let rows: Vec<String> = verify::groups(results)
        .into_iter()
        .flat_map(|(_, subjects)| subjects)
        .flat_map(|subject| subject.checks.iter().filter_map(move |check| row(subject, check)))
        .collect();
    if rows.is_empty() {
        return text;
    }
    text.push_str("\n| | Subject | Check | Because |\n|---|---|---|---|\n");
    let mut length = text.chars().count();
    for (shown, row) in rows.iter().enumerate() {
        length += row.chars().count();
        if length > LONGEST - NOTICE {
            let left_out = rows.len() - shown;
            push!(text, "\n> **Cut here.** {left_out} more are what `widctl verify` prints.\n");
            break;
        }
        text.push_str(row);
    }
    text
}

fn row(subject: &SubjectResults, check: &CheckResult) -> Option<String> {
    let CheckResult { code, title, outcome } = check;
    let (status, because) = match outcome {
        Outcome::Checked(Verdict::Pass | Verdict::PassBy(_) | Verdict::NotApplicable) => {
            return None;
        }
        Outcome::Checked(Verdict::Fail(finding)) => ("**failed**", found(finding)),
        Outcome::Checked(Verdict::Warn(finding)) => ("warning", found(finding)),
        Outcome::Checked(Verdict::Unknown { cause: Cause::Unread, why }) => {
            ("not read", escape::markdown(why))
        }
        // Nobody but a pipeline can try its exchange, and the sentence above counts it.
        Outcome::Checked(Verdict::Unknown { cause: Cause::NotProvable, .. })
            if subject.kind == SubjectKind::Federation =>
        {
            return None;
        }
        Outcome::Checked(Verdict::Unknown { cause: Cause::NotProvable, why }) => {
            ("not provable", escape::markdown(why))
        }
        Outcome::Skipped { blocked_by } => ("skipped", format!("needs `{blocked_by}`")),
    };
    let address = escape::markdown_code(&subject.address);
    Some(format!("| {status} | {address} | `{code}` {} | {because} |\n", escape::markdown(title)))
}

fn found(finding: &Finding) -> String {
    let Finding { wanted, found, why, fix, spares: _ } = finding;
    let (wanted, found) = (escape::markdown_code(wanted), escape::markdown_code(found));
    let fix =
        fix.as_deref().map(|fix| format!("<br>Hint: {}", escape::markdown_code(&shell::join(fix))));
    let (why, fix) = (escape::markdown(why), fix.unwrap_or_default());
    format!("wanted {wanted}<br>found {found}<br>{why}{fix}")
}
