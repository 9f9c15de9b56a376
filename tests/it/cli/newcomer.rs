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
