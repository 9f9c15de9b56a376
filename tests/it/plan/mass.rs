//! How much `--prune` may delete before it needs a flag of its own.

use std::fmt::Write;

use widctl::plan;
use widctl::plan::inputs::PlanInputs;

use super::golden::desired_by;
use super::world;

/// A profile of so many credentials, on identities of fifteen each, and no other object but the identities.
fn of_credentials(identities: usize, credentials: usize) -> String {
    let mut text = "version = 1\nestate = \"contoso\"\n[azure]\n\
         subscription = \"12345678-1234-5678-9012-123456789012\"\n\
         resource_group = \"rg\"\nlocation = \"westeurope\"\n\
         [clusters.weu]\nresource_group = \"rg-aks\"\nname = \"aks-weu\"\n\
         [[team]]\nname = \"data\"\nnamespace = \"data\"\nclusters = [\"weu\"]\n"
        .to_owned();
    for number in 0..identities {
        writeln!(text, "[[team.identity]]\nname = \"id-{number}\"").unwrap();
    }
    for number in 0..credentials {
        writeln!(
            text,
            "[[team.workload]]\nservice_account = \"sa-{number}\"\nidentity = \"id-{}\"\nmode = \"trust-only\"",
            number / 15
        )
        .unwrap();
    }
    text
}

/// The codes of what is refused where so many credentials are taken out of a profile of so many objects in all.
fn refused(deleted: usize, objects: usize, inputs: &PlanInputs) -> Vec<String> {
    let identities = objects.div_ceil(16);
    let credentials = objects - identities;
    let before = desired_by(&of_credentials(identities, credentials));
    let after = desired_by(&of_credentials(identities, credentials - deleted));
    let mut observed = world::empty(&before);
    world::ask(&mut observed, &before);
    let settled = plan::plan(&before, &observed, &PlanInputs::default()).unwrap();
    assert_eq!(settled.changes.len(), objects);
    let observed = world::apply(observed, &settled);
    match plan::plan(&after, &observed, inputs) {
        Ok(plan) => {
            assert_eq!(plan.changes.len(), deleted);
            Vec::new()
        }
        Err(refusals) => refusals.into_iter().map(|refusal| refusal.code.into_owned()).collect(),
    }
}

#[test]
fn ten_objects_or_a_quarter_of_all_may_go_and_no_more() {
    let prune = PlanInputs { prune: true, ..PlanInputs::default() };
    let mass = ["WID-MASS-DELETE"];
    assert_eq!(refused(10, 48, &prune), [""; 0]);
    assert_eq!(refused(11, 48, &prune), mass);
    assert_eq!(refused(8, 32, &prune), [""; 0]);
    assert_eq!(refused(8, 31, &prune), mass);
    let meant = PlanInputs { allow_mass_delete: true, ..prune };
    assert_eq!(refused(11, 48, &meant), [""; 0]);
}
