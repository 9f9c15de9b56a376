//! Bodies that are too long, or too slow.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use futures::stream;
use tokio::net::TcpListener;
use tokio::time::Instant;
use widctl::azure::client::{AzureClient, AzureClientOptions};
use widctl::azure::cloud::Cloud;
use widctl::azure::sign_in::method::Method;
use widctl::azure::sign_in::{SignInOptions, sign_in};
use widctl::azure::transport::Transport;
use widctl::ports::error::PortErrorKind;
use widctl::ports::read::AzureRead;

use super::super::stage::{Remembered, StaticToken, TOKEN, client_over, identity, sign_in_options};
use super::application;

/// A server on loopback, over a real socket, and its cloud. It ends with the test.
pub(super) async fn served(router: Router) -> Cloud {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    Cloud::loopback(&format!("http://{address}").parse().unwrap()).unwrap()
}

/// The real client of a cloud.
pub(super) fn client_of_cloud(cloud: Cloud) -> AzureClient {
    AzureClient::new(AzureClientOptions {
        transport: Transport::https(&cloud).unwrap(),
        cloud,
        tokens: Arc::new(StaticToken(TOKEN.into())),
        events: Arc::new(Remembered::default()),
        parallelism: 4,
        timeout: Duration::from_secs(30),
        seed: 7,
    })
    .unwrap()
}

/// How an application signs in to a cloud, over real sockets.
pub(super) fn application_of_cloud(cloud: Cloud) -> SignInOptions {
    let transport = Transport::https(&cloud).unwrap();
    let mut options = sign_in_options(transport, &Arc::default(), application());
    options.cloud = cloud;
    options.method = Some(Method::Environment);
    options
}

/// Zeros as gzip packs them best: one byte, and matches of 258 bytes one byte back, in fixed codes.
/// <https://datatracker.ietf.org/doc/html/rfc1951#section-3.2.6>
fn packed_zeros(unpacked: usize) -> Vec<u8> {
    let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let (mut bits, mut filled) = (0_u32, 0);
    let mut push = |value: u32, count: u32| {
        bits |= value << filled;
        filled += count;
        while filled >= 8 {
            packed.push(bits.to_le_bytes()[0]);
            bits >>= 8;
            filled -= 8;
        }
    };
    push(0b011, 3);
    push(0b0000_1100, 8);
    for _ in 0..unpacked / 258 {
        // The length of 258 is 11000101 and the distance of 1 is 00000, the first bit first.
        push(0b1010_0011, 8);
        push(0, 5);
    }
    packed
}

#[tokio::test]
async fn a_body_that_unpacks_to_a_gigabyte_is_cut_at_its_limit() {
    let bomb = packed_zeros(1 << 30);
    assert!(bomb.len() < 8 << 20, "{} bytes are sent", bomb.len());
    let bomb = bytes::Bytes::from(bomb);
    let router = Router::new().fallback(move || {
        let bomb = bomb.clone();
        async move {
            let answer = Response::builder().header("content-encoding", "gzip");
            answer.body(Body::from(bomb)).unwrap()
        }
    });
    let cloud = served(router).await;
    let client = client_of_cloud(cloud.clone());
    let error = client.credentials(&identity("id-a")).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Malformed);
    let told = error.to_string();
    assert!(told.contains("longer than 33554432 bytes"), "{told}");
    let tokens = sign_in(application_of_cloud(cloud));
    let error = tokens.token("https://x/.default").await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Malformed, "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_trickles_ends_with_the_time_of_the_attempt() {
    let trickling = Transport::in_process(tower::service_fn(|_: Request| async {
        let byte = stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, io::Error>(bytes::Bytes::from_static(b" ")), ()))
        });
        Ok::<_, Infallible>(Response::new(Body::from_stream(byte)))
    }));
    let client = client_over(trickling.clone(), &Arc::default());
    let start = Instant::now();
    let error = client.credentials(&identity("id-a")).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::TimedOut);
    assert!(start.elapsed() <= Duration::from_mins(7), "six attempts of a minute");
    let start = Instant::now();
    let mut options = sign_in_options(trickling, &Arc::default(), application());
    options.method = Some(Method::Environment);
    let error = sign_in(options).token("https://x/.default").await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::TimedOut);
    assert!(start.elapsed() <= Duration::from_mins(7), "{:?}", start.elapsed());
}
