//! How fast requests may follow each other: optimistic until Azure says otherwise. Pure: time is given.
//!
//! A bucket begins with a few requests in flight and one more for each success, so it doubles per round
//! trip, up to the parallelism. The first 429 turns it to the documented rate after the pause that the
//! answer asks for; successes raise that rate again, until the bucket is free as before.

use std::collections::BTreeMap;
use std::time::Duration;
use std::time::Instant;

use super::route::Bucket;
use super::route::Limit;

/// Requests in flight at the start, when nothing is known yet.
const FIRST_WINDOW: usize = 4;
/// The pause after a 429 that does not name one.
const UNNAMED_PAUSE: Duration = Duration::from_secs(1);
/// Successes in a row before the rate is raised.
const SUCCESSES_PER_PROBE: u32 = 10;
/// By how much it is raised.
const PROBE: f64 = 1.5;
/// At how many times the documented rate a bucket is free again.
const FREE_AT: f64 = 16.0;
/// The share of the documented rate below which no further 429 pushes a bucket.
const SLOWEST_SHARE: f64 = 0.25;

/// Whether a request may go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Admission {
    /// Now. It counts as in flight until its answer is learned.
    Granted,
    /// Not before this time; ask again then.
    NotBefore(Instant),
    /// Not before another request has been answered.
    Full,
}

/// How a request was answered, as far as pacing cares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Answered {
    /// It was served, whatever the result.
    Served,
    /// 429, with the pause that it asks for.
    Throttled(Option<Duration>),
    /// Nobody knows: no answer, or nobody waited for it.
    Silence,
}

/// Keeps all buckets.
#[derive(Debug)]
pub(crate) struct Pacer {
    parallelism: usize,
    buckets: BTreeMap<Bucket, State>,
}

#[derive(Debug)]
struct State {
    window: usize,
    in_flight: usize,
    /// After a 429: nothing goes before this.
    held_until: Option<Instant>,
    limited: Option<Limited>,
}

#[derive(Debug)]
struct Limited {
    rate: f64,
    next: Instant,
    successes: u32,
}

impl Pacer {
    pub(crate) fn new(parallelism: usize) -> Self {
        Self {
            parallelism: parallelism.max(1),
            buckets: BTreeMap::new(),
        }
    }

    /// Asks whether a request that counts against these limits may go now.
    pub(crate) fn admit(&mut self, limits: &[Limit], now: Instant) -> Admission {
        let mut latest = None;
        for limit in limits {
            match self.state(limit).admission(now) {
                Admission::Granted => {}
                Admission::Full => return Admission::Full,
                Admission::NotBefore(time) => latest = latest.max(Some(time)),
            }
        }
        if let Some(time) = latest {
            return Admission::NotBefore(time);
        }
        for limit in limits {
            self.state(limit).enter(now);
        }
        Admission::Granted
    }

    /// Takes note of the answer to an admitted request.
    pub(crate) fn learn(&mut self, limits: &[Limit], answered: Answered, now: Instant) {
        let parallelism = self.parallelism;
        for limit in limits {
            let state = self.state(limit);
            state.in_flight = state.in_flight.saturating_sub(1);
            match answered {
                Answered::Served => state.succeed(limit.documented, parallelism),
                Answered::Throttled(pause) => state.hold(limit.documented, pause, now),
                Answered::Silence => {}
            }
        }
    }

    fn state(&mut self, limit: &Limit) -> &mut State {
        if !self.buckets.contains_key(&limit.bucket) {
            let state = State {
                window: FIRST_WINDOW.min(self.parallelism),
                in_flight: 0,
                held_until: None,
                limited: None,
            };
            self.buckets.insert(limit.bucket.clone(), state);
        }
        self.buckets
            .get_mut(&limit.bucket)
            .expect("it was inserted above")
    }
}

impl State {
    fn admission(&self, now: Instant) -> Admission {
        let next = self.limited.as_ref().map(|limited| limited.next);
        if let Some(time) = self.held_until.max(next).filter(|time| *time > now) {
            return Admission::NotBefore(time);
        }
        if self.in_flight >= self.window {
            return Admission::Full;
        }
        Admission::Granted
    }

    fn enter(&mut self, now: Instant) {
        self.in_flight += 1;
        if let Some(limited) = &mut self.limited {
            limited.next = now + Duration::from_secs_f64(1.0 / limited.rate);
        }
    }

    fn succeed(&mut self, documented: f64, parallelism: usize) {
        let Some(limited) = &mut self.limited else {
            self.window = (self.window + 1).min(parallelism);
            return;
        };
        limited.successes += 1;
        if limited.successes == SUCCESSES_PER_PROBE {
            limited.successes = 0;
            limited.rate *= PROBE;
        }
        if limited.rate >= documented * FREE_AT {
            self.limited = None;
        }
    }

    fn hold(&mut self, documented: f64, pause: Option<Duration>, now: Instant) {
        let until = now + pause.unwrap_or(UNNAMED_PAUSE);
        // Requests that were under way when the first 429 came say nothing new about the rate.
        let is_echo = self.held_until.is_some_and(|held| held > now);
        let rate = match &self.limited {
            Some(limited) if is_echo => limited.rate,
            Some(limited) if limited.rate > documented => documented,
            Some(limited) => (limited.rate / 2.0).max(documented * SLOWEST_SHARE),
            None => documented,
        };
        self.held_until = self.held_until.max(Some(until));
        self.window = FIRST_WINDOW;
        self.limited = Some(Limited {
            rate,
            next: until,
            successes: 0,
        });
    }
}

#[cfg(test)]
mod tests;
