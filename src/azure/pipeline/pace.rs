//! How fast requests may follow each other: optimistic until Azure says otherwise. Pure: time is given.
//!
//! A bucket begins with sixteen requests in flight. When as many as may be in flight were served, and none
//! throttled, it may have four times as many, up to the parallelism. The first 429 turns it to the
//! documented rate after the pause that the answer asks for; successes raise that rate again, until the
//! bucket is free as before. A raise that ends in another 429 goes back to the rate before it, which held, and is
//! not soon tried again.
//!
//! A 429 does not say which limit it is of. Where a request counts against two, the one whose documented
//! rate was exceeded is slowed down, and while a subscription is held to its documented rate, so are its
//! identities: what enforces the one limit enforces the other.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::route::{Bucket, Limit};

/// Requests in flight at the start, when nothing is known yet, where fewer are documented for a second.
const FIRST_WINDOW: usize = 16;
/// The same after a 429.
const THROTTLED_WINDOW: usize = 4;
/// By how much the requests in flight grow when all that were allowed have been served.
const GROWTH: usize = 4;
/// The pause after a 429 that does not name one, or names none at all.
const UNNAMED_PAUSE: Duration = Duration::from_secs(1);
/// Successes in a row before the rate is raised.
const SUCCESSES_PER_PROBE: u32 = 10;
/// The same from the documented rate on after a raise above it has failed: several minutes' worth.
const SUCCESSES_AFTER_FAILED_PROBE: u32 = 1_000;
/// By how much it is raised.
const PROBE: f64 = 1.5;
/// At how many times the documented rate a bucket is free again.
const FREE_AT: f64 = 16.0;
/// The share of the documented rate below which no further 429 pushes a bucket.
const SLOWEST_SHARE: f64 = 0.25;

/// How many requests are remembered to tell whether a documented rate was kept.
const REMEMBERED: usize = 64;

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
    documented: f64,
    window: usize,
    in_flight: usize,
    /// How many were served since the window changed.
    served: usize,
    /// When the last requests went.
    went: VecDeque<Instant>,
    /// How many successes at the documented rate or more make it worth trying a higher one.
    probe_after: u32,
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
        Self { parallelism: parallelism.max(1), buckets: BTreeMap::new() }
    }

    /// Asks whether a request that counts against these limits may go now.
    pub(crate) fn admit(&mut self, limits: &[Limit], now: Instant) -> Admission {
        let mut latest = None;
        let mut held_to_rate = false;
        for limit in limits {
            let state = self.state(limit);
            let admission = state.admission(held_to_rate, now);
            held_to_rate |= state.limited.is_some();
            match admission {
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

    /// Takes note of the answer to a request that was admitted at `sent`.
    pub(crate) fn learn(
        &mut self,
        limits: &[Limit],
        answered: Answered,
        sent: Instant,
        now: Instant,
    ) {
        let parallelism = self.parallelism;
        let known = limits.iter().any(|limit| self.state(limit).exceeds(sent));
        for limit in limits {
            let state = self.state(limit);
            state.in_flight = state.in_flight.saturating_sub(1);
            match answered {
                Answered::Served => state.succeed(parallelism),
                Answered::Throttled(pause) if !known || state.exceeds(sent) => {
                    state.hold(pause, now);
                }
                Answered::Throttled(_) | Answered::Silence => {}
            }
        }
    }

    fn state(&mut self, limit: &Limit) -> &mut State {
        if !self.buckets.contains_key(&limit.bucket) {
            let state = State {
                documented: limit.documented,
                window: first_window(limit.documented).min(self.parallelism),
                in_flight: 0,
                served: 0,
                went: VecDeque::new(),
                probe_after: SUCCESSES_PER_PROBE,
                held_until: None,
                limited: None,
            };
            self.buckets.insert(limit.bucket.clone(), state);
        }
        self.buckets.get_mut(&limit.bucket).expect("it was inserted above")
    }
}

impl State {
    /// `held_to_rate` where a wider bucket is limited.
    fn admission(&self, held_to_rate: bool, now: Instant) -> Admission {
        let documented = interval(self.documented);
        let next = match &self.limited {
            Some(limited) => Some(limited.next),
            None => self.went.back().filter(|_| held_to_rate).map(|last| *last + documented),
        };
        if let Some(time) = self.held_until.max(next).filter(|time| *time > now) {
            return Admission::NotBefore(time);
        }
        if self.in_flight >= self.window {
            return Admission::Full;
        }
        Admission::Granted
    }

    /// Whether more requests than documented went until then.
    fn exceeds(&self, then: Instant) -> bool {
        let span = interval(self.documented.min(1.0));
        let went = self.went.iter();
        let went = went.filter(|time| **time <= then && **time + span > then);
        went.count() > whole(self.documented).max(1)
    }

    fn enter(&mut self, now: Instant) {
        self.in_flight += 1;
        if self.went.len() == REMEMBERED {
            self.went.pop_front();
        }
        self.went.push_back(now);
        if let Some(limited) = &mut self.limited {
            limited.next = now + interval(limited.rate);
        }
    }

    fn succeed(&mut self, parallelism: usize) {
        self.served += 1;
        if self.served >= self.window {
            self.open(self.window.saturating_mul(GROWTH).min(parallelism));
        }
        let Some(limited) = &mut self.limited else {
            return;
        };
        limited.successes += 1;
        let is_slow = limited.rate < self.documented;
        let needed = if is_slow { SUCCESSES_PER_PROBE } else { self.probe_after };
        if limited.successes < needed {
            return;
        }
        limited.successes = 0;
        let raised = limited.rate * PROBE;
        limited.rate =
            if limited.rate < self.documented { raised.min(self.documented) } else { raised };
        if limited.rate >= self.documented * FREE_AT {
            self.limited = None;
            self.open(first_window(self.documented).min(parallelism));
        }
    }

    /// Lets this many be in flight from now on.
    fn open(&mut self, window: usize) {
        self.window = window;
        self.served = 0;
    }

    fn hold(&mut self, pause: Option<Duration>, now: Instant) {
        let pause = pause.filter(|pause| !pause.is_zero());
        let until = now + pause.unwrap_or(UNNAMED_PAUSE);
        // Requests that were under way when the first 429 came say nothing new about the rate.
        let is_echo = self.held_until.is_some_and(|held| held > now);
        let documented = self.documented;
        let rate = match &self.limited {
            Some(limited) if is_echo => limited.rate,
            Some(limited) if limited.rate > documented => {
                self.probe_after = SUCCESSES_AFTER_FAILED_PROBE;
                (limited.rate / PROBE).max(documented)
            }
            Some(limited) => (limited.rate / 2.0).max(documented * SLOWEST_SHARE),
            None => documented,
        };
        self.held_until = self.held_until.max(Some(until));
        self.open(THROTTLED_WINDOW);
        self.limited = Some(Limited { rate, next: until, successes: 0 });
    }
}

/// As many as are documented for a second, and more where those are few.
fn first_window(documented: f64) -> usize {
    whole(documented).max(FIRST_WINDOW)
}

/// The time between two requests at a rate.
fn interval(rate: f64) -> Duration {
    Duration::from_secs_f64(1.0 / rate)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "documented rates are small and positive"
)]
fn whole(rate: f64) -> usize {
    rate.floor() as usize
}

#[cfg(test)]
mod tests;
