//! The public documents of issuers, each read once in a run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::facts::{facts, late};
use crate::event::{Event, EventSink};
use crate::model::text::{ClusterName, Issuer};
use crate::observed::read::Read;
use crate::ports::error::Service;
use crate::ports::panic::caught;
use crate::ports::read::IssuerRead;

/// How long a plan waits for a document, which a firewall may drop in silence. It goes on without, by ARM's word.
const MOST_TIME: Duration = Duration::from_secs(3);

/// What the documents said, or why they could not be read: a run that plans again does not wait again.
#[derive(Debug, Default)]
pub struct Documents(Mutex<BTreeMap<Issuer, Arc<OnceCell<Read<Issuer>>>>>);

impl Documents {
    /// The issuer that the document at this one names; `cluster` is whose it is.
    pub(super) async fn issuer(
        &self,
        issuers: &dyn IssuerRead,
        known: Issuer,
        cluster: &ClusterName,
        sink: &dyn EventSink,
    ) -> Read<Issuer> {
        let document = self.of(known.clone());
        let read = async {
            let title = format!("the issuer's document of cluster {cluster}");
            sink.emit(Event::StepStarted { title: title.clone() });
            let read = caught(Service::Issuer, "read its document", issuers.discover(&known));
            let read = timeout(MOST_TIME, read).await;
            sink.emit(Event::StepFinished { title });
            read.map_or_else(|_| Read::Unread(late(MOST_TIME)), facts)
        };
        document.get_or_init(|| read).await.clone()
    }

    fn of(&self, issuer: Issuer) -> Arc<OnceCell<Read<Issuer>>> {
        let mut documents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(documents.entry(issuer).or_default())
    }
}
