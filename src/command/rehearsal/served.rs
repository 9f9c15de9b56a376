//! A sandbox that another process serves.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::command::failure::Failure;
use crate::ports::chain;
use crate::sandbox::{Assumption, Greeting, Joined, STATIC_TOKEN};

/// How long an answer may take.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);
/// The longest answer that is read: the largest state file and what JSON adds to it.
const LONGEST: usize = 512 * 1024 * 1024;
/// The longest answer that is read of whoever listens, until it turns out to be a sandbox.
const LONGEST_GREETING: usize = 4 * 1024;
/// How much of a foreign answer is shown, in characters.
const SHOWN: usize = 80;
/// How many assumptions are sent at once: they stay far below the longest body that the sandbox reads.
const AT_ONCE: usize = 2_000;

/// A sandbox of this version of widctl that another process serves on loopback.
pub struct Served {
    base: Url,
    client: Client,
}

impl Served {
    /// Finds out who listens, and sends nothing but that question.
    pub async fn find(base: Url) -> Result<Self, Failure> {
        // Another part of the program may have installed it already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .timeout(ANSWERED_WITHIN)
            .tls_certs_only([])
            .build()
            .map_err(|error| unanswered(&base, error))?;
        let served = Self { base, client };
        let response = served.send(served.client.get(served.at("sandbox"))).await?;
        let mut said = format!("HTTP {}", response.status().as_u16());
        if let Some(server) = response.headers().get("server").and_then(|name| name.to_str().ok()) {
            said = format!("{said} of `{}`", shown(server));
        }
        let bytes = served.body(response, LONGEST_GREETING).await.unwrap_or_default();
        let greeting: Option<Greeting> = serde_json::from_slice(&bytes).ok();
        let own = Greeting::own();
        match greeting.filter(|greeting| greeting.sandbox == own.sandbox) {
            Some(greeting) if greeting.version == own.version => Ok(served),
            Some(greeting) => Err(of_other_version(&served.base, &greeting.version, &own.version)),
            None => Err(foreign(&served.base, &said, &bytes)),
        }
    }

    /// Adds what a run assumes.
    pub async fn join(&self, assumptions: &[Assumption]) -> Result<Joined, Failure> {
        let mut joined = self.post(&[]).await?;
        for part in assumptions.chunks(AT_ONCE) {
            let Joined { added, tenant, clusters } = self.post(part).await?;
            joined.added.extend(added);
            joined = Joined { tenant, clusters, ..joined };
        }
        Ok(joined)
    }

    /// Everything that the sandbox knows, as its state file holds it.
    pub async fn state(&self) -> Result<Value, Failure> {
        self.ask(self.client.get(self.at("sandbox/state"))).await
    }

    async fn post(&self, assumptions: &[Assumption]) -> Result<Joined, Failure> {
        let body = serde_json::to_vec(assumptions).expect("keys are text and values are plain");
        self.ask(self.client.post(self.at("sandbox/join")).body(body)).await
    }

    fn at(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(path);
        url
    }

    async fn ask<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Failure> {
        let response = self.send(request.bearer_auth(STATIC_TOKEN)).await?;
        let said = format!("HTTP {}", response.status().as_u16());
        let bytes = self.body(response, LONGEST).await?;
        serde_json::from_slice(&bytes).map_err(|_| foreign(&self.base, &said, &bytes))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        request.send().await.map_err(|error| unanswered(&self.base, error))
    }

    /// The answer, cut off after so many bytes.
    async fn body(&self, mut response: Response, longest: usize) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        let failed = |error| unanswered(&self.base, error);
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            bytes.extend_from_slice(&chunk[..chunk.len().min(longest - bytes.len())]);
            if bytes.len() == longest {
                break;
            }
        }
        Ok(bytes)
    }
}

fn origin(base: &Url) -> &str {
    base.as_str().trim_end_matches('/')
}

/// The beginning of what somebody else wrote, on one line.
fn shown(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut shown: String = line.chars().take(SHOWN).collect();
    if shown.len() < line.len() {
        shown.push('…');
    }
    shown
}

fn unanswered(base: &Url, error: reqwest::Error) -> Failure {
    let base = origin(base);
    let how = if error.is_connect() {
        "nobody listens there, or the connection is refused"
    } else if error.is_timeout() {
        "no answer came in time"
    } else {
        "what listens there gave no HTTP answer"
    };
    let reasons = chain::reasons(&error.without_url());
    let why = reasons.last().map_or_else(String::new, |why| format!(" ({why})"));
    Failure::Input {
        what: format!("the sandbox at {base} cannot be reached: {how}{why}"),
        hint: "start it in another terminal with `widctl sandbox serve`, and give the address that it prints"
            .to_owned(),
    }
}

fn foreign(base: &Url, said: &str, body: &[u8]) -> Failure {
    let body = shown(&String::from_utf8_lossy(body));
    let body = if body.is_empty() { String::new() } else { format!(": {body}") };
    Failure::Input {
        what: format!(
            "what listens at {} is no sandbox that this widctl {} knows: it answered {said}{body}",
            origin(base),
            Greeting::own().version,
        ),
        hint: "give the address that `widctl sandbox serve` prints".to_owned(),
    }
}

fn of_other_version(base: &Url, theirs: &str, own: &str) -> Failure {
    Failure::Input {
        what: format!(
            "the sandbox at {} is served by widctl {}, and this is widctl {own}: only equal versions work together",
            origin(base),
            shown(theirs),
        ),
        hint: "stop it and serve it with this one, or run the version that serves it".to_owned(),
    }
}
