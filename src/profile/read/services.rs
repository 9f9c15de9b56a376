//! What services are called, and whose tokens they take.

use std::sync::Arc;

use super::names::DNS_LABEL;
use super::texts::primitive_schemas;
use super::{Parse, Refusal};
use crate::model::kinds::federated_credential::LONGEST_CLAIM;
use crate::model::rule::rules;
use crate::model::text::{
    Audience, Namespace, ObjectName, TOKEN_EXCHANGE_AUDIENCE, TeamName, is_same_name,
};
use crate::profile::source::quoted;

rules! {
    SERVICE_NAME = "WID-SERVICE-NAME", Check;
        "a service's name is a DNS label",
        "The name stands in names of Kubernetes objects and in the path at which callers find their token.",
        "Use 1 to 63 lower-case letters, digits and `-`, the first and the last a letter or digit.";
    SERVICE_AUDIENCE = "WID-SERVICE-AUDIENCE", Check;
        "a service's audience is its own: neither Entra nor an API server takes it",
        "A service that is called with a token can pass it on. Were it for the audience of the exchange, Entra would give the service the caller's identity; were it for the API server's, the service could do all that the caller may do there.",
        "Choose a text that nothing else takes, `NAME.TEAM` for instance.";
    SERVICE_CALLER = "WID-SERVICE-CALLER", Check;
        "a service and its callers are accounts of the profile's workloads",
        "widctl proves a call with a token of the caller's account, so that it must know the account, its namespace and its clusters.",
        "Write `account` as ACCOUNT or NAMESPACE/ACCOUNT, callers as TEAM/ACCOUNT or TEAM/NAMESPACE/ACCOUNT.";
}

/// The audiences that API servers have by default begin so.
/// <https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/>
const API_SERVER: &[&str] = &["https://kubernetes.default", "kubernetes.default"];

/// A service's name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct ServiceName(pub(crate) Arc<str>);

/// The audience of the tokens that a service takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ServiceAudience(pub(crate) Audience);

/// A service account of a team, `frontend`; with its namespace where the team has several of the name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct TeamAccount {
    /// Its namespace.
    pub(crate) namespace: Option<Namespace>,
    /// Its name.
    pub(crate) name: ObjectName,
}

/// A service account and whose it is, `web/frontend`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct CallerName(pub(crate) TeamName, pub(crate) TeamAccount);

impl Parse for ServiceName {
    fn parse(text: &str) -> Result<Self, Refusal> {
        // A namespace is a DNS label as well.
        Namespace::parse(text).map(|_| Self(text.into())).map_err(|_| Refusal {
            rule: &SERVICE_NAME,
            message: format!("{} is not a service's name", quoted(text)),
            hint: DNS_LABEL.into(),
        })
    }
}

impl Parse for ServiceAudience {
    fn parse(text: &str) -> Result<Self, Refusal> {
        let why = if text.is_empty() {
            "it is empty".into()
        } else if text.trim() != text {
            "it begins or ends with a space, which would be compared too".into()
        } else if text.chars().count() > LONGEST_CLAIM {
            format!("it has more than {LONGEST_CLAIM} characters")
        } else if is_of_exchange(text) {
            "Entra exchanges such tokens, so that the service could become its callers".into()
        } else if API_SERVER.iter().any(|start| text.starts_with(start)) {
            "API servers take such tokens, so that the service could act there as its callers"
                .into()
        } else {
            return Ok(Self(Audience::new(text)));
        };
        Err(Refusal {
            rule: &SERVICE_AUDIENCE,
            message: format!("{} is not a service's audience: {why}", quoted(text)),
            hint: SERVICE_AUDIENCE.fix.into(),
        })
    }
}

/// Whether it is the audience of the exchange in some cloud: those of other clouds only add to the name.
fn is_of_exchange(text: &str) -> bool {
    text.get(..TOKEN_EXCHANGE_AUDIENCE.len())
        .is_some_and(|start| is_same_name(start, TOKEN_EXCHANGE_AUDIENCE))
}

impl Parse for TeamAccount {
    fn parse(text: &str) -> Result<Self, Refusal> {
        let (namespace, name) = match text.split_once('/') {
            Some((namespace, name)) => (Some(Namespace::parse(namespace)?), name),
            None => (None, text),
        };
        Ok(Self { namespace, name: ObjectName::parse(name)? })
    }
}

impl Parse for CallerName {
    fn parse(text: &str) -> Result<Self, Refusal> {
        let Some((team, account)) = text.split_once('/') else {
            return Err(Refusal {
                rule: &SERVICE_CALLER,
                message: format!("{} names no account of a team", quoted(text)),
                hint: "write it as TEAM/ACCOUNT or TEAM/NAMESPACE/ACCOUNT".into(),
            });
        };
        Ok(Self(TeamName::parse(team)?, TeamAccount::parse(account)?))
    }
}

primitive_schemas! {
    ServiceName => {"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"};
    ServiceAudience => {"type": "string", "minLength": 1, "maxLength": 600};
    TeamAccount => {"type": "string"};
    CallerName => {"type": "string"};
}
