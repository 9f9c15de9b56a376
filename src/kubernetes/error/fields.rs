//! Whose fields an apply would have taken.

use kube::core::Status;

use super::clean;

/// The most managers that are named of a conflict.
const MOST_MANAGERS: usize = 10;

/// The managers that hold the fields of a refused apply: `conflict with "helm" using v1`.
/// <https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts>
pub(super) fn managers(said: Option<&Status>) -> Vec<String> {
    let mut managers: Vec<String> = said
        .and_then(|said| said.details.as_ref())
        .into_iter()
        .flat_map(|details| &details.causes)
        .filter(|cause| cause.reason == "FieldManagerConflict")
        .filter_map(|cause| cause.message.split('"').nth(1))
        .map(clean)
        .collect();
    managers.sort();
    managers.dedup();
    managers.truncate(MOST_MANAGERS);
    managers
}
