//! Assertions signed with an application's certificate.
//! <https://learn.microsoft.com/entra/identity-platform/certificate-credentials>

use std::fmt;
use std::path::Path;

use async_trait::async_trait;
use azure_core::error::ErrorKind;
use azure_core::http::ClientMethodOptions;
use azure_core::time::OffsetDateTime;
use azure_identity::ClientAssertion;
use data_encoding::BASE64URL_NOPAD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PSS_SHA256, RsaKeyPair};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::files;

/// How long an assertion is valid, in seconds. It is used at once.
const LIFETIME: i64 = 600;

/// Signs assertions for the token endpoint.
pub(super) struct CertificateAssertion {
    key: RsaKeyPair,
    thumbprint: String,
    client_id: String,
    audience: String,
}

impl CertificateAssertion {
    /// Reads the PEM file with the certificate and its key; `audience` is the token endpoint.
    pub(super) fn read(path: &Path, client_id: &str, audience: String) -> Result<Self, String> {
        let text = files::read_text(path, files::LARGEST_TEXT).map_err(|error| {
            format!(
                "{} cannot be read as PEM ({error}); of a PKCS #12 file `openssl pkcs12 -nodes` makes one",
                path.display()
            )
        })?;
        Self::parse(&text, client_id, audience)
            .map_err(|problem| format!("{}: {problem}", path.display()))
    }

    fn parse(text: &str, client_id: &str, audience: String) -> Result<Self, String> {
        if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") {
            return Err(
                "the key is encrypted; `openssl pkcs8 -topk8 -nocrypt` makes one that is not"
                    .into(),
            );
        }
        let certificate: CertificateDer<'_> =
            first(text, "CERTIFICATE")?.ok_or("it holds no certificate")?;
        let key = match first(text, "private key")?.ok_or("it holds no private key")? {
            PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
            PrivateKeyDer::Sec1(_) | _ => return Err("the key is not a usable RSA key".into()),
        };
        Ok(Self {
            key: key.map_err(|rejected| format!("the key is not a usable RSA key: {rejected}"))?,
            thumbprint: BASE64URL_NOPAD.encode(&Sha256::digest(&certificate)),
            client_id: client_id.to_owned(),
            audience,
        })
    }

    /// The assertion, valid from this second of the Unix clock on.
    fn sign(&self, now: i64) -> Result<String, ring::error::Unspecified> {
        let header = json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": self.thumbprint });
        let claims = json!({
            "aud": self.audience,
            "iss": self.client_id,
            "sub": self.client_id,
            "jti": Uuid::new_v4(),
            "nbf": now,
            "iat": now,
            "exp": now + LIFETIME,
        });
        let encode = |json: serde_json::Value| BASE64URL_NOPAD.encode(json.to_string().as_bytes());
        let mut assertion = format!("{}.{}", encode(header), encode(claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key.sign(
            &RSA_PSS_SHA256,
            &SystemRandom::new(),
            assertion.as_bytes(),
            &mut signature,
        )?;
        assertion.push('.');
        assertion.push_str(&BASE64URL_NOPAD.encode(&signature));
        Ok(assertion)
    }
}

/// The first item of this kind.
fn first<T: PemObject>(text: &str, label: &str) -> Result<Option<T>, String> {
    match T::from_pem_slice(text.as_bytes()) {
        Ok(item) => Ok(Some(item)),
        Err(pem::Error::NoItemsFound) => Ok(None),
        Err(pem::Error::MissingSectionEnd { .. }) => Err(format!("its {label} has no end")),
        Err(problem) => Err(format!("its {label} is not PEM: {problem}")),
    }
}

impl fmt::Debug for CertificateAssertion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CertificateAssertion")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl ClientAssertion for CertificateAssertion {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        self.sign(OffsetDateTime::now_utc().unix_timestamp()).map_err(|_| {
            let problem = "the assertion could not be signed with the certificate's key";
            azure_core::Error::with_message(ErrorKind::Credential, problem)
        })
    }
}

#[cfg(test)]
mod tests;
