//! A cluster that is made anew while its old issuer is trusted.

use std::collections::BTreeSet;

use widctl::desired::state::DesiredState;
use widctl::model::text::Issuer;
use widctl::observed::read::Read;
use widctl::observed::state::ObservedState;
use widctl::plan;
use widctl::plan::contents::Plan;
use widctl::plan::inputs::PlanInputs;

use super::golden::desired_by;
use super::world;

/// A profile of one account whose cluster had these issuers before.
fn profile(also_trust: &[&str]) -> DesiredState {
    desired_by(&format!(
        "version = 1\nestate = \"contoso\"\n[azure]\n\
         subscription = \"12345678-1234-5678-9012-123456789012\"\n\
         resource_group = \"rg\"\nlocation = \"westeurope\"\n\
         [clusters.weu]\nresource_group = \"rg-aks\"\nname = \"aks-weu\"\nalso_trust = {also_trust:?}\n\
         [[team]]\nname = \"data\"\nnamespace = \"data\"\nclusters = [\"weu\"]\n\
         [[team.identity]]\nname = \"id-data\"\n\
         [[team.workload]]\nservice_account = \"app\"\nmode = \"trust-only\"\n"
    ))
}

const OLD: &str = "https://weu.oic.prod-aks.azure.com/t/1/";
const NEW: &str = "https://new.example/";
const NEWEST: &str = "https://newest.example/";

fn made_anew(observed: &mut ObservedState, issuer: &str) {
    let cluster = observed.clusters.values_mut().next().unwrap();
    let Some(Read::Facts(Some(managed))) = &mut cluster.managed else { panic!("it is of AKS") };
    managed.issuer = Some(Issuer::from(issuer));
    cluster.discovered_issuer = Some(Read::Facts(Issuer::from(issuer)));
}

/// The issuers that the account is trusted by, and the name of each credential.
fn trusted(observed: &ObservedState) -> BTreeSet<(String, String)> {
    let live = observed.credentials.values().filter_map(Read::facts).flatten();
    live.map(|live| (live.issuer.to_string(), live.name.to_string())).collect()
}

fn issuers(observed: &ObservedState) -> Vec<String> {
    trusted(observed).into_iter().map(|(issuer, _)| issuer).collect()
}

fn planned(desired: &DesiredState, observed: &ObservedState, prune: bool) -> Plan {
    let inputs = PlanInputs { prune, allow_mass_delete: prune, ..PlanInputs::default() };
    plan::plan(desired, observed, &inputs).unwrap()
}

/// A world where the account is trusted by the first issuer, and its cluster has another one by now.
fn recreated() -> ObservedState {
    let desired = profile(&[]);
    let observed = world::empty(&desired);
    let plan = planned(&desired, &observed, false);
    let mut observed = world::apply(observed, &plan);
    assert_eq!(issuers(&observed), [OLD]);
    made_anew(&mut observed, NEW);
    observed
}

#[test]
fn the_new_issuer_is_trusted_beside_the_old_one_and_keeps_its_name_afterwards() {
    let observed = recreated();
    let old = trusted(&observed);
    let both = profile(&[OLD]);
    let plan = planned(&both, &observed, false);
    let observed = world::apply(observed, &plan);
    assert_eq!(issuers(&observed), [NEW, OLD]);
    let named = trusted(&observed);
    assert!(named.is_superset(&old), "the old one is as it was: {named:?}");
    assert!(planned(&both, &observed, false).changes.is_empty());
    assert!(planned(&both, &observed, true).changes.is_empty(), "what retires is not left over");
    // Once nobody asks for it any more, it is left over like anything else.
    let after = profile(&[]);
    let kept = planned(&after, &observed, false);
    assert_eq!((kept.changes.len(), kept.kept.len()), (0, 1));
    let pruned = planned(&after, &observed, true);
    let observed = world::apply(observed, &pruned);
    assert_eq!(issuers(&observed), [NEW]);
    assert!(trusted(&observed).is_subset(&named), "the new one has the name that it had");
    assert!(planned(&after, &observed, false).is_empty());
}

#[test]
fn without_an_old_issuer_the_credential_is_updated_in_place() {
    let observed = recreated();
    let desired = profile(&[]);
    let plan = planned(&desired, &observed, false);
    assert_eq!(issuers(&world::apply(observed, &plan)), [NEW]);
}

#[test]
fn an_old_issuer_that_nothing_trusts_is_never_trusted() {
    let desired = profile(&["https://never.example/", NEWEST]);
    let mut observed = recreated();
    let plan = planned(&desired, &observed, false);
    observed = world::apply(observed, &plan);
    assert_eq!(issuers(&observed), [NEW]);
    let observed = world::empty(&desired);
    let plan = planned(&desired, &observed, false);
    assert_eq!(issuers(&world::apply(observed, &plan)), [OLD]);
}

#[test]
fn a_cluster_that_is_made_anew_twice_keeps_both_old_issuers() {
    let observed = recreated();
    let plan = planned(&profile(&[OLD]), &observed, false);
    let mut observed = world::apply(observed, &plan);
    made_anew(&mut observed, NEWEST);
    let desired = profile(&[OLD, NEW]);
    let plan = planned(&desired, &observed, false);
    let observed = world::apply(observed, &plan);
    assert_eq!(issuers(&observed), [NEW, NEWEST, OLD]);
    assert!(planned(&desired, &observed, true).changes.is_empty());
}

#[test]
fn both_issuers_count_to_what_an_identity_holds() {
    let accounts = |count: usize| {
        let more = (1..count).map(|number| {
            format!(
                "[[team.workload]]\nservice_account = \"app-{number}\"\nmode = \"trust-only\"\n"
            )
        });
        more.collect::<String>()
    };
    for (count, fits) in [(10, true), (11, false)] {
        let text = |also_trust: &str| {
            format!(
                "version = 1\nestate = \"contoso\"\n[azure]\n\
                 subscription = \"12345678-1234-5678-9012-123456789012\"\n\
                 resource_group = \"rg\"\nlocation = \"westeurope\"\n\
                 [clusters.weu]\nresource_group = \"rg-aks\"\nname = \"aks-weu\"\n{also_trust}\n\
                 [[team]]\nname = \"data\"\nnamespace = \"data\"\nclusters = [\"weu\"]\n\
                 [[team.identity]]\nname = \"id-data\"\n\
                 [[team.workload]]\nservice_account = \"app\"\nmode = \"trust-only\"\n{}",
                accounts(count)
            )
        };
        let before = desired_by(&text(""));
        let observed = world::empty(&before);
        let plan = planned(&before, &observed, false);
        let mut observed = world::apply(observed, &plan);
        made_anew(&mut observed, NEW);
        let plan =
            planned(&desired_by(&text(&format!("also_trust = [\"{OLD}\"]"))), &observed, false);
        assert_eq!(plan.refused.is_empty(), fits, "{count}: {:?}", plan.refused);
        let refused = plan.refused.iter().all(|refused| refused.code == "WID-CREDENTIAL-LIMIT");
        assert!(refused, "{:?}", plan.refused);
    }
}
