//! What an apply says is left to do, and that a shell takes it as printed.

use std::process::Command;

use super::support::{Ran, Stage, root, team};

const SYNC: &str = "sync teams.toml --auto-approve --sandbox=sandbox.json";

/// A stage with one team.
fn one_team() -> Stage {
    let stage = Stage::new();
    stage.write("teams.toml", root("acme", &["weu"]) + &team("data", &["weu"]));
    stage
}

/// The commands after an outcome.
fn commands(ran: &Ran) -> Vec<&str> {
    let (_, next) = ran.stderr.rsplit_once("\nNext:").unwrap_or_else(|| panic!("{ran:#?}"));
    next.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

/// The words that a shell makes of a command.
fn words(command: &str) -> Vec<String> {
    let script = format!("printf '%s\\n' {command}");
    let output = Command::new("/bin/sh").arg("-c").arg(script).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn new_accounts_leave_only_a_verification_and_nothing_written_leaves_nothing() {
    let stage = one_team();
    let ran = stage.expect(0, SYNC);
    assert_eq!(commands(&ran), ["widctl verify teams.toml --sandbox=sandbox.json"]);
    stage.expect(0, commands(&ran)[0].trim_start_matches("widctl "));
    let ran = stage.expect(0, SYNC);
    assert!(!ran.stderr.contains("Next:"), "{ran:#?}");
}

#[test]
fn filters_are_repeated_as_words_of_a_shell() {
    let ran = one_team().expect(0, &format!("{SYNC} --team da*"));
    let expected = ["widctl", "verify", "teams.toml", "--sandbox=sandbox.json", "--team=da*"];
    assert_eq!(words(commands(&ran)[0]), expected);
}

#[test]
fn every_format_says_it_in_its_own_way() {
    let ran = one_team().expect(0, &format!("{SYNC} --format markdown"));
    let block = "\nNext:\n\n```sh\nwidctl verify teams.toml --sandbox=sandbox.json\n```\n";
    assert!(ran.stdout.ends_with(block), "{ran:#?}");
    let ran = one_team().expect(0, &format!("{SYNC} --format json"));
    assert!(!ran.stdout.contains("Next:") && !ran.stderr.contains("Next:"), "{ran:#?}");
    let ran = one_team().expect(0, &format!("{SYNC} --json"));
    let said = "Next: widctl verify teams.toml --sandbox=sandbox.json";
    assert!(ran.events().iter().any(|event| event.to_string().contains(said)), "{ran:#?}");
}

#[test]
fn accounts_whose_pods_keep_the_old_settings_are_restarted_by_namespace_and_cluster() {
    let stage = Stage::new();
    let clusters = ["neu", "weu"];
    let second = "[[team.workload]]\nservice_account = \"second\"\nidentity = \"id-data\"\n";
    stage.write("teams.toml", root("acme", &clusters) + &team("data", &clusters) + second);
    let named = "name = \"aks-weu\"\ncontext = \"it's $(weu)\"";
    stage.edit("teams.toml", "name = \"aks-weu\"", named);
    stage.expect(0, SYNC);
    for account in ["app", "second"] {
        let from = format!("service_account = \"{account}\"");
        stage.edit("teams.toml", &from, &format!("{from}\ntoken_expiration = \"2h\""));
    }
    let ran = stage.expect(0, SYNC);
    let [neu, weu, verify] = commands(&ran)[..] else { panic!("{ran:#?}") };
    let restart = "rollout restart deployment,statefulset,daemonset --namespace data";
    let aks = "--subscription 00000000-0000-4000-8000-000000000001 --resource-group rg-aks \
        --name aks-neu --context aks-neu";
    let made = format!("az aks get-credentials {aks} && kubectl --context aks-neu {restart}");
    assert_eq!(neu, made);
    let expected: Vec<&str> =
        ["kubectl", "--context", "it's $(weu)"].into_iter().chain(restart.split(' ')).collect();
    assert_eq!(words(weu), expected);
    assert_eq!(verify, "widctl verify teams.toml --sandbox=sandbox.json");
}

#[test]
fn an_account_that_could_not_be_written_leaves_nothing_to_restart() {
    let stage = one_team();
    stage.expect(0, SYNC);
    let account = "service_account = \"app\"";
    stage.edit("teams.toml", account, &format!("{account}\ntoken_expiration = \"2h\""));
    let denied =
        r#"[{ cluster = "rg-aks-aks-weu", verb = "patch", resource = "serviceaccounts" }]"#;
    stage.write("faults.toml", format!("denied = {denied}\n"));
    let ran = stage.expect(1, &format!("{SYNC} --sandbox-faults faults.toml"));
    assert!(!ran.stderr.contains("Next:"), "{ran:#?}");
}

#[test]
fn a_sync_that_verifies_proposes_no_verification() {
    let ran = one_team().expect(0, &format!("{SYNC} --verify"));
    assert!(!ran.stderr.contains("Next:"), "{ran:#?}");
}
