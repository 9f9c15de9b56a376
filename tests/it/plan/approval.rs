//! Saved plans: what is refused at once, and what an approval covers.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::Value;

use widctl::desired::state::DesiredState;
use widctl::model::guid::TenantId;
use widctl::model::kinds::Kind;
use widctl::model::kinds::federated_credential::FederatedCredentials;
use widctl::model::text::Estate;
use widctl::observed::read::Read;
use widctl::observed::state::ObservedState;
use widctl::plan;
use widctl::plan::action::ActionName;
use widctl::plan::approval::{Approval, Difference, approve};
use widctl::plan::contents::Plan;
use widctl::plan::file::{About, FileError, PlanFile};
use widctl::plan::inputs::PlanInputs;
use widctl::plan::row::ChangeRow;

use super::{golden, world};

fn about() -> About {
    About {
        widctl_version: "0.1.0".into(),
        estate: Estate::from("contoso"),
        tenant: world::TENANT,
        profile_sha256: "00".into(),
        inputs: PlanInputs::default(),
        now: "2026-09-01T12:00:00Z".parse().unwrap(),
    }
}

fn planned(desired: &DesiredState, observed: &ObservedState) -> Plan {
    plan::plan(desired, observed, &PlanInputs::default()).unwrap()
}

/// The shared profile, a world without anything of it, and the plan that creates it all.
fn from_nothing() -> (DesiredState, ObservedState, Plan) {
    let desired = golden::shared();
    let observed = world::empty(&desired);
    let plan = planned(&desired, &observed);
    (desired, observed, plan)
}

fn edited(file: &PlanFile, edit: impl FnOnce(&mut Value)) -> Result<PlanFile, FileError> {
    let mut value: Value = serde_json::from_str(&file.to_json()).unwrap();
    edit(&mut value);
    PlanFile::parse(value.to_string().as_bytes())
}

fn fits(file: &PlanFile, fresh: &Plan) -> bool {
    matches!(approve(file, fresh), Approval::Fits { .. })
}

#[test]
fn a_saved_plan_reads_back_as_it_was_written() {
    let (_, _, plan) = from_nothing();
    let file = PlanFile::new(&plan, about());
    assert_eq!(PlanFile::parse(file.to_json().as_bytes()).unwrap(), file);
    assert!(file.complete);
    assert_eq!(file.summary.create, 7);
}

#[test]
fn a_plan_approves_itself() {
    let (_, _, plan) = from_nothing();
    let file = PlanFile::new(&plan, about());
    assert_eq!(approve(&file, &plan), Approval::Fits { already_done: 0 });
}

#[test]
fn a_file_cut_off_anywhere_is_refused() {
    let (_, _, plan) = from_nothing();
    let text = PlanFile::new(&plan, about()).to_json();
    for end in 0..text.trim_end().len() {
        let error = PlanFile::parse(&text.as_bytes()[..end]).unwrap_err();
        assert!(matches!(error, FileError::Truncated(_)), "{end}: {error}");
    }
}

#[test]
fn another_format_is_named_before_anything_else_is_read() {
    let text = r#"{"format_version": "1.0", "surprise": true}"#;
    let error = PlanFile::parse(text.as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "the saved plan has format 1.0; this widctl reads 2.2");
}

#[test]
fn unknown_fields_and_other_files_are_refused() {
    let (_, _, plan) = from_nothing();
    let file = PlanFile::new(&plan, about());
    let extra = edited(&file, |value| value["surprise"] = true.into());
    assert!(matches!(extra, Err(FileError::Malformed(_))));
    let other = PlanFile::parse(br#"{"version": 4, "resources": []}"#);
    assert!(matches!(other, Err(FileError::Malformed(_))));
}

#[test]
fn an_approval_holds_for_a_day_for_one_estate_tenant_and_version() {
    let (_, _, plan) = from_nothing();
    let file = PlanFile::new(&plan, about());
    let later = |hours: i32, minutes: i32| About {
        now: about().now + SignedDuration::from_mins(i64::from(hours * 60 + minutes)),
        ..about()
    };
    let refusal = |about: &About| file.check(about).unwrap_err().to_string();
    assert!(file.check(&about()).is_ok());
    assert!(file.check(&later(24, 0)).is_ok());
    assert!(file.check(&later(0, -4)).is_ok(), "clocks differ a little");
    let version = About { widctl_version: "0.2.0".into(), ..about() };
    let estate = About { estate: Estate::from("fabrikam"), ..about() };
    let tenant = About { tenant: TenantId::new(uuid::Uuid::from_u128(1)), ..about() };
    let messages = [
        refusal(&later(24, 1)),
        refusal(&later(-1, 0)),
        refusal(&version),
        refusal(&estate),
        refusal(&tenant),
    ];
    insta::assert_snapshot!(messages.join("\n"), @r"
    the saved plan was made at 2026-09-01T12:00:00Z, more than 24 hours ago; plan again
    the saved plan says it was made at 2026-09-01T12:00:00Z, which is still to come
    widctl 0.1.0 made the saved plan and 0.2.0 is running; plan again
    the saved plan is of estate `contoso`, the profile of `fabrikam`
    the saved plan is of tenant 00000000-0000-0000-0000-00000000aaaa, the sign-in of 00000000-0000-0000-0000-000000000001
    ");
}

#[test]
fn an_edited_value_no_longer_covers_the_change() {
    let (_, _, plan) = from_nothing();
    let file = PlanFile::new(&plan, about());
    for index in 0..file.changes.len() {
        let forged = edited(&file, |value| {
            let after = value["changes"][index]["after"].as_object_mut().unwrap();
            after.insert("more".into(), "than was planned".into());
        });
        assert!(!fits(&forged.unwrap(), &plan));
        let removed = edited(&file, |value| {
            value["changes"].as_array_mut().unwrap().remove(index);
        });
        assert!(!fits(&removed.unwrap(), &plan));
        // A row of another action covers no create, but that of a replace which was cut off.
        let update = edited(&file, |value| value["changes"][index]["action"] = "update".into());
        assert!(!fits(&update.unwrap(), &plan));
        // Each of these alone is another change.
        for field in ["team", "cluster", "identity"] {
            let moved = edited(&file, |value| value["changes"][index][field] = "other".into());
            assert!(!fits(&moved.unwrap(), &plan), "{field} of row {index}");
        }
    }
}

#[test]
fn a_replace_that_stopped_between_its_two_writes_goes_on_as_a_create() {
    let (_, _, plan) = from_nothing();
    let file = PlanFile::new(&plan, about());
    let is_credential = |row: &ChangeRow| row.kind == FederatedCredentials::NAME;
    let index = file.changes.iter().position(is_credential).unwrap();
    let replace =
        edited(&file, |value| value["changes"][index]["action"] = "replace".into()).unwrap();
    assert!(fits(&replace, &plan));
}

#[test]
fn a_row_that_the_fresh_plan_does_not_want_is_never_carried_out() {
    let (_, _, plan) = from_nothing();
    let file = PlanFile::new(&plan, about());
    let forged = edited(&file, |value| {
        let mut row = value["changes"][0].clone();
        row["address"] = "azure/identity/id-forged".into();
        value["changes"].as_array_mut().unwrap().push(row);
    });
    let approval = approve(&forged.unwrap(), &plan);
    assert_eq!(approval, Approval::Fits { already_done: 1 });
}

#[test]
fn ids_that_are_known_by_now_are_covered_where_the_file_made_their_identity() {
    let (desired, mut observed, plan) = from_nothing();
    let file = PlanFile::new(&plan, about());
    let mut outputs = plan.identities.clone();
    world::apply_one(&mut observed, &plan.changes[0], &mut outputs);
    let fresh = planned(&desired, &observed);
    assert_eq!(approve(&file, &fresh), Approval::Fits { already_done: 1 });

    let without_create = edited(&file, |value| {
        value["changes"].as_array_mut().unwrap().remove(0);
    });
    let Approval::Differs(differences) = approve(&without_create.unwrap(), &fresh) else {
        panic!("somebody else made the identity")
    };
    let changed = |difference: &&Difference| matches!(difference, Difference::Changed { .. });
    let changed = differences.iter().filter(changed).count();
    assert_eq!(changed, 2, "the role assignment and the account: {differences:?}");
    assert_eq!(differences.len(), 2);
}

#[test]
fn a_world_that_moved_on_is_no_longer_covered() {
    let (desired, observed, plan) = from_nothing();
    let mut observed = world::apply(observed, &plan);
    let account = |client: &str| {
        format!(
            "[[account]]\nat = \"weu/service-account/data-eng/worker\"\nclient_id = \"{client}\"\n"
        )
    };
    let drift = |observed: &mut ObservedState, client: &str| {
        let text = format!("start = \"settled\"\n{}", account(client));
        super::case::happen(observed, &toml::from_str(&text).unwrap());
    };
    drift(&mut observed, "00000000-0000-0000-0000-000000000001");
    let file = PlanFile::new(&planned(&desired, &observed), about());
    assert!(fits(&file, &planned(&desired, &observed)));
    drift(&mut observed, "00000000-0000-0000-0000-000000000002");
    assert!(!fits(&file, &planned(&desired, &observed)));
}

/// A team with an identity for its account and one that is trusted besides, both new, on a pinned cluster.
const TWO_IDENTITIES: &str = r#"
version = 1
estate  = "contoso"

[azure]
subscription   = "12345678-1234-5678-9012-123456789012"
resource_group = "rg-workload-identity"
location       = "westeurope"

[clusters.onprem]
context = "staging-admin"
issuer  = "https://oidc.contoso.com/onprem"

[[team]]
name             = "data"
namespace        = "data"
clusters         = ["onprem"]
create_namespace = true

[[team.identity]]
name = "id-reader"

[[team.identity]]
name = "id-admin"

[[team.workload]]
service_account  = "etl"
identity         = "id-reader"
extra_identities = ["id-admin"]
"#;

/// What an approval of the profile says of the same profile after an edit, with so many of the approved changes
/// done in between.
fn after_edit(done: usize, edits: &[(&str, &str)]) -> Approval {
    let approved = golden::desired_by(TWO_IDENTITIES);
    let plan = planned(&approved, &world::empty(&approved));
    let edited = edits.iter().fold(TWO_IDENTITIES.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    let desired = golden::desired_by(&edited);
    let mut observed = world::empty(&desired);
    let mut outputs = plan.identities.clone();
    for change in &plan.changes[..done] {
        world::apply_one(&mut observed, change, &mut outputs);
    }
    approve(&PlanFile::new(&plan, about()), &planned(&desired, &observed))
}

fn wanted(approval: Approval) -> Vec<String> {
    let Approval::Differs(differences) = approval else {
        panic!("the approval covers it");
    };
    let wanted = differences.into_iter().map(|difference| match difference {
        Difference::Unapproved(row) => format!("new {} in {}", row.address, row.place),
        Difference::Changed { wanted, .. } => format!("other {}", wanted.address),
        Difference::Taken(row) => format!("taken {}", row.address),
    });
    wanted.collect()
}

const SWAP: [(&str, &str); 3] = [
    (r#"identity         = "id-reader""#, r#"identity         = "id-x""#),
    (r#"extra_identities = ["id-admin"]"#, r#"extra_identities = ["id-reader"]"#),
    (r#"identity         = "id-x""#, r#"identity         = "id-admin""#),
];

#[test]
fn an_account_gets_the_id_of_no_other_identity_than_was_approved() {
    assert_eq!(after_edit(0, &[]), Approval::Fits { already_done: 0 });
    for done in 0..=2 {
        assert_eq!(wanted(after_edit(done, &SWAP)), ["other onprem/service-account/data/etl"]);
    }
}

#[test]
fn identities_are_made_nowhere_else_than_was_approved() {
    for (key, to) in [
        (r#""rg-workload-identity""#, r#""rg-of-somebody""#),
        ("12345678-1234-5678-9012-123456789012", "aaaaaaaa-1234-5678-9012-123456789012"),
    ] {
        let wanted = wanted(after_edit(0, &[(key, to)]));
        let new = wanted.iter().filter(|row| row.starts_with("new azure/identity/"));
        assert!(new.clone().all(|row| row.contains(to.trim_matches('"'))), "{wanted:?}");
        assert_eq!(new.count(), 2, "{wanted:?}");
        assert!(wanted.contains(&"other onprem/service-account/data/etl".to_owned()), "{wanted:?}");
    }
}

#[test]
fn objects_are_written_on_no_other_cluster_than_was_approved() {
    for (key, to) in [
        ("staging-admin", "production-admin"),
        ("https://oidc.contoso.com/onprem", "https://oidc.contoso.com/other"),
    ] {
        let wanted = wanted(after_edit(0, &[(key, to)]));
        for object in ["namespace/data", "service-account/data/etl"] {
            let row = format!("new onprem/{object} in context ");
            assert!(wanted.iter().any(|wanted| wanted.starts_with(&row)), "{wanted:?}");
        }
    }
}

#[test]
fn an_identity_that_somebody_else_has_made_since_is_not_used() {
    let desired = golden::desired_by(TWO_IDENTITIES);
    let mut observed = world::empty(&desired);
    let plan = planned(&desired, &observed);
    let mut outputs = plan.identities.clone();
    world::apply_one(&mut observed, &plan.changes[0], &mut outputs);
    let file = PlanFile::new(&plan, about());
    assert!(fits(&file, &planned(&desired, &observed)), "the file itself made it");
    let identities = observed.identities.values_mut().filter_map(|read| match read {
        Read::Facts(facts) => Some(facts),
        Read::Unread(_) => None,
    });
    for live in identities.flatten() {
        Arc::make_mut(live.1).tags.clear();
    }
    let approval = approve(&file, &planned(&desired, &observed));
    assert_eq!(wanted(approval), ["taken azure/identity/id-admin"]);

    let used = TWO_IDENTITIES.replace("name = \"id-admin\"", "name = \"id-admin\"\ncreate = false");
    let approval = approve(&file, &planned(&golden::desired_by(&used), &observed));
    assert_eq!(wanted(approval), ["taken azure/identity/id-admin"], "the profile only uses it");
}

#[test]
fn a_plan_that_was_shown_is_the_same_only_where_no_row_is_more_less_or_another() {
    use widctl::plan::approval::differing;
    let (_, _, plan) = from_nothing();
    let shown = PlanFile::new(&plan, about()).changes;
    let mut fresh = shown.clone();
    fresh[0].reason = "something else to read".into();
    fresh[0].effects.push("pods start anew".into());
    assert_eq!(differing(&shown, &fresh), Vec::<&str>::new());

    let rest = &shown[1..];
    assert_eq!(differing(&shown, rest), [shown[0].address.as_str()]);
    assert_eq!(differing(rest, &shown), [shown[0].address.as_str()]);
    let twice = [&shown[..], &shown[..1]].concat();
    assert_eq!(differing(&shown, &twice), [shown[0].address.as_str()]);

    fresh[0].action = ActionName::Replace;
    assert_eq!(differing(&shown, &fresh), [shown[0].address.as_str()]);
    let mut fresh = shown.clone();
    let after = fresh[1].after.as_mut().unwrap();
    after.values_mut().for_each(|value| *value = Value::from("another value"));
    assert_eq!(differing(&shown, &fresh), [shown[1].address.as_str()]);
}
