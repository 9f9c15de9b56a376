//! Workloads that contradict themselves.

use crate::model::rule::rules;
use crate::profile::checks::Check;
use crate::profile::findings::{Finding, Findings};
use crate::profile::merge::Merged;
use crate::profile::read::collections::Items;
use crate::profile::resolved::Mode;

rules! {
    MODE = "WID-MODE", Check;
        "a workload asks for nothing that its mode leaves alone",
        "`annotate` writes three annotations on an account that somebody else owns, `trust-only` does not touch the cluster; neither makes Roles, and `trust-only` sets no lifetime of tokens.",
        "Remove the key, or use `mode = \"manage\"`.";
    EMPTY_RULE = "WID-EMPTY-RULE", Check;
        "an RBAC rule names resources and verbs",
        "A rule without resources or verbs allows nothing.",
        "Fill the list, or remove the rule.";
}

/// The checks of these rules.
pub(super) const CHECKS: &[Check] = &[modes, empty_rules];

fn modes(merged: &Merged<'_>, findings: &mut Findings) {
    for (_, workload) in merged.workloads() {
        let table = workload.table;
        let (mode, reach) = match workload.resolved.mode {
            Mode::Manage => continue,
            Mode::Annotate => {
                ("annotate", "writes only annotations on an account that somebody else owns")
            }
            Mode::TrustOnly => ("trust-only", "does not touch the cluster"),
        };
        let expiration = table.token_expiration.as_ref().filter(|_| mode == "trust-only");
        let contradictions = [
            ("preset", table.preset.as_ref().map(|preset| preset.at)),
            ("rule", table.rule.items().first().map(|rule| rule.at)),
            ("token_expiration", expiration.map(|expiration| expiration.at)),
        ];
        for (key, at) in contradictions {
            let Some(at) = at else { continue };
            let message = format!("`{key}` in mode `{mode}`, which {reach}");
            let mode_at = table.mode.as_ref().map_or(at, |mode| mode.at);
            findings.add(Finding::new(&MODE, at, message).related(mode_at, "the mode"));
        }
    }
}

fn empty_rules(merged: &Merged<'_>, findings: &mut Findings) {
    let tables = merged.workloads().flat_map(|(_, workload)| workload.table.rule.items());
    for rule in tables {
        let lists = [("resources", &rule.resources), ("verbs", &rule.verbs)];
        for (key, list) in lists {
            if let Some(list) = list.get().filter(|list| list.is_empty()) {
                let message = format!("the rule has no {key}");
                findings.add(Finding::new(&EMPTY_RULE, list.at, message));
            }
        }
    }
}
