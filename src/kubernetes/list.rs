//! Lists objects of a kind, page by page, within bounds: a server that never ends a list ends itself.

use std::time::Duration;

use kube::Resource;
use kube::api::ListParams;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::error::{ClusterRequest, clean};
use super::kind::{ClusterKey, ClusterKind, is_possible, named};
use super::request::Requests;
use super::texts::Texts;
use crate::model::kinds::marks::ObjectKey;
use crate::model::text::Namespace;
use crate::ports::answer;
use crate::ports::error::{PortError, PortErrorKind};
use crate::ports::read::{Listed, Look};

/// Objects per page, as kubectl asks for them.
/// <https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks>
const PAGE: u32 = 500;
/// How often a list begins anew when its pages expired (410) while it was read.
const BEGINNINGS: usize = 3;
/// The most pages of a list: full ones would have ten times the objects that are taken.
const MOST_PAGES: usize = 5_000;
/// The most objects of a list: far more accounts than the largest clusters have.
/// <https://kubernetes.io/docs/setup/best-practices/cluster-large/>
const MOST_OBJECTS: usize = 250_000;
/// The most that the pages of a list have together, in megabytes, unpacked.
const MOST_MEGABYTES: usize = 512;
/// The most time that a list takes, whatever its pages and their repeats do.
const MOST_TIME: Duration = Duration::from_mins(15);

/// A page on the wire.
#[derive(Deserialize)]
#[serde(bound(deserialize = "W: DeserializeOwned"))]
struct Page<W> {
    #[serde(default)]
    metadata: PageMetadata,
    items: Vec<W>,
}

#[derive(Deserialize, Default)]
struct PageMetadata {
    #[serde(rename = "continue")]
    next: Option<String>,
}

/// Whether a list is read anew: its pages expired while it was read.
pub(super) fn begins_anew(error: &PortError, beginning: &mut usize) -> bool {
    *beginning += 1;
    error.status == Some(410) && *beginning <= BEGINNINGS
}

/// What a list has taken so far.
#[derive(Default)]
struct Taken {
    pages: usize,
    bytes: usize,
}

impl Taken {
    /// The bound that is passed now, in words.
    fn passed(&self, objects: usize, begun: Instant) -> Option<String> {
        let minutes = MOST_TIME.as_secs() / 60;
        [
            (self.pages >= MOST_PAGES, format!("{MOST_PAGES} pages")),
            (objects > MOST_OBJECTS, format!("{MOST_OBJECTS} objects")),
            (self.bytes > MOST_MEGABYTES * 1024 * 1024, format!("{MOST_MEGABYTES} MB")),
            (begun.elapsed() > MOST_TIME, format!("{minutes} minutes")),
        ]
        .into_iter()
        .find_map(|(passed, bound)| passed.then_some(bound))
    }
}

impl Requests {
    /// The objects of a kind that this names.
    pub(super) async fn list<K: ClusterKind>(
        &self,
        look: Look<'_>,
    ) -> Result<Listed<K>, PortError> {
        let asked = ClusterRequest {
            operation: look.namespace.map_or_else(
                || format!("list the {}s", K::NOUN),
                |namespace| format!("list the {}s in namespace `{namespace}`", K::NOUN),
            ),
            verb: "list",
            resource: K::Resource::plural(&()).into_owned(),
            group: K::Resource::group(&()).into_owned(),
            namespace: look.namespace.map(ToString::to_string),
        };
        let mut beginning = 1;
        loop {
            match self.pages::<K>(&asked, look).await {
                Err(error) if begins_anew(&error, &mut beginning) => {}
                done => return done,
            }
        }
    }

    /// One pass over the pages. Each is reduced to what is ours before the next is asked for.
    async fn pages<K: ClusterKind>(
        &self,
        asked: &ClusterRequest,
        look: Look<'_>,
    ) -> Result<Listed<K>, PortError> {
        let namespace = look.namespace.map(Namespace::as_str);
        let mut options = ListParams::default().limit(PAGE);
        if let Some((label, value)) = look.label {
            options = options.labels(&format!("{label}={value}"));
        }
        let mut texts = Texts::default();
        let mut objects = Vec::new();
        let take = |page: &[K::Wire]| {
            for wire in page {
                let key = self.key::<K>(asked, namespace, wire, &mut texts)?;
                objects.push((key, K::live(wire, &mut texts)));
            }
            Ok(objects.len())
        };
        let path = K::Resource::url_path(&(), namespace);
        let whole = self.walk(asked, &path, options, look.most_pages, take).await?;
        Ok(Listed { objects, whole })
    }

    /// Goes from page to page, within bounds; `take` answers how many objects there are by now. Answers whether it came
    /// to the end, or after so many pages broke off.
    pub(super) async fn walk<W: DeserializeOwned>(
        &self,
        asked: &ClusterRequest,
        path: &str,
        mut options: ListParams,
        most_pages: Option<usize>,
        mut take: impl FnMut(&[W]) -> Result<usize, PortError>,
    ) -> Result<bool, PortError> {
        let path = kube::core::Request::new(path);
        let mut taken = Taken::default();
        let begun = Instant::now();
        loop {
            let request = path.list(&options).map_err(|error| {
                let mut invalid = self.place.error(PortErrorKind::Invalid, asked);
                invalid.source = Some(Box::new(error));
                invalid
            })?;
            let answer = self.send(asked, request).await?;
            taken.pages += 1;
            taken.bytes += answer.len();
            let page: Page<W> =
                answer::parse(&answer).map_err(|error| self.malformed(asked, error))?;
            let objects = take(&page.items)?;
            let next = page.metadata.next.filter(|next| !next.is_empty());
            let Some(next) = next else {
                return Ok(true);
            };
            if most_pages.is_some_and(|most| taken.pages >= most) {
                return Ok(false);
            }
            if options.continue_token.as_ref() == Some(&next) {
                return Err(self.unlikely(asked, "a page names itself as the next one"));
            }
            if let Some(bound) = taken.passed(objects, begun) {
                let what = format!("the list has not come to its end after {bound}");
                return Err(self.unlikely(asked, what));
            }
            options.continue_token = Some(next);
        }
    }

    /// The key of a listed object. What is left out would seem to be missing, so one that cannot be, or is of
    /// another namespace than was asked for, is the end of the list.
    fn key<K: ClusterKind>(
        &self,
        asked: &ClusterRequest,
        namespace: Option<&str>,
        wire: &K::Wire,
        texts: &mut Texts,
    ) -> Result<K::Key, PortError> {
        let key = K::Key::read(&self.place.cluster, K::metadata(wire), texts);
        let is_elsewhere = namespace.is_some() && key.namespace() != namespace;
        if is_possible::<K>(&key) && !is_elsewhere {
            return Ok(key);
        }
        let why = if is_elsewhere { "which is elsewhere" } else { "which cannot be" };
        let what = format!("it names {}, {why}", clean(&named::<K>(&key)));
        Err(self.unlikely(asked, what))
    }
}
