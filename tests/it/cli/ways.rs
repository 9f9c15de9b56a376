//! How the program reaches Azure: certificates, proxies, names.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::{io, thread};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};

use super::served::{Entry, Served, profile};
use super::support::{root, team};
use crate::kubernetes::tls::{AUTHORITY, ELSEWHERE, OTHER_AUTHORITY, SERVER, SERVER_KEY};

const SYNC: &str = "sync teams.toml --auto-approve";
/// The name in the certificate `ELSEWHERE`; nobody serves it.
const ELSEWHERE_NAME: &str = "api.example.com";

/// Serves every connection to a new port of loopback in a thread of its own.
fn serve(answer: impl Fn(TcpStream) -> io::Result<()> + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        while let Ok((socket, _)) = listener.accept() {
            let answer = answer.clone();
            thread::spawn(move || answer(socket));
        }
    });
    address
}

/// Reads the head of a request, its empty line included.
fn head(stream: &mut impl Read) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// Speaks TLS with this certificate and passes every request on, one per connection.
pub(crate) fn relay(certificate: &str, upstream: &str) -> SocketAddr {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(SERVER_KEY.as_bytes()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    let config = Arc::new(config.with_single_cert(vec![certificate], key).unwrap());
    let upstream = upstream.trim_start_matches("http://").to_owned();
    serve(move |mut socket| {
        let mut connection = ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut stream = Stream::new(&mut connection, &mut socket);
        let head = head(&mut stream)?;
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length").then(|| value.parse().unwrap())
        });
        let mut body = vec![0; length.unwrap_or(0)];
        stream.read_exact(&mut body)?;
        let mut server = TcpStream::connect(&upstream)?;
        server.write_all(head.replacen("\r\n", "\r\nconnection: close\r\n", 1).as_bytes())?;
        server.write_all(&body)?;
        let mut answer = Vec::new();
        server.read_to_end(&mut answer)?;
        stream.write_all(&answer)?;
        stream.conn.send_close_notify();
        stream.flush()
    })
}

/// A proxy that connects everybody with this server and remembers what it was asked.
fn proxy(server: SocketAddr) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&asked);
    let address = serve(move |mut client| {
        let head = head(&mut client)?;
        let line = head.lines().next().unwrap_or_default();
        seen.lock().unwrap().push(line.to_owned());
        let mut server = TcpStream::connect(server)?;
        client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
        let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
        thread::spawn(move || io::copy(&mut from, &mut to));
        io::copy(&mut server, &mut client)?;
        client.shutdown(std::net::Shutdown::Both)
    });
    (address, asked)
}

/// A served sandbox whose one cluster is pinned, and nothing of Azure but at this origin.
fn stage(served: &Served, arm: &str, ca_file: Option<&str>) {
    let stage = &served.stage;
    let pinned =
        "[clusters.onprem]\ncontext = \"onprem\"\nissuer = \"https://oidc.contoso.com/onprem\"\n\n";
    let profile = root("acme", &[]).replace("[azure]\n", "[azure]\ncloud = \"double\"\n");
    stage.write("teams.toml", profile + pinned + &team("one", &["onprem"]));
    served.kubeconfig(&[Entry::new("onprem", &served.server("onprem"))]);
    let mut cloud = format!(
        "[clouds.double]\narm = \"{arm}\"\nauthority_host = \"{arm}\"\narm_audience = \"https://management.azure.com\"\n"
    );
    if let Some(authority) = ca_file {
        stage.write("ca.crt", authority);
        cloud.push_str("ca_file = \"ca.crt\"\n");
    }
    stage.write("clouds.toml", cloud);
}

#[test]
fn the_authority_of_the_cloud_file_is_trusted_and_no_other() {
    let served = Served::new(&profile(&["onprem"]), "");
    let arm = format!("https://{}", relay(SERVER, &served.base));
    for (authority, hint) in [
        (None, "this machine does not trust who signed the certificate of 127.0.0.1"),
        (Some(OTHER_AUTHORITY), "neither this machine nor the cloud's `ca_file` trusts who signed"),
    ] {
        stage(&served, &arm, authority);
        let ran = served.stage.expect(1, SYNC);
        assert!(ran.stderr.contains(hint), "{ran:#?}");
        assert!(!ran.stderr.contains("waiting"), "it is not tried again: {ran:#?}");
    }
    stage(&served, &arm, Some(AUTHORITY));
    let sync = served.stage.expect(0, SYNC);
    assert!(sync.stdout.contains("Apply complete!"), "{sync:#?}");
}

#[test]
fn requests_go_through_the_proxy_of_the_environment() {
    let mut served = Served::new(&profile(&["onprem"]), "");
    let (proxy, asked) = proxy(relay(ELSEWHERE, &served.base));
    stage(&served, &format!("https://{ELSEWHERE_NAME}"), Some(AUTHORITY));
    let proxy = format!("http://{proxy}");
    served.stage.set("HTTPS_PROXY", Some(proxy));
    served.stage.expect(0, "plan teams.toml");
    let asked = asked.lock().unwrap();
    assert!(!asked.is_empty());
    let wanted = format!("CONNECT {ELSEWHERE_NAME}:443 HTTP/1.1");
    assert!(asked.iter().all(|line| *line == wanted), "{asked:?}");
}

#[test]
fn a_dead_proxy_is_named_without_its_password() {
    let mut served = Served::new(&profile(&["onprem"]), "");
    stage(&served, "https://arm.invalid", None);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let proxy = format!("http://somebody:hunter2@{address}");
    served.stage.set("HTTPS_PROXY", Some(proxy));
    let ran = served.stage.expect(1, SYNC);
    let named = format!("the way to arm.invalid goes through the proxy http://{address}:");
    assert!(ran.stderr.contains(&named), "{ran:#?}");
    assert!(ran.stderr.contains("refused"), "{ran:#?}");
    assert!(!ran.stderr.contains("hunter2"), "{ran:#?}");
}

#[test]
fn what_no_longer_listens_on_this_machine_is_named_with_its_port() {
    let served = Served::new(&profile(&["onprem"]), "");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    stage(&served, &format!("http://{address}"), None);
    let ran = served.stage.expect(1, SYNC);
    let hint = format!(
        "hint: start what serves {address} on this machine: `widctl sandbox serve --port {}`",
        address.port()
    );
    assert!(ran.stderr.contains(&hint), "{ran:#?}");
}

#[test]
fn a_name_that_nobody_knows_is_said_and_no_proxy_stands_before_what_no_proxy_names() {
    let mut served = Served::new(&profile(&["onprem"]), "");
    stage(&served, "https://arm.invalid", None);
    let (proxy, asked) = proxy(relay(ELSEWHERE, &served.base));
    let proxy = format!("http://{proxy}");
    served.stage.set("HTTPS_PROXY", Some(proxy));
    served.stage.set("NO_PROXY", Some("arm.invalid"));
    let ran = served.stage.expect(1, SYNC);
    assert!(ran.stderr.contains("dns error"), "{ran:#?}");
    let hint = "check that this machine resolves and reaches arm.invalid";
    assert!(ran.stderr.contains(hint), "{ran:#?}");
    assert!(asked.lock().unwrap().is_empty());
}
