//! What a run says of the part of the profile that it compared.

use serde_json::json;

use super::support::{Stage, root, team};

const SYNC: &str = "sync teams.toml --sandbox=sandbox.json --auto-approve";
const PLAN: &str = "plan teams.toml --sandbox=sandbox.json";

/// Four teams, of which two work on a second cluster as well.
fn four_teams() -> Stage {
    let stage = Stage::new();
    let both = ["neu", "weu"];
    let teams = team("data", &both) + &team("ops", &["weu"]) + &team("web", &both);
    stage.write("teams.toml", root("acme", &both) + &teams + &team("api", &["weu"]));
    stage
}

#[test]
fn a_filter_that_matches_nothing_is_a_usage_error_that_says_what_was_meant() {
    let stage = four_teams();
    for (filter, what, help) in [
        ("--team dta", "`--team dta` matches no team of the profile", "did you mean `data`?"),
        ("--team web --team dta", "`--team dta` matches no team", "did you mean `data`?"),
        ("--cluster x", "`--cluster x` matches no cluster of the profile", "known: `neu`, `weu`"),
        (
            "--team ops --cluster neu",
            "no team of `--team ops` has a workload on a cluster of `--cluster neu`",
            "leave out `--team` or `--cluster`",
        ),
    ] {
        for command in [PLAN, SYNC] {
            let ran = stage.expect(64, &format!("{command} {filter}"));
            assert!(ran.stderr.contains(what) && ran.stderr.contains(help), "{ran:#?}");
            assert_eq!(ran.stdout, "");
        }
        let events = stage.expect(64, &format!("{PLAN} {filter} --json")).events();
        assert_eq!(events.last().unwrap()["changes"], json!(null));
    }
    assert!(!stage.exists("sandbox.json"), "nothing was asked");
}

#[test]
fn no_changes_is_said_of_what_was_compared() {
    let stage = four_teams();
    stage.expect(0, SYNC);
    let elsewhere = "Federations, and identities that nothing there uses, were not compared.";
    for (filter, said) in [
        ("", "No changes. Live state matches the profile.".to_owned()),
        ("--team web", "No changes in team web. 3 other teams were not compared.".to_owned()),
        (
            "--team web --team d*",
            "No changes in teams data and web. 2 other teams were not compared.".to_owned(),
        ),
        (
            "--team *",
            "No changes in teams api, data, ops and web. What is left over of no team was not looked for."
                .to_owned(),
        ),
        (
            "--cluster weu",
            format!("No changes on cluster weu. 1 other cluster was not compared. {elsewhere}"),
        ),
        ("--cluster *", format!("No changes on clusters neu and weu. {elsewhere}")),
        (
            "--team web --cluster weu",
            format!(
                "No changes in team web on cluster weu. 3 other teams and 1 other cluster were not compared. {elsewhere}"
            ),
        ),
    ] {
        assert_eq!(stage.expect(0, &format!("{PLAN} {filter}")).last(), said);
        assert_eq!(stage.expect(0, &format!("{SYNC} {filter}")).last(), said);
        let markdown = stage.expect(0, &format!("{PLAN} {filter} --format markdown"));
        assert_eq!(markdown.stdout, format!("## widctl plan\n\n{said}\n"));
        let events = stage.expect(0, &format!("{PLAN} {filter} --json")).events();
        assert_eq!(events.last().unwrap()["@message"], said);
        let plan = stage.expect(0, &format!("{PLAN} {filter} --format json")).json();
        for looked in ["compared", "scope_read"] {
            assert_eq!(events.last().unwrap()[looked], plan[looked]);
        }
    }
    let plan = stage.expect(0, &format!("{PLAN} --team web --format json")).json();
    let compared =
        json!({"teams": ["web"], "clusters": null, "other_teams": 3, "other_clusters": 0});
    assert_eq!(plan["compared"], compared);
}

#[test]
fn an_approved_plan_whose_team_is_gone_no_longer_fits() {
    let stage = four_teams();
    stage.expect(0, &format!("{PLAN} --team ops --out plan.json"));
    stage.edit("teams.toml", "ops", "sre");
    let ran = stage.expect(3, "apply teams.toml --sandbox=sandbox.json --plan plan.json");
    assert!(ran.stderr.contains("`--team ops` matches no team of the profile"), "{ran:#?}");
    assert!(!ran.stdout.contains("No changes"), "{ran:#?}");
}

#[test]
fn what_only_people_delete_is_told_with_its_command_and_does_not_hold_up_a_gate_for_ever() {
    let stage = Stage::new();
    let both = ["neu", "weu"];
    let root = root("acme", &both).replace("rg-workload-identity", "rg-identity(prod)");
    let root =
        root.replace("name = \"aks-neu\"\n", "name = \"aks-neu\"\ncontext = \"neu admin\"\n");
    stage.write("teams.toml", root.clone() + &team("data", &both) + &team("web", &both));
    stage.expect(0, SYNC);
    stage.write("teams.toml", root + &team("data", &both));
    stage.expect(0, &format!("{SYNC} --prune --allow-mass-delete"));

    let identity = "az identity delete --subscription 00000000-0000-4000-8000-000000000001 --resource-group 'rg-identity(prod)' --name id-web";
    let named = "kubectl --context 'neu admin' delete namespace web";
    let looked_up = "az aks get-credentials --subscription 00000000-0000-4000-8000-000000000001 --resource-group rg-aks --name aks-weu --context aks-weu && kubectl --context aks-weu delete namespace web";
    let text = stage.expect(2, &format!("{PLAN} --detailed-exitcode")).stdout;
    let markdown = stage.expect(0, &format!("{PLAN} --format markdown")).stdout;
    let plan = stage.expect(0, &format!("{PLAN} --format json")).json();
    let events = stage.expect(0, &format!("{PLAN} --json")).events();
    for command in [identity, named, looked_up] {
        assert!(text.contains(&format!("by hand, once nothing uses it: {command}\n")), "{text}");
        assert!(markdown.contains(&format!("`{command}`")), "{markdown}");
        let kept = plan["kept"].as_array().unwrap();
        assert!(kept.iter().any(|kept| kept["by_hand"] == command), "{kept:#?}");
        assert!(events.iter().any(|event| event["fix"] == command), "{events:#?}");
    }

    let check = "sync teams.toml --sandbox=sandbox.json --check";
    stage.expect(2, check);
    for gate in
        [format!("{check} --ignore-kept"), format!("{PLAN} --detailed-exitcode --ignore-kept")]
    {
        let ran = stage.expect(0, &gate);
        assert!(ran.stdout.contains("= azure/identity/id-web: kept"), "{ran:#?}");
        assert!(ran.stdout.contains("\nNo changes; 3 leftovers kept.\n"), "{ran:#?}");
    }
    stage.edit("teams.toml", "\"app\"", "\"api\"");
    stage.expect(2, &format!("{check} --ignore-kept"));
    for line in [format!("{PLAN} --ignore-kept"), "sync teams.toml --ignore-kept".to_owned()] {
        stage.expect(64, &line);
    }
}
