//! Which existing credential of one identity answers to which wanted one: by (issuer, subject), then by
//! own name.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::desired::naming;
use crate::model::kinds::federated_credential::LiveFederatedCredential;
use crate::model::text::{CredentialName, Issuer, Subject};
use crate::plan::link::differ_by_slash;

/// What is looked for.
pub(super) struct Wanted<'a> {
    /// The name that widctl gives it.
    pub(super) name: &'a CredentialName,
    /// Who signs; `None` where that could not be read.
    pub(super) issuer: Option<&'a Issuer>,
    /// Whether the issuer is ARM's word alone, so that one trailing slash may be wrong with it.
    pub(super) unconfirmed: bool,
    /// Whom the tokens are about.
    pub(super) subject: &'a Subject,
    /// The issuers that its cluster had before.
    pub(super) retiring: &'a [Issuer],
}

/// What was found for a wanted credential; the number is the index of the existing one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Match {
    /// Nothing.
    None,
    /// The same pair of issuer and subject.
    Pair(usize),
    /// The same pair but for one trailing slash of an unconfirmed issuer.
    Slash(usize),
    /// Another pair under the wanted credential's own name.
    Name(usize),
}

impl Match {
    /// The existing credential's index, where it trusts what is wanted.
    pub(super) fn pair(self) -> Option<usize> {
        match self {
            Self::Pair(index) | Self::Slash(index) => Some(index),
            Self::None | Self::Name(_) => None,
        }
    }

    /// The existing credential's index.
    pub(super) fn index(self) -> Option<usize> {
        match self {
            Self::None => None,
            Self::Pair(index) | Self::Slash(index) | Self::Name(index) => Some(index),
        }
    }
}

/// What answers to what.
#[derive(Default)]
pub(super) struct Matches {
    /// What was found for each wanted one.
    pub(super) found: Vec<Match>,
    /// The names of those whose own name another credential has that has to stay.
    pub(super) moved: BTreeMap<usize, CredentialName>,
    /// The existing ones of issuers that retire, and for which wanted one each is kept.
    pub(super) retiring: BTreeMap<usize, usize>,
}

/// Matches the wanted with the existing credentials of one identity. `second` is the name of a wanted one whose own
/// name is taken.
pub(super) fn find(
    wanted: &[Wanted<'_>],
    live: &[Arc<LiveFederatedCredential>],
    second: impl Fn(usize) -> CredentialName,
) -> Matches {
    let mut taken = vec![false; live.len()];
    let mut found = vec![Match::None; wanted.len()];
    for exact in [true, false] {
        for (index, want) in wanted.iter().enumerate() {
            if found[index] != Match::None {
                continue;
            }
            let same = |live: &LiveFederatedCredential| is_same_pair(want, live, exact);
            let free = (0..live.len()).filter(|&at| !taken[at] && same(&live[at]));
            if let Some(at) = free.min_by_key(|&at| &live[at].name) {
                taken[at] = true;
                found[index] = if exact { Match::Pair(at) } else { Match::Slash(at) };
            }
        }
    }
    let mut retiring = BTreeMap::new();
    for at in (0..live.len()).filter(|&at| !taken[at]) {
        if let Some(index) = wanted.iter().position(|want| is_retiring(want, &live[at])) {
            retiring.insert(at, index);
        }
    }
    for at in retiring.keys() {
        taken[*at] = true;
    }
    let moved = match_names(wanted, live, (&mut taken, &mut found), second);
    Matches { found, moved, retiring }
}

/// Whether it trusts what is wanted by an issuer that the cluster had before.
fn is_retiring(want: &Wanted<'_>, live: &LiveFederatedCredential) -> bool {
    live.subject.as_ref() == Some(want.subject) && want.retiring.contains(&live.issuer)
}

fn is_same_pair(want: &Wanted<'_>, live: &LiveFederatedCredential, exact: bool) -> bool {
    let Some(issuer) = want.issuer else {
        return false;
    };
    live.subject.as_ref() == Some(want.subject)
        && if exact {
            live.issuer == *issuer
        } else {
            want.unconfirmed && differ_by_slash(&live.issuer, issuer)
        }
}

/// Whoever found no pair takes the credential of its own name. One that has to stay, since it serves another wanted
/// one or is of an issuer that retires, is left alone: then the wanted one has another name, for as long as it exists.
fn match_names(
    wanted: &[Wanted<'_>],
    live: &[Arc<LiveFederatedCredential>],
    (taken, found): (&mut [bool], &mut [Match]),
    second: impl Fn(usize) -> CredentialName,
) -> BTreeMap<usize, CredentialName> {
    let mut moved = BTreeMap::new();
    for (index, want) in wanted.iter().enumerate() {
        if found[index] != Match::None {
            continue;
        }
        let named = |name: &CredentialName| {
            let named = |at: &usize| naming::is_same_trust(&live[*at].name, name);
            let all: Vec<usize> = (0..live.len()).filter(named).collect();
            let free = all.iter().filter(|&&at| !taken[at]);
            (!all.is_empty(), free.min_by_key(|&&at| &live[at].name).copied())
        };
        let at = match named(want.name) {
            (true, None) if want.issuer.is_some() => {
                let name = moved.entry(index).or_insert_with(|| second(index));
                named(name).1
            }
            (_, at) => at,
        };
        if let Some(at) = at {
            taken[at] = true;
            found[index] = Match::Name(at);
        }
    }
    moved
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::{Match, Matches, Wanted, find};
    use crate::desired::naming;
    use crate::desired::naming::Trusted;
    use crate::model::kinds::federated_credential::LiveFederatedCredential;
    use crate::model::text::{CredentialName, Estate, Issuer, Subject};

    fn name(cluster: &str) -> CredentialName {
        let trusted = Trusted::Account { cluster, subject: &Subject::from("s") };
        naming::credential_name(&Estate::from("e"), trusted, "tail")
    }

    fn live(name: CredentialName, issuer: &str) -> Arc<LiveFederatedCredential> {
        Arc::new(LiveFederatedCredential {
            name,
            issuer: Issuer::from(issuer),
            subject: Some(Subject::from("s")),
            expression: None,
            audiences: vec!["a".into()],
        })
    }

    /// What is found for clusters `one` and `two` with the issuers `i1` and `i2`, one of which had `i0`.
    fn matches(live: &[Arc<LiveFederatedCredential>], unconfirmed: bool) -> Matches {
        let names = [name("one"), name("two")];
        let issuers = [Issuer::from("i1"), Issuer::from("i2")];
        let retiring = [Issuer::from("i0")];
        let subject = Subject::from("s");
        let wanted: Vec<Wanted<'_>> = (0..2)
            .map(|index| Wanted {
                name: &names[index],
                issuer: Some(&issuers[index]),
                unconfirmed,
                subject: &subject,
                retiring: if index == 0 { &retiring } else { &[] },
            })
            .collect();
        find(&wanted, live, |index| name(["other one", "other two"][index]))
    }

    fn found(live: &[Arc<LiveFederatedCredential>], unconfirmed: bool) -> Vec<Match> {
        matches(live, unconfirmed).found
    }

    #[test]
    fn the_pair_decides_before_the_name() {
        let swapped = [live(name("one"), "i2"), live(name("two"), "i1")];
        assert_eq!(found(&swapped, false), [Match::Pair(1), Match::Pair(0)]);
    }

    #[test]
    fn a_name_whose_credential_serves_another_is_left_and_the_owner_has_a_second() {
        let one_has_twos = matches(&[live(name("one"), "i2")], false);
        assert_eq!(one_has_twos.found, [Match::None, Match::Pair(0)]);
        assert_eq!(one_has_twos.moved, BTreeMap::from([(0, name("other one"))]));
        let both = [live(name("one"), "i2"), live(name("other one"), "i9")];
        assert_eq!(found(&both, false), [Match::Name(1), Match::Pair(0)]);
    }

    #[test]
    fn a_credential_of_an_issuer_that_retires_is_kept_with_its_name() {
        let retiring = matches(&[live(name("one"), "i0")], false);
        assert_eq!(retiring.found, [Match::None, Match::None]);
        assert_eq!(retiring.moved, BTreeMap::from([(0, name("other one"))]));
        assert_eq!(retiring.retiring, BTreeMap::from([(0, 0)]));
        let beside = [live(name("other one"), "i1"), live(name("one"), "i0")];
        let beside = matches(&beside, false);
        assert_eq!(beside.found, [Match::Pair(0), Match::None]);
        assert!(beside.moved.is_empty(), "a pair has the name that it has");
        let mut another = LiveFederatedCredential::clone(&live("manual".into(), "i0"));
        another.subject = Some(Subject::from("another"));
        assert!(matches(&[Arc::new(another)], false).retiring.is_empty(), "nobody wanted it");
        // Cluster two never had that issuer.
        assert_eq!(found(&[live(name("two"), "i0")], false), [Match::None, Match::None]);
    }

    #[test]
    fn one_slash_is_forgiven_only_while_the_issuer_is_unconfirmed() {
        let slashed = [live("manual".into(), "i1/")];
        assert_eq!(found(&slashed, false), [Match::None, Match::None]);
        assert_eq!(found(&slashed, true), [Match::Slash(0), Match::None]);
    }
}
