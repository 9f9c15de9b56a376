//! Texts that repeat on thousands of objects, held once.

use std::collections::HashSet;
use std::sync::Arc;

/// Shares equal texts: a hundred thousand accounts have a few thousand namespaces, client ids and managers.
#[derive(Default)]
pub(super) struct Texts(HashSet<Arc<str>>);

impl Texts {
    /// The shared text that equals this one.
    pub(super) fn share(&mut self, text: &str) -> Arc<str> {
        if let Some(shared) = self.0.get(text) {
            return Arc::clone(shared);
        }
        let shared: Arc<str> = text.into();
        self.0.insert(Arc::clone(&shared));
        shared
    }

    /// The shared text, if there is one.
    pub(super) fn share_some(&mut self, text: Option<&str>) -> Option<Arc<str>> {
        text.map(|text| self.share(text))
    }
}
