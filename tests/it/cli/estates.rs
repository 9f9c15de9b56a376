//! Two estates beside each other.

use super::support::{Stage, root, team};

fn sync(profile: &str) -> String {
    format!("sync {profile} --sandbox=sandbox.json --auto-approve")
}

#[test]
fn two_estates_never_touch_each_others_objects() {
    let stage = Stage::new();
    let clusters = ["weu"];
    stage.write("a.toml", root("acme", &clusters) + &team("one", &clusters));
    stage.write("b.toml", root("beta", &clusters) + &team("two", &clusters));
    for profile in ["a.toml", "b.toml"] {
        let ran = stage.expect(0, &sync(profile));
        assert_eq!(ran.last(), "Apply complete! 4 added, 0 changed, 0 destroyed. 0 unchanged.");
    }
    let of_both = stage.read("sandbox.json");
    for profile in ["a.toml", "b.toml"] {
        let line = format!("{} --prune", sync(profile));
        let ran = stage.expect(0, &line);
        assert_eq!(ran.stdout, "No changes. Live state matches the profile.\n");
    }
    assert_eq!(stage.read("sandbox.json"), of_both);
}

#[test]
fn an_identity_of_another_estate_is_refused_and_left_alone() {
    let stage = Stage::new();
    let clusters = ["weu"];
    stage.write("a.toml", root("acme", &clusters) + &team("one", &clusters));
    stage.write("b.toml", root("beta", &clusters) + &team("one", &clusters));
    stage.expect(0, &sync("a.toml"));
    let before = stage.read("sandbox.json");
    for flags in ["", "--adopt", "--force-conflicts"] {
        let ran = stage.expect(1, &format!("{} {flags}", sync("b.toml")));
        assert!(ran.stderr.contains("azure/identity/id-one"), "{ran:#?}");
        assert!(ran.stderr.contains("acme"), "{ran:#?}");
        assert!(ran.stderr.contains("nothing was written"), "{ran:#?}");
    }
    assert_eq!(stage.read("sandbox.json"), before);
}
