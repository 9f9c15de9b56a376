//! `explain`: what a code means, from the tables that rules and hints are made from.

use crate::model::rule::{Rule, rules};
use crate::plan::rules as of_program;
use crate::ports::remedy::catalogue::{self, Row};
use crate::ports::remedy::template::blank;
use crate::profile::suggest::nearest;
use crate::verify::table::{CHECKS, Check};

rules! {
    KEPT = "WID-KEPT", Note;
        "the estate owns something that the profile no longer has",
        "it is a leftover: nothing deletes it without `--prune`",
        "put it back into the profile, delete it with `--prune`, or give it up with `widctl release ADDRESS`";
    LIKELY_DENIED = "WID-LIKELY-DENIED", Note;
        "the caller likely lacks a right that a change needs",
        "Azure or the cluster said so before anything was written; conditions and deny assignments are not seen",
        "have somebody who may grant it give the caller the role or rule that the row names";
    PLAN_STALE = "WID-PLAN-STALE", Obstacle;
        "the approved plan no longer fits",
        "what exists, or the profile, has changed since the plan was approved; nothing was written",
        "make a new plan with `widctl plan --out` and have it approved";
    RUN = "WID-RUN", Obstacle;
        "a run ended before its result",
        "a file, a service or the command line stopped it; its message says which",
        "do what its hint says, then run again";
    UNREAD = "WID-UNREAD", Note;
        "part of what the plan is about could not be read",
        "what could not be read is not taken for absent, so its rows are unknown",
        "fix what the row names and plan again, or write the rest with `--allow-incomplete`";
    WAITING = "WID-WAITING", Note;
        "a resource waits for one that is not",
        "what it needs is refused, unknown, or for somebody else to make",
        "fix what it waits for, then run again";
}

/// The most near codes that are named for one that nobody knows.
const MOST_NEAR: usize = 3;

/// A code that can be explained.
#[derive(Clone, Copy, Debug)]
pub enum Code {
    /// A rule of widctl.
    Rule(&'static Rule),
    /// A check of `verify`.
    Check(&'static Check),
    /// What a service answers.
    Answer(&'static Row),
}

/// What a code means.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Explanation {
    /// The code.
    pub code: &'static str,
    /// What it says.
    pub title: &'static str,
    /// Why it comes.
    pub cause: String,
    /// How to see it; a rule's message shows what it is about by itself.
    pub see: Option<String>,
    /// What fixes it.
    pub fix: String,
}

/// Nobody knows the code.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("widctl knows no such code{near}; `widctl explain --all` lists those that it knows")]
pub struct UnknownCode {
    near: String,
}

/// Every code: widctl's own rules and checks, then the services'.
pub fn all() -> impl Iterator<Item = Code> {
    let own = rules_by_code().into_iter().map(Code::Rule).chain(CHECKS.iter().map(Code::Check));
    own.chain(catalogue::all().map(Code::Answer))
}

/// The rules of profiles and plans, and those of runs, sorted.
fn rules_by_code() -> Vec<&'static Rule> {
    let mut rules: Vec<&Rule> =
        of_program::all().into_iter().chain(RULES.iter().copied()).collect();
    rules.sort_by_key(|rule| rule.code);
    rules
}

/// The code in any case, one of Entra's also without its `AADSTS`, else the first that a message names.
pub fn find(text: &str) -> Result<Code, UnknownCode> {
    let text = text.trim();
    let is_rule = |rule: &&Rule| rule.code.eq_ignore_ascii_case(text);
    if let Some(rule) = rules_by_code().into_iter().find(is_rule) {
        return Ok(Code::Rule(rule));
    }
    if let Some(check) = CHECKS.iter().find(|check| check.code.eq_ignore_ascii_case(text)) {
        return Ok(Code::Check(check));
    }
    let row = catalogue::row(text).or_else(|| catalogue::of_message(text));
    row.map(Code::Answer).ok_or_else(|| UnknownCode { near: near(text) })
}

/// The codes that are most like a text.
fn near(text: &str) -> String {
    let mut known: Vec<&str> = all().map(Code::name).collect();
    let mut found = Vec::new();
    while let Some(code) = nearest(text, known.iter().copied())
        && found.len() < MOST_NEAR
    {
        known.retain(|word| *word != code);
        found.push(format!("`{code}`"));
    }
    if found.is_empty() { String::new() } else { format!("; the nearest are {}", found.join(", ")) }
}

impl Code {
    /// The code itself.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rule(rule) => rule.code,
            Self::Check(check) => check.code,
            Self::Answer(row) => row.code,
        }
    }

    /// What it means.
    pub fn explain(self) -> Explanation {
        match self {
            Self::Rule(Rule { code, kind: _, title, cause, fix }) => Explanation {
                code,
                title,
                cause: (*cause).to_owned(),
                see: None,
                fix: (*fix).to_owned(),
            },
            Self::Check(Check { code, title, cause, fix, .. }) => Explanation {
                code,
                title,
                cause: (*cause).to_owned(),
                see: Some(format!(
                    "`widctl verify PROFILE` says of {code} what was wanted and found"
                )),
                fix: (*fix).to_owned(),
            },
            Self::Answer(Row { code, title, cause, see, fix }) => Explanation {
                code,
                title,
                cause: blank(cause),
                see: Some(blank(see)),
                fix: blank(fix),
            },
        }
    }
}
