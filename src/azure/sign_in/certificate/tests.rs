use data_encoding::BASE64URL_NOPAD;
use ring::signature::{KeyPair, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::Value;

use super::CertificateAssertion;

/// A plainly marked test key.
const KEY: &str = include_str!("../../../sandbox/keys/entra.pem");
const CERTIFICATE: &str =
    "-----BEGIN CERTIFICATE-----\nY2VydGlm\naWNhdGU=\n-----END CERTIFICATE-----\n";
const ENDPOINT: &str = "https://login.microsoftonline.com/t/oauth2/v2.0/token";

fn parse(text: &str) -> Result<CertificateAssertion, String> {
    CertificateAssertion::parse(text, "app-1", ENDPOINT.into())
}

#[test]
fn the_assertion_is_signed_with_the_certificates_key_and_names_the_certificate() {
    let assertion = parse(&format!("{CERTIFICATE}{KEY}")).unwrap();
    let token = assertion.sign(1_800_000_000).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
    UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, assertion.key.public_key().as_ref())
        .verify(signed.as_bytes(), &signature)
        .unwrap();
    let parts: Vec<Value> = signed
        .split('.')
        .map(|part| BASE64URL_NOPAD.decode(part.as_bytes()).unwrap())
        .map(|json| serde_json::from_slice(&json).unwrap())
        .collect();
    assert_eq!(parts[0]["alg"], "PS256");
    // sha256sum of the certificate's bytes, in base64url
    assert_eq!(parts[0]["x5t#S256"], "A9Zt0Ig1wco_EozOrNHzGslBYwlrIPRFroQoW8CDLXI");
    assert_eq!(parts[1]["aud"], ENDPOINT);
    assert_eq!(parts[1]["iss"], "app-1");
    assert_eq!(parts[1]["sub"], "app-1");
    assert_eq!(parts[1]["exp"], 1_800_000_600);
}

#[test]
fn a_file_that_cannot_be_used_says_why() {
    let refusal = |text: &str| parse(text).unwrap_err();
    insta::assert_snapshot!(refusal(KEY), @"it holds no certificate");
    insta::assert_snapshot!(refusal(CERTIFICATE), @"it holds no private key");
    insta::assert_snapshot!(refusal("-----BEGIN ENCRYPTED PRIVATE KEY-----"), @"the key is encrypted; `openssl pkcs8 -topk8 -nocrypt` makes one that is not");
    insta::assert_snapshot!(refusal(&format!("{CERTIFICATE}-----BEGIN PRIVATE KEY-----\nY2Vy\n-----END PRIVATE KEY-----")), @"the key is not a usable RSA key: InvalidEncoding");
    insta::assert_snapshot!(refusal("-----BEGIN CERTIFICATE-----\nY2Vy"), @"its CERTIFICATE has no end");
}

#[test]
fn the_key_does_not_print() {
    let assertion = parse(&format!("{CERTIFICATE}{KEY}")).unwrap();
    insta::assert_snapshot!(format!("{assertion:?}"), @r#"CertificateAssertion { client_id: "app-1", .. }"#);
}
