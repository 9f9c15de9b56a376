//! The one question, asked and answered on a terminal, and what becomes of a plan while it waits.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::process::Child;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::fs::OFlags;
use rustix::pty;

use super::served::{Served, profile};
use super::support::{Ran, Stage};

const QUESTION: &str = "Only `yes` will be accepted: ";
const CHANGED: &str = "The plan changed while it waited for an answer.";
const ADDED: &str = "Apply complete!";
/// Longer than any run takes on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_mins(1);

/// A run whose streams are a terminal.
struct Typed {
    child: Child,
    terminal: File,
    shown: mpsc::Receiver<String>,
    /// All that was shown so far.
    seen: String,
    /// How much of it was waited for.
    read: usize,
}

impl Typed {
    fn new(stage: &Stage, line: &str) -> Self {
        let controller = pty::openpt(pty::OpenptFlags::RDWR | pty::OpenptFlags::NOCTTY).unwrap();
        pty::grantpt(&controller).unwrap();
        pty::unlockpt(&controller).unwrap();
        let name = pty::ptsname(&controller, Vec::new()).unwrap().into_string().unwrap();
        let flags = OFlags::NOCTTY.bits().cast_signed();
        let mut options = OpenOptions::new();
        let own = options.read(true).write(true).custom_flags(flags).open(name).unwrap();
        let mut command = stage.child(line);
        command.stdin(own.try_clone().unwrap()).stdout(own.try_clone().unwrap()).stderr(own);
        let child = command.env("TERM", "dumb").spawn().unwrap();
        let terminal = File::from(controller);
        let mut output = terminal.try_clone().unwrap();
        let (sender, shown) = mpsc::channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Once nobody has the terminal open any more, reading it is an error.
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                let text = String::from_utf8_lossy(&bytes[..count]).replace('\r', "");
                if sender.send(text).is_err() {
                    return;
                }
            }
        });
        Self { child, terminal, shown, seen: String::new(), read: 0 }
    }

    /// Waits for a text that was not waited for yet, and answers what was shown up to it.
    fn wait_for(&mut self, text: &str) -> String {
        loop {
            if let Some(place) = self.seen[self.read..].find(text) {
                let until = self.read + place + text.len();
                let shown = self.seen[self.read..until].to_owned();
                self.read = until;
                return shown;
            }
            let more = self.shown.recv_timeout(PATIENCE);
            let more = more.unwrap_or_else(|_| panic!("no `{text}` in {}", self.seen));
            self.seen.push_str(&more);
        }
    }

    fn answer(&mut self, text: &str) {
        self.terminal.write_all(text.as_bytes()).unwrap();
        self.terminal.write_all(b"\n").unwrap();
    }

    /// Waits for the end; what was not waited for yet is the output.
    fn end(mut self) -> Ran {
        // Nothing more is shown once nobody has the terminal open any more.
        loop {
            match self.shown.recv_timeout(PATIENCE) {
                Ok(more) => self.seen.push_str(&more),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("no end after {}", self.seen),
            }
        }
        let code = self.child.wait().unwrap().code().expect("the program ended by itself");
        Ran { code, stdout: self.seen.split_off(self.read), stderr: String::new() }
    }
}

impl Drop for Typed {
    /// A test that fails leaves nothing running.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

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
    let mut sync = Typed::new(&served.stage, "sync teams.toml");
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
        let mut sync = Typed::new(&served.stage, "sync teams.toml");
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
    let mut sync = Typed::new(&served.stage, "sync teams.toml");
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
    let mut sync = Typed::new(&served.stage, "sync wanted.toml");
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
    let mut sync = Typed::new(&served.stage, "sync teams.toml");
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
    let mut sync = Typed::new(&served.stage, "sync wanted.toml");
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
    let mut sync = Typed::new(&served.stage, "sync wanted.toml");
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
    let ran = Typed::new(&served.stage, "sync teams.toml --no-input").end();
    assert_eq!(ran.code, 1, "{ran:#?}");
    assert!(!ran.stdout.contains(QUESTION), "{ran:#?}");
    assert!(ran.stdout.contains("there is nobody to confirm the plan"), "{ran:#?}");
}
