//! How many reads wait for their answers at once.

use std::future::Future;

use futures::{Stream, StreamExt, stream};

/// Clusters that are connected to and read at once. Each has connections of its own, and its sign-in may start
/// a process.
pub(super) const CLUSTERS: usize = 32;
/// Reads of objects of one kind on one cluster at once; the other kinds have as many beside them.
pub(super) const OBJECTS: usize = 16;

/// Tokens of workloads that are asked for, or exchanged, at once.
pub(super) const TOKENS: usize = 32;

/// One read per item, at most so many at once; what is answered first comes first.
pub(super) fn run<T, F: Future>(
    items: impl IntoIterator<Item = T>,
    most: usize,
    read: impl FnMut(T) -> F,
) -> impl Stream<Item = F::Output> {
    stream::iter(items).map(read).buffer_unordered(most)
}
