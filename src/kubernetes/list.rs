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

/// Which objects are listed.
pub(super) struct List<'a> {
    pub(super) asked: &'a ClusterRequest,
    pub(super) path: String,
    pub(super) options: ListParams,
    pub(super) most_pages: Option<usize>,
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
        let namespace = look.namespace.map(Namespace::as_str);
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
        let mut options = ListParams::default().limit(PAGE);
        if let Some((label, value)) = look.label {
            options = options.labels(&format!("{label}={value}"));
        }
        let path = K::Resource::url_path(&(), namespace);
        let list = List { asked: &asked, path, options, most_pages: look.most_pages };
        let take = |wire: &K::Wire, texts: &mut Texts| {
            let key = self.key::<K>(&asked, namespace, wire, texts)?;
            Ok((key, K::live(wire, texts)))
        };
        let (objects, whole) = self.listed(&list, take).await?;
        Ok(Listed { objects, whole })
    }

    /// All objects of a cluster-wide kind that widctl only reads; `noun` is what one of them is called.
    pub(super) async fn list_all<W, T>(
        &self,
        noun: &str,
        (group, plural): (&str, &str),
        take: impl Fn(&W, &mut Texts) -> T + Send + Sync,
    ) -> Result<Vec<T>, PortError>
    where
        W: DeserializeOwned + Send,
        T: Send,
    {
        let asked = ClusterRequest {
            operation: format!("list the {noun}s"),
            verb: "list",
            resource: plural.to_owned(),
            group: group.to_owned(),
            namespace: None,
        };
        let options = ListParams::default().limit(PAGE);
        let path = format!("/apis/{group}/v1/{plural}");
        let list = List { asked: &asked, path, options, most_pages: None };
        let take = |wire: &W, texts: &mut Texts| Ok(take(wire, texts));
        self.listed(&list, take).await.map(|(objects, _)| objects)
    }

    /// What is taken of a list's objects, and whether it came to its end.
    pub(super) async fn listed<W: DeserializeOwned + Send, T: Send>(
        &self,
        list: &List<'_>,
        take: impl Fn(&W, &mut Texts) -> Result<T, PortError> + Send + Sync,
    ) -> Result<(Vec<T>, bool), PortError> {
        let begun = Instant::now();
        let mut beginning = 1;
        loop {
            match self.pages(list, &take, begun).await {
                Err(error) if error.status == Some(410) && beginning < BEGINNINGS => beginning += 1,
                done => return done,
            }
        }
    }

    /// One pass over the pages. Each is reduced to what is ours before the next is asked for.
    async fn pages<W: DeserializeOwned + Send, T: Send>(
        &self,
        list: &List<'_>,
        take: &(impl Fn(&W, &mut Texts) -> Result<T, PortError> + Send + Sync),
        begun: Instant,
    ) -> Result<(Vec<T>, bool), PortError> {
        let asked = list.asked;
        let path = kube::core::Request::new(list.path.as_str());
        let mut options = list.options.clone();
        let mut texts = Texts::default();
        let mut objects = Vec::new();
        let mut taken = Taken::default();
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
            for wire in &page.items {
                objects.push(take(wire, &mut texts)?);
            }
            let next = page.metadata.next.filter(|next| !next.is_empty());
            let Some(next) = next else {
                return Ok((objects, true));
            };
            if list.most_pages.is_some_and(|most| taken.pages >= most) {
                return Ok((objects, false));
            }
            if options.continue_token.as_ref() == Some(&next) {
                return Err(self.unlikely(asked, "a page names itself as the next one"));
            }
            if let Some(bound) = taken.passed(objects.len(), begun) {
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
