//! A service in this process that answers what a file says, on the paused clock.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use tokio::sync::Notify;
use tokio::time::Instant;
use widctl::azure::transport::Transport;
use widctl::profile::SourceFile;

/// More requests than any one question is worth.
const MOST_REQUESTS: usize = 2_000;
/// Longer than anybody waits for one question.
const LONGEST: Duration = Duration::from_mins(15);

/// Answers from files, the last one for ever. Each is a status line, headers, an empty line and a body.
#[derive(Clone, Default)]
pub(super) struct Liar {
    answers: Arc<Vec<Vec<u8>>>,
    asked: Arc<AtomicUsize>,
    origins: Arc<Mutex<Vec<String>>>,
    too_many: Arc<Notify>,
}

impl Liar {
    pub(super) fn new(files: &[SourceFile]) -> Self {
        Self {
            answers: Arc::new(files.iter().map(|file| file.text.clone()).collect()),
            ..Self::default()
        }
    }

    pub(super) fn transport(&self) -> Transport {
        let liar = self.clone();
        Transport::in_process(tower::service_fn(move |request: Request| {
            let liar = liar.clone();
            async move { liar.answer(request).await }
        }))
    }

    async fn answer(&self, request: Request) -> io::Result<Response<Body>> {
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        if number >= MOST_REQUESTS {
            self.too_many.notify_one();
            return std::future::pending().await;
        }
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.map_err(io::Error::other)?;
        let origin = format!("{:?}://{:?}", parts.uri.scheme_str(), parts.uri.authority());
        let mut origins = self.origins.lock().unwrap();
        if !origins.contains(&origin) {
            origins.push(origin);
        }
        drop(origins);
        let bearer = parts.headers.get("authorization");
        let bearer = bearer.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let index = number.min(self.answers.len().saturating_sub(1));
        let answer = self.answers.get(index).map_or(&b"500\n\n"[..], Vec::as_slice);
        let answer = replaced(answer, "{n}", &number.to_string());
        let answer = replaced(&answer, "{authorization}", bearer);
        let answer = replaced(&answer, "{body}", &String::from_utf8_lossy(&body));
        Ok(response(&answer))
    }

    /// What comes of a question, as long as it is asked and answered within bounds.
    pub(super) async fn within_bounds<T>(
        &self,
        question: impl Future<Output = T>,
    ) -> Result<T, String> {
        let begun = Instant::now();
        let answered = tokio::select! {
            answered = tokio::time::timeout(LONGEST, question) => answered.ok(),
            () = self.too_many.notified() => {
                return Err(format!("more than {MOST_REQUESTS} requests within {:?}", begun.elapsed()));
            }
        };
        let origins = self.origins.lock().unwrap();
        if origins.len() > 1 {
            return Err(format!("another origin was asked: {origins:?}"));
        }
        answered.ok_or_else(|| format!("no end after {LONGEST:?}"))
    }
}

/// A runtime of one thread whose clock jumps to whatever is waited for.
pub(super) fn paused(work: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(work)
}

fn replaced(text: &[u8], from: &str, to: &str) -> Vec<u8> {
    let Some(at) = text.windows(from.len()).position(|window| window == from.as_bytes()) else {
        return text.to_vec();
    };
    [&text[..at], to.as_bytes(), &replaced(&text[at + from.len()..], from, to)].concat()
}

/// The response of an answer; what no HTTP server can send is left out of it.
fn response(answer: &[u8]) -> Response<Body> {
    let at = answer.windows(2).position(|window| window == b"\n\n");
    let (head, body) = at.map_or((answer, &[][..]), |at| (&answer[..at], &answer[at + 2..]));
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.trim().parse::<u16>().ok());
    // A status below 200 is no final answer, and clients never see one.
    let status = status.filter(|status| (200..1000).contains(status)).unwrap_or(200);
    let mut response = Response::builder().status(status);
    for line in lines {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let name = http::HeaderName::try_from(name.trim());
        let value = http::HeaderValue::try_from(value.trim());
        if let (Ok(name), Ok(value)) = (name, value) {
            response = response.header(name, value);
        }
    }
    response.body(Body::from(body.to_vec())).unwrap()
}

/// A file that is an answer.
pub(super) fn file(text: impl Into<Vec<u8>>) -> SourceFile {
    SourceFile { path: "answer.http".into(), text: text.into() }
}
