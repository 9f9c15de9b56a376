//! What happens to the requests of a run on their way: faults, delays, other people, and the end of the run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::header::AUTHORIZATION;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use fastrand::Rng;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tower::ServiceExt;
use widctl::model::kinds::federated_credential::CREDENTIALS_PER_IDENTITY;
use widctl::plan::contents::Refused;
use widctl::sandbox::{World, router};

use super::fault::{Fault, kind_of, random_fault, stalled};
use super::foreigners::{Foreigners, Work, credentials};

/// Longer than a client waits for one answer.
const TOO_SLOW: Duration = Duration::from_secs(70);

/// How late readers see what was written, at most.
pub(super) const LAG: Duration = Duration::from_secs(20);

/// What interferes with the requests to one world, shared by all runs.
pub(super) struct Interference {
    world: World,
    service: Router,
    state: Mutex<State>,
    /// How many writes each run has sent.
    written: watch::Sender<BTreeMap<usize, usize>>,
}

struct State {
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
    /// When each run last read the credentials of an identity.
    read: BTreeMap<(usize, String), Instant>,
    /// Who last wrote a credential of an identity, and when: a run, or nobody's for other people.
    wrote: BTreeMap<String, Vec<(Option<usize>, Instant)>>,
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
    pub(super) fault: Fault,
    /// How many of them it strikes.
    pub(super) times: usize,
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
    interference: Arc<Interference>,
    run: usize,
    kill: Option<Kill>,
    killed: Arc<Notify>,
    /// All requests so far, and the writes among them.
    sent: Mutex<(usize, usize)>,
}

impl Interference {
    pub(super) fn new(world: &World, rng: Rng, foreigners: Foreigners) -> Arc<Self> {
        Arc::new(Self {
            world: world.clone(),
            service: router(world.clone()),
            state: Mutex::new(State {
                rng,
                faulty: 0,
                aimed: None,
                busy: 0,
                foreigners,
                in_flight: BTreeMap::new(),
                violations: Vec::new(),
                read: BTreeMap::new(),
                wrote: BTreeMap::new(),
                tokens: Vec::new(),
                trace: Vec::new(),
                kinds: BTreeSet::new(),
            }),
            written: watch::Sender::default(),
        })
    }

    /// From now on, of 1000 requests that many meet with a fault, and before that many somebody writes.
    pub(super) fn turn(&self, faulty: u32, busy: u32) {
        let mut state = self.state.lock().unwrap();
        (state.faulty, state.busy) = (faulty, busy);
    }

    /// Strikes the requests of one kind, or none any more.
    pub(super) fn aim(&self, aimed: Option<Aimed>) {
        self.state.lock().unwrap().aimed = aimed;
    }

    /// The kinds of the requests so far, sorted.
    pub(super) fn kinds(&self) -> BTreeSet<String> {
        self.state.lock().unwrap().kinds.clone()
    }

    /// People fill every identity of the estate up to so many credentials of theirs.
    pub(super) async fn crowd(&self, most: usize) {
        let works = self.state.lock().unwrap().foreigners.crowd(most);
        self.people(works).await;
    }

    /// People give up credentials, until every identity holds at most so many of theirs.
    pub(super) async fn make_room(&self, most: usize) {
        let works = self.state.lock().unwrap().foreigners.make_room(most);
        self.people(works).await;
    }

    /// Somebody copies what the estate has, and tools declare it, so many times each.
    pub(super) async fn meddle(&self, times: usize) {
        for _ in 0..times {
            let works = {
                let State { rng, foreigners, .. } = &mut *self.state.lock().unwrap();
                foreigners.count += 1;
                [foreigners.copy(rng), foreigners.declare(rng)].concat()
            };
            self.people(works).await;
        }
    }

    /// Whether somebody else's tool declares what a run was refused.
    pub(super) fn is_declared(&self, refusal: &Refused) -> bool {
        self.state.lock().unwrap().foreigners.is_declared(refusal)
    }

    /// What tools declare of the estate's objects may be taken from now on.
    pub(super) fn let_go(&self) {
        self.state.lock().unwrap().foreigners.let_go();
    }

    /// Tools take away the accounts that they made.
    pub(super) async fn uninstall(&self) {
        let works = self.state.lock().unwrap().foreigners.uninstall();
        self.people(works).await;
    }

    /// What other people do, past the interference.
    async fn people(&self, works: Vec<Work>) {
        for work in works {
            let done = work.carry_out(&self.world).await;
            let mut state = self.state.lock().unwrap();
            if let Some(identity) = identity_of(work.path()) {
                state.wrote_at(identity, None);
            }
            state.trace.push(format!("somebody: {work:?}: {done}"));
            state.foreigners.learn(&work, done);
        }
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
        let mut state = self.state.lock().unwrap();
        state.look("the end");
        state.violations.clone()
    }

    /// Every request and what became of it.
    pub(super) fn trace(&self) -> String {
        self.state.lock().unwrap().trace.join("\n")
    }

    /// The secrets that went over the wire.
    pub(super) fn tokens(&self) -> Vec<String> {
        self.state.lock().unwrap().tokens.clone()
    }

    /// The services as a run reaches them; the other end says when the run is to be killed.
    pub(super) fn way(self: &Arc<Self>, run: usize, kill: Option<Kill>) -> (Router, Arc<Notify>) {
        let killed = Arc::new(Notify::new());
        let passage = Arc::new(Passage {
            interference: Arc::clone(self),
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
        let line = format!("run {}: {} {}", self.run, request.method(), request.uri().path());
        let fault = self.fault(&request);
        if let Some(Fault::Effect(effect)) = fault.clone() {
            request.extensions_mut().insert(effect);
        }
        let writes = self.begin(&request);
        let asks = self.asks(&request);
        let is_write = is_write(&request);
        let answer = self.interference.service.clone().oneshot(request).await;
        let mut answer = answer.unwrap_or_else(|never| match never {});
        match fault {
            Some(Fault::Slow) => tokio::time::sleep(TOO_SLOW).await,
            Some(Fault::Stalled) => answer = stalled(answer).await,
            Some(Fault::Effect(_)) | None => {}
        }
        drop(writes);
        if kill.is_some() {
            self.die().await;
        }
        let mut state = self.interference.state.lock().unwrap();
        let status = answer.status();
        state.trace.push(format!("{line}: {status} {fault:?}"));
        if let Some(asks) = asks {
            self.judge(asks, status, fault.is_some(), &mut state);
        }
        if is_write {
            state.look(&line);
        }
        answer
    }

    /// Counts the request; whether it is the run's last one.
    fn fate(&self, request: &Request) -> Option<Kill> {
        let mut sent = self.sent.lock().unwrap();
        let writes = is_write(request);
        sent.0 += 1;
        sent.1 += usize::from(writes);
        self.interference.written.send_modify(|runs| {
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
        let works = {
            let mut state = self.interference.state.lock().unwrap();
            let busy = state.busy;
            let comes = state.rng.u32(0..1000) < busy;
            let State { rng, foreigners, .. } = &mut *state;
            if comes { foreigners.choose(rng) } else { Vec::new() }
        };
        self.interference.people(works).await;
    }

    /// What credentials the run asks about or writes, before it does.
    fn asks(&self, request: &Request) -> Option<Asks> {
        let path = request.uri().path().to_lowercase();
        let identity = identity_of(&path)?;
        let held = credentials(&self.interference.world, &identity);
        let no_room = held.len() >= CREDENTIALS_PER_IDENTITY && !held.contains(&path);
        Some(Asks { method: request.method().clone(), identity, no_room })
    }

    /// A run counts before it writes: only what somebody else wrote since it read, or too shortly before for
    /// every reader to see it, may have taken the room that it counted on.
    fn judge(&self, asks: Asks, answer: StatusCode, struck: bool, state: &mut State) {
        let Asks { method, identity, no_room } = asks;
        let key = (self.run, identity.clone());
        if method == Method::GET {
            if answer.is_success() {
                state.read.insert(key, Instant::now());
            }
            return;
        }
        let held = credentials(&self.interference.world, &identity).len();
        if held > CREDENTIALS_PER_IDENTITY {
            let wrong = format!("{identity} holds {held} credentials");
            state.violations.push(wrong);
        }
        if method == Method::PUT && no_room && answer == StatusCode::BAD_REQUEST && !struck {
            let read = state.read.get(&key).copied();
            let mut others = state.wrote.get(&identity).into_iter().flatten();
            let raced = others.any(|(who, when)| {
                *who != Some(self.run) && read.is_none_or(|read| *when + LAG >= read)
            });
            if !raced {
                let wrong = format!("run {} wrote one credential too many on {identity}", self.run);
                state.violations.push(wrong);
            }
        }
        state.wrote_at(identity, Some(self.run));
    }

    fn fault(&self, request: &Request) -> Option<Fault> {
        let mut state = self.interference.state.lock().unwrap();
        if let Some(token) = request.headers().get(AUTHORIZATION) {
            let token = token.to_str().unwrap().trim_start_matches("Bearer ");
            if !state.tokens.iter().any(|known| known == token) {
                state.tokens.push(token.to_owned());
            }
        }
        let kind = kind_of(request.method(), request.uri().path());
        state.kinds.insert(kind.clone());
        if let Some(aimed) =
            state.aimed.as_mut().filter(|aimed| aimed.kind == kind && aimed.times > 0)
        {
            aimed.times -= 1;
            return Some(aimed.fault.clone());
        }
        let faulty = state.faulty;
        if state.rng.u32(0..1000) >= faulty {
            return None;
        }
        let credential = is_credential_write(request);
        let assignment = request.method() == Method::PUT
            && request.uri().path().to_lowercase().contains("/roleassignments/");
        Some(random_fault(&mut state.rng, credential, assignment))
    }

    /// Counts a write of a credential for as long as it is in flight.
    fn begin(&self, request: &Request) -> Option<InFlight> {
        if !is_credential_write(request) {
            return None;
        }
        let path = request.uri().path().to_lowercase();
        let (identity, _) = path.split_once("/federatedidentitycredentials")?;
        let key = (self.run, identity.to_owned());
        let mut state = self.interference.state.lock().unwrap();
        let count = state.in_flight.entry(key.clone()).or_default();
        *count += 1;
        if *count > 1 {
            let wrong = format!("two credential writes of one run are in flight on {identity}");
            state.violations.push(wrong);
        }
        Some(InFlight { interference: Arc::clone(&self.interference), key })
    }
}

impl State {
    /// Notes what is not as other people left it.
    fn look(&mut self, after: &str) {
        let wrongs = self.foreigners.wronged().into_iter();
        self.violations.extend(wrongs.map(|wrong| format!("{wrong}, after {after}")));
    }

    fn wrote_at(&mut self, identity: String, who: Option<usize>) {
        let wrote = self.wrote.entry(identity).or_default();
        wrote.push((who, Instant::now()));
    }
}

/// What a request is about that reads or writes credentials.
struct Asks {
    method: Method,
    identity: String,
    /// Whether it makes a credential where there is no room for one.
    no_room: bool,
}

/// The identity whose credentials a request reads or writes.
fn identity_of(path: &str) -> Option<String> {
    let path = path.to_lowercase();
    let (identity, _) = path.split_once("/federatedidentitycredentials")?;
    Some(identity.to_owned())
}

/// A write of a credential in flight.
struct InFlight {
    interference: Arc<Interference>,
    key: (usize, String),
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut state = self.interference.state.lock().unwrap();
        if let Some(count) = state.in_flight.get_mut(&self.key) {
            *count -= 1;
        }
    }
}

/// Whether a request changes something; runs ask by POST.
fn is_write(request: &Request) -> bool {
    ![Method::GET, Method::POST].contains(request.method())
}

fn is_credential_write(request: &Request) -> bool {
    let writes = [Method::PUT, Method::DELETE].contains(request.method());
    let path = request.uri().path().to_lowercase();
    writes && path.contains("/federatedidentitycredentials/")
}
