//! What `verify` asked for and got: documents of issuers, claims of tokens, answers of the exchange, what makes pods
//! and what they are given. Nothing in it is a
//! token: [`TokenClaims`] and [`Access`] hold what tokens say, and no type here can hold one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::guid::{ClientId, TenantId};
use crate::model::kinds::service_account::ServiceAccountKey;
use crate::model::text::{Audience, ClusterName, Issuer, Namespace, Subject};
use crate::model::workload_kind::WorkloadKind;
use crate::observed::cluster_roles::ClusterRoles;
use crate::observed::controllers::Controllers;
use crate::observed::pods::{Admitted, RefusedCreation, Workload, WorkloadKey};
use crate::observed::read::{Read, Unread};

/// What is asked before anything is exchanged.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Questions {
    /// The issuers whose public documents are read.
    pub issuers: BTreeMap<ClusterName, Issuer>,
    /// The namespaces in which pods, and what makes them, are looked for.
    pub surveys: BTreeMap<ClusterName, BTreeSet<Namespace>>,
    /// The accounts that a pod is created for, for show.
    pub dry_runs: BTreeSet<ServiceAccountKey>,
    /// The tokens that are asked for, each bound to a pod of its account where there is one.
    pub tokens: BTreeMap<TokenKey, Option<BoundPod>>,
    /// Of these, those that are reviewed for an audience that they are not for.
    pub reviews: BTreeSet<(TokenKey, Audience)>,
    /// Accounts that the profile does not name and labelled pods use.
    pub accounts: BTreeSet<ServiceAccountKey>,
    /// The `ConfigMap`s that are searched for the old path of the token.
    pub config_maps: BTreeSet<ConfigMapKey>,
    /// The services behind which webhooks are looked for, by namespace and name.
    pub endpoints: BTreeMap<ClusterName, (Arc<str>, Arc<str>)>,
    /// The workloads whose own template is created as a pod, for show.
    pub templates: BTreeSet<WorkloadKey>,
    /// The clusters whose `ClusterRoles` are listed.
    pub cluster_roles: BTreeSet<ClusterName>,
}

/// A running pod that a token is bound to: the API server gives it for no other account's.
/// <https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens>
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BoundPod {
    /// Its name.
    pub name: Arc<str>,
    /// Its UID.
    pub uid: Arc<str>,
}

/// Names a `ConfigMap`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ConfigMapKey {
    /// The cluster.
    pub cluster: ClusterName,
    /// The namespace.
    pub namespace: Namespace,
    /// The name.
    pub name: Arc<str>,
}

/// A token that is asked for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct TokenKey {
    /// Whose it is.
    pub account: ServiceAccountKey,
    /// Whom it is for.
    pub audience: Audience,
}

/// A token that is exchanged, and for whom.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ExchangeKey {
    /// The token.
    pub token: TokenKey,
    /// The tenant that is asked.
    pub tenant: TenantId,
    /// The client that the token stands for.
    pub client: ClientId,
}

/// Everything that was asked for. What nobody asked for has no entry.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Evidence {
    /// The clusters' public documents.
    pub issuers: BTreeMap<ClusterName, IssuerEvidence>,
    /// The accounts' tokens.
    pub tokens: BTreeMap<TokenKey, TokenEvidence>,
    /// What API servers said of tokens for audiences that they are not for.
    pub reviews: BTreeMap<(TokenKey, Audience), Read<Review>>,
    /// What Entra said to them.
    pub exchanges: BTreeMap<ExchangeKey, Read<Exchanged>>,
    /// What makes pods on the clusters.
    pub surveys: BTreeMap<ClusterName, Survey>,
    /// What came of a pod for each account.
    pub dry_runs: BTreeMap<ServiceAccountKey, Read<Admitted>>,
    /// The client id of accounts that the profile does not name; none inside where there is no such annotation or
    /// account.
    pub accounts: BTreeMap<ServiceAccountKey, Read<Option<Arc<str>>>>,
    /// Whether `ConfigMap`s have the old path of the token in them.
    pub config_maps: BTreeMap<ConfigMapKey, Read<bool>>,
    /// Whether there is something ready behind the webhook's service.
    pub endpoints: BTreeMap<ClusterName, Read<bool>>,
    /// What came of a pod by each workload's template.
    pub templates: BTreeMap<WorkloadKey, Read<Admitted>>,
    /// The pods that controllers were refused, in the namespaces of those workloads.
    pub refused_creations: BTreeMap<(ClusterName, Namespace), Read<Vec<RefusedCreation>>>,
    /// What Entra said to those that were presented for another team's identity.
    pub probes: BTreeMap<ExchangeKey, Read<Exchanged>>,
    /// Who has which rights in whole clusters.
    pub cluster_roles: BTreeMap<ClusterName, Read<ClusterRoles>>,
}

impl Evidence {
    /// Takes over what another round has found.
    pub fn extend(&mut self, other: Self) {
        let Self {
            issuers,
            tokens,
            reviews,
            exchanges,
            surveys,
            dry_runs,
            accounts,
            config_maps,
            endpoints,
            templates,
            refused_creations,
            cluster_roles,
            probes,
        } = other;
        self.issuers.extend(issuers);
        self.tokens.extend(tokens);
        self.reviews.extend(reviews);
        self.exchanges.extend(exchanges);
        self.surveys.extend(surveys);
        self.dry_runs.extend(dry_runs);
        self.accounts.extend(accounts);
        self.config_maps.extend(config_maps);
        self.endpoints.extend(endpoints);
        self.templates.extend(templates);
        self.refused_creations.extend(refused_creations);
        self.cluster_roles.extend(cluster_roles);
        self.probes.extend(probes);
    }
}

/// Where Deployments of the webhook are, by namespace, and the Helm release that each is of.
pub type Installations = BTreeMap<Arc<str>, Option<Arc<str>>>;

/// What makes pods in some namespaces of one cluster.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Survey {
    /// The objects of all kinds, and the pods.
    pub found: Vec<Workload>,
    /// What could not be listed.
    pub unread: Vec<Unlisted>,
    /// What controllers are given identities in.
    pub controllers: Controllers,
    /// Where the webhook is installed.
    pub installations: Option<Read<Installations>>,
}

/// Objects that could not be listed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unlisted {
    /// Their kind.
    pub kind: &'static WorkloadKind,
    /// Their namespace.
    pub namespace: Namespace,
    /// Why not; none where the API server does not have the kind.
    pub unread: Option<Unread>,
}

/// What an address gave without credentials.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Published<T> {
    /// What belongs there.
    Found(T),
    /// An answer, which is something else.
    Else {
        /// The HTTP status, where it was not a success.
        status: Option<u16>,
        /// What came, on one line.
        why: Arc<str>,
    },
}

impl<T> Published<T> {
    /// What belongs there, if it came.
    pub fn found(&self) -> Option<&T> {
        match self {
            Self::Found(found) => Some(found),
            Self::Else { .. } => None,
        }
    }
}

/// The public documents of an issuer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IssuerEvidence {
    /// The issuer that they were looked for at.
    pub asked: Issuer,
    /// The discovery document.
    pub document: Read<Published<Document>>,
    /// The keys, if the document says where they are.
    pub keys: Option<Read<Published<Keys>>>,
}

/// What is read of a discovery document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Document {
    /// The issuer that it names, byte for byte.
    pub issuer: Issuer,
    /// Where it says that the keys are.
    pub keys_at: Arc<str>,
}

/// The published keys of an issuer.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Keys {
    /// The RSA keys that verify RS256.
    pub usable: Vec<Key>,
    /// How many keys of any kind there are.
    pub all: usize,
}

/// One RSA key, big-endian numbers.
/// <https://datatracker.ietf.org/doc/html/rfc7518#section-6.3.1>
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Key {
    /// Its name.
    pub id: Option<Arc<str>>,
    /// The modulus.
    pub modulus: Vec<u8>,
    /// The exponent.
    pub exponent: Vec<u8>,
}

/// What the API server gave for an account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenEvidence {
    /// The token's claims, or why there is none.
    pub issued: Read<Issued>,
    /// Whether a published key signed it; absent where there is no token or no key.
    pub signature: Option<Signature>,
    /// What the API server says of the token; absent where there is none.
    pub review: Option<Read<Review>>,
    /// The pod that the token is bound to.
    pub bound_to: Option<Arc<str>>,
}

/// The answer to a request for a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Issued {
    /// A token.
    Token(TokenClaims),
    /// The account does not exist.
    NoAccount,
    /// The API server gives out none like this.
    Rejected(Arc<str>),
}

/// What a token of an account says.
/// <https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens>
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenClaims {
    /// Who signed it.
    pub issuer: Issuer,
    /// Whom it is about.
    pub subject: Subject,
    /// Whom it is for.
    pub audiences: Vec<Audience>,
    /// How many seconds it lasts.
    pub lifetime: i64,
}

/// Whether a token is signed as its issuer's keys say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signature {
    /// A published key verifies it.
    Valid,
    /// No published key has the name that the token gives.
    NoKey,
    /// It is not RS256, or the key of that name does not verify it.
    Invalid,
}

/// What an API server says of a token.
/// <https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/>
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Review {
    /// Whether it takes the token.
    pub authenticated: bool,
    /// Whose it is.
    pub user: Option<Arc<str>>,
    /// For whom of those that were asked about.
    pub audiences: Vec<Audience>,
    /// Why it does not take it.
    pub why: Option<Arc<str>>,
}

/// What Entra says to a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Exchanged {
    /// An access token.
    Granted(Access),
    /// An error.
    Refused {
        /// The number behind `AADSTS`, where there is one.
        code: Option<u32>,
        /// What was said, on one line.
        why: Arc<str>,
    },
}

/// Whom an access token is for. Absent claims and those that are no GUID are none.
/// <https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference>
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Access {
    /// The tenant, `tid`.
    pub tenant: Option<uuid::Uuid>,
    /// The client, `appid` or `azp`.
    pub client: Option<uuid::Uuid>,
    /// The principal, `oid`.
    pub principal: Option<uuid::Uuid>,
}
