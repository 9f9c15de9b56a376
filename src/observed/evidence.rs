//! What `verify` asked for and got: documents of issuers, claims of tokens, answers of the exchange. Nothing in it is a
//! token: [`TokenClaims`] and [`Access`] hold what tokens say, and no type here can hold one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::guid::{ClientId, TenantId};
use crate::model::kinds::service_account::ServiceAccountKey;
use crate::model::text::{Audience, ClusterName, Issuer, Subject};
use crate::observed::read::Read;

/// What is asked before anything is exchanged.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Questions {
    /// The issuers whose public documents are read.
    pub issuers: BTreeMap<ClusterName, Issuer>,
    /// The tokens that are asked for.
    pub tokens: BTreeSet<TokenKey>,
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
    /// What Entra said to them.
    pub exchanges: BTreeMap<ExchangeKey, Read<Exchanged>>,
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
