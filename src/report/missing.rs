//! Rights that planned writes need and that the caller likely does not have.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::plural;
use crate::report::diagnostic;
use crate::report::diagnostic::Kind;
use crate::report::style::Style;
use crate::report::{escape, wrap};

/// The code under which people and programs find these rows.
pub const CODE: &str = "WID-LIKELY-DENIED";
/// The scope of what lies in no namespace.
pub const WHOLE_CLUSTER: &str = "the whole cluster";
/// How many rows a text shows; JSON has all.
const MOST_SHOWN: usize = 20;

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
    /// The addresses of the changes that need it, in the plan's order.
    pub changes: Vec<String>,
}

impl MissingRight {
    /// The right and where it is missing: "patch serviceaccounts in namespace data of cluster weu".
    pub(super) fn place(&self) -> String {
        let Self { right, scope, cluster, .. } = self;
        let link = if cluster.is_some() && scope != WHOLE_CLUSTER { "in" } else { "on" };
        format!("{right} {link} {}", self.whereabouts())
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

/// The rows as text, each with what it follows from and what fixes it. Nothing where there are none.
pub fn text(missing: &[MissingRight], style: Style) -> String {
    let mut text = String::new();
    for row in missing.iter().take(MOST_SHOWN) {
        let what = format!("`{}` is likely not allowed", row.right);
        let head = diagnostic::head(Kind::Warning, CODE, &what, &row.whereabouts(), style);
        let need = wrap::prose(&escape::terminal(&row.need()), 2);
        push!(text, "{head}{need}\n{}\n", diagnostic::hint(row.fix.as_deref(), style));
    }
    if let Some(more @ 1..) = missing.len().checked_sub(MOST_SHOWN) {
        let more = plural::count(more, "more right");
        push!(text, "… and {more} likely missing: `widctl plan --format json` lists all\n\n");
    }
    text
}
