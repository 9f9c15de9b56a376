//! Handshakes with API servers. The keys and certificates in `certificates` are for these tests alone.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, Stream};
use widctl::ports::error::PortErrorKind;
use widctl::ports::read::ClusterRead;

use super::machine::{Machine, kubeconfig};

pub(crate) const AUTHORITY: &str = include_str!("certificates/ca.crt");
pub(crate) const OTHER_AUTHORITY: &str = include_str!("certificates/other.crt");
pub(crate) const SERVER: &str = include_str!("certificates/server.crt");
pub(crate) const EXPIRED: &str = include_str!("certificates/expired.crt");
pub(crate) const ELSEWHERE: &str = include_str!("certificates/elsewhere.crt");
pub(crate) const CLIENT_AUTHORITY: &str = include_str!("certificates/client-authority.crt");
pub(crate) const EXPIRED_CLIENT: &str = include_str!("certificates/expired-client.crt");
pub(crate) const SERVER_KEY: &str = include_str!("certificates/server.key");
pub(crate) const CLIENT: &str = include_str!("certificates/client.crt");
pub(crate) const CLIENT_KEY: &str = include_str!("certificates/client.key");

/// A server with this certificate on loopback, which trusts clients of the authority, if there is one.
pub(crate) fn server(certificate: &str, clients: Option<&str>) -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let der = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let builder = match clients {
        None => ServerConfig::builder().with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(der(authority)).unwrap();
            let verifier = WebPkiClientVerifier::builder(Arc::new(roots));
            ServerConfig::builder().with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let key = PrivateKeyDer::from_pem_slice(SERVER_KEY.as_bytes()).unwrap();
    let config = Arc::new(builder.with_single_cert(vec![der(certificate)], key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        while let Ok((mut socket, _)) = listener.accept() {
            let mut connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = Stream::new(&mut connection, &mut socket);
            let mut request = [0; 4096];
            // Clients that do not trust the server end the handshake here.
            if stream.read(&mut request).is_ok() {
                let body = r#"{"issuer":"https://tls.example.com"}"#;
                let length = body.len();
                let _ = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
            }
        }
    });
    format!("https://{address}")
}

/// A machine whose kubeconfig trusts the authority.
fn machine(server: &str, authority: &str, user: &str) -> Machine {
    let machine = Machine::with(
        &kubeconfig(server, user)
            .replace("server:", "certificate-authority: ../ca.crt\n    server:"),
    );
    machine.write("ca.crt", authority);
    machine.write("client.crt", CLIENT);
    machine.write("client.key", CLIENT_KEY);
    machine
}

/// What a person sees of the failed handshake.
async fn refusal(server: String, authority: &str, user: &str) -> (PortErrorKind, String) {
    let machine = machine(&server, authority, user);
    let cluster = machine.connect("onprem").await.unwrap();
    let error = cluster.issuer().await.unwrap_err();
    let shown = machine.shown(&error).replace(&server, "[server]");
    (error.kind, shown)
}

#[tokio::test]
async fn a_server_of_the_kubeconfigs_authority_is_trusted() {
    let server = server(SERVER, None);
    let cluster = machine(&server, AUTHORITY, "token: one");
    let cluster = cluster.connect("onprem").await.unwrap();
    assert_eq!(cluster.issuer().await.unwrap().as_str(), "https://tls.example.com");
}

#[tokio::test]
async fn a_server_of_another_authority_is_not() {
    let (kind, shown) = refusal(server(SERVER, None), OTHER_AUTHORITY, "token: one").await;
    assert_eq!(kind, PortErrorKind::Unreachable);
    insta::assert_snapshot!(shown, @"
could not read the discovery document: cluster `weu` could not be reached
  invalid peer certificate: UnknownIssuer
hint: the certificate authority in context `onprem` of the kubeconfig `~/.kube/config` ([server]/) did not sign the certificate that was shown: fetch the credentials again, for AKS with `az aks get-credentials --overwrite-existing`, or look for a proxy that shows its own
");
}

#[tokio::test]
async fn an_expired_certificate_is_called_so() {
    let (kind, shown) = refusal(server(EXPIRED, None), AUTHORITY, "token: one").await;
    assert_eq!(kind, PortErrorKind::Unreachable);
    assert!(shown.contains("([server]/) has expired: renew it"), "{shown}");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_called_so() {
    let (kind, shown) = refusal(server(ELSEWHERE, None), AUTHORITY, "token: one").await;
    assert_eq!(kind, PortErrorKind::Unreachable);
    assert!(shown.contains("is for another name"), "{shown}");
}

const CLIENT_USER: &str = "client-certificate: ../client.crt\nclient-key: ../client.key";

#[tokio::test]
async fn a_client_certificate_signs_in() {
    let server = server(SERVER, Some(AUTHORITY));
    let machine = machine(&server, AUTHORITY, CLIENT_USER);
    let cluster = machine.connect("onprem").await.unwrap();
    assert!(cluster.issuer().await.is_ok());
}

#[tokio::test]
async fn a_client_certificate_that_an_exec_plugin_gives_signs_in() {
    let server = server(SERVER, Some(AUTHORITY));
    let credential = serde_json::json!({ "status": {
        "clientCertificateData": CLIENT, "clientKeyData": CLIENT_KEY,
    } });
    let user = "exec:\n  command: cat\n  args: [CREDENTIAL]";
    let machine = machine(&server, AUTHORITY, user);
    machine.write("credential", &credential.to_string());
    let path = machine.home.path().join("credential");
    let text = kubeconfig(&server, user)
        .replace("CREDENTIAL", path.to_str().unwrap())
        .replace("server:", "certificate-authority: ../ca.crt\n    server:");
    machine.write(".kube/config", &text);
    let cluster = machine.connect("onprem").await.unwrap();
    assert!(cluster.issuer().await.is_ok());
}

#[tokio::test]
async fn a_client_certificate_that_the_server_does_not_know_is_no_sign_in() {
    let server = server(SERVER, Some(OTHER_AUTHORITY));
    let (kind, shown) = refusal(server, AUTHORITY, CLIENT_USER).await;
    assert_eq!(kind, PortErrorKind::Unauthenticated, "{shown}");
    assert!(shown.contains("fetch the credentials again"), "{shown}");
}

#[tokio::test]
async fn an_expired_client_certificate_is_no_sign_in() {
    let server = server(SERVER, Some(CLIENT_AUTHORITY));
    let machine = machine(&server, AUTHORITY, CLIENT_USER);
    machine.write("client.crt", EXPIRED_CLIENT);
    let cluster = machine.connect("onprem").await.unwrap();
    let error = cluster.issuer().await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Unauthenticated);
    assert!(machine.shown(&error).contains("it may have expired"));
}
