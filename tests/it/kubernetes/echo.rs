//! A server with TLS on loopback that answers with what it sees of its client, and proxies to it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, Stream};

use super::tls::{AUTHORITY, SERVER, SERVER_KEY};

/// A server whose issuer is the credentials that it was shown: the header, whom it acts as, the certificate.
pub(super) fn server() -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let der = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(der(AUTHORITY)).unwrap();
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).allow_unauthenticated();
    let key = PrivateKeyDer::from_pem_slice(SERVER_KEY.as_bytes()).unwrap();
    let config = ServerConfig::builder()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(vec![der(SERVER)], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        while let Ok((socket, _)) = listener.accept() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            thread::spawn(move || answer(connection, socket));
        }
    });
    format!("https://{address}")
}

fn answer(mut connection: ServerConnection, mut socket: TcpStream) {
    let mut stream = Stream::new(&mut connection, &mut socket);
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return,
            Ok(read) => request.extend_from_slice(&piece[..read]),
        }
    }
    let certificate = stream.conn.peer_certificates().is_some();
    let body = serde_json::json!({ "issuer": seen(&request, certificate) }).to_string();
    let length = body.len();
    let _ = write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{body}"
    );
}

/// The credentials of a request.
fn seen(request: &[u8], certificate: bool) -> String {
    let text = String::from_utf8_lossy(request);
    let mut seen = Vec::new();
    for line in text.lines().skip(1) {
        let Some((name, value)) = line.split_once(": ") else { continue };
        let name = name.to_ascii_lowercase();
        if name == "authorization" {
            seen.push(value.to_owned());
        } else if let Some(name) = name.strip_prefix("impersonate-") {
            seen.push(format!("{name}={value}"));
        }
    }
    seen.sort();
    if certificate {
        seen.push("certificate".into());
    }
    if seen.is_empty() { "nothing".into() } else { seen.join(", ") }
}

/// A proxy on loopback without a scheme, which speaks SOCKS5 and CONNECT: a client of either kind is led on to
/// where it asks for. <https://www.rfc-editor.org/rfc/rfc1928>
pub(super) fn proxy() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        while let Ok((client, _)) = listener.accept() {
            thread::spawn(move || lead(client));
        }
    });
    address.to_string()
}

fn lead(mut client: TcpStream) -> Option<()> {
    let mut head = [0; 1];
    client.read_exact(&mut head).ok()?;
    let to = if head == [5] { by_socks(&mut client)? } else { by_connect(&mut client)? };
    let mut server = TcpStream::connect(to).ok()?;
    let (mut back, mut from) = (client.try_clone().ok()?, server.try_clone().ok()?);
    thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut back);
        let _ = back.shutdown(std::net::Shutdown::Write);
    });
    let _ = std::io::copy(&mut client, &mut server);
    None
}

fn by_socks(client: &mut TcpStream) -> Option<String> {
    let mut count = [0; 1];
    client.read_exact(&mut count).ok()?;
    client.read_exact(&mut vec![0; count[0].into()]).ok()?;
    client.write_all(&[5, 0]).ok()?;
    let mut request = [0; 4];
    client.read_exact(&mut request).ok()?;
    let host = if request[3] == 1 {
        let mut address = [0; 4];
        client.read_exact(&mut address).ok()?;
        std::net::Ipv4Addr::from(address).to_string()
    } else {
        client.read_exact(&mut count).ok()?;
        let mut name = vec![0; count[0].into()];
        client.read_exact(&mut name).ok()?;
        String::from_utf8(name).ok()?
    };
    let mut port = [0; 2];
    client.read_exact(&mut port).ok()?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).ok()?;
    Some(format!("{host}:{}", u16::from_be_bytes(port)))
}

fn by_connect(client: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    let mut byte = [0; 1];
    while !request.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte).ok()?;
        request.push(byte[0]);
    }
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
    String::from_utf8(request).ok()?.split(' ').nth(1).map(str::to_owned)
}
