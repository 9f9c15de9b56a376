//! Lists a kind whole, page by page.

use kube::Resource;
use kube::api::ListParams;
use serde::Deserialize;

use super::error::Asked;
use super::kind::ClusterKind;
use super::request::Requests;
use super::texts::Texts;
use crate::ports::error::PortError;
use crate::ports::error::PortErrorKind;

/// Objects per page, as kubectl asks for them.
/// <https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks>
const PAGE: u32 = 500;
/// How often a list begins anew when its pages expired (410) while it was read.
const BEGINNINGS: usize = 3;

/// A page on the wire.
#[derive(Deserialize)]
#[serde(bound(deserialize = "W: serde::de::DeserializeOwned"))]
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

impl Requests {
    /// All objects of a kind, of all namespaces.
    pub(super) async fn list<K: ClusterKind>(&self) -> Result<Vec<(K::Key, K::Live)>, PortError> {
        let asked = Asked {
            operation: format!("list the {}s", K::NOUN),
            verb: "list",
            resource: K::Resource::plural(&()).into_owned(),
            group: K::Resource::group(&()).into_owned(),
            namespace: None,
        };
        let mut beginning = 1;
        loop {
            match self.pages::<K>(&asked).await {
                Err(error) if error.status == Some(410) && beginning < BEGINNINGS => beginning += 1,
                done => return done,
            }
        }
    }

    /// One pass over the pages. Each is reduced to what is ours before the next is asked for.
    async fn pages<K: ClusterKind>(
        &self,
        asked: &Asked,
    ) -> Result<Vec<(K::Key, K::Live)>, PortError> {
        let path = kube::core::Request::new(K::Resource::url_path(&(), None));
        let mut options = ListParams::default().limit(PAGE);
        let mut texts = Texts::default();
        let mut objects = Vec::new();
        loop {
            let request = path.list(&options).map_err(|error| {
                let mut invalid = self.place.error(PortErrorKind::Invalid, asked);
                invalid.source = Some(Box::new(error));
                invalid
            })?;
            let answer = self.send(asked, request).await?;
            let page: Page<K::Wire> =
                serde_json::from_slice(&answer).map_err(|error| self.malformed(asked, error))?;
            objects.extend(page.items.iter().map(|wire| {
                let key = K::key(&self.place.cluster, K::metadata(wire), &mut texts);
                (key, K::live(wire, &mut texts))
            }));
            let next = page.metadata.next.filter(|next| !next.is_empty());
            if next.is_none() {
                return Ok(objects);
            }
            if next == options.continue_token {
                let mut endless = self.place.error(PortErrorKind::Malformed, asked);
                endless.message = Some("a page names itself as the next one".into());
                return Err(endless);
            }
            options.continue_token = next;
        }
    }
}
