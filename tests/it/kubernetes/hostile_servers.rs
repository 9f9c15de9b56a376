//! API servers that lie on a socket: they send on to others, switch protocols, and pack a lot into little.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use widctl::kubernetes::client::ClusterClient;
use widctl::ports::error::PortErrorKind;
use widctl::ports::read::ClusterRead;
use widctl::ports::store::WriteMode;

use super::lists::WholeLists;
use super::machine::{Machine, kubeconfig};
use super::requests::{annotated, key, ours};

const KUBELOGIN: &str = "exec: {command: kubelogin, args: [get-token, --server-id, 6dae42f8-4368-4678-94ff-3960e28e3630]}";

/// A server on loopback that answers everything with this, and how often it was asked.
async fn serve(
    answer: impl Fn() -> Response + Clone + Send + Sync + 'static,
) -> (String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let router = Router::new().fallback(move || {
        count.fetch_add(1, Ordering::Relaxed);
        let answer = answer();
        async { answer }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (format!("http://{address}"), asked)
}

async fn connect(server: &str) -> ClusterClient {
    let machine = Machine::with(&kubeconfig(server, KUBELOGIN));
    machine.connect("onprem").await.unwrap()
}

#[tokio::test]
async fn a_server_that_sends_on_to_another_takes_no_token_there() {
    let (elsewhere, visits) = serve(|| Response::new(Body::from("{\"items\":[]}"))).await;
    for code in [300, 301, 302, 303, 307, 308] {
        let target = format!("{elsewhere}/api/v1/namespaces");
        let (server, asked) = serve(move || {
            let answer = Response::builder().status(code).header("location", &target);
            answer.body(Body::empty()).unwrap()
        })
        .await;
        let cluster = connect(&server).await;
        let error = cluster.namespaces().await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::ForeignOrigin, "{code}");
        assert_eq!(error.status, Some(code));
        let hint = error.help();
        assert!(
            hint.starts_with("it sends on to another address, where no credentials go"),
            "{hint}"
        );
        let accounts = cluster.stores().service_accounts;
        let (key, write) = (key("data", "flows"), annotated(Some(ours())));
        let put = accounts.put(&key, &write, WriteMode::Update);
        assert!(put.await.is_err(), "{code}");
        assert_eq!(asked.load(Ordering::Relaxed), 2, "{code}");
    }
    assert_eq!(visits.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_server_that_switches_protocols_gives_no_answer() {
    for protocol in ["websocket", "h2c", "SPDY/3.1"] {
        let (server, _) = serve(move || {
            let answer = Response::builder()
                .status(101)
                .header("connection", "upgrade")
                .header("upgrade", protocol);
            answer.body(Body::empty()).unwrap()
        })
        .await;
        let cluster = connect(&server).await;
        let read = cluster.namespaces();
        let read = tokio::time::timeout(std::time::Duration::from_secs(30), read);
        assert!(read.await.unwrap().is_err(), "{protocol}");
    }
}

/// A gzip stream of spaces without an end: one literal, then copies of 258 of what came before, 13 bits each.
/// <https://www.rfc-editor.org/rfc/rfc1951#section-3.2.6>
fn packed(length: usize) -> Vec<u8> {
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let (mut held, mut count) = (0_u32, 0);
    // Huffman codes come with their first bit first, all else with its last.
    let space = [0, 1, 0, 1, 0, 0, 0, 0];
    let copy = [1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0];
    let begin = [0, 1, 0];
    let bits = begin.into_iter().chain(space).chain(copy.into_iter().cycle());
    for bit in bits {
        held |= bit << count;
        count += 1;
        if count == 8 {
            bytes.push(u8::try_from(held).unwrap());
            (held, count) = (0, 0);
            if bytes.len() == length {
                break;
            }
        }
    }
    bytes
}

#[tokio::test]
async fn a_packed_answer_counts_as_what_it_holds() {
    // A megabyte that holds 165.
    let bomb = bytes::Bytes::from(packed(1024 * 1024));
    let (server, asked) = serve(move || {
        let answer = Response::builder().header("content-encoding", "gzip");
        answer.body(Body::from(bomb.clone())).unwrap()
    })
    .await;
    let cluster = connect(&server).await;
    let list = cluster.namespaces().await.unwrap_err();
    let document = cluster.issuer().await.unwrap_err();
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    insta::assert_snapshot!(format!("{list}\n{document}"), @"
could not list the namespaces: cluster `weu` gave an answer that could not be understood: the answer is larger than 32 MB
could not read the discovery document: cluster `weu` gave an answer that could not be understood: the answer is larger than 4 MB
");
}
