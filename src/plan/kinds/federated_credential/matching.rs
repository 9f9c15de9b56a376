//! Which existing credential of one identity answers to which wanted one: by (issuer, subject), then by
//! own name.

use std::collections::VecDeque;
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

/// Matches the wanted with the existing credentials of one identity.
pub(super) fn find(wanted: &[Wanted<'_>], live: &[Arc<LiveFederatedCredential>]) -> Vec<Match> {
    let mut taken: Vec<Option<usize>> = vec![None; live.len()];
    let mut found = vec![Match::None; wanted.len()];
    for exact in [true, false] {
        for (index, want) in wanted.iter().enumerate() {
            if found[index] != Match::None {
                continue;
            }
            let same = |live: &LiveFederatedCredential| is_same_pair(want, live, exact);
            let free = (0..live.len()).filter(|&at| taken[at].is_none() && same(&live[at]));
            let at = free.min_by_key(|&at| &live[at].name);
            if let Some(at) = at {
                taken[at] = Some(index);
                found[index] = if exact { Match::Pair(at) } else { Match::Slash(at) };
            }
        }
    }
    match_names(wanted, live, &mut taken, &mut found);
    found
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

/// Whoever found no pair takes the credential of its own name. If that one served another wanted
/// credential by its pair, the other has to look under its own name in turn: a name can be written
/// only once, and it is the owner's. A credential whose issuer is unknown drives nobody out.
fn match_names(
    wanted: &[Wanted<'_>],
    live: &[Arc<LiveFederatedCredential>],
    taken: &mut [Option<usize>],
    found: &mut [Match],
) {
    let unmatched = (0..wanted.len()).filter(|&index| found[index] == Match::None);
    let mut queue: VecDeque<usize> = unmatched.collect();
    while let Some(index) = queue.pop_front() {
        let named =
            |live: &LiveFederatedCredential| naming::is_same_trust(&live.name, wanted[index].name);
        let holders = (0..live.len()).filter(|&at| named(&live[at]));
        let Some(at) = holders.min_by_key(|&at| &live[at].name) else {
            continue;
        };
        if wanted[index].issuer.is_none() && taken[at].is_some() {
            continue;
        }
        if let Some(evicted) = taken[at].replace(index) {
            found[evicted] = Match::None;
            queue.push_back(evicted);
        }
        found[index] = Match::Name(at);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Match, Wanted, find};
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

    /// What is found for clusters `one` and `two` with the issuers `i1` and `i2`.
    fn found(live: &[Arc<LiveFederatedCredential>], unconfirmed: bool) -> Vec<Match> {
        let names = [name("one"), name("two")];
        let issuers = [Issuer::from("i1"), Issuer::from("i2")];
        let subject = Subject::from("s");
        let wanted: Vec<Wanted<'_>> = (0..2)
            .map(|index| Wanted {
                name: &names[index],
                issuer: Some(&issuers[index]),
                unconfirmed,
                subject: &subject,
            })
            .collect();
        find(&wanted, live)
    }

    #[test]
    fn the_pair_decides_before_the_name() {
        let swapped = [live(name("one"), "i2"), live(name("two"), "i1")];
        assert_eq!(found(&swapped, false), [Match::Pair(1), Match::Pair(0)]);
    }

    #[test]
    fn a_name_that_another_needs_goes_to_its_owner() {
        let one_has_twos = [live(name("one"), "i2")];
        assert_eq!(found(&one_has_twos, false), [Match::Name(0), Match::None]);
    }

    #[test]
    fn one_slash_is_forgiven_only_while_the_issuer_is_unconfirmed() {
        let slashed = [live("manual".into(), "i1/")];
        assert_eq!(found(&slashed, false), [Match::None, Match::None]);
        assert_eq!(found(&slashed, true), [Match::Slash(0), Match::None]);
    }
}
