//! What teams in their own files may claim, and which team a name belongs to where two would cover it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};

use wildmatch::WildMatch;

use super::policy::Policy;
use crate::model::arm_id::{ArmId, ScopeLevel};
use crate::model::text::{Issuer, fold};
use crate::profile::read::globs::{Glob, covers_subject};
use crate::profile::source::Span;

/// What a team may claim.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Claim<'c> {
    /// A namespace.
    Namespace,
    /// The name of an identity.
    Identity,
    /// The scope of a role.
    Scope,
    /// A subject of this foreign issuer.
    Subject(&'c Issuer),
    /// An account of another team that calls a service.
    Caller,
}

impl Claim<'_> {
    /// The key of `[policy.grants]` that grants it.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Namespace => "namespaces",
            Self::Identity => "identities",
            Self::Scope => "scopes",
            Self::Subject(_) => "federations",
            Self::Caller => "callers",
        }
    }

    /// A line of `[policy.grants]` that grants exactly this. What a team wrote stays inside its quotes: people
    /// paste the line into the root file.
    pub(crate) fn grant(self, text: &str) -> String {
        let key = self.key();
        let quoted = |text: &str| text.replace('\\', r"\\").replace('"', r#"\""#);
        let text = quoted(text);
        match self {
            Self::Namespace | Self::Identity | Self::Scope | Self::Caller => {
                format!("{key} = [\"{text}\"]")
            }
            Self::Subject(issuer) => {
                let issuer = quoted(issuer.as_str());
                format!("{key} = [{{ issuer = \"{issuer}\", subjects = [\"{text}\"] }}]")
            }
        }
    }

    /// What it is, for people.
    pub(crate) fn what(self) -> &'static str {
        match self {
            Self::Namespace => "namespace",
            Self::Identity => "identity",
            Self::Scope => "scope",
            Self::Subject(_) => "subject",
            Self::Caller => "caller",
        }
    }

    /// A text as it is compared: Azure takes names and scopes in any case.
    fn folded(self, text: &str) -> String {
        match self {
            Self::Identity | Self::Scope => fold(text),
            Self::Namespace | Self::Subject(_) | Self::Caller => text.to_owned(),
        }
    }

    /// A text as it is compared with the names of teams. GitHub and GitLab compare names without regard to
    /// case, and a token has the case that the owner chose.
    fn named(self, text: &str) -> String {
        match self {
            Self::Subject(_) => text.to_ascii_lowercase(),
            Self::Namespace | Self::Identity | Self::Scope | Self::Caller => self.folded(text),
        }
    }

    /// Whether a glob for one team covers a text.
    fn covers(self, glob: &str, text: &str) -> bool {
        match self {
            Self::Namespace | Self::Identity | Self::Scope | Self::Caller => {
                WildMatch::new(glob).matches(text)
            }
            Self::Subject(_) => covers_subject(glob, text),
        }
    }
}

/// The names of all teams, and which of them hold another one: `data-eng` holds `data`.
#[derive(Debug, Default)]
pub(crate) struct TeamNames<'a> {
    /// Where each stands; nowhere for one that has grants and no table yet.
    places: BTreeMap<&'a str, Option<Span>>,
    /// By the shorter name, the longest first.
    longer: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> TeamNames<'a> {
    /// The names of teams with a table, and of those that have grants.
    pub(crate) fn new(
        teams: impl Iterator<Item = (&'a str, Span)>,
        granted: impl Iterator<Item = &'a str>,
    ) -> Self {
        let mut places: BTreeMap<_, _> = granted.map(|name| (name, None)).collect();
        places.extend(teams.map(|(name, at)| (name, Some(at))));
        let known: HashSet<&str> = places.keys().copied().collect();
        let mut longer: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for name in places.keys() {
            // A name has at most 63 letters, so its parts are few whatever the number of teams.
            let parts = (0..name.len()).flat_map(|start| {
                let ends = start + 1..=name.len();
                ends.filter_map(move |end| name.get(start..end))
            });
            let held: HashSet<&str> = parts
                .filter(|part| part.len() < name.len())
                .filter_map(|part| known.get(part).copied())
                .collect();
            for part in held {
                longer.entry(part).or_default().push(name);
            }
        }
        for names in longer.values_mut() {
            names.sort_by_key(|name| (Reverse(name.len()), *name));
        }
        Self { places, longer }
    }

    /// Where a team's name stands.
    pub(crate) fn place(&self, team: &str) -> Option<Span> {
        self.places.get(team).copied().flatten()
    }
}

/// What becomes of a claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict<'a> {
    /// The root file grants it.
    Granted,
    /// Nothing grants it.
    NotGranted,
    /// A grant covers it by the team's name, and by the longer name of this other team.
    Of(&'a str),
}

/// One grant to one team.
#[derive(Debug)]
struct Grant {
    glob: String,
    /// Whether it stands for exactly one text.
    literal: bool,
    /// Whether it covers what it does because of the team's name.
    by_name: bool,
    /// What the root file itself spells out.
    spelled: String,
}

/// What one team may claim of one kind.
#[derive(Debug)]
pub(crate) struct Granted<'m, 'a> {
    policy: &'m Policy<'a>,
    claim: Claim<'m>,
    grants: Vec<Grant>,
    longer: &'m [&'a str],
}

impl<'m, 'a> Granted<'m, 'a> {
    /// What the root file grants a team.
    pub(crate) fn new(
        policy: &'m Policy<'a>,
        names: &'m TeamNames<'a>,
        team: &str,
        claim: Claim<'m>,
    ) -> Self {
        let grant = |glob: &Glob, spelled: String| {
            let text = claim.folded(&glob.text_of_team(team));
            Grant {
                literal: !text.contains(['*', '?']),
                by_name: glob.names_the_team() || holds_word(&claim.named(&text), team),
                glob: text,
                spelled: claim.named(&spelled),
            }
        };
        let (all, own) = policy.grants(team, claim);
        // In the general lists `{team}` is every team, so that it spells out none.
        let all = all.into_iter().map(|glob| grant(glob, glob.text_of_team("\0")));
        let own = own.into_iter().map(|glob| grant(glob, glob.text_of_team(team)));
        Self {
            policy,
            claim,
            grants: all.chain(own).collect(),
            longer: names.longer.get(team).map_or(&[], Vec::as_slice),
        }
    }

    /// What becomes of a claim. Where the names of two teams cover it, it belongs to the longer one,
    /// unless the root file spells the longer one out in what it grants the other.
    pub(crate) fn verdict(&self, claimed: &str) -> Verdict<'a> {
        let text = self.claim.folded(claimed);
        // The scope of a management group ends like those of what is in it, so that a glob about these
        // would cover it.
        let exactly = self.claim == Claim::Scope
            && ArmId::parse(claimed).is_ok_and(|id| id.level() == ScopeLevel::ManagementGroup);
        let grants = self.grants.iter();
        let covering = grants
            .filter(|grant| (grant.literal || !exactly) && self.claim.covers(&grant.glob, &text));
        let mut owners = Vec::new();
        for grant in covering {
            let mut longer = self.longer.iter();
            let owner = longer.position(|longer| {
                grant.by_name && !holds_word(&grant.spelled, longer) && self.is_named(longer, &text)
            });
            match owner {
                None => return Verdict::Granted,
                Some(owner) => owners.push(owner),
            }
        }
        let owner = owners.into_iter().min();
        owner.map_or(Verdict::NotGranted, |owner| Verdict::Of(self.longer[owner]))
    }

    /// Whether a text is covered for another team by that team's name.
    fn is_named(&self, team: &str, text: &str) -> bool {
        let text = self.claim.named(text);
        if !text.contains(team) {
            return false;
        }
        let (all, own) = self.policy.grants(team, self.claim);
        let mut named = all.into_iter().chain(own).filter(|glob| glob.names_the_team());
        named.any(|glob| {
            let glob = self.claim.named(&glob.text_of_team(team));
            self.claim.covers(&glob, &text)
        })
    }
}

/// Whether a name stands in a text, no letter or digit right before or after it.
fn holds_word(text: &str, name: &str) -> bool {
    let letter = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    text.match_indices(name).any(|(start, _)| {
        let before = start.checked_sub(1).and_then(|index| text.as_bytes().get(index));
        !letter(before) && !letter(text.as_bytes().get(start + name.len()))
    })
}
