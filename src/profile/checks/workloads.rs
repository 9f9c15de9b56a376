//! Workloads that contradict themselves.

use crate::model::rule::rules;
use crate::presets::Shape;
use crate::profile::checks::Check;
use crate::profile::findings::{Finding, Findings};
use crate::profile::merge::Merged;
use crate::profile::read::collections::Items;
use crate::profile::resolved::Mode;
use crate::profile::source::quoted;

rules! {
    MODE = "WID-MODE", Check;
        "a workload asks for nothing that its mode leaves alone",
        "`annotate` writes three annotations on an account that somebody else owns, `trust-only` does not touch the cluster; neither makes Roles, and `trust-only` sets no lifetime of tokens.",
        "Remove the key, or use `mode = \"manage\"`.";
    EMPTY_RULE = "WID-EMPTY-RULE", Check;
        "an RBAC rule names resources and verbs",
        "A rule without resources or verbs allows nothing.",
        "Fill the list, or remove the rule.";
    CONTROLLER = "WID-CONTROLLER", Check;
        "where a controller asks for tokens of a workload's account, the root file names the controller's account",
        "The Role of such a preset lets the controller make tokens of the workload's account, and nobody else. Rules of the workload's own would be the controller's as well.",
        "Name the account under `[policy.controllers]` in the root file; give own rules to another workload.";
}

/// The checks of these rules.
pub(super) const CHECKS: &[Check] = &[modes, empty_rules, controllers];

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
        // Without rules a preset makes no Role.
        let with_rules = table.preset.as_ref().filter(|preset| preset.value.has_rules());
        let contradictions = [
            ("preset", with_rules.map(|preset| preset.at)),
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

fn controllers(merged: &Merged<'_>, findings: &mut Findings) {
    for (_, workload) in merged.workloads().filter(|_| merged.policy.intact) {
        let table = workload.table;
        let preset = table.preset.as_ref().filter(|preset| preset.value.shape() == Shape::Token);
        let Some(preset) = preset else { continue };
        let word = quoted(&preset.value.name);
        if workload.resolved.controller.is_none() {
            let message = format!("preset {word} needs the account of its controller");
            let hint = format!(
                "the root file would have to say:\n[policy.controllers]\n{} = \"NAMESPACE/ACCOUNT\"",
                preset.value.name
            );
            findings.add(Finding::new(&CONTROLLER, preset.at, message).hint(hint));
        }
        if let Some(rule) = table.rule.items().first() {
            let message = format!("a rule beside preset {word} would be its controller's");
            let finding = Finding::new(&CONTROLLER, rule.at, message);
            let finding = finding.related(preset.at, "the preset");
            findings.add(finding.hint("take the rule out, or give it to another workload"));
        }
    }
    let policy = merged.root.policy.as_ref().map(|policy| &policy.value.0);
    let named = policy.and_then(|policy| policy.controllers.as_ref());
    for (preset, _) in named.iter().flat_map(|named| &named.value.0) {
        if preset.value.shape() != Shape::Token {
            let message = format!(
                "no controller asks for tokens of accounts of preset {}",
                quoted(&preset.name)
            );
            findings.add(Finding::new(&CONTROLLER, preset.at, message).hint("remove the key"));
        }
    }
}
