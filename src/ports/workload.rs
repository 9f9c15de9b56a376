//! Tokens of workloads: asked for, reviewed and exchanged, never shown.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use data_encoding::BASE64URL_NOPAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::model::controller_kind::ControllerKind;
use crate::model::guid::{ClientId, TenantId};
use crate::model::kinds::service_account::ServiceAccountKey;
use crate::model::text::{Audience, Issuer, Namespace, Subject};
use crate::model::workload_kind::WorkloadKind;
use crate::observed::controllers::ControllerObject;
use crate::observed::evidence::{
    BoundPod, ConfigMapKey, Exchanged, Installations, Issued, Keys, Review, Signature, TokenClaims,
};
use crate::observed::pods::{Admitted, RefusedCreation, Workload, WorkloadKey};
use crate::ports::error::PortError;
use crate::ports::secrets;

/// A token of a service account. It is sent where it belongs and nowhere shown: it has no text of its own.
pub struct WorkloadToken(String);

/// What the header of a token says.
/// <https://datatracker.ietf.org/doc/html/rfc7515#section-4.1>
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
}

/// What of a token's claims is looked at.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audiences,
    iat: i64,
    exp: i64,
}

/// One audience, or a list of them.
/// <https://datatracker.ietf.org/doc/html/rfc7519#section-4.1.3>
#[derive(Deserialize)]
#[serde(untagged)]
enum Audiences {
    One(String),
    Many(Vec<String>),
}

impl WorkloadToken {
    /// Takes a token into custody: from here on it is struck out of whatever is printed.
    pub fn new(token: String) -> Self {
        secrets::learn(&token);
        Self(token)
    }

    /// The token itself, for the request that it is made for.
    pub fn secret(&self) -> &str {
        &self.0
    }

    /// What it says; `None` where it is no token of a service account.
    pub fn claims(&self) -> Option<TokenClaims> {
        let Claims { iss, sub, aud, iat, exp } = self.part(1)?;
        let audiences = match aud {
            Audiences::One(one) => vec![one],
            Audiences::Many(many) => many,
        };
        Some(TokenClaims {
            issuer: Issuer::new(iss),
            subject: Subject::new(sub),
            audiences: audiences.into_iter().map(Audience::new).collect(),
            lifetime: exp.saturating_sub(iat),
        })
    }

    /// Whether one of these keys signed it with RS256, the one algorithm that Entra takes.
    /// <https://learn.microsoft.com/entra/workload-id/workload-identity-federation>
    pub fn signature(&self, keys: &Keys) -> Signature {
        let Some(header) = self.part::<Header>(0) else { return Signature::Invalid };
        let signed = self.0.rsplit_once('.').and_then(|(signed, signature)| {
            Some((signed, BASE64URL_NOPAD.decode(signature.as_bytes()).ok()?))
        });
        let (Some((signed, signature)), "RS256") = (signed, header.alg.as_str()) else {
            return Signature::Invalid;
        };
        let mut named = keys.usable.iter().filter(|key| key.id.as_deref() == header.kid.as_deref());
        let Some(first) = named.next() else { return Signature::NoKey };
        let verifies = std::iter::once(first).chain(named).any(|key| {
            let key = RsaPublicKeyComponents { n: &key.modulus, e: &key.exponent };
            key.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &signature).is_ok()
        });
        if verifies { Signature::Valid } else { Signature::Invalid }
    }

    fn part<T: DeserializeOwned>(&self, number: usize) -> Option<T> {
        let part = self.0.split('.').nth(number)?;
        serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).ok()?).ok()
    }
}

/// The answer to a request for a token, and the token where there is one.
pub struct Given {
    /// What is told of it.
    pub issued: Issued,
    /// The token.
    pub token: Option<WorkloadToken>,
}

/// Asks one cluster for tokens of its accounts, and about them.
#[async_trait]
pub trait WorkloadTokens: Send + Sync {
    /// A short-lived token of an account for this audience, bound to a pod of it, or to none.
    async fn token(
        &self,
        account: &ServiceAccountKey,
        audience: &Audience,
        pod: Option<&BoundPod>,
    ) -> Result<Given, PortError>;

    /// What the API server says of a token for this audience, or for itself.
    async fn review(
        &self,
        token: &WorkloadToken,
        audience: Option<&Audience>,
    ) -> Result<Review, PortError>;
}

/// Objects of one kind that make pods.
#[derive(Debug, Default)]
pub struct Surveyed {
    /// Those in the namespaces that were asked for.
    pub found: Vec<Workload>,
    /// Where the webhook is installed, as far as its Deployments are among all.
    pub installations: Installations,
}

/// Reads what makes pods on one cluster, and has pods created for show.
#[async_trait]
pub trait WorkloadRead: Send + Sync {
    /// The API groups that the cluster has.
    async fn groups(&self) -> Result<BTreeSet<Arc<str>>, PortError>;

    /// The objects of a kind in one namespace; or, of those in the whole cluster, those in some namespaces.
    async fn workloads(
        &self,
        kind: &'static WorkloadKind,
        within: Within<'_>,
    ) -> Result<Surveyed, PortError>;

    /// Creates a pod of an account for show: it is stored and started nowhere.
    async fn dry_run(&self, account: &ServiceAccountKey) -> Result<Admitted, PortError>;

    /// The same with the first template of a workload.
    async fn dry_run_of(&self, workload: &WorkloadKey) -> Result<Admitted, PortError>;

    /// The pods of a namespace that controllers were refused, as far as there are events of it.
    async fn refused_creations(
        &self,
        namespace: &Namespace,
    ) -> Result<Vec<RefusedCreation>, PortError>;

    /// Whether a `ConfigMap` has a text in it; one that does not exist has none.
    async fn has_text(&self, config_map: &ConfigMapKey, text: &str) -> Result<bool, PortError>;

    /// Whether there is something ready behind a service.
    async fn is_ready(&self, namespace: &str, service: &str) -> Result<bool, PortError>;
}

/// Where objects are looked for.
#[derive(Clone, Copy, Debug)]
pub enum Within<'a> {
    /// In one namespace.
    Namespace(&'a Namespace),
    /// In the whole cluster; those in these namespaces are kept.
    Cluster(&'a BTreeSet<Namespace>),
    /// Nowhere: the installations of the webhook alone are looked for.
    Installations,
}

/// Reads what controllers are given identities in on one cluster.
#[async_trait]
pub trait ControllerRead: Send + Sync {
    /// The objects of a kind that have something to do with an identity, in one namespace or in the whole cluster.
    async fn controller_objects(
        &self,
        kind: &'static ControllerKind,
        namespace: Option<&Namespace>,
    ) -> Result<Vec<ControllerObject>, PortError>;

    /// The accounts of the Deployments of this name.
    async fn deployed_as(&self, deployment: &str)
    -> Result<BTreeSet<ServiceAccountKey>, PortError>;
}

/// Exchanges tokens of workloads at Entra.
#[async_trait]
pub trait Exchange: Send + Sync {
    /// What Entra says to this client of this tenant with the token. The access token is looked at and dropped.
    async fn exchange(
        &self,
        tenant: TenantId,
        client: ClientId,
        token: &WorkloadToken,
    ) -> Result<Exchanged, PortError>;
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64URL_NOPAD;

    use super::WorkloadToken;
    use crate::observed::evidence::{Key, Keys, Signature};

    fn token(header: &str, claims: &str) -> WorkloadToken {
        let part = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
        WorkloadToken::new(format!("{}.{}.{}", part(header), part(claims), part("signature")))
    }

    #[test]
    fn an_audience_is_one_text_or_a_list() {
        for (aud, count) in [("\"a\"", 1), ("[\"a\",\"b\"]", 2)] {
            let claims = format!(r#"{{"iss":"i","sub":"s","aud":{aud},"iat":100,"exp":700}}"#);
            let claims = token("{}", &claims).claims().unwrap();
            assert_eq!((claims.audiences.len(), claims.lifetime), (count, 600));
        }
    }

    #[test]
    fn what_is_no_token_has_no_claims() {
        for text in ["", "a.b", "<html>", "a.e30.c"] {
            assert!(WorkloadToken::new(text.to_owned()).claims().is_none(), "{text}");
        }
    }

    #[test]
    fn a_signature_needs_the_key_of_its_name_and_the_one_algorithm() {
        let key = Key { id: Some("k".into()), modulus: vec![1; 256], exponent: vec![1, 0, 1] };
        let keys = Keys { usable: vec![key], all: 1 };
        for (header, expected) in [
            (r#"{"alg":"RS256","kid":"k"}"#, Signature::Invalid),
            (r#"{"alg":"RS256","kid":"other"}"#, Signature::NoKey),
            (r#"{"alg":"RS256"}"#, Signature::NoKey),
            (r#"{"alg":"none","kid":"k"}"#, Signature::Invalid),
        ] {
            assert_eq!(token(header, "{}").signature(&keys), expected, "{header}");
        }
    }
}
