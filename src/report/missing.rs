//! Rights that planned writes need and that the caller likely does not have.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::plural;
use crate::report::diagnostic;
use crate::report::diagnostic::Kind;
use crate::report::style::Style;
use crate::report::{escape, outcome, wrap};

/// The code under which people and programs find these rows.
pub const CODE: &str = "WID-LIKELY-DENIED";
/// The scope of what lies in no namespace.
pub const WHOLE_CLUSTER: &str = "the whole cluster";
/// How many a text shows, those that block most; JSON has all.
const MOST_SHOWN: usize = 20;
/// How many scopes it names of each.
const MOST_NAMED: usize = 3;

/// A right that planned writes need and that the caller likely does not have. The write decides: conditions
/// on a role, deny assignments and policies are not known beforehand.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, JsonSchema)]
pub struct MissingRight {
    /// The action, `Microsoft.Authorization/roleAssignments/write`; for a cluster the verbs and the
    /// resource, `create, patch serviceaccounts`.
    pub right: String,
    /// Where it is missing: an ARM scope, or `namespace data-eng` or `the whole cluster`.
    pub scope: String,
    /// The cluster; null in Azure.
    pub cluster: Option<String>,
    /// The smallest built-in role with the right; null on a cluster.
    pub role: Option<String>,
    /// What gives the right: a command in Azure, an RBAC rule on a cluster.
    pub fix: Option<String>,
    /// What gives the same right wherever else it is missing, in the subscription or the cluster.
    #[serde(skip)]
    pub shared: Option<Shared>,
    /// The addresses of the changes that need it, in the plan's order.
    pub changes: Vec<String>,
}

/// Where one grant makes up for several missing rights.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Shared {
    /// A resource group or a subscription, or the whole cluster.
    pub scope: String,
    /// What gives the right there.
    pub fix: Option<String>,
}

impl MissingRight {
    /// The right and where it is missing: "patch serviceaccounts in namespace data of cluster weu".
    pub(super) fn place(&self) -> String {
        let Self { right, scope, cluster, .. } = self;
        let link = if cluster.is_some() && scope != WHOLE_CLUSTER { "in" } else { "on" };
        format!("{right} {link} {}", self.whereabouts())
    }

    /// The name of the resource, or of the namespace.
    fn name(&self) -> &str {
        self.scope.rsplit(['/', ' ']).next().unwrap_or_default()
    }

    fn whereabouts(&self) -> String {
        match self.cluster.as_deref() {
            Some(cluster) if self.scope == WHOLE_CLUSTER => format!("cluster {cluster}"),
            Some(cluster) => format!("{} of cluster {cluster}", self.scope),
            None => self.scope.clone(),
        }
    }

    /// What follows from it, as a sentence.
    pub(super) fn sentence(&self) -> String {
        format!("likely not allowed: {}", self.need())
    }

    /// Which changes need it, and which role has it.
    fn need(&self) -> String {
        let first = self.changes.first().map_or("", String::as_str);
        let needed = match self.changes.len() {
            0 | 1 => format!("{first} needs it"),
            2 => format!("{first} and 1 more change need it"),
            count => format!("{first} and {} more changes need it", count - 1),
        };
        match &self.role {
            Some(role) => format!("{needed}; the smallest built-in role with it is {role}"),
            None => needed,
        }
    }
}

/// Rights that one grant gives, and what they block.
pub(super) struct Lack<'a> {
    rows: Vec<&'a MissingRight>,
    /// The addresses of all changes that need one of them.
    changes: BTreeSet<&'a str>,
}

/// The rows put together by what gives them, the one that blocks most changes first.
pub(super) fn lacks(missing: &[MissingRight]) -> Vec<Lack<'_>> {
    let mut lacks: BTreeMap<(Option<&str>, &str, &str), Lack<'_>> = BTreeMap::new();
    for row in missing {
        let scope = row.shared.as_ref().map_or(&row.scope, |shared| &shared.scope);
        let key = (row.cluster.as_deref(), row.right.as_str(), scope.as_str());
        let none = || Lack { rows: Vec::new(), changes: BTreeSet::new() };
        let lack = lacks.entry(key).or_insert_with(none);
        lack.rows.push(row);
        lack.changes.extend(row.changes.iter().map(String::as_str));
    }
    let mut lacks: Vec<Lack<'_>> = lacks.into_values().collect();
    lacks.sort_by_key(|lack| Reverse(lack.changes.len()));
    lacks
}

impl Lack<'_> {
    /// What is not allowed: "you likely may not write role assignments on kv-data-eng (Microsoft.…/write)".
    pub(super) fn what(&self) -> String {
        let Some(row) = self.rows.first() else { return String::new() };
        let right = row.right.as_str();
        match (row.cluster.as_deref(), &self.rows[..]) {
            (None, [row]) => {
                format!("you likely may not {} on {} ({right})", doing(right), row.name())
            }
            (None, rows) => {
                format!("you likely may not {} on {} ({right})", doing(right), alike(rows))
            }
            (Some(_), [row]) if row.scope == WHOLE_CLUSTER => format!("you likely may not {right}"),
            (Some(_), [row]) => format!("you likely may not {right} in {}", row.scope),
            (Some(cluster), rows) => {
                let namespaces = plural::count(rows.len(), "namespace");
                format!("you likely may not {right} in {namespaces} of cluster {cluster}")
            }
        }
    }

    /// Where: the scope, or the one that holds all and the first names.
    pub(super) fn place(&self) -> String {
        let [first, .., _] = self.rows[..] else {
            return self.rows.first().map(|row| row.whereabouts()).unwrap_or_default();
        };
        let names: Vec<&str> = self.rows.iter().take(MOST_NAMED).map(|row| row.name()).collect();
        let more = match self.rows.len() - names.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let within = first.shared.as_ref().map_or("", |shared| shared.scope.as_str());
        let cluster = first.cluster.as_ref().map(|cluster| format!("cluster {cluster}"));
        format!("{}: {}{more}", cluster.as_deref().unwrap_or(within), names.join(", "))
    }

    /// What it blocks, and which role has it.
    pub(super) fn why(&self) -> String {
        let mut text = format!("It blocks {}.", outcome::kinds(self.changes.iter().copied()));
        let Some(row) = self.rows.first() else { return text };
        if self.rows.len() > 1 {
            text.push_str(match (&row.cluster, &row.shared) {
                (Some(_), _) => " One ClusterRole covers all.",
                (None, Some(shared)) if shared.scope.contains("/resourceGroups/") => {
                    " One assignment on the resource group covers all."
                }
                (None, _) => " One assignment on the subscription covers all.",
            });
        }
        if let Some(role) = &row.role {
            push!(text, " Smallest role that allows it: {role}.");
        }
        text
    }

    /// What gives it, everywhere.
    pub(super) fn fix(&self) -> Option<&str> {
        let row = self.rows.first()?;
        match &row.shared {
            Some(shared) if self.rows.len() > 1 => shared.fix.as_deref(),
            _ => row.fix.as_deref(),
        }
    }
}

/// What an action does, in words: "write role assignments".
fn doing(action: &str) -> String {
    let mut segments = action.rsplit('/');
    let verb = segments.next().unwrap_or_default();
    let mut text = format!("{verb} ");
    for character in segments.next().unwrap_or_default().chars() {
        if character.is_uppercase() {
            text.push(' ');
        }
        text.extend(character.to_lowercase());
    }
    text
}

/// How many of what: "200 vaults", where all are of one type.
fn alike(rows: &[&MissingRight]) -> String {
    let mut types = rows.iter().map(|row| row.scope.rsplit('/').nth(1).unwrap_or_default());
    let first = types.next().filter(|first| types.all(|other| other == *first));
    format!("{} {}", rows.len(), first.unwrap_or("scopes"))
}

/// What is likely not allowed, as text, each with what it blocks and what fixes it. Nothing where there is nothing.
pub fn text(missing: &[MissingRight], style: Style) -> String {
    let mut text = String::new();
    let lacks = lacks(missing);
    for lack in lacks.iter().take(MOST_SHOWN) {
        let head = diagnostic::head(Kind::Warning, CODE, &lack.what(), &lack.place(), style);
        let why = wrap::prose(&escape::terminal(&lack.why()), 2, style);
        push!(text, "{head}{why}\n{}\n", diagnostic::hint(lack.fix(), style));
    }
    if let Some(more @ 1..) = lacks.len().checked_sub(MOST_SHOWN) {
        let more = plural::count(more, "more right");
        push!(text, "… and {more} likely missing: `widctl plan --format json` lists all\n\n");
    }
    text
}
