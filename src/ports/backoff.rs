//! Pauses between attempts: they double up to a longest one, and a seed spreads them, so that two pipelines do
//! not go on colliding in step.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use fastrand::Rng;

/// The pause after an attempt, which are counted from one: it doubles from the first pause to the longest.
pub fn doubled(first: Duration, longest: Duration, attempt: u32) -> Duration {
    let times = 2_u32.saturating_pow(attempt.saturating_sub(1));
    first.saturating_mul(times).min(longest)
}

/// Spreads pauses, the same way for the same seed.
#[derive(Debug)]
pub struct Jitter(Mutex<Rng>);

impl Jitter {
    /// What this seed makes of pauses.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(Rng::with_seed(seed)))
    }

    /// Half to all of a pause.
    pub fn shorten(&self, pause: Duration) -> Duration {
        self.between(pause / 2, pause)
    }

    /// Three to five quarters of a pause: all of it on average.
    pub fn spread(&self, pause: Duration) -> Duration {
        self.between(pause * 3 / 4, pause * 5 / 4)
    }

    fn between(&self, shortest: Duration, longest: Duration) -> Duration {
        let share = self.0.lock().unwrap_or_else(PoisonError::into_inner).f64();
        shortest + longest.saturating_sub(shortest).mul_f64(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn pauses_double_to_the_longest() {
        let pauses = [1, 2, 3, 4, 5, 40, u32::MAX];
        let pauses = pauses.map(|attempt| doubled(SECOND, SECOND * 10, attempt).as_secs());
        assert_eq!(pauses, [1, 2, 4, 8, 10, 10, 10]);
    }

    #[test]
    fn a_seed_spreads_pauses_within_bounds_and_the_same_way_again() {
        let spread = |seed| {
            let jitter = Jitter::new(seed);
            (0..100).map(|_| (jitter.shorten(SECOND), jitter.spread(SECOND))).collect::<Vec<_>>()
        };
        for (shortened, spread) in spread(1) {
            assert!((SECOND / 2..=SECOND).contains(&shortened), "{shortened:?}");
            assert!((SECOND * 3 / 4..=SECOND * 5 / 4).contains(&spread), "{spread:?}");
        }
        assert_eq!(spread(1), spread(1));
        assert_ne!(spread(1), spread(2));
    }
}
