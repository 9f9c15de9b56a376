use std::time::{Duration, Instant};

use super::{Admission, Answered, Pacer};
use crate::azure::pipeline::route::{Bucket, Limit, Verb};

const SECOND: Duration = Duration::from_secs(1);

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

fn limit(scope: &str, documented: f64) -> Limit {
    Limit {
        bucket: Bucket { scope: scope.into(), of_identities: true, verb: Verb::Write },
        documented,
    }
}

/// How many more requests go at once.
fn admitted(pacer: &mut Pacer, limits: &[Limit], now: Instant) -> usize {
    (0..1_000).take_while(|_| pacer.admit(limits, now) == Admission::Granted).count()
}

fn serve(pacer: &mut Pacer, limits: &[Limit], count: usize, now: Instant) {
    for _ in 0..count {
        pacer.learn(limits, Answered::Served, now, now);
    }
}

#[test]
fn a_bucket_quadruples_per_round_trip_up_to_the_parallelism() {
    let (mut pacer, now) = (Pacer::new(32), now());
    let limits = [limit("/subscriptions/s1", 2.0)];
    let mut windows = Vec::new();
    for _ in 0..4 {
        let count = admitted(&mut pacer, &limits, now);
        serve(&mut pacer, &limits, count, now);
        windows.push(count);
    }
    assert_eq!(windows, [16, 32, 32, 32]);
}

#[test]
fn after_a_429_nothing_goes_until_the_named_second_and_then_one_at_the_documented_rate() {
    let (mut pacer, now) = (Pacer::new(32), now());
    let limits = [limit("/subscriptions/s1", 2.0)];
    assert_eq!(pacer.admit(&limits, now), Admission::Granted);
    pacer.learn(&limits, Answered::Throttled(Some(20 * SECOND)), now, now);
    let until = now + 20 * SECOND;
    assert_eq!(pacer.admit(&limits, now + 19 * SECOND), Admission::NotBefore(until));
    assert_eq!(pacer.admit(&limits, until), Admission::Granted);
    assert_eq!(pacer.admit(&limits, until), Admission::NotBefore(until + SECOND / 2));
}

#[test]
fn a_throttled_identity_does_not_hold_back_another_subscription() {
    let (mut pacer, now) = (Pacer::new(32), now());
    let held = [limit("/subscriptions/s1", 2.0), limit("/s1/id-a", 0.25)];
    assert_eq!(pacer.admit(&held, now), Admission::Granted);
    pacer.learn(&held, Answered::Throttled(Some(SECOND)), now, now);
    let other = [limit("/subscriptions/s2", 2.0), limit("/s2/id-b", 0.25)];
    assert_eq!(pacer.admit(&other, now), Admission::Granted);
    let same = [limit("/subscriptions/s1", 2.0), limit("/s1/id-c", 0.25)];
    assert_eq!(pacer.admit(&same, now), Admission::NotBefore(now + SECOND));
}

#[test]
fn successes_raise_the_rate_until_the_bucket_is_free_again() {
    let (mut pacer, mut now) = (Pacer::new(32), now());
    let limits = [limit("/subscriptions/s1", 2.0)];
    assert_eq!(pacer.admit(&limits, now), Admission::Granted);
    pacer.learn(&limits, Answered::Throttled(None), now, now);
    let (start, mut served) = (now, 0);
    while let Admission::NotBefore(time) = pacer.admit(&limits, now) {
        now = time;
        assert_eq!(pacer.admit(&limits, now), Admission::Granted);
        serve(&mut pacer, &limits, 1, now);
        served += 1;
    }
    assert_eq!(served, 70, "seven probes of ten successes");
    assert!(now - start < 16 * SECOND, "took {:?}", now - start);
    assert_eq!(admitted(&mut pacer, &limits, now), 15, "the first window again");
}

#[test]
fn echoes_of_the_same_burst_do_not_slow_a_bucket_further() {
    let (mut pacer, now) = (Pacer::new(32), now());
    let limits = [limit("/subscriptions/s1", 2.0)];
    assert_eq!(admitted(&mut pacer, &limits, now), 16);
    for _ in 0..16 {
        pacer.learn(&limits, Answered::Throttled(Some(SECOND)), now, now);
    }
    let later = now + SECOND;
    assert_eq!(pacer.admit(&limits, later), Admission::Granted);
    assert_eq!(pacer.admit(&limits, later), Admission::NotBefore(later + SECOND / 2));
    pacer.learn(&limits, Answered::Throttled(Some(SECOND)), later, later);
    let again = later + SECOND;
    assert_eq!(pacer.admit(&limits, again), Admission::Granted);
    assert_eq!(
        pacer.admit(&limits, again),
        Admission::NotBefore(again + SECOND),
        "a 429 at the documented rate halves it"
    );
}

#[test]
fn silence_frees_the_place_without_a_reward() {
    let (mut pacer, now) = (Pacer::new(32), now());
    let limits = [limit("/subscriptions/s1", 2.0)];
    assert_eq!(admitted(&mut pacer, &limits, now), 16);
    pacer.learn(&limits, Answered::Silence, now, now);
    assert_eq!(admitted(&mut pacer, &limits, now), 1);
}

#[test]
fn a_bucket_begins_with_what_is_documented_for_a_second_where_that_is_more() {
    let (mut pacer, now) = (Pacer::new(32), now());
    assert_eq!(admitted(&mut pacer, &[limit("lists", 5.0)], now), 16);
    assert_eq!(admitted(&mut pacer, &[limit("reads", 25.0)], now), 25);
}

/// Serves one request after another as fast as they may go, until this many went.
fn served(pacer: &mut Pacer, limits: &[Limit], count: usize, mut now: Instant) -> Instant {
    for _ in 0..count {
        while let Admission::NotBefore(time) = pacer.admit(limits, now) {
            now = time;
        }
        pacer.learn(limits, Answered::Served, now, now);
    }
    now
}

#[test]
fn a_raise_that_ends_in_another_429_is_not_soon_tried_again() {
    let (mut pacer, now) = (Pacer::new(32), now());
    let limits = [limit("/subscriptions/s1", 2.0)];
    assert_eq!(pacer.admit(&limits, now), Admission::Granted);
    pacer.learn(&limits, Answered::Throttled(Some(SECOND)), now, now);
    let mut now = served(&mut pacer, &limits, 11, now);
    while let Admission::NotBefore(time) = pacer.admit(&limits, now) {
        now = time;
    }
    pacer.learn(&limits, Answered::Throttled(Some(SECOND)), now, now);
    let first = served(&mut pacer, &limits, 1, now);
    assert_eq!(first, now + SECOND);
    let last = served(&mut pacer, &limits, 400, first);
    assert_eq!(last - first, 200 * SECOND, "two a second all the time");
}

#[test]
fn a_raise_that_fails_goes_back_to_the_rate_that_held() {
    let (mut pacer, now) = (Pacer::new(32), now());
    let limits = [limit("/subscriptions/s1", 2.0)];
    assert_eq!(pacer.admit(&limits, now), Admission::Granted);
    pacer.learn(&limits, Answered::Throttled(Some(SECOND)), now, now);
    // Ten at two a second, ten at three, and the first at four and a half.
    let mut now = served(&mut pacer, &limits, 21, now);
    while let Admission::NotBefore(time) = pacer.admit(&limits, now) {
        now = time;
    }
    pacer.learn(&limits, Answered::Throttled(Some(SECOND)), now, now);
    let first = served(&mut pacer, &limits, 1, now);
    let last = served(&mut pacer, &limits, 600, first);
    let took = last - first;
    assert!(took.abs_diff(200 * SECOND) < SECOND / 10, "three a second all the time: {took:?}");
}

#[test]
fn the_identities_of_a_throttled_subscription_keep_their_own_rate_too() {
    let (mut pacer, now) = (Pacer::new(32), now());
    let one = [limit("/subscriptions/s1", 2.0), limit("/s1/id-a", 0.25)];
    let other = [limit("/subscriptions/s1", 2.0), limit("/s1/id-b", 0.25)];
    for limits in [&one, &other] {
        assert_eq!(pacer.admit(limits, now), Admission::Granted);
    }
    pacer.learn(&one, Answered::Served, now, now);
    pacer.learn(&other, Answered::Throttled(Some(SECOND)), now, now);
    assert_eq!(pacer.admit(&one, now), Admission::NotBefore(now + 4 * SECOND));
    let third = [limit("/subscriptions/s1", 2.0), limit("/s1/id-c", 0.25)];
    assert_eq!(pacer.admit(&third, now + SECOND), Admission::Granted);
}

#[test]
fn a_429_slows_the_limit_down_that_was_exceeded_and_no_other() {
    let (mut pacer, now) = (Pacer::new(32), now());
    let one = [limit("/subscriptions/s1", 2.0), limit("/s1/id-a", 0.25)];
    assert_eq!(served(&mut pacer, &one, 1, now), now);
    let later = now + 2 * SECOND;
    assert_eq!(pacer.admit(&one, later), Admission::Granted);
    pacer.learn(&one, Answered::Throttled(Some(20 * SECOND)), later, later);
    assert_eq!(pacer.admit(&one, later), Admission::NotBefore(later + 20 * SECOND));
    let other = [limit("/subscriptions/s1", 2.0), limit("/s1/id-b", 0.25)];
    assert_eq!(pacer.admit(&other, later), Admission::Granted);
}
