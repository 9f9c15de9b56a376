//! What `verify` found, as text: by team, what is green folded, each finding with what repairs it.

use std::collections::BTreeMap;

use crate::model::{plural, shell};
use crate::report::style::{Label, Style};
use crate::report::{escape, wrap};
use crate::verify::results::{
    CheckResult, Outcome, Probes, Results, SubjectKind, SubjectResults, Tally,
};
use crate::verify::verdict::{Cause, Finding, Verdict};

/// Everything that was checked.
pub fn text(results: &Results, style: Style) -> String {
    let mut text = String::new();
    for (heading, subjects) in groups(results) {
        group(&mut text, &heading, &subjects, style);
    }
    push!(text, "\n{}\n", wrap::line(&sentence(results.tally()), 0, style));
    let made = results.probes.iter();
    made.for_each(|made| push!(text, "{}\n", wrap::line(&probes(*made), 0, style)));
    text
}

/// What was presented for identities of other teams.
pub(super) fn probes(probes: Probes) -> String {
    let Probes { asked, made, refused } = probes;
    let tokens = plural::count(made, "token");
    let less = if made < asked {
        format!(" {asked} were asked for, and the selected teams gave no more pairs to try.")
    } else {
        String::new()
    };
    format!(
        "Isolation: {tokens} presented for identities of other teams, {refused} refused; each refusal is a failed sign-in in Entra's log.{less}"
    )
}

/// The sentence that sums it up.
pub fn sentence(tally: Tally) -> String {
    let Tally { pass, fail, warn, unknown, unread: _, skipped, not_applicable } = tally;
    let checks = plural::count(pass + fail + warn + unknown + skipped, "check");
    if tally.is_green() {
        return format!("Verify: all of {checks} passed; {not_applicable} not applicable.");
    }
    let warnings = plural::count(warn, "warning");
    format!(
        "Verify: of {checks} {pass} passed, {fail} failed, {warnings}, {unknown} unknown, {skipped} skipped; \
         {not_applicable} not applicable."
    )
}

/// The subjects below their headings: each cluster, then each team.
pub(super) fn groups(results: &Results) -> Vec<(String, Vec<&SubjectResults>)> {
    let mut groups: BTreeMap<(bool, String), Vec<&SubjectResults>> = BTreeMap::new();
    for subject in &results.subjects {
        let (is_team, heading) = match (&subject.team, &subject.cluster) {
            (Some(team), _) => (true, format!("team {team}")),
            (None, Some(cluster)) => (false, format!("cluster {cluster}")),
            (None, None) => (true, "no team".to_owned()),
        };
        groups.entry((is_team, heading)).or_default().push(subject);
    }
    groups.into_iter().map(|((_, heading), subjects)| (heading, subjects)).collect()
}

fn group(text: &mut String, heading: &str, subjects: &[&SubjectResults], style: Style) {
    // What nobody can try is said by the sentence below, and is nothing to look at here.
    let tallies: Vec<Tally> = subjects
        .iter()
        .map(|subject| match (subject.kind, subject.tally()) {
            (SubjectKind::Federation, tally) if tally.unread == 0 => Tally { unknown: 0, ..tally },
            (_, tally) => tally,
        })
        .collect();
    let heading = escape::terminal(heading);
    let heading = style.paint(Label::Heading, &heading);
    if tallies.iter().all(|tally| tally.is_green()) {
        let checks = plural::count(tallies.iter().map(|tally| tally.pass).sum(), "check");
        push!(text, "{} {heading}: {}{checks} passed\n", pass(style), counted(subjects));
        return;
    }
    push!(text, "{heading}\n");
    let (green_pods, others): (Vec<_>, Vec<_>) = subjects
        .iter()
        .copied()
        .zip(tallies)
        .partition(|(subject, tally)| subject.kind == SubjectKind::Pod && tally.is_green());
    let (pods, of_pods): (Vec<_>, Vec<_>) = green_pods.into_iter().unzip();
    for (subject, tally) in others {
        if tally.is_green() {
            let checks = plural::count(tally.pass, "check");
            push!(text, "  {} {}: {checks} passed\n", pass(style), named(subject));
            continue;
        }
        push!(text, "  {}\n", named(subject));
        subject.checks.iter().for_each(|check| result(text, check, style));
        skipped(text, subject, style);
        if tally.pass > 0 {
            let checks = plural::count(tally.pass, "check");
            push!(text, "    {} {checks} passed\n", pass(style));
        }
    }
    if !pods.is_empty() {
        let checks = plural::count(of_pods.iter().map(|tally| tally.pass).sum(), "check");
        push!(text, "  {} {}{checks} passed\n", pass(style), counted(&pods));
    }
}

/// What was not run, by what is in its way.
fn skipped(text: &mut String, subject: &SubjectResults, style: Style) {
    let mut behind: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for check in &subject.checks {
        if let Outcome::Skipped { blocked_by } = check.outcome {
            behind.entry(blocked_by).or_default().push(check.code);
        }
    }
    for (blocked_by, codes) in behind {
        let sign = style.paint(Label::Faint, "–");
        let codes =
            wrap::prose(&format!("skipped behind {blocked_by}: {}", codes.join(", ")), 6, style);
        push!(text, "    {sign} {}\n", codes.trim_start());
    }
}

/// How many workloads and identities there are.
fn counted(subjects: &[&SubjectResults]) -> String {
    let mut text = String::new();
    for (kind, noun) in [
        (SubjectKind::Account, "account"),
        (SubjectKind::Identity, "identity"),
        (SubjectKind::Federation, "federation"),
        (SubjectKind::Workload, "workload"),
        (SubjectKind::Pod, "pod"),
        (SubjectKind::Service, "call"),
    ] {
        let count = subjects.iter().filter(|subject| subject.kind == kind).count();
        if count > 0 {
            push!(text, "{}, ", plural::count(count, noun));
        }
    }
    text
}

/// A subject with the identity that it gets.
pub(super) fn named(subject: &SubjectResults) -> String {
    let address = escape::terminal(&subject.address).into_owned();
    match &subject.identity {
        Some(identity) => format!("{address} as {}", escape::terminal(identity)),
        None => address,
    }
}

fn pass(style: Style) -> String {
    style.paint(Label::Added, "✓")
}

fn result(text: &mut String, check: &CheckResult, style: Style) {
    let CheckResult { code, title, outcome } = check;
    let mut head = |sign: &str, label| {
        let line = wrap::headed(&format!("{sign} {code}"), label, &format!(" {title}"), 4, style);
        push!(text, "{line}\n");
    };
    match outcome {
        Outcome::Checked(Verdict::Pass | Verdict::PassBy(_) | Verdict::NotApplicable)
        | Outcome::Skipped { .. } => {}
        Outcome::Checked(Verdict::Fail(finding)) => {
            head("✗", Label::Error);
            found(text, finding, style);
        }
        Outcome::Checked(Verdict::Warn(finding)) => {
            head("!", Label::Warning);
            found(text, finding, style);
        }
        Outcome::Checked(Verdict::Unknown { cause, why }) => {
            head("?", Label::Warning);
            let cause = match cause {
                Cause::Unread => "not read",
                Cause::NotProvable => "not provable",
            };
            push!(
                text,
                "{}\n",
                wrap::prose(&format!("{cause}: {}", escape::terminal(why)), 8, style)
            );
        }
    }
}

/// What should be, what is, why that matters and what repairs it, indented by eight.
pub(super) fn found(text: &mut String, finding: &Finding, style: Style) {
    let Finding { wanted, found, why, fix, spares: _ } = finding;
    let (wanted, found) = (escape::terminal(wanted), escape::terminal(found));
    // Two values are compared character by character, one below the other.
    let difference = difference(&wanted, &found);
    for line in [format!("wanted: {wanted}"), format!("found:  {found}")] {
        let line = match difference {
            Some(_) => format!("        {line}"),
            None => wrap::line(&line, 8, style),
        };
        push!(text, "{line}\n");
    }
    if let Some(column) = difference {
        push!(text, "                {}^\n", " ".repeat(column));
    }
    push!(text, "{}\n", wrap::prose(why, 8, style));
    if let Some(fix) = fix {
        let hint = style.paint(Label::Hint, "hint:");
        push!(text, "        {hint} {}\n", escape::terminal(&shell::join(fix)));
    }
}

/// Where two values differ first, if they are single words: in characters. Sentences are read otherwise.
fn difference(wanted: &str, found: &str) -> Option<usize> {
    let is_word = |text: &str| !text.is_empty() && !text.contains(' ');
    let alike = wanted.chars().zip(found.chars()).take_while(|(a, b)| a == b).count();
    (is_word(wanted) && is_word(found) && wanted != found).then_some(alike)
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn the_caret_is_below_the_first_difference() {
        assert_eq!(difference("https://a/", "https://a"), Some(9));
        assert_eq!(difference("https://a", "https://a/"), Some(9));
        assert_eq!(difference("https://a/", "http://a/"), Some(4));
        assert_eq!(difference("é1", "é2"), Some(1));
        assert_eq!(difference("an access token", "an error"), None);
        assert_eq!(difference("same", "same"), None);
    }
}
