//! The RS256 keys that sign the sandbox's tokens: plainly marked test keys, part of the program.

use std::collections::BTreeSet;
use std::sync::{Mutex, OnceLock, PoisonError};

use data_encoding::BASE64URL_NOPAD;
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair, PublicKeyComponents};
use ring::{digest, signature};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

/// How many verified tokens are remembered.
const REMEMBERED: usize = 1_000;

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
        &pairs[self as usize]
    }

    /// The RS256 signature of a message.
    pub(super) fn sign(self, message: &[u8]) -> Vec<u8> {
        let pair = self.pair();
        let mut out = vec![0; pair.public().modulus_len()];
        pair.sign(&signature::RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut out)
            .expect("a whole key signs a message of any length");
        out
    }

    /// Whether a signature is this key's. What was verified once is remembered: callers send the
    /// same token with every request.
    pub(super) fn verifies(self, message: &[u8], signed: &[u8]) -> bool {
        static VERIFIED: Mutex<BTreeSet<Vec<u8>>> = Mutex::new(BTreeSet::new());
        let mut context = digest::Context::new(&digest::SHA256);
        for part in [self.id().as_bytes(), message, b".", signed] {
            context.update(part);
        }
        let seen = context.finish().as_ref().to_vec();
        let mut verified = VERIFIED.lock().unwrap_or_else(PoisonError::into_inner);
        if verified.contains(&seen) {
            return true;
        }
        let public = PublicKeyComponents::<Vec<u8>>::from(self.pair().public());
        let is_own = public.verify(&signature::RSA_PKCS1_2048_8192_SHA256, message, signed).is_ok();
        if is_own {
            if verified.len() == REMEMBERED {
                verified.clear();
            }
            verified.insert(seen);
        }
        is_own
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
    let key = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes())
        .expect("the test keys are part of the program");
    KeyPair::from_pkcs8(key.secret_pkcs8_der()).expect("the test keys are part of the program")
}
