//! The one question, asked and answered on a terminal, and what becomes of a plan while it waits.

use super::served::{Served, profile};
use crate::terminal::{Kind, Terminal};

const QUESTION: &str = "Only `yes` will be accepted: ";
const CHANGED: &str = "The plan changed while it waited for an answer.";
const ADDED: &str = "Apply complete!";

/// A served sandbox with nothing in it but what the profile `teams.toml` assumes.
fn served() -> Served {
    Served::new(&profile(&[]), "")
}

/// The same profile with these tags on the identity, in a file of its own.
fn with_tags(served: &Served, name: &str, tags: &str) {
    let identity = "name = \"id-team-0\"\n";
    let profile = profile(&[]).replace(identity, &format!("{identity}tags = {{ {tags} }}\n"));
    served.stage.write(name, profile);
}

#[test]
fn what_was_shown_is_written_after_one_more_reading() {
    let served = served();
    let mut sync = Terminal::new(&served.stage, "sync teams.toml", Kind::DUMB);
    let shown = sync.wait_for(QUESTION);
    assert!(shown.contains("+ azure/identity/id-team-0"), "{shown}");
    sync.answer("yes");
    let ran = sync.end();
    assert_eq!(ran.code, 0, "{ran:#?}");
    assert!(ran.stdout.contains(ADDED), "{ran:#?}");
    assert!(!ran.stdout.contains(CHANGED), "{ran:#?}");
    let reads = |text: &str| -> u32 {
        let line = text.lines().find_map(|line| line.strip_prefix("Requests: ")).unwrap();
        line.split(' ').next().unwrap().parse().unwrap()
    };
    let unasked = self::served().stage.expect(0, "sync teams.toml --auto-approve");
    assert!(reads(&ran.stdout) > reads(&unasked.stderr), "{ran:#?} {unasked:#?}");
    served.stage.expect(0, "plan teams.toml --detailed-exitcode");
}

#[test]
fn anything_but_yes_writes_nothing() {
    let served = served();
    for answer in ["no", "y", "YES", "yes please", ""] {
        let mut sync = Terminal::new(&served.stage, "sync teams.toml", Kind::DUMB);
        sync.wait_for(QUESTION);
        sync.answer(answer);
        let ran = sync.end();
        assert_eq!(ran.code, 1, "{answer}: {ran:#?}");
        assert!(ran.stdout.contains("not confirmed: nothing was written"), "{answer}: {ran:#?}");
    }
    served.stage.expect(2, "plan teams.toml --detailed-exitcode");
}

#[test]
fn an_identity_that_another_estate_takes_meanwhile_is_refused_and_nothing_is_written() {
    let served = served();
    let mut sync = Terminal::new(&served.stage, "sync teams.toml", Kind::DUMB);
    sync.wait_for(QUESTION);
    let other = profile(&[]).replace("estate = \"acme\"", "estate = \"fabrikam\"");
    served.stage.write("other.toml", other);
    served.stage.expect(0, "sync other.toml --auto-approve");
    sync.answer("yes");
    let ran = sync.end();
    assert_eq!(ran.code, 1, "{ran:#?}");
    assert!(ran.stdout.contains("fabrikam"), "{ran:#?}");
    assert!(ran.stdout.contains("nothing was written"), "{ran:#?}");
    served.stage.expect(0, "plan other.toml --detailed-exitcode");
}

#[test]
fn tags_that_somebody_writes_meanwhile_are_shown_and_survive() {
    let served = served();
    served.stage.expect(0, "sync teams.toml --auto-approve");
    with_tags(&served, "wanted.toml", "stage = \"prod\"");
    let mut sync = Terminal::new(&served.stage, "sync wanted.toml", Kind::DUMB);
    let shown = sync.wait_for(QUESTION);
    assert!(
        shown.contains("~ azure/identity/id-team-0") && !shown.contains("cost-center"),
        "{shown}"
    );
    with_tags(&served, "somebody.toml", "cost-center = \"42\"");
    served.stage.expect(0, "sync somebody.toml --auto-approve");
    sync.answer("yes");
    sync.wait_for(CHANGED);
    let shown = sync.wait_for(QUESTION);
    for part in [
        "It is another one at:\n  azure/identity/id-team-0\n",
        "tag stage: (none) -> prod\n",
        "Plan: 0 to adopt, 0 to add, 1 to change, 0 to destroy.\n",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    sync.answer("yes");
    let ran = sync.end();
    assert_eq!(ran.code, 0, "{ran:#?}");
    assert!(ran.stdout.contains(ADDED) && !ran.stdout.contains(CHANGED), "{ran:#?}");
    with_tags(&served, "both.toml", "stage = \"prod\", cost-center = \"42\"");
    served.stage.expect(0, "plan both.toml --detailed-exitcode");
}

#[test]
fn what_somebody_else_has_done_meanwhile_is_not_asked_for_again() {
    let served = served();
    let mut sync = Terminal::new(&served.stage, "sync teams.toml", Kind::DUMB);
    sync.wait_for(QUESTION);
    served.stage.expect(0, "sync teams.toml --auto-approve");
    sync.answer("yes");
    let ran = sync.end();
    assert_eq!(ran.code, 0, "{ran:#?}");
    assert!(ran.stdout.contains(CHANGED) && !ran.stdout.contains(QUESTION), "{ran:#?}");
    assert!(ran.stdout.contains("No changes. Live state matches the profile."), "{ran:#?}");
}

#[test]
fn a_plan_that_changes_after_every_answer_is_given_up_after_three() {
    let served = served();
    served.stage.expect(0, "sync teams.toml --auto-approve");
    with_tags(&served, "wanted.toml", "stage = \"prod\"");
    let mut sync = Terminal::new(&served.stage, "sync wanted.toml", Kind::DUMB);
    for number in 0..3 {
        sync.wait_for(QUESTION);
        with_tags(&served, "somebody.toml", &format!("cost-center = \"{number}\""));
        served.stage.expect(0, "sync somebody.toml --auto-approve");
        sync.answer("yes");
    }
    let ran = sync.end();
    assert_eq!(ran.code, 3, "{ran:#?}");
    let told = "the plan changed after each of 3 answers: nothing was written\n  azure/identity/id-team-0\n";
    assert!(ran.stdout.contains(told), "{ran:#?}");
    served.stage.expect(2, "plan wanted.toml --detailed-exitcode");
}

#[test]
fn an_answer_that_was_typed_before_the_new_plan_was_shown_does_not_approve_it() {
    let served = served();
    served.stage.expect(0, "sync teams.toml --auto-approve");
    with_tags(&served, "wanted.toml", "stage = \"prod\"");
    let mut sync = Terminal::new(&served.stage, "sync wanted.toml", Kind::DUMB);
    sync.wait_for(QUESTION);
    with_tags(&served, "somebody.toml", "cost-center = \"42\"");
    served.stage.expect(0, "sync somebody.toml --auto-approve");
    sync.answer("yes\nyes");
    sync.wait_for(CHANGED);
    sync.wait_for(QUESTION);
    sync.answer("no");
    let ran = sync.end();
    assert_eq!(ran.code, 1, "{ran:#?}");
    assert!(ran.stdout.contains("not confirmed: nothing was written"), "{ran:#?}");
    served.stage.expect(2, "plan wanted.toml --detailed-exitcode");
}

#[test]
fn nobody_is_asked_who_forbids_it() {
    let served = served();
    let ran = Terminal::new(&served.stage, "sync teams.toml --no-input", Kind::DUMB).end();
    assert_eq!(ran.code, 1, "{ran:#?}");
    assert!(!ran.stdout.contains(QUESTION), "{ran:#?}");
    assert!(ran.stdout.contains("there is nobody to confirm the plan"), "{ran:#?}");
}
