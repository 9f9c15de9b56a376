//! Profiles that are right, and what becomes of them.

use super::codes;
use super::files;
use super::load;
use super::load_text;
use super::repository;

#[test]
fn the_quickstart_fills_every_default() {
    let profile = load(&files(&repository("profiles/quickstart.toml"))).unwrap();
    insta::assert_debug_snapshot!(profile);
}

#[test]
fn a_profile_without_teams_is_one_for_a_folder_that_has_none_yet() {
    assert!(
        load_text("version = 1\nestate = \"empty\"\n")
            .unwrap()
            .teams
            .is_empty()
    );
    let errors = load_text("version = 2\n").unwrap_err();
    assert_eq!(codes(&errors), ["WID-MISSING-KEY", "WID-VERSION"]);
    assert!(!errors.refused());
}
