//! An API server that plays a script and keeps what it was asked, in process.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response};
use serde_json::{Value, json};
use widctl::event::{Event, EventSink};
use widctl::kubernetes::client::ClusterClient;
use widctl::kubernetes::testing::in_process;

/// The events of a test.
#[derive(Default)]
pub(crate) struct Kept(Mutex<Vec<Event>>);

impl EventSink for Kept {
    fn emit(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

impl Kept {
    /// The events so far.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap().clone()
    }
}

/// How many requests were sent.
pub(super) fn sent(kept: &Kept) -> usize {
    let events = kept.events();
    let sent = events.iter().filter(|event| matches!(event, Event::RequestSent(_)));
    sent.count()
}

/// A scripted API server and what it was asked: `PATCH /path?query body`.
#[derive(Clone, Default)]
pub(super) struct Script {
    answers: Arc<Mutex<VecDeque<Response<Body>>>>,
    asked: Arc<Mutex<Vec<String>>>,
    pub(super) kept: Arc<Kept>,
}

impl Script {
    /// Answers the next request with this.
    pub(super) fn then(self, status: u16, body: &Value) -> Self {
        self.then_with(status, &[], body)
    }

    /// Answers the next request with this and headers.
    pub(super) fn then_with(self, status: u16, headers: &[(&str, &str)], body: &Value) -> Self {
        let mut answer = Response::builder().status(status);
        for (name, value) in headers {
            answer = answer.header(*name, *value);
        }
        let answer = answer.body(Body::from(body.to_string())).unwrap();
        self.answers.lock().unwrap().push_back(answer);
        self
    }

    /// The cluster `weu` behind the script.
    pub(super) fn cluster(&self) -> ClusterClient {
        let router = Router::new().fallback(play).with_state(self.clone());
        let client = in_process("http://cluster.test/clusters/weu".parse().unwrap(), router);
        let sink = Arc::clone(&self.kept);
        ClusterClient::new("weu".into(), client, "the test", sink)
    }

    /// What was asked so far.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn play(State(script): State<Script>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let path = head.uri.path_and_query().unwrap().as_str();
    let path = path.strip_prefix("/clusters/weu").unwrap();
    let mut line = format!("{} {path}", head.method);
    if !body.is_empty() {
        line = format!("{line} {}", String::from_utf8_lossy(&body));
    }
    script.asked.lock().unwrap().push(line);
    let next = script.answers.lock().unwrap().pop_front();
    next.expect("the script has an answer to every request")
}

/// A `Status` as an API server answers it.
pub(super) fn status(code: u16, reason: &str, message: &str, details: &Value) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code,
        "reason": reason, "message": message, "details": details,
    })
}

/// A service account as an API server answers it.
pub(super) fn account(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {
            "name": name, "namespace": namespace, "uid": format!("uid-{name}"), "resourceVersion": "7",
            "labels": {
                "app.kubernetes.io/managed-by": "widctl", "widctl.dev/estate": "prod",
                "widctl.dev/team": "data",
            },
            "annotations": { "widctl.dev/created": "0123456789abcdef" },
        },
    })
}
