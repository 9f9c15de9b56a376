//! Names with a grammar of their own: of Azure, of Kubernetes, and widctl's.

use std::sync::Arc;

use super::federations::GITHUB;
use super::texts::primitive_schemas;
use super::{At, Parse, Reader, Refusal};
use crate::model::kinds::federated_credential::IDENTITY_BINDING_NAME;
use crate::model::rule::{Rule, rules};
use crate::model::text::{
    ClusterName, Estate, Namespace, ObjectName, TeamName, fold, is_resource_group_name,
    is_same_name,
};
use crate::profile::findings::Finding;
use crate::profile::source::{Span, quoted};

rules! {
    ESTATE_NAME = "WID-ESTATE-NAME", Check;
        "the estate is a tag value and a Kubernetes label value",
        "The estate marks everything that the profile owns, in Azure as a tag and in Kubernetes as a label, so it must be valid in both.",
        "Use 1 to 63 letters, digits, `-`, `_` and `.`, the first and the last a letter or digit.";
    TEAM_NAME = "WID-TEAM-NAME", Check;
        "a team's name is a DNS label",
        "The name stands in namespaces and identities through `{team}` in the grants, so it must not hold a glob.",
        "Use 1 to 63 lower-case letters, digits and `-`, the first and the last a letter or digit.";
    CLUSTER_KEY = "WID-CLUSTER-KEY", Check;
        "a cluster's key is a DNS label other than `azure`",
        "The key stands in addresses and in the names of per-cluster identities; `azure` is taken by the addresses of Azure's objects.",
        "Use 1 to 63 lower-case letters, digits and `-`, the first and the last a letter or digit.";
    NAMESPACE_NAME = "WID-NAMESPACE-NAME", Check;
        "a namespace is a DNS label",
        "Kubernetes takes RFC 1123 labels as names of namespaces.",
        "Use 1 to 63 lower-case letters, digits and `-`, the first and the last a letter or digit.";
    ACCOUNT_NAME = "WID-ACCOUNT-NAME", Check;
        "a service account's name is a DNS subdomain",
        "Kubernetes takes RFC 1123 subdomains as names of service accounts.",
        "Use 1 to 253 lower-case letters, digits, `-` and `.`, each part between dots beginning and ending with a letter or digit.";
    IDENTITY_NAME = "WID-IDENTITY-NAME", Check;
        "a managed identity's name is one that Azure takes",
        "Azure takes 3 to 128 letters, digits, `-` and `_`, the first a letter or digit.",
        "Choose such a name.";
    GROUP_NAME = "WID-RESOURCE-GROUP-NAME", Check;
        "a resource group's name is one that Azure takes",
        "Azure takes 1 to 90 letters and digits of any script, `-`, `_`, `.` and parentheses, not ending with a dot.",
        "Write the resource group's own name, not its id.";
    AKS_NAME = "WID-AKS-NAME", Check;
        "an AKS cluster's name is one that Azure takes",
        "Azure takes 1 to 63 letters, digits, `-` and `_`, the first and the last a letter or digit.",
        "Write the cluster's own name, not its id.";
    FEDERATION_NAME = "WID-FEDERATION-NAME", Check;
        "a federation's name is one that Azure would take",
        "It follows the rule for federated credentials: 3 to 120 letters, digits, `-` and `_`, the first a letter or digit; `aks-identity-binding` belongs to AKS.",
        "Choose such a name, `github-main` for instance.";
    CLOUD_NAME = "WID-CLOUD-NAME", Check;
        "a cloud is named by a short lower-case name",
        "The cloud is `public`, `usgovernment`, `china`, or a name from the cloud file that the caller hands in; a profile never says where a credential is sent.",
        "Use one of these names; describe another cloud in the cloud file.";
}

/// A service account's namespace and name, `external-secrets/external-secrets`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct AccountName(pub(crate) Namespace, pub(crate) ObjectName);

/// A managed identity's name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct IdentityName(pub(crate) Arc<str>);

/// A resource group's name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct GroupName(pub(crate) Arc<str>);

/// An AKS cluster's name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct AksName(pub(crate) Arc<str>);

/// A federation's name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct FederationName(pub(crate) Arc<str>);

/// The name of a user or organisation on GitHub.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct OwnerName(pub(crate) Arc<str>);

/// A repository's name on GitHub.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RepositoryName(pub(crate) Arc<str>);

/// A cloud's name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct CloudName(pub(crate) Arc<str>);

/// Which characters a name may have, and where.
struct Grammar {
    rule: &'static Rule,
    what: &'static str,
    hint: &'static str,
    lengths: std::ops::RangeInclusive<usize>,
    first: fn(u8) -> bool,
    inner: fn(u8) -> bool,
    last: fn(u8) -> bool,
}

fn lower(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn lower_hyphen(byte: u8) -> bool {
    lower(byte) || byte == b'-'
}

fn letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn word(byte: u8) -> bool {
    letter(byte) || byte == b'-' || byte == b'_'
}

fn label(byte: u8) -> bool {
    word(byte) || byte == b'.'
}

impl Grammar {
    fn admits(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        self.lengths.contains(&bytes.len())
            && bytes.first().copied().is_some_and(self.first)
            && bytes.last().copied().is_some_and(self.last)
            && bytes.iter().copied().all(self.inner)
    }

    fn check(&self, text: &str) -> Result<(), Refusal> {
        if self.admits(text) {
            return Ok(());
        }
        Err(Refusal {
            rule: self.rule,
            message: format!("{} is not {}", quoted(text), self.what),
            hint: self.hint.into(),
        })
    }
}

pub(super) const DNS_LABEL: &str =
    "1 to 63 lower-case letters, digits and `-`, the first and the last a letter or digit";

/// Declares names with their grammar and the pattern that editors check.
macro_rules! names {
    ($($type:ty, $make:expr, $rule:ident, $what:literal, $hint:expr,
        $lengths:expr, $first:ident $inner:ident $last:ident, $pattern:literal;)+) => {$(
        impl Parse for $type {
            fn parse(text: &str) -> Result<Self, Refusal> {
                let grammar = Grammar {
                    rule: &$rule,
                    what: $what,
                    hint: $hint,
                    lengths: $lengths,
                    first: $first,
                    inner: $inner,
                    last: $last,
                };
                grammar.check(text)?;
                let text: Arc<str> = text.into();
                Ok($make(text))
            }
        }

        primitive_schemas! {
            $type => {"type": "string", "pattern": $pattern};
        }
    )+};
}

names! {
    Estate, Estate::new, ESTATE_NAME, "an estate's name",
        "1 to 63 letters, digits, `-`, `_` and `.`, the first and the last a letter or digit",
        1..=63, letter label letter, "^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$";
    TeamName, TeamName::new, TEAM_NAME, "a team's name", DNS_LABEL,
        1..=63, lower lower_hyphen lower, "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";
    Namespace, Namespace::new, NAMESPACE_NAME, "a namespace's name", DNS_LABEL,
        1..=63, lower lower_hyphen lower, "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";
    IdentityName, IdentityName, IDENTITY_NAME, "a managed identity's name",
        "3 to 128 letters, digits, `-` and `_`, the first a letter or digit",
        3..=128, letter word word, "^[A-Za-z0-9][A-Za-z0-9_-]{2,127}$";
    AksName, AksName, AKS_NAME, "an AKS cluster's name",
        "1 to 63 letters, digits, `-` and `_`, the first and the last a letter or digit",
        1..=63, letter word letter, "^[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?$";
    OwnerName, OwnerName, GITHUB, "the name of an owner on GitHub",
        "1 to 100 letters, digits, `-` and `_`, the first a letter or digit, in GitHub's own case; the id goes to `owner_id`",
        1..=100, letter word word, "^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$";
    RepositoryName, RepositoryName, GITHUB, "the name of a repository on GitHub",
        "1 to 100 letters, digits, `-`, `_` and `.`, in GitHub's own case, without its owner; the id goes to `repository_id`",
        1..=100, label label label, "^[A-Za-z0-9._-]{1,100}$";
    CloudName, CloudName, CLOUD_NAME, "a cloud's name",
        "`public`, `usgovernment`, `china`, or a name from the cloud file",
        1..=63, lower lower_hyphen lower, "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";
}

impl Parse for GroupName {
    fn parse(text: &str) -> Result<Self, Refusal> {
        if is_resource_group_name(text) {
            return Ok(Self(text.into()));
        }
        Err(Refusal {
            rule: &GROUP_NAME,
            message: format!("{} is not a resource group's name", quoted(text)),
            hint: "1 to 90 letters, digits, `-`, `_`, `.` and parentheses, not ending with a dot"
                .into(),
        })
    }
}

impl Parse for ClusterName {
    fn parse(text: &str) -> Result<Self, Refusal> {
        let grammar = Grammar {
            rule: &CLUSTER_KEY,
            what: "a cluster's key",
            hint: DNS_LABEL,
            lengths: 1..=63,
            first: lower,
            inner: lower_hyphen,
            last: lower,
        };
        grammar.check(text)?;
        if text == "azure" {
            return Err(Refusal {
                rule: &CLUSTER_KEY,
                message: "`azure` cannot be a cluster's key: the addresses of Azure's objects begin with it"
                    .into(),
                hint: "choose another key, the region for instance".into(),
            });
        }
        Ok(Self::new(text))
    }
}

impl Parse for AccountName {
    fn parse(text: &str) -> Result<Self, Refusal> {
        let Some((namespace, name)) = text.split_once('/') else {
            return Err(Refusal {
                rule: &ACCOUNT_NAME,
                message: format!("{} names no account", quoted(text)),
                hint: "write it as NAMESPACE/ACCOUNT".into(),
            });
        };
        Ok(Self(Namespace::parse(namespace)?, ObjectName::parse(name)?))
    }
}

impl Parse for ObjectName {
    fn parse(text: &str) -> Result<Self, Refusal> {
        let grammar = Grammar {
            rule: &ACCOUNT_NAME,
            what: "a service account's name",
            hint: "1 to 253 lower-case letters, digits, `-` and `.`, each part between dots beginning and ending with a letter or digit",
            lengths: 1..=253,
            first: lower,
            inner: lower_hyphen,
            last: lower,
        };
        if text.len() > 253 || text.is_empty() || !text.split('.').all(|part| grammar.admits(part))
        {
            return Err(Refusal {
                rule: grammar.rule,
                message: format!("{} is not {}", quoted(text), grammar.what),
                hint: grammar.hint.into(),
            });
        }
        Ok(Self::new(text))
    }
}

impl Parse for FederationName {
    fn parse(text: &str) -> Result<Self, Refusal> {
        let grammar = Grammar {
            rule: &FEDERATION_NAME,
            what: "a federation's name",
            hint: "3 to 120 letters, digits, `-` and `_`, the first a letter or digit",
            lengths: 3..=120,
            first: letter,
            inner: word,
            last: word,
        };
        grammar.check(text)?;
        if is_same_name(text, IDENTITY_BINDING_NAME) {
            return Err(Refusal {
                rule: &FEDERATION_NAME,
                message:
                    "`aks-identity-binding` is the credential that AKS makes for identity bindings"
                        .into(),
                hint: "choose another name".into(),
            });
        }
        Ok(Self(text.into()))
    }
}

primitive_schemas! {
    AccountName => {"type": "string"};
    GroupName => {"type": "string", "pattern": "^[\\p{L}\\p{Nd}._()-]{0,89}[\\p{L}\\p{Nd}_()-]$"};
    ClusterName => {"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"};
    ObjectName => {
        "type": "string",
        "maxLength": 253,
        "pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$"
    };
    FederationName => {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{2,119}$"};
}

impl Reader<'_> {
    /// Reads a free key of a table; variables are not filled in.
    pub(super) fn key<K: Parse>(&mut self, key: &str, at: Span) -> Option<K> {
        if key.chars().any(crate::model::text::is_unprintable) {
            let message =
                format!("the key {} holds a character that people cannot see", quoted(key));
            let finding = Finding::new(&super::rules::CONTROL_CHARACTER, at, message);
            self.findings.add(finding.hint("write the key without such characters"));
            return None;
        }
        K::parse(key)
            .map_err(|Refusal { rule, message, hint }| {
                self.findings.add(Finding::new(rule, at, message).hint(hint));
            })
            .ok()
    }
}

impl At<IdentityName> {
    /// The name, folded: Azure compares names of resources without regard to case.
    pub(crate) fn folded(&self) -> String {
        fold(&self.value.0)
    }
}
