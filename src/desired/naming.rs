//! Names of federated credentials, and the marks that name Kubernetes objects: scheme 1, frozen.
//!
//! A credential has no tags, so its name says whose it is:
//! `widctl-<estate, 16 hex>-<cluster and subject, 26 base32>-<readable tail>`. The two hashes decide;
//! the tail is for people and never a reason for a change. The cluster is its ARM id in lower case, or
//! its key where it has none; never the issuer, so that a recreated cluster is an update in place. Where a credential
//! that has to stay bears the name, the new one's hash is over the issuer as well.
//!
//! A mark is `<cluster, kind, namespace and name, 16 hex>` on what widctl created, with `adopted-` before it on
//! what it took over. A copy of the object bears the mark of another one.

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use sha2::{Digest, Sha256};

use crate::model::kinds::Kind;
use crate::model::kinds::marks::ObjectKey;
use crate::model::text::{CredentialName, Estate, Issuer, ObjectName, Subject};

/// How every name starts.
const PREFIX: &str = "widctl-";
/// Hex digits of the estate's hash: 64 bits. Half of them collide for two names that anyone finds in a
/// moment, and the hash alone says whose a credential is.
const ESTATE_LENGTH: usize = 16;
/// Base32 characters of the hash of what is trusted.
const TRUST_LENGTH: usize = 26;
/// How the mark of an object begins that widctl took over.
const ADOPTED: &str = "adopted-";
/// Azure's limit for the whole name.
/// <https://learn.microsoft.com/rest/api/managedidentity/federated-identity-credentials>
const NAME_LENGTH: usize = 120;

/// What a credential's name is derived from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trusted<'a> {
    /// A service account of a cluster.
    Account {
        /// The cluster's ARM id in lower case, or its key.
        cluster: &'a str,
        /// The account's subject.
        subject: &'a Subject,
    },
    /// A federation, by its name.
    Federation(&'a str),
    /// A service account by one of the issuers of its cluster, where another credential has the account's own name.
    Issued {
        /// The cluster's ARM id in lower case, or its key.
        cluster: &'a str,
        /// The account's subject.
        subject: &'a Subject,
        /// The issuer.
        issuer: &'a Issuer,
    },
    /// What a federation trusts, where another credential has the federation's own name.
    Pair {
        /// That name.
        own: &'a CredentialName,
        /// Who signs.
        issuer: &'a Issuer,
        /// Whom the tokens are about.
        subject: &'a Subject,
    },
}

/// The name of the credential that trusts this.
pub fn credential_name(estate: &Estate, trusted: Trusted<'_>, tail: &str) -> CredentialName {
    let mut name = format!("{}{}-", estate_prefix(estate), trust_hash(trusted));
    let readable = tail.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
    name.extend(readable.take(NAME_LENGTH - name.len()));
    CredentialName::new(name)
}

/// The name of a credential whose own name another one has. The tail stays.
pub fn second_name(estate: &Estate, trusted: Trusted<'_>, own: &CredentialName) -> CredentialName {
    let tail = own.as_str().splitn(4, '-').nth(3).unwrap_or_default();
    credential_name(estate, trusted, tail)
}

/// Whether the estate made a credential of this name.
pub fn is_of_estate(estate: &Estate, name: &CredentialName) -> bool {
    name.as_str()
        .strip_prefix(&estate_prefix(estate))
        .and_then(|rest| rest.split_once('-'))
        .is_some_and(|(hash, _)| is_trust_hash(hash))
}

/// Whether two names differ at most in their readable tail.
pub fn is_same_trust(one: &CredentialName, other: &CredentialName) -> bool {
    hashes(one).is_some_and(|hash| Some(hash) == hashes(other))
}

/// The two hashes of a name of scheme 1.
fn hashes(name: &CredentialName) -> Option<&str> {
    let text = name.as_str().strip_prefix(PREFIX)?;
    let (estate, rest) = text.split_once('-')?;
    let (trust, _) = rest.split_once('-')?;
    let is_ours = estate.len() == ESTATE_LENGTH && is_trust_hash(trust);
    is_ours.then(|| &text[..=ESTATE_LENGTH + TRUST_LENGTH])
}

/// The name of the Role and the `RoleBinding` of an account, at most 253 characters.
pub fn role_name(service_account: &ObjectName) -> ObjectName {
    const LONGEST: usize = 253;
    let name = format!("{PREFIX}{service_account}");
    if name.len() <= LONGEST {
        return ObjectName::new(name);
    }
    let hash = HEXLOWER.encode(&digest(&[service_account.as_str()])[..8]);
    ObjectName::new(format!("{}-{hash}", &name[..LONGEST - hash.len() - 1]))
}

/// How an object came to be the estate's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// widctl created it; only then may it ever delete it.
    Created,
    /// It existed, and widctl took it over.
    Adopted,
}

/// The mark of an object of the kind `K`; the cluster as [`Trusted::Account`] has it.
pub fn mark<K: Kind<Key: ObjectKey>>(cluster: &str, key: &K::Key, origin: Origin) -> String {
    let hash = HEXLOWER.encode(&object_digest::<K>(cluster, key)[..8]);
    match origin {
        Origin::Created => hash,
        Origin::Adopted => format!("{ADOPTED}{hash}"),
    }
}

/// How the object came to be the estate's by this mark; `None` where it is the mark of another object, or none.
pub fn origin<K: Kind<Key: ObjectKey>>(cluster: &str, key: &K::Key, mark: &str) -> Option<Origin> {
    let (hash, origin) = match mark.strip_prefix(ADOPTED) {
        Some(hash) => (hash, Origin::Adopted),
        None => (mark, Origin::Created),
    };
    let named = HEXLOWER.encode(&object_digest::<K>(cluster, key)[..8]) == hash;
    named.then_some(origin)
}

fn object_digest<K: Kind<Key: ObjectKey>>(cluster: &str, key: &K::Key) -> [u8; 32] {
    digest(&["object", cluster, K::NAME, key.namespace().unwrap_or_default(), key.name()])
}

fn estate_prefix(estate: &Estate) -> String {
    let hash = HEXLOWER.encode(&digest(&["estate", estate.as_str()]));
    format!("{PREFIX}{}-", &hash[..ESTATE_LENGTH])
}

fn trust_hash(trusted: Trusted<'_>) -> String {
    let hash = match trusted {
        Trusted::Account { cluster, subject } => digest(&[cluster, subject.as_str()]),
        Trusted::Federation(name) => digest(&["federation", name]),
        Trusted::Issued { cluster, subject, issuer } => {
            digest(&[cluster, subject.as_str(), issuer.as_str()])
        }
        Trusted::Pair { own, issuer, subject } => {
            digest(&["pair", hashes(own).unwrap_or_default(), issuer.as_str(), subject.as_str()])
        }
    };
    let mut text = BASE32_NOPAD.encode(&hash).to_ascii_lowercase();
    text.truncate(TRUST_LENGTH);
    text
}

fn is_trust_hash(text: &str) -> bool {
    text.len() == TRUST_LENGTH && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'))
}

/// SHA-256 over the parts, each behind its length, so that no two lists of parts share a text.
pub(crate) fn digest(parts: &[&str]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::{
        Origin, Trusted, credential_name, is_of_estate, is_same_trust, mark, origin, role_name,
    };
    use crate::model::kinds::namespace::{NamespaceKey, Namespaces};
    use crate::model::kinds::rbac::{RoleKey, Roles};
    use crate::model::kinds::service_account::{ServiceAccountKey, ServiceAccounts};
    use crate::model::text::{CredentialName, Estate, ObjectName, Subject};

    fn account(estate: &str, cluster: &str, tail: &str) -> CredentialName {
        let subject = Subject::from("system:serviceaccount:data-eng:prefect-worker");
        credential_name(
            &Estate::from(estate),
            Trusted::Account { cluster, subject: &subject },
            tail,
        )
    }

    #[test]
    fn scheme_one_is_frozen() {
        insta::assert_snapshot!(
            account("contoso-prod", "weu", "weu-data-eng-prefect-worker"),
            @"widctl-7b284df286f53553-rwe3r4cpwnunq3mprzb7wzaawj-weu-data-eng-prefect-worker"
        );
        insta::assert_snapshot!(
            credential_name(&Estate::from("contoso-prod"), Trusted::Federation("github-main"), "github-main"),
            @"widctl-7b284df286f53553-qpmbsliizdedlbjfkjs227wpq7-github-main"
        );
    }

    #[test]
    fn a_name_never_exceeds_azures_limit_and_has_only_its_characters() {
        let name = account("contoso-prod", "weu", &"ä/".repeat(200));
        assert_eq!(name.as_str().len(), 120);
        assert!(name.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
    }

    #[test]
    fn the_tail_is_never_a_difference() {
        assert!(is_same_trust(&account("e", "weu", "one"), &account("e", "weu", "two")));
        assert!(!is_same_trust(&account("e", "weu", "one"), &account("e", "neu", "one")));
        assert!(!is_same_trust(&account("e", "weu", "one"), &account("f", "weu", "one")));
    }

    #[test]
    fn only_our_own_scheme_and_estate_are_recognised() {
        let estate = Estate::from("contoso-prod");
        assert!(is_of_estate(&estate, &account("contoso-prod", "weu", "x")));
        assert!(!is_of_estate(&estate, &account("contoso-test", "weu", "x")));
        assert!(!is_of_estate(&estate, &CredentialName::from("widctl-manual")));
        assert!(!is_of_estate(&estate, &CredentialName::from("aks-identity-binding")));
    }

    #[test]
    fn estates_whose_hashes_begin_alike_do_not_own_each_others_credentials() {
        let (one, other) = ("contoso-prod-776", "contoso-test-6599");
        let theirs = account(other, "weu", "x");
        assert!(!is_of_estate(&Estate::from(one), &theirs));
        assert!(!is_same_trust(&account(one, "weu", "x"), &theirs));
        let alike = |name: &CredentialName| name.as_str()["widctl-".len()..][..8].to_owned();
        assert_eq!(alike(&account(one, "weu", "x")), alike(&theirs), "or this test proves nothing");
    }

    #[test]
    fn a_long_account_still_gets_a_role_of_its_own() {
        let long = |last: char| ObjectName::new(format!("{}{last}", "a".repeat(252)));
        assert_eq!(role_name(&long('b')).as_str().len(), 253);
        assert_ne!(role_name(&long('b')), role_name(&long('c')));
    }

    #[test]
    fn a_mark_names_its_object_alone() {
        let account = |namespace: &str, name: &str| ServiceAccountKey::new("weu", namespace, name);
        let key = account("data-eng", "flows");
        let created = mark::<ServiceAccounts>("weu", &key, Origin::Created);
        let adopted = mark::<ServiceAccounts>("weu", &key, Origin::Adopted);
        insta::assert_snapshot!(format!("{created} {adopted}"), @"902b754fac3c36bc adopted-902b754fac3c36bc");
        let read = |cluster: &str, key: &ServiceAccountKey, mark: &str| {
            origin::<ServiceAccounts>(cluster, key, mark)
        };
        assert_eq!(read("weu", &key, &created), Some(Origin::Created));
        assert_eq!(read("weu", &key, &adopted), Some(Origin::Adopted));
        for other in [account("data", "flows"), account("data-eng", "flow"), account("", "flows")] {
            assert_eq!(read("weu", &other, &created), None, "{other}");
            assert_eq!(read("weu", &other, &adopted), None, "{other}");
        }
        assert_eq!(read("neu", &key, &created), None);
        let role = RoleKey::new("weu", "data-eng", "flows");
        assert_eq!(origin::<Roles>("weu", &role, &created), None);
        let namespace = NamespaceKey { cluster: "weu".into(), namespace: "flows".into() };
        assert_eq!(origin::<Namespaces>("weu", &namespace, &created), None);
        for nothing in ["", "true", "false", "adopted-", &created[..15], &created.to_uppercase()] {
            assert_eq!(read("weu", &key, nothing), None, "{nothing}");
        }
    }
}
