//! What happens to the requests of a run on their way: faults, delays, other people, and the end of the run.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::Method;
use axum::http::header::AUTHORIZATION;
use axum::response::Response;
use fastrand::Rng;
use tokio::sync::Notify;
use tokio::sync::watch;
use tower::ServiceExt;
use widctl::sandbox::Dropped;
use widctl::sandbox::Effect;
use widctl::sandbox::ScriptedAnswer;
use widctl::sandbox::World;
use widctl::sandbox::router;

use super::foreigners::Foreigners;

/// Longer than a client waits for one answer.
const TOO_SLOW: Duration = Duration::from_secs(70);

/// The weather over one world, shared by all runs.
pub(super) struct Weather {
    world: World,
    sky: Mutex<Sky>,
    /// How many writes each run has sent.
    written: watch::Sender<BTreeMap<usize, usize>>,
}

struct Sky {
    rng: Rng,
    /// Of 1000 requests, how many meet with a fault.
    faulty: u32,
    /// What strikes every request of one kind, and how often it still does.
    aimed: Option<Aimed>,
    /// Of 1000 requests, before how many somebody else writes.
    busy: u32,
    foreigners: Foreigners,
    /// Credential writes in flight by run and identity.
    in_flight: BTreeMap<(usize, String), usize>,
    /// What must never happen and did.
    violations: Vec<String>,
    /// Bearer tokens seen.
    tokens: Vec<String>,
    trace: Vec<String>,
    /// The kinds of the requests so far.
    kinds: BTreeSet<String>,
}

/// A fault for the requests of one kind.
#[derive(Clone)]
pub(super) struct Aimed {
    /// The kind, as [`kind_of`] names it.
    pub(super) kind: String,
    /// What happens to them.
    pub(super) blow: Blow,
    /// How many of them it strikes.
    pub(super) times: usize,
}

/// What can happen to a request.
#[derive(Clone, Debug)]
pub(super) enum Blow {
    /// An effect of the sandbox.
    Effect(Effect),
    /// The answer comes later than the client waits.
    Slow,
}

/// When a run is killed: at this request of its own, before or after it took effect.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kill {
    pub(super) at: usize,
    pub(super) of: Counted,
    pub(super) after: bool,
}

/// Which requests are counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Counted {
    Requests,
    Writes,
}

/// The way of one run's requests.
struct Passage {
    weather: Arc<Weather>,
    run: usize,
    kill: Option<Kill>,
    killed: Arc<Notify>,
    /// All requests so far, and the writes among them.
    sent: Mutex<(usize, usize)>,
}

impl Weather {
    pub(super) fn new(world: &World, rng: Rng, foreigners: Foreigners) -> Arc<Self> {
        Arc::new(Self {
            world: world.clone(),
            sky: Mutex::new(Sky {
                rng,
                faulty: 0,
                aimed: None,
                busy: 0,
                foreigners,
                in_flight: BTreeMap::new(),
                violations: Vec::new(),
                tokens: Vec::new(),
                trace: Vec::new(),
                kinds: BTreeSet::new(),
            }),
            written: watch::Sender::default(),
        })
    }

    /// From now on, of 1000 requests that many meet with a fault, and before that many somebody writes.
    pub(super) fn turn(&self, faulty: u32, busy: u32) {
        let mut sky = self.sky.lock().unwrap();
        (sky.faulty, sky.busy) = (faulty, busy);
    }

    /// Strikes the requests of one kind, or none any more.
    pub(super) fn aim(&self, aimed: Option<Aimed>) {
        self.sky.lock().unwrap().aimed = aimed;
    }

    /// The kinds of the requests so far, sorted.
    pub(super) fn kinds(&self) -> BTreeSet<String> {
        self.sky.lock().unwrap().kinds.clone()
    }

    /// Waits until a run has sent that many writes.
    pub(super) fn reached(&self, run: usize, writes: usize) -> impl Future<Output = ()> + use<> {
        let mut written = self.written.subscribe();
        async move {
            let is_reached = |runs: &BTreeMap<usize, usize>| runs.get(&run) >= Some(&writes);
            written.wait_for(is_reached).await.unwrap();
        }
    }

    /// What must never happen and did.
    pub(super) fn violations(&self) -> Vec<String> {
        self.sky.lock().unwrap().violations.clone()
    }

    /// Every request and what became of it.
    pub(super) fn trace(&self) -> String {
        self.sky.lock().unwrap().trace.join("\n")
    }

    /// The secrets that went over the wire.
    pub(super) fn tokens(&self) -> Vec<String> {
        self.sky.lock().unwrap().tokens.clone()
    }

    /// The services as a run reaches them; the other end says when the run is to be killed.
    pub(super) fn way(self: &Arc<Self>, run: usize, kill: Option<Kill>) -> (Router, Arc<Notify>) {
        let killed = Arc::new(Notify::new());
        let passage = Arc::new(Passage {
            weather: Arc::clone(self),
            run,
            kill,
            killed: Arc::clone(&killed),
            sent: Mutex::default(),
        });
        let way = Router::new().fallback(move |request: Request| {
            let passage = Arc::clone(&passage);
            async move { passage.pass(request).await }
        });
        (way, killed)
    }
}

impl Passage {
    async fn pass(&self, mut request: Request) -> Response {
        let kill = self.fate(&request);
        if kill.is_some_and(|kill| !kill.after) {
            self.die().await;
        }
        self.meet_others().await;
        let line = format!(
            "run {}: {} {}",
            self.run,
            request.method(),
            request.uri().path()
        );
        let (effect, slow) = self.effect(&request);
        if let Some(effect) = effect.clone() {
            request.extensions_mut().insert(effect);
        }
        let writes = self.begin(&request);
        let answer = router(self.weather.world.clone()).oneshot(request).await;
        let answer = answer.unwrap_or_else(|never| match never {});
        if slow {
            tokio::time::sleep(TOO_SLOW).await;
        }
        drop(writes);
        if kill.is_some() {
            self.die().await;
        }
        let mut sky = self.weather.sky.lock().unwrap();
        let status = answer.status();
        sky.trace.push(format!("{line}: {status} {effect:?}"));
        let Sky {
            foreigners,
            violations,
            ..
        } = &mut *sky;
        let wrongs = foreigners.wronged().into_iter();
        violations.extend(wrongs.map(|wrong| format!("{wrong}, after {line}")));
        answer
    }

    /// Counts the request; whether it is the run's last one.
    fn fate(&self, request: &Request) -> Option<Kill> {
        let mut sent = self.sent.lock().unwrap();
        let writes = ![Method::GET, Method::POST].contains(request.method());
        sent.0 += 1;
        sent.1 += usize::from(writes);
        self.weather.written.send_modify(|runs| {
            runs.insert(self.run, sent.1);
        });
        self.kill.filter(|kill| match kill.of {
            Counted::Requests => kill.at == sent.0,
            Counted::Writes => writes && kill.at == sent.1,
        })
    }

    /// The run ends here; what it was doing never returns.
    async fn die(&self) {
        self.killed.notify_one();
        std::future::pending::<()>().await;
    }

    /// Somebody else may write first.
    async fn meet_others(&self) {
        let work = {
            let mut sky = self.weather.sky.lock().unwrap();
            let busy = sky.busy;
            let comes = sky.rng.u32(0..1000) < busy;
            let Sky {
                rng, foreigners, ..
            } = &mut *sky;
            comes.then(|| foreigners.choose(rng)).flatten()
        };
        let Some(work) = work else {
            return;
        };
        let done = work.carry_out(&self.weather.world).await;
        let mut sky = self.weather.sky.lock().unwrap();
        sky.trace.push(format!("somebody: {work:?}: {done}"));
        sky.foreigners.learn(&work, done);
    }

    fn effect(&self, request: &Request) -> (Option<Effect>, bool) {
        let mut sky = self.weather.sky.lock().unwrap();
        if let Some(token) = request.headers().get(AUTHORIZATION) {
            let token = token.to_str().unwrap().trim_start_matches("Bearer ");
            if !sky.tokens.iter().any(|known| known == token) {
                sky.tokens.push(token.to_owned());
            }
        }
        let kind = kind_of(request.method(), request.uri().path());
        sky.kinds.insert(kind.clone());
        if let Some(aimed) = sky
            .aimed
            .as_mut()
            .filter(|aimed| aimed.kind == kind && aimed.times > 0)
        {
            aimed.times -= 1;
            return match aimed.blow.clone() {
                Blow::Effect(effect) => (Some(effect), false),
                Blow::Slow => (None, true),
            };
        }
        let faulty = sky.faulty;
        if sky.rng.u32(0..1000) >= faulty {
            return (None, false);
        }
        let credential = is_credential_write(request);
        let assignment = request.method() == Method::PUT
            && request
                .uri()
                .path()
                .to_lowercase()
                .contains("/roleassignments/");
        fault(&mut sky.rng, credential, assignment)
    }

    /// Counts a write of a credential for as long as it is in flight.
    fn begin(&self, request: &Request) -> Option<InFlight> {
        if !is_credential_write(request) {
            return None;
        }
        let path = request.uri().path().to_lowercase();
        let (identity, _) = path.split_once("/federatedidentitycredentials")?;
        let key = (self.run, identity.to_owned());
        let mut sky = self.weather.sky.lock().unwrap();
        let count = sky.in_flight.entry(key.clone()).or_default();
        *count += 1;
        if *count > 1 {
            let wrong = format!("two credential writes of one run are in flight on {identity}");
            sky.violations.push(wrong);
        }
        Some(InFlight {
            weather: Arc::clone(&self.weather),
            key,
        })
    }
}

/// A write of a credential in flight.
struct InFlight {
    weather: Arc<Weather>,
    key: (usize, String),
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut sky = self.weather.sky.lock().unwrap();
        if let Some(count) = sky.in_flight.get_mut(&self.key) {
            *count -= 1;
        }
    }
}

fn is_credential_write(request: &Request) -> bool {
    let writes = [Method::PUT, Method::DELETE].contains(request.method());
    let path = request.uri().path().to_lowercase();
    writes && path.contains("/federatedidentitycredentials/")
}

/// A fault, and whether the answer comes too late.
fn fault(rng: &mut Rng, credential: bool, assignment: bool) -> (Option<Effect>, bool) {
    let answer = |status: u16, code: &str, retry_after: Option<u64>| {
        Effect::Answer(ScriptedAnswer {
            status,
            code: code.into(),
            message: "the weather".into(),
            retry_after,
        })
    };
    let concurrent = "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity";
    let effect = match rng.u32(0..15) {
        0 => answer(408, "RequestTimeout", None),
        1 => answer(429, "TooManyRequests", Some(rng.u64(1..=20))),
        2 => answer(429, "TooManyRequests", None),
        3 => answer(499, "ClientClosedRequest", None),
        4 => answer(500, "InternalServerError", None),
        5 => answer(502, "BadGateway", None),
        6 => answer(
            503,
            "ServiceUnavailable",
            rng.bool().then(|| rng.u64(1..=10)),
        ),
        7 => answer(504, "GatewayTimeout", None),
        8 => Effect::Drop(Dropped::Before),
        9 => Effect::Drop(Dropped::After),
        10 => Effect::Truncate,
        11 => Effect::NotJson,
        12 if credential => answer(409, concurrent, None),
        12 if assignment => answer(400, "PrincipalNotFound", None),
        _ => return (None, true),
    };
    (Some(effect), false)
}

/// What a request is for: `PUT userassignedidentities`, `LIST serviceaccounts`.
pub(super) fn kind_of(method: &Method, path: &str) -> String {
    let path = path.to_lowercase();
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    if path.contains("/oauth2/") {
        return format!("{method} token");
    }
    if path.ends_with("/openid-configuration") {
        return format!("{method} openid-configuration");
    }
    let inside = match segments.as_slice() {
        ["clusters", _, "api", _, rest @ ..] | ["clusters", _, "apis", _, _, rest @ ..] => {
            match rest {
                ["namespaces", _, inside @ ..] if !inside.is_empty() => inside,
                all => all,
            }
        }
        ["subscriptions", _, "resourcegroups", _] => &["resourcegroups", "name"],
        arm => {
            let provider = arm.iter().rposition(|segment| *segment == "providers");
            provider.map_or(arm, |at| &arm[at + 2..])
        }
    };
    let is_list = inside.len() % 2 == 1;
    let resource = inside[(inside.len() - 1) / 2 * 2];
    if is_list && method == Method::GET {
        format!("LIST {resource}")
    } else {
        format!("{method} {resource}")
    }
}
