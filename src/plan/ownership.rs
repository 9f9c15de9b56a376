//! What is provably ours. The proof is a type: nothing can be deleted without one.

use std::sync::Arc;

/// An observed object that the estate provably owns. Only the checks of this file can make one, and it
/// cannot be deserialized, so no file and no caller can forge the right to delete.
#[derive(Debug)]
pub struct Ours<L>(Arc<L>);

impl<L> Ours<L> {
    /// The object.
    pub fn live(&self) -> &Arc<L> {
        &self.0
    }
}

impl<L> Clone for Ours<L> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[cfg(test)]
impl<L> Ours<L> {
    /// Skips the proof, for tests of what is done with one.
    pub(crate) fn assumed(live: L) -> Self {
        Self(Arc::new(live))
    }
}
