//! Golden cases: a profile and what exists, and the plan or the refusals that come of them.
//!
//! Each folder of `cases/` has `observed.toml` (see [`super::case`]) and `plan.txt`, and may have its own
//! `profile.toml` and the `before.toml` that was applied earlier; `cases/profile.toml` stands in for them.
//! `just bless` accepts what the tests print now.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use semver::Version;

use widctl::desired::derive::derive;
use widctl::desired::state::DesiredState;
use widctl::observed::read::Read;
use widctl::observed::state::ObservedState;
use widctl::plan::contents::Plan;
use widctl::plan::inputs::PlanInputs;
use widctl::plan::refusals::Refusal;
use widctl::plan::rules;
use widctl::profile::SourceFile;
use widctl::profile::resolved::RoleChoice;
use widctl::report::refusal::RefusalRow;
use widctl::report::rows::PlanRows;
use widctl::report::style::Style;
use widctl::report::{refusal, text};
use widctl::{plan, profile};

use super::case::{Observed, Start};
use super::{case, world};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/plan/cases")
}

fn desired(path: &Path) -> DesiredState {
    desired_by(&fs::read_to_string(path).unwrap())
}

/// What a profile wants.
pub(crate) fn desired_by(profile: &str) -> DesiredState {
    let file = SourceFile { path: "profile.toml".into(), text: profile.into() };
    let loaded = profile::load(&[file], &BTreeMap::new(), &Version::new(0, 1, 0));
    derive(&loaded.map_err(|errors| format!("{profile}: {errors:?}")).unwrap())
}

/// What the profile of cases without one of their own wants.
pub(crate) fn shared() -> DesiredState {
    desired(&folder().join("profile.toml"))
}

/// A world where nothing exists but what the profile needs beforehand.
fn empty(desired: &DesiredState) -> ObservedState {
    let mut observed = world::empty(desired);
    for wanted in &desired.role_assignments {
        if let RoleChoice::Custom(name) = &wanted.role {
            let key = (wanted.scope.clone(), name.clone());
            observed.custom_roles.insert(key, Read::Facts(None));
        }
    }
    observed
}

/// The world of a case before anything happened.
fn start(facts: &Observed, desired: &DesiredState, before: &DesiredState) -> ObservedState {
    let mut observed = empty(desired);
    if facts.start == Start::Empty {
        return observed;
    }
    let scopes = empty(before);
    observed.identities.extend(scopes.identities);
    observed.role_assignments.extend(scopes.role_assignments);
    observed.resource_groups.extend(scopes.resource_groups);
    world::ask(&mut observed, before);
    world::add_foreign_identities(&mut observed, before);
    world::add_namespaces(&mut observed, before);
    let plan = plan::plan(before, &observed, &PlanInputs::default());
    world::apply(observed, &plan.unwrap())
}

fn planned(case: &Path) -> Result<Plan, Vec<Refusal>> {
    let own_or_shared = |name: &str| {
        let own = case.join(name);
        own.exists().then_some(own)
    };
    let profile = own_or_shared("profile.toml").unwrap_or_else(|| folder().join("profile.toml"));
    let before = own_or_shared("before.toml").unwrap_or_else(|| profile.clone());
    let (desired, before) = (desired(&profile), desired(&before));
    let observed = fs::read_to_string(case.join("observed.toml")).unwrap();
    let facts: Observed = toml::from_str(&observed).unwrap();
    let mut observed = start(&facts, &desired, &before);
    case::happen(&mut observed, &facts);
    plan::plan(&desired, &observed, &facts.inputs())
}

/// The plans of all cases that are not refused.
pub(crate) fn plans() -> Vec<Plan> {
    let cases = fs::read_dir(folder()).unwrap().map(|case| case.unwrap().path());
    let cases = cases.filter(|case| case.is_dir());
    cases.filter_map(|case| planned(&case).ok()).collect()
}

fn outcome(case: &Path) -> String {
    match planned(case) {
        Ok(plan) => {
            let changes: Vec<_> = plan.rows().collect();
            text::plan(&PlanRows::new(&plan, &changes), Style::PLAIN)
        }
        Err(refusals) => {
            let rows: Vec<RefusalRow<'_>> = refusals.iter().map(RefusalRow::from).collect();
            refusal::text(&rows, Style::PLAIN)
        }
    }
}

#[test]
fn every_case_plans_as_its_golden_file_says() {
    #[expect(clippy::disallowed_methods, reason = "whether to write the plans anew")]
    let bless = std::env::var_os("WIDCTL_BLESS").is_some();
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let case = entry.unwrap().path();
        if !case.is_dir() {
            continue;
        }
        count += 1;
        let (golden, found) = (case.join("plan.txt"), outcome(&case));
        if bless {
            fs::write(&golden, &found).unwrap();
        } else if fs::read_to_string(&golden).unwrap_or_default() != found {
            wrong.push(format!("{}\n{found}", case.file_name().unwrap().display()));
        }
    }
    assert!(count >= 40, "the walk found the cases");
    assert!(wrong.is_empty(), "these cases differ:\n\n{}", wrong.join("\n\n"));
}

#[test]
fn every_rule_and_every_note_has_a_case() {
    let mut seen = String::new();
    for entry in fs::read_dir(folder()).unwrap() {
        seen += &fs::read_to_string(entry.unwrap().path().join("plan.txt")).unwrap_or_default();
    }
    let codes: Vec<&str> = rules::of_plan().map(|rule| rule.code).collect();
    let missing: Vec<&&str> =
        codes.iter().filter(|code| !seen.contains(&format!("[{code}]"))).collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
}

#[test]
fn all_rules_are_one_list_by_code_and_each_code_is_of_one_rule() {
    let codes: Vec<&str> = rules::all().iter().map(|rule| rule.code).collect();
    for pair in codes.windows(2) {
        assert!(pair[0] < pair[1], "out of order, or one code twice: {pair:?}");
    }
    let badly_named = codes.iter().find(|code| !code.starts_with("WID-"));
    assert!(badly_named.is_none(), "{badly_named:?}");
}

#[test]
fn where_nothing_changes_every_row_of_the_profile_counts_as_unchanged() {
    for case in fs::read_dir(folder()).unwrap().map(|case| case.unwrap().path()) {
        let Some(plan) = case.is_dir().then(|| planned(&case).ok()).flatten() else { continue };
        if !plan.changes.is_empty() || !plan.is_complete() {
            continue;
        }
        let facts = fs::read_to_string(case.join("observed.toml")).unwrap();
        let inputs = toml::from_str::<Observed>(&facts).unwrap().inputs();
        if !(inputs.teams.is_empty() && inputs.clusters.is_empty()) {
            continue;
        }
        let own = case.join("profile.toml");
        let profile = if own.exists() { own } else { folder().join("profile.toml") };
        let wanted = desired(&profile);
        let in_azure =
            wanted.identities.len() + wanted.credentials.len() + wanted.role_assignments.len();
        let objects = wanted.namespaces.len()
            + wanted.service_accounts.len()
            + wanted.roles.len()
            + wanted.role_bindings.len();
        assert_eq!(plan.unchanged, in_azure + objects, "{}", case.display());
    }
}
