//! Lists, page by page, within bounds: a server that never ends one fills neither the memory nor the night.

use std::collections::BTreeSet;
use std::time::Duration;

use azure_core::http::{Method, Request};
use futures::{Stream, TryStreamExt, stream};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use url::Url;

use super::{Arm, read};
use crate::azure::error;
use crate::azure::error::{AzureRequest, Secrecy};
use crate::ports::error::PortError;

/// The longest list that Azure documents a limit for is that of role assignments: 4,000 in a subscription, 8,000
/// in some. Identities have none; a subscription with a hundred times a thousand of them is not one that anybody
/// has. An empty page counts as well: a list that needs more pages than this is answered by a machine that is
/// broken, or worse.
/// <https://learn.microsoft.com/azure/role-based-access-control/troubleshoot-limits>
const MOST_PAGES: usize = 1_000;
/// See [`MOST_PAGES`].
const MOST_ENTRIES: usize = 100_000;
/// More than a kilobyte for each of [`MOST_ENTRIES`], as much as an entry has.
const MOST_BYTES: usize = 128 * 1024 * 1024;
/// The most time that a list takes, whatever its pages and their repeats do.
const MOST_TIME: Duration = Duration::from_mins(10);

/// One page of a list.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[serde(bound(deserialize = "T: DeserializeOwned"))]
struct Page<T> {
    value: Vec<T>,
    next_link: Option<String>,
}

/// How much of a list has been read; of pages, how many are known of.
struct Extent {
    pages: usize,
    entries: usize,
    bytes: usize,
    begun: Instant,
}

impl Extent {
    /// The bound that is exceeded.
    fn problem(&self) -> Option<String> {
        let bounds = [
            (self.pages, MOST_PAGES, "pages"),
            (self.entries, MOST_ENTRIES, "entries"),
            (self.bytes, MOST_BYTES, "bytes"),
        ];
        let exceeded = bounds.into_iter().find(|(found, most, _)| found > most);
        let bound = exceeded.map(|(_, most, what)| format!("has more than {most} {what}"));
        let is_late = self.begun.elapsed() > MOST_TIME;
        let late = is_late.then(|| format!("takes more than {} minutes", MOST_TIME.as_secs() / 60));
        let bound = bound.or(late)?;
        Some(format!("the list does not end: it {bound}, and was read no further"))
    }
}

/// A list under way.
struct Listing {
    next: Option<Url>,
    seen: BTreeSet<String>,
    extent: Extent,
}

impl Arm {
    /// Reads a whole list.
    pub(crate) async fn list<T: DeserializeOwned + Send>(
        &self,
        first: Url,
        operation: &str,
    ) -> Result<Vec<T>, PortError> {
        self.pages(first, operation.to_owned()).try_concat().await
    }

    /// Reads a list page by page. A `nextLink` to another origin is refused before anything is sent there; one that
    /// comes back would never end.
    pub(crate) fn pages<T: DeserializeOwned + Send>(
        &self,
        first: Url,
        operation: String,
    ) -> impl Stream<Item = Result<Vec<T>, PortError>> + Send {
        let listing = Listing {
            seen: BTreeSet::from([first.to_string()]),
            next: Some(first),
            extent: Extent { pages: 1, entries: 0, bytes: 0, begun: Instant::now() },
        };
        stream::try_unfold((listing, operation), move |(mut listing, operation)| async move {
            let page = self.page(&mut listing, &operation).await?;
            Ok(page.map(|page| (page, (listing, operation))))
        })
    }

    /// The next page; `None` after the last one.
    async fn page<T: DeserializeOwned>(
        &self,
        listing: &mut Listing,
        operation: &str,
    ) -> Result<Option<Vec<T>>, PortError> {
        let Listing { next, seen, extent } = listing;
        let Some(url) = next.take() else { return Ok(None) };
        let mut request = Request::new(url, Method::Get);
        let answer = self.send(&mut request, operation, Secrecy::Open).await?;
        let asked = AzureRequest::new(&request, operation, Secrecy::Open);
        let malformed = |problem: &str| error::malformed(&asked, &answer, problem);
        let page: Page<T> = read(&asked, &answer)?;
        let link = page.next_link.filter(|link| !link.is_empty());
        extent.pages += usize::from(link.is_some());
        extent.entries += page.value.len();
        extent.bytes += answer.body().len();
        if let Some(problem) = extent.problem() {
            return Err(malformed(&problem));
        }
        *next = link
            .map(|link| Url::parse(&link).map_err(|_| malformed("its `nextLink` is not a URL")))
            .transpose()?;
        if let Some(next) = next
            && !seen.insert(next.to_string())
        {
            return Err(malformed(
                "the list does not end: its `nextLink` leads back to a page that was read",
            ));
        }
        Ok(Some(page.value))
    }
}
