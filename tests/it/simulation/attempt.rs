//! One run, until its end or until it is killed.

use std::sync::Arc;

use widctl::plan::inputs::PlanInputs;
use widctl::profile::resolved::Profile;
use widctl::sandbox::World;

use super::interference::{Interference, Kill};
use super::run::{Heard, Ran, SECRET, Told, sync};

/// A run that has not begun.
#[derive(Clone)]
pub(super) struct Attempt {
    pub(super) profile: Profile,
    pub(super) world: World,
    pub(super) interference: Arc<Interference>,
    pub(super) inputs: PlanInputs,
    /// Decides its jitter.
    pub(super) seed: u64,
    /// Tells the runs of a simulation apart.
    pub(super) number: usize,
    pub(super) kill: Option<Kill>,
}

impl Attempt {
    /// Runs; `None` where it was killed.
    pub(super) async fn run(&self) -> Option<Ran> {
        let heard = Arc::new(Heard::default());
        let (way, killed) = self.interference.way(self.number, self.kill);
        let told = Told { inputs: self.inputs.clone(), seed: self.seed };
        let ran = tokio::select! {
            biased;
            ran = sync(&self.profile, &self.world, &way, &told, &heard) => Some(ran),
            () = killed.notified() => None,
        };
        let said = ran.as_ref().map_or_else(|| heard.text(), |ran| ran.said.clone());
        let tokens = self.interference.tokens();
        for secret in tokens.iter().map(String::as_str).chain([SECRET]) {
            assert!(!said.contains(secret), "a secret is in the output:\n{said}");
        }
        ran
    }
}
