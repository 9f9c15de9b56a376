//! Where a pod is looked for, and what a profile beside it says: contexts, profiles, flags.

use serde_json::Value;

use super::estate::{Estate, Report, State};
use super::pod::{FLOWS, SUBSCRIPTION, add_pod, pod, said, text, verify, with_pod};

/// ARM does not show the cluster.
const CLOSED: &str = "[[rules]]\npath = \"*/managedClusters/aks-k\"\neffect = \"forbidden\"\n";

#[test]
fn a_profile_that_names_the_account_says_what_is_wanted() {
    let estate = with_pod();
    estate.damage(|state| {
        state.credential("flows")["issuer"] = "https://example.com/".into();
    });
    let line = "verify teams.toml --pod team-1/etl-x --sandbox --format json";
    let report = Report(estate.0.expect(6, line).json());
    assert_eq!(report.0["estate"], "verify");
    let subjects = report.0["subjects"].as_array().unwrap().iter();
    let addresses: Vec<&Value> = subjects.map(|subject| &subject["address"]).collect();
    assert_eq!(addresses, ["k", "azure/identity/id-team-1", FLOWS, "k/pod/team-1/etl-x"]);
    assert_eq!(report.check("azure/identity/id-team-1", "WID-V-ROLES")["status"], "pass");
    let fix = report.fix(FLOWS, "WID-V-CREDENTIAL-ISSUER");
    assert_eq!(fix[..3], ["widctl", "sync", "teams.toml"]);
}

#[test]
fn a_cluster_of_the_profile_is_the_pods_by_its_context_or_by_its_issuer_but_for_a_slash() {
    let estate = Estate::new();
    estate.0.edit("teams.toml", "name = \"aks-k\"", "name = \"aks-k\"\ncontext = \"admin@k\"");
    estate.0.expect(0, "sync teams.toml --sandbox --auto-approve");
    add_pod(&estate);
    // ARM is not asked which cluster it is.
    estate.0.write("faults.toml", CLOSED);
    let line = "verify teams.toml --pod team-1/etl-x --context admin@k --sandbox --format json";
    let report = estate.0.expect(0, &format!("{line} --sandbox-faults faults.toml")).json();
    assert_eq!(report["estate"], "verify");
    assert_eq!(report["subjects"][0]["address"], "k");

    let estate = with_pod();
    estate.damage(State::cut_slash_in_arm);
    let line = "verify teams.toml --pod team-1/etl-x --sandbox --format json";
    let report = Report(estate.0.expect(0, line).json());
    assert_eq!(report.0["estate"], "verify");
    assert_eq!(report.with("warn"), [("k".into(), "WID-V-ISSUER".into())].into());
}

#[test]
fn a_profile_that_does_not_name_the_account_is_gone_on_without() {
    let estate = with_pod();
    estate.damage(|state| {
        // Another cluster has an account of this name: that says nothing of this one.
        let account = &mut state.objects()["/serviceaccounts/team-1/flows"];
        let mut other = account.clone();
        other["metadata"]["name"] = "other".into();
        state.objects()["/serviceaccounts/team-1/other"] = other;
        pod(state)["spec"]["serviceAccountName"] = "other".into();
    });
    let line = "verify teams.toml --pod team-1/etl-x --sandbox --format json";
    let ran = estate.0.expect(6, line);
    let said = "does not name account `team-1/other` on the cluster of context `k`: verifying without the profile";
    assert!(ran.stderr.contains(said), "{ran:#?}");
    let report = Report(ran.json());
    assert_eq!(report.0["estate"], Value::Null);
    let fix = report.fix("k/service-account/team-1/other", "WID-V-CREDENTIAL");
    assert_eq!(fix[..4], ["az", "identity", "federated-credential", "create"]);
}

#[test]
fn a_cluster_of_the_profile_that_cannot_be_compared_is_said() {
    let estate = with_pod();
    estate.0.write("faults.toml", CLOSED);
    let line = "verify teams.toml --pod team-1/etl-x --sandbox --sandbox-faults faults.toml";
    let ran = estate.0.expect(0, line);
    let said = "is not known, because its cluster k was not read:";
    assert!(ran.stderr.contains(said), "{ran:#?}");
    assert!(ran.stderr.contains("verifying without the profile"), "{ran:#?}");
}

#[test]
fn the_cluster_is_that_of_the_context_and_one_of_several_has_to_be_named() {
    let estate = with_pod();
    let second = "[clusters.j]\nresource_group = \"rg-aks\"\nname = \"aks-j\"\n\n[clusters.k]";
    estate.0.edit("teams.toml", "[clusters.k]", second);
    estate.0.expect(0, "sync teams.toml --sandbox --auto-approve");
    let ran = text(&estate, 64, "");
    assert!(said(&ran).contains("has no current context"), "{ran:#?}");
    assert!(said(&ran).contains("`--context CONTEXT`; known: `j`, `k`"), "{ran:#?}");
    let ran = text(&estate, 64, "--context i");
    assert!(said(&ran).contains("the sandbox has no context `i`"), "{ran:#?}");
    verify(&estate, 0, "--context k");
    text(&estate, 1, "--context j");
    let line = "verify --pod team-1/etl-x --sandbox=empty.json";
    let empty = estate.0.expect(64, line);
    assert!(said(&empty).contains("`widctl sync PROFILE --sandbox`"), "{empty:#?}");
    let alone = estate.0.expect(64, "verify --pod team-1/etl-x");
    assert!(said(&alone).contains("set KUBECONFIG"), "{alone:#?}");
}

#[test]
fn filters_of_a_profile_do_not_go_with_a_pod() {
    let estate = Estate::new();
    for other in ["--team a", "--cluster a", "--workload a/b"] {
        let ran = estate.0.expect(64, &format!("verify teams.toml --pod a/b {other}"));
        let flag = other.split(' ').next().unwrap();
        assert!(ran.stderr.contains("--pod") && ran.stderr.contains(flag), "{ran:#?}");
    }
    for alone in ["--context k", &format!("--subscription {SUBSCRIPTION}")] {
        let ran = estate.0.expect(64, &format!("verify teams.toml {alone}"));
        assert!(ran.stderr.contains("--pod <NAMESPACE/NAME>"), "{ran:#?}");
    }
    for bad in ["etl-x", "a/b/c", "a/.."] {
        let ran = estate.0.expect(64, &format!("verify --pod {bad}"));
        assert!(ran.stderr.contains("NAMESPACE/NAME"), "{ran:#?}");
    }
    estate.0.expect(64, "verify --sandbox");
}
