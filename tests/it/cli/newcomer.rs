//! The first steps of somebody who starts a profile.

use super::support::Stage;

#[test]
fn a_first_profile_is_written_checked_and_planned_without_an_edit() {
    let stage = Stage::new();
    let written = stage.expect(0, "init");
    assert_eq!(written.stdout, "Wrote teams.toml. Fill it in, then: widctl validate teams.toml\n");
    let valid = stage.expect(0, "validate teams.toml");
    assert_eq!(
        valid.stdout,
        "Valid: estate my-estate with 0 teams, 0 identities, 0 workloads on 1 cluster.\n"
    );
    let planned = stage.expect(0, "plan teams.toml --sandbox");
    assert_eq!(
        planned.stdout,
        "No changes. Nothing was compared: the profile names no identity and no workload.\n"
    );
    assert!(stage.exists(".widctl/sandbox.json"));
}

#[test]
fn a_folder_with_a_first_team_is_synced_without_an_edit() {
    let stage = Stage::new();
    stage.write("profile/teams/keep", "");
    stage.expect(0, "init profile/root.toml");
    let team = stage.expect(0, "init --team data-eng profile/teams/data-eng.toml");
    assert!(team.stdout.contains("profile/teams/data-eng.toml"), "{team:#?}");
    let valid = stage.expect(0, "validate profile");
    assert!(valid.stdout.contains("1 team, 1 identity, 1 workload"), "{valid:#?}");
    let synced = stage.expect(0, "sync profile --sandbox --auto-approve");
    assert_eq!(synced.last(), "Apply complete! 4 added, 0 changed, 0 destroyed. 0 unchanged.");
}

#[test]
fn a_teams_file_is_within_what_the_nearest_root_file_grants() {
    let stage = Stage::new();
    let root = super::support::root("acme", &["weu", "neu"])
        + "[policy.grants]\nnamespaces = [\"t-{team}\"]\nidentities = [\"mi-{team}-*\"]\n";
    stage.write("platform/widctl.toml", root);
    stage.write(
        "platform/teams/data.toml",
        "[[team]]\nname = \"data\"\n[[team.identity]]\nname = \"mi-data-x\"\n",
    );
    let written = stage.expect(0, "init --team web --profile platform");
    assert_eq!(
        written.stdout,
        "Wrote platform/teams/web.toml. Fill it in, then: widctl validate platform\n"
    );
    let valid = stage.expect(0, "validate platform");
    assert!(valid.stdout.contains("2 teams, 2 identities, 1 workload on 2 clusters"), "{valid:#?}");
    // The nearest root file is found, and the file must be part of its profile.
    stage.expect(0, "init --team api platform/teams/api.toml");
    stage.expect(0, "validate platform");
    let again = stage.expect(1, "init --team api platform/api2.toml");
    assert!(again.stderr.contains("is in the profile already, at teams/api.toml:"), "{again:#?}");
    let outside = stage.expect(1, "init --team out --profile platform out.toml");
    assert!(outside.stderr.contains("would be no part of the profile"), "{outside:#?}");
    assert!(!stage.exists("out.toml") && !stage.exists("platform/api2.toml"));
}

#[test]
fn a_teams_file_that_would_not_be_valid_is_not_written() {
    let stage = Stage::new();
    let root = super::support::root("acme", &["weu"]);
    let none = root.clone() + "[policy.grants]\nidentities = []\n";
    stage.write("platform/widctl.toml", &none);
    let refused = stage.expect(1, "init --team web --profile platform");
    assert!(refused.stderr.contains("grants team `web` no identity"), "{refused:#?}");
    assert!(refused.stderr.contains("identities = [\"id-web\"]"), "{refused:#?}");
    // A profile that has errors already says them.
    stage.write("platform/widctl.toml", root.clone() + "[policy.misspelt]\n");
    let broken = stage.expect(1, "init --team web --profile platform");
    assert!(broken.stderr.contains("WID-UNKNOWN-KEY"), "{broken:#?}");
    // Nor is one whose namespace another team has.
    let shared =
        root + "[policy.grants.teams.other]\nnamespaces = [\"web\"]\nidentities = [\"id-x\"]\n";
    stage.write("platform/widctl.toml", shared);
    let other = super::support::team("other", &["weu"])
        .replace("namespace = \"other\"", "namespace = \"web\"");
    stage.write("platform/other.toml", other);
    let taken = stage.expect(7, "init --team web --profile platform");
    assert!(taken.stderr.contains("WID-SHARED-NAMESPACE"), "{taken:#?}");
    assert!(!stage.exists("platform/web.toml"));
}

#[test]
fn init_never_overwrites() {
    let stage = Stage::new();
    for (name, line) in [
        ("teams.toml", "init"),
        ("data-eng.toml", "init --team data-eng"),
        ("mine.toml", "init mine.toml"),
    ] {
        stage.write(name, "mine");
        let ran = stage.expect(1, line);
        assert!(
            ran.stderr.contains(&format!("`{name}` exists and is never overwritten")),
            "{ran:#?}"
        );
        assert_eq!(stage.read(name), "mine");
    }
}

#[test]
fn init_says_what_is_wrong_with_its_arguments() {
    let stage = Stage::new();
    let named = stage.expect(1, "init --team Data_Eng");
    assert!(named.stderr.contains("`Data_Eng` is not a team's name"), "{named:#?}");
    let nowhere = stage.expect(1, "init missing/teams.toml");
    assert!(nowhere.stderr.contains("there is no folder `missing`"), "{nowhere:#?}");
    assert!(!nowhere.stderr.contains(".tmp"), "{nowhere:#?}");
}
