//! Looks at one token: what it says, whether its issuer's keys verify it, and what an API server says of it.

use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use schemars::JsonSchema;
#[cfg(feature = "testing")]
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::command::failure::Failure;
use crate::model::plural;
use crate::model::text::{Audience, Issuer};
use crate::observed::evidence::{Review, Signature};
use crate::ports::chain;
use crate::ports::error::{PortError, PortErrorKind};
use crate::ports::read::IssuerRead;
use crate::ports::workload::{WorkloadToken, WorkloadTokens};
#[cfg(feature = "testing")]
use crate::report::json;

/// The most bytes that a token may have: API servers take no request with a longer header.
pub const LARGEST: usize = 64 * 1024;
/// The command that makes a token of an account.
pub const MAKE: &str = "kubectl create token ACCOUNT --namespace NAMESPACE";

/// A token taken apart.
pub struct Token {
    whole: WorkloadToken,
    header: Header,
    claims: Claims,
}

/// What the header says.
/// <https://datatracker.ietf.org/doc/html/rfc7515#section-4.1>
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
}

/// What of the claims is shown.
/// <https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens>
#[derive(Deserialize)]
struct Claims {
    iss: Option<String>,
    sub: Option<String>,
    #[serde(default)]
    aud: Audiences,
    iat: Option<i64>,
    nbf: Option<i64>,
    exp: Option<i64>,
    #[serde(rename = "kubernetes.io")]
    bound: Option<Bound>,
}

/// One audience, or a list of them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audiences {
    One(String),
    Many(Vec<String>),
}

impl Default for Audiences {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

/// What Kubernetes bound the token to.
#[derive(Clone, Deserialize, Serialize, JsonSchema)]
pub struct Bound {
    /// The account's namespace.
    pub namespace: Option<String>,
    /// The account.
    pub serviceaccount: Option<Object>,
    /// The pod that it ends with.
    pub pod: Option<Object>,
    /// The pod's node.
    pub node: Option<Object>,
    /// The secret that it ends with.
    pub secret: Option<Object>,
}

/// An object by name and uid.
#[derive(Clone, Deserialize, Serialize, JsonSchema)]
pub struct Object {
    /// Its name.
    pub name: String,
    /// Its uid, which no later object of the name has.
    pub uid: Option<String>,
}

/// The format. The minor number grows with additions.
const FORMAT_VERSION: &str = "1.0";

/// What was found of a token. Nothing in it is the token.
#[derive(Serialize, JsonSchema)]
pub struct Looked {
    /// The format of this document.
    pub format_version: &'static str,
    /// The algorithm of the signature.
    pub algorithm: String,
    /// The key's name.
    pub key: Option<String>,
    /// Who signed it, as it says.
    pub issuer: Option<String>,
    /// Whom it is about.
    pub subject: Option<String>,
    /// Whom it is for.
    pub audiences: Vec<String>,
    /// When it was made.
    #[schemars(with = "Option<String>")]
    pub issued_at: Option<Timestamp>,
    /// When it begins.
    #[schemars(with = "Option<String>")]
    pub not_before: Option<Timestamp>,
    /// When it ends.
    #[schemars(with = "Option<String>")]
    pub expires_at: Option<Timestamp>,
    /// How many seconds are left; negative after its end.
    pub remaining_seconds: Option<i64>,
    /// What Kubernetes bound it to.
    pub kubernetes: Option<Bound>,
    /// What was checked and holds, sentences.
    pub verified: Vec<String>,
    /// Why it is not valid, sentences.
    pub problems: Vec<String>,
}

impl Token {
    /// Takes a token apart.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, Failure> {
        let text = String::from_utf8(bytes).map_err(|_| garbage("it is not UTF-8"))?;
        let text = text.trim();
        let whole = WorkloadToken::new(text.to_owned());
        let parts: Vec<&str> = text.split('.').collect();
        let (header, claims) = match parts[..] {
            [""] => return Err(garbage("it is empty")),
            [header, claims, signature] => {
                if BASE64URL_NOPAD.decode(signature.as_bytes()).is_err() {
                    return Err(garbage("its signature is no base64url"));
                }
                (header, claims)
            }
            [_, _, _, _, _] => {
                return Err(Failure::Broken {
                    what: "the token is encrypted (JWE): only whom it is for can read it"
                        .to_owned(),
                    hint: format!("API servers give signed tokens: `{MAKE}`"),
                });
            }
            _ => {
                let count = plural::count(parts.len(), "part");
                let why = format!("it has {count} between dots, and a token has 3");
                return Err(garbage(&why));
            }
        };
        let header = decoded(header).ok_or_else(|| garbage("its header is no JSON with `alg`"))?;
        let claims = decoded(claims)
            .ok_or_else(|| garbage("its claims are not what JSON Web Tokens have"))?;
        Ok(Self { whole, header, claims })
    }

    /// What it says, and what of its times and algorithm makes it worthless.
    pub fn look(&self, now: Timestamp) -> Looked {
        let Claims { iss, sub, aud, iat, nbf, exp, bound } = &self.claims;
        let audiences = match aud {
            Audiences::One(one) => vec![one.clone()],
            Audiences::Many(many) => many.clone(),
        };
        let remaining = exp.map(|exp| exp.saturating_sub(now.as_second()));
        let mut problems = Vec::new();
        if self.header.alg.eq_ignore_ascii_case("none") {
            let why = "The token is not signed (`alg` is `none`): anybody can have written it.";
            problems.push(why.to_owned());
        }
        if remaining.is_some_and(|left| left <= 0) {
            problems.push("The token has expired.".to_owned());
        }
        if nbf.is_some_and(|nbf| nbf > now.as_second()) {
            problems.push("The token is not valid yet: its `nbf` is in the future.".to_owned());
        }
        let time = |seconds: Option<i64>| Timestamp::from_second(seconds?).ok();
        Looked {
            format_version: FORMAT_VERSION,
            algorithm: self.header.alg.clone(),
            key: self.header.kid.clone(),
            issuer: iss.clone(),
            subject: sub.clone(),
            audiences,
            issued_at: time(*iat),
            not_before: time(*nbf),
            expires_at: time(*exp),
            remaining_seconds: remaining,
            kubernetes: bound.clone(),
            verified: Vec::new(),
            problems,
        }
    }

    /// Checks the signature with the keys that the token's issuer publishes.
    pub async fn discover(
        &self,
        issuers: &dyn IssuerRead,
        looked: &mut Looked,
    ) -> Result<(), Failure> {
        let Some(issuer) = self.claims.iss.as_deref() else {
            looked.problems.push("The token names no issuer (`iss`).".to_owned());
            return Ok(());
        };
        // There is nothing to check, whoever is named.
        if self.header.alg.eq_ignore_ascii_case("none") {
            return Ok(());
        }
        if self.header.alg != "RS256" {
            return Err(Failure::Input {
                what: format!(
                    "the signature was not checked: it is {}, and widctl checks RS256 alone",
                    self.header.alg
                ),
                hint: "have the API server review it: `widctl token review --context CONTEXT`"
                    .to_owned(),
            });
        }
        let issuer = Issuer::from(issuer);
        let document = match issuers.document(&issuer).await {
            Ok(document) => document,
            Err(error) => return unpublished(error, looked),
        };
        if document.issuer != issuer {
            looked.problems.push(format!(
                "The document of {issuer} names another issuer, {}.",
                document.issuer
            ));
            return Ok(());
        }
        let keys = match issuers.keys(&issuer, &document.keys_at).await {
            Ok(keys) => keys,
            Err(error) => return unpublished(error, looked),
        };
        match self.whole.signature(&keys) {
            Signature::Valid => {
                looked
                    .verified
                    .push(format!("A key that {issuer} publishes verifies the signature."));
            }
            Signature::NoKey => {
                looked.problems.push(format!("{issuer} publishes no key with the token's `kid`."));
            }
            Signature::Invalid => {
                looked
                    .problems
                    .push(format!("No key that {issuer} publishes verifies the signature."));
            }
        }
        Ok(())
    }

    /// Has an API server review it, for an audience or for the API server itself.
    pub async fn review(
        &self,
        cluster: &dyn WorkloadTokens,
        audience: Option<&Audience>,
        looked: &mut Looked,
    ) -> Result<(), Failure> {
        let review = cluster.review(&self.whole, audience).await?;
        let Review { authenticated, user, audiences, why } = review;
        let wanted = audience.map_or("the API server itself".to_owned(), |one| format!("`{one}`"));
        if !authenticated {
            let why: Arc<str> = why.unwrap_or_else(|| "it does not say why".into());
            looked.problems.push(format!("The API server does not accept it for {wanted}: {why}."));
            return Ok(());
        }
        if audience.is_some_and(|audience| !audiences.contains(audience)) {
            // An authenticator that knows no audiences accepts a token for all of them.
            looked.problems.push(format!(
                "The API server accepts it, and does not say that it is for {wanted}."
            ));
            return Ok(());
        }
        let user = user.as_deref().unwrap_or("nobody by name");
        looked.verified.push(format!("The API server accepts it for {wanted}, as {user}."));
        Ok(())
    }
}

/// An issuer that answers with something else has published nothing that verifies the token; one that does not
/// answer leaves it open.
fn unpublished(error: PortError, looked: &mut Looked) -> Result<(), Failure> {
    if !matches!(
        error.kind,
        PortErrorKind::NotFound | PortErrorKind::Malformed | PortErrorKind::Invalid
    ) {
        return Err(error.into());
    }
    looked
        .problems
        .push(format!("The signature could not be checked: {}.", chain::in_full(&error)));
    Ok(())
}

/// The JSON Schema that docs/token.schema.json is made from.
#[cfg(feature = "testing")]
pub fn schema() -> String {
    let generator = SchemaSettings::draft2020_12().into_generator();
    json::pretty(&generator.into_root_schema_for::<Looked>())
}

fn decoded<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).ok()?).ok()
}

/// Something that is no token. It is not quoted: it may be a secret of another kind.
fn garbage(why: &str) -> Failure {
    Failure::Broken {
        what: format!("stdin holds no JSON Web Token: {why}"),
        hint: format!("pipe the token itself in: `{MAKE} | widctl token inspect`"),
    }
}
