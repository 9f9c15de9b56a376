//! The sentences that people and scripts look for.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::apply::outcome::{Counts, Outcome};
use crate::model::plural;
use crate::plan::contents::{Compared, Summary};
use crate::plan::scope::{NotRead, Places, Reason, ScopeRead};
use crate::report::json::{Requests, Run};
use crate::report::rows::PlanRows;

/// From when on an apply counts as long.
const WORTH_TELLING: Duration = Duration::from_secs(10);

/// How many subscriptions a line names for each reason; JSON has all.
const MOST_NAMES: usize = 3;

/// The sentence of a plan with nothing to do and nothing left over.
const NO_CHANGES: &str = "No changes. Live state matches the profile.";

/// The same where the profile has nothing to compare with.
const NOTHING: &str =
    "No changes. Nothing was compared: the profile names no identity and no workload.";

/// The lines that say where what is left over was not looked for, unless what could not be compared says so already.
pub fn not_sought(plan: &PlanRows<'_>) -> Vec<String> {
    let ScopeRead { subscriptions, clusters, unlisted } = plan.scope_read;
    let told = |why: &str| plan.unknown.iter().any(|unknown| *unknown.why == *why);
    let untold = |places: &'_ Places| -> Vec<NotRead> {
        places.not_read.iter().filter(|place| !told(&place.why)).cloned().collect()
    };
    let mut lines = Vec::new();
    let (subscriptions, clusters) = (untold(subscriptions), untold(clusters));
    if !subscriptions.is_empty() {
        let count = plural::count(subscriptions.len(), "subscription");
        let names = by_reason(&subscriptions, MOST_NAMES);
        lines.push(format!("Leftovers were not all looked for in {count}: {names}."));
    }
    if unlisted.is_some() {
        let line = "Leftovers were looked for in the subscriptions that the profile names alone: \
                    the others could not be listed.";
        lines.push(line.to_owned());
    }
    if !clusters.is_empty() {
        let count = plural::count(clusters.len(), "cluster");
        let names = by_reason(&clusters, usize::MAX);
        lines.push(format!("Leftovers were not all looked for on {count}: {names}."));
    }
    lines
}

/// `a, b and 2 more (not allowed); c (no answer)`.
fn by_reason(places: &[NotRead], most: usize) -> String {
    let mut reasons: BTreeMap<Reason, Vec<&str>> = BTreeMap::new();
    for place in places {
        reasons.entry(place.reason).or_default().push(&place.name);
    }
    let groups = reasons.into_iter().map(|(reason, names)| {
        let shown = names.iter().take(most).copied().collect::<Vec<_>>().join(", ");
        match names.len().saturating_sub(most) {
            0 => format!("{shown} ({reason})"),
            more => format!("{shown} and {more} more ({reason})"),
        }
    });
    groups.collect::<Vec<_>>().join("; ")
}

/// How many teams or clusters a sentence names.
const MOST_NAMED: usize = 5;

/// The sentence of a plan.
pub fn sentence(rows: &PlanRows<'_>) -> String {
    if rows.changes.is_empty() && rows.is_complete() {
        no_changes(rows)
    } else {
        plan(&rows.summary)
    }
}

/// The sentence of a plan with nothing to do, for what was compared and what is left over.
pub fn no_changes(plan: &PlanRows<'_>) -> String {
    if plan.names_nothing && plan.kept.is_empty() {
        return NOTHING.to_owned();
    }
    let Compared { teams, clusters, other_teams, other_clusters } = plan.compared;
    let place = [("in team", teams), ("on cluster", clusters)];
    let place: Vec<String> = place
        .into_iter()
        .filter_map(|(noun, names)| {
            Some((noun, names.as_deref().filter(|names| !names.is_empty())?))
        })
        .map(|(noun, names)| format!(" {}", named(noun, names)))
        .collect();
    let is_whole = teams.is_none() && clusters.is_none();
    let kept = match plan.kept.len() {
        0 if is_whole => return NO_CHANGES.to_owned(),
        0 => String::new(),
        1 => "; 1 leftover kept".to_owned(),
        many => format!("; {many} leftovers kept"),
    };
    let others = [(*other_teams, "other team"), (*other_clusters, "other cluster")];
    let others: Vec<String> = others
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, noun)| plural::count(count, noun))
        .collect();
    let mut text = format!("No changes{}{kept}.", place.concat());
    if is_whole {
        return text;
    }
    if !others.is_empty() {
        let were = if other_teams.saturating_add(*other_clusters) == 1 { "was" } else { "were" };
        push!(text, " {} {were} not compared.", others.join(" and "));
    }
    if clusters.is_some() {
        text.push_str(" Federations, and identities that nothing there uses, were not compared.");
    } else if others.is_empty() {
        text.push_str(" What is left over of no team was not looked for.");
    }
    text
}

/// `in team web`, `in teams data and web`, `in 12 teams`.
fn named(noun: &str, names: &[String]) -> String {
    match names {
        [] => format!("{noun}s"),
        [one] => format!("{noun} {one}"),
        [most @ .., last] if names.len() <= MOST_NAMED => {
            format!("{noun}s {} and {last}", most.join(", "))
        }
        many => {
            let (preposition, noun) = noun.split_once(' ').unwrap_or(("", noun));
            format!("{preposition} {}", plural::count(many.len(), noun))
        }
    }
}

/// The sentence of a plan. A replace counts once as an addition and once as a deletion.
pub fn plan(summary: &Summary) -> String {
    format!("Plan: {}.", counts(summary))
}

/// `0 to adopt, 12 to add, 1 to change, 0 to destroy`.
pub fn counts(summary: &Summary) -> String {
    let Summary { adopt, create, update, replace, delete, kept: _, unchanged: _ } = summary;
    let (add, destroy) = (create + replace, delete + replace);
    format!("{adopt} to adopt, {add} to add, {update} to change, {destroy} to destroy")
}

/// The sentence of an apply in which every change was written. Adoptions are told after it.
pub fn complete(counts: &Counts, unchanged: usize) -> String {
    let written = written(counts);
    let adopted = match counts.adopted {
        0 => String::new(),
        adopted => format!(" {adopted} adopted."),
    };
    format!("Apply complete! {written}. {unchanged} unchanged.{adopted}")
}

/// The sentence of an apply that was interrupted, or in which something failed.
pub fn incomplete(counts: &Counts, interrupted: bool) -> String {
    let Counts {
        adopted,
        added: _,
        changed: _,
        destroyed: _,
        failed,
        skipped,
        not_started,
        unproven,
        not_compared,
        refused,
    } = counts;
    let rest = [
        (*adopted, "adopted"),
        (*failed, "failed"),
        (*skipped, "skipped"),
        (*unproven, "not proven"),
        (*not_started, "not started"),
        (*not_compared, "not compared"),
        (*refused, "refused or waiting for what is"),
    ];
    let rest = rest.iter().filter(|(count, _)| *count > 0);
    let rest: Vec<String> = rest.map(|(count, what)| format!("{count} {what}")).collect();
    let what = if interrupted { "interrupted" } else { "incomplete" };
    let (written, rest) = (written(counts), rest.join(", "));
    format!("Apply {what}. {written}; {rest}. Run again to resume.")
}

/// The sentence of an apply, however it ended.
pub fn outcome(outcome: &Outcome, unchanged: usize) -> String {
    let counts = outcome.counts();
    if outcome.is_complete() {
        complete(&counts, unchanged)
    } else {
        incomplete(&counts, outcome.interrupted)
    }
}

/// Whether an apply that takes so long is announced.
pub fn is_long(least: Duration) -> bool {
    least > WORTH_TELLING
}

/// A time in whole seconds, for people.
pub fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds / 60 {
        0 => format!("{seconds} s"),
        minutes => format!("{minutes} min {} s", seconds % 60),
    }
}

/// The line before a long apply, from the least time that it takes; `None` before a short one.
pub fn estimate(least: Duration) -> Option<String> {
    let time = time(is_long(least).then_some(least)?);
    Some(format!("This takes at least {time} if Azure enforces its documented rates."))
}

/// The line that tells what an apply cost.
pub fn cost(run: &Run) -> String {
    let Requests { arm_reads, arm_writes, cluster_reads, cluster_writes, token_requests } =
        run.requests;
    let again = match run.retries {
        0 => String::new(),
        1 => format!("; tried again once after {} s", run.waited_seconds),
        many => {
            format!("; tried again {many} times after {} s of pauses in all", run.waited_seconds)
        }
    };
    let paced = if run.paced_seconds < 1.0 {
        String::new()
    } else {
        format!("; kept to Azure's rates for {} s", run.paced_seconds)
    };
    format!(
        "Requests: {arm_reads} reads and {arm_writes} writes to Azure, {cluster_reads} reads and \
         {cluster_writes} writes to clusters, {token_requests} for tokens{again}{paced}."
    )
}

/// The line below a plan that is incomplete: what is left out of it.
pub fn left_out(plan: &PlanRows<'_>) -> Option<String> {
    let resources = |count| plural::count(count, "resource");
    let mut parts = Vec::new();
    match plan.refused.len() {
        0 => {}
        1 => parts.push("1 resource is refused".to_owned()),
        many => parts.push(format!("{many} resources are refused")),
    }
    match plan.waiting.len() {
        0 => {}
        1 => parts.push("1 resource waits for what is refused".to_owned()),
        many => parts.push(format!("{many} resources wait for what is refused")),
    }
    if !plan.unknown.is_empty() {
        parts.push(format!("{} could not be compared", resources(plan.unknown.len())));
    }
    (!parts.is_empty()).then(|| format!("The plan is incomplete: {}.", parts.join(", ")))
}

fn written(counts: &Counts) -> String {
    let Counts { added, changed, destroyed, .. } = counts;
    format!("{added} added, {changed} changed, {destroyed} destroyed")
}
