//! The RS256 keys that sign the sandbox's tokens: plainly marked test keys, part of the program.

use std::sync::OnceLock;

use data_encoding::BASE64;
use data_encoding::BASE64URL_NOPAD;
use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::rsa::PublicKeyComponents;
use ring::signature;
use serde_json::Value;
use serde_json::json;

/// A key by the name of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// Signs access tokens.
    Entra,
    /// Signs the service account tokens of clusters.
    ClusterOne,
    /// The same after a rotation.
    ClusterTwo,
}

impl Key {
    /// Every key, for a look-up by key id.
    pub(super) const ALL: [Self; 3] = [Self::Entra, Self::ClusterOne, Self::ClusterTwo];

    /// The `kid` of its tokens.
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Entra => "sandbox-entra",
            Self::ClusterOne => "sandbox-cluster-one",
            Self::ClusterTwo => "sandbox-cluster-two",
        }
    }

    fn pem(self) -> &'static str {
        match self {
            Self::Entra => include_str!("keys/entra.pem"),
            Self::ClusterOne => include_str!("keys/cluster-one.pem"),
            Self::ClusterTwo => include_str!("keys/cluster-two.pem"),
        }
    }

    fn pair(self) -> &'static KeyPair {
        static PAIRS: OnceLock<[KeyPair; 3]> = OnceLock::new();
        let pairs = PAIRS.get_or_init(|| Self::ALL.map(|key| read(key.pem())));
        match self {
            Self::Entra => &pairs[0],
            Self::ClusterOne => &pairs[1],
            Self::ClusterTwo => &pairs[2],
        }
    }

    /// The RS256 signature of a message.
    pub(super) fn sign(self, message: &[u8]) -> Vec<u8> {
        let pair = self.pair();
        let mut out = vec![0; pair.public().modulus_len()];
        pair.sign(
            &signature::RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            message,
            &mut out,
        )
        .expect("a whole key signs a message of any length");
        out
    }

    /// Whether a signature is this key's.
    pub(super) fn verifies(self, message: &[u8], signed: &[u8]) -> bool {
        let public = PublicKeyComponents::<Vec<u8>>::from(self.pair().public());
        public
            .verify(&signature::RSA_PKCS1_2048_8192_SHA256, message, signed)
            .is_ok()
    }

    /// The public half as a JSON Web Key (<https://www.rfc-editor.org/rfc/rfc7517>).
    pub(super) fn jwk(self) -> Value {
        let public = PublicKeyComponents::<Vec<u8>>::from(self.pair().public());
        json!({
            "use": "sig",
            "kty": "RSA",
            "kid": self.id(),
            "alg": "RS256",
            "n": BASE64URL_NOPAD.encode(&public.n),
            "e": BASE64URL_NOPAD.encode(&public.e),
        })
    }
}

fn read(pem: &str) -> KeyPair {
    let base64: String = pem
        .lines()
        .skip_while(|line| !line.starts_with("-----BEGIN"))
        .skip(1)
        .take_while(|line| !line.starts_with("-----END"))
        .collect();
    let der = BASE64
        .decode(base64.as_bytes())
        .expect("the test keys are part of the program");
    KeyPair::from_pkcs8(&der).expect("the test keys are part of the program")
}
