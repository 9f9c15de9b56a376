//! Asks for what proves that workloads get their tokens: documents of issuers, tokens, what is said of them. Nothing is
//! decided here. A token stays in [`Custody`] until it is exchanged.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;
use tokio::time::timeout;

use super::facts::{facts, late, unread};
use super::side_by_side;
use crate::event::{Event, EventSink};
use crate::model::text::{ClusterName, Issuer};
use crate::observed::evidence::{
    Document, Evidence, ExchangeKey, Exchanged, IssuerEvidence, Keys, Published, Questions,
    TokenEvidence, TokenKey,
};
use crate::observed::read::Read;
use crate::ports::chain;
use crate::ports::error::{PortError, PortErrorKind, Service};
use crate::ports::panic::caught;
use crate::ports::read::IssuerRead;
use crate::ports::workload::{Exchange, Given, WorkloadToken, WorkloadTokens};

/// How long the documents of one issuer are waited for in all, whatever its server does.
const MOST_TIME: std::time::Duration = std::time::Duration::from_secs(30);

/// Who is asked.
pub struct Witnesses<'a, C> {
    /// The connected clusters.
    pub clusters: &'a BTreeMap<ClusterName, C>,
    /// Public issuers.
    pub issuers: &'a dyn IssuerRead,
    /// Entra.
    pub exchange: &'a dyn Exchange,
}

/// The tokens that were given. They are exchanged and never shown.
#[derive(Default)]
pub struct Custody(BTreeMap<TokenKey, WorkloadToken>);

impl<C: WorkloadTokens> Witnesses<'_, C> {
    /// Asks all questions side by side. A cluster without a connection is asked nothing.
    pub async fn answer(&self, questions: &Questions, sink: &dyn EventSink) -> (Evidence, Custody) {
        let issuers = side_by_side::run(
            &questions.issuers,
            side_by_side::CLUSTERS,
            async |(name, issuer)| {
                let documents = self.documents(issuer).await;
                sink.emit(Event::StepFinished { title: format!("documents of {issuer}") });
                (name.clone(), documents)
            },
        );
        let tokens = side_by_side::run(&questions.tokens, side_by_side::TOKENS, async |key| {
            let told = self.token(key).await;
            let title = format!("token of {}", key.account);
            sink.emit(Event::StepFinished { title });
            Some((key.clone(), told?))
        });
        let (issuers, tokens) =
            futures::join!(issuers.collect::<BTreeMap<_, _>>(), tokens.collect::<Vec<_>>());
        let mut evidence = Evidence { issuers, ..Evidence::default() };
        let mut custody = Custody::default();
        for (key, (mut told, token)) in tokens.into_iter().flatten() {
            let keys = evidence.issuers.get(&key.account.cluster).and_then(found_keys);
            told.signature = token.as_ref().zip(keys).map(|(token, keys)| token.signature(keys));
            custody.0.extend(token.map(|token| (key.clone(), token)));
            evidence.tokens.insert(key, told);
        }
        (evidence, custody)
    }

    /// Exchanges tokens that are in custody.
    pub async fn exchange(
        &self,
        custody: &Custody,
        keys: impl IntoIterator<Item = ExchangeKey>,
        sink: &dyn EventSink,
    ) -> BTreeMap<ExchangeKey, Read<Exchanged>> {
        let answers = side_by_side::run(keys, side_by_side::TOKENS, async |key| {
            let token = custody.0.get(&key.token)?;
            let asked = self.exchange.exchange(key.tenant, key.client, token);
            let said = caught(Service::Entra, "exchange the workload's token", asked).await;
            sink.emit(Event::StepFinished { title: format!("exchange for {}", key.token.account) });
            Some((key, facts(said)))
        });
        answers.filter_map(async |answer| answer).collect().await
    }

    async fn documents(&self, issuer: &Issuer) -> IssuerEvidence {
        let read = async {
            let document = self.issuers.document(issuer);
            let document = caught(Service::Issuer, "read its document", document).await;
            let document: Read<Published<Document>> = published(document);
            let keys_at = document.facts().and_then(Published::found).map(|found| &found.keys_at);
            let keys = match keys_at {
                Some(at) => {
                    let keys = self.issuers.keys(issuer, at);
                    Some(published(caught(Service::Issuer, "read its keys", keys).await))
                }
                None => None,
            };
            IssuerEvidence { asked: issuer.clone(), document, keys }
        };
        timeout(MOST_TIME, read).await.unwrap_or_else(|_| IssuerEvidence {
            asked: issuer.clone(),
            document: Read::Unread(late(MOST_TIME)),
            keys: None,
        })
    }

    /// A token of an account and what its API server says of it.
    async fn token(&self, key: &TokenKey) -> Option<(TokenEvidence, Option<WorkloadToken>)> {
        let TokenKey { account, audience } = key;
        let cluster = self.clusters.get(&account.cluster)?;
        let service = || Service::Cluster(account.cluster.to_string());
        let given = caught(service(), "get a token", cluster.token(account, audience)).await;
        let (issued, token) = match given {
            Ok(Given { issued, token }) => (Read::Facts(issued), token),
            Err(error) => (Read::Unread(unread(&error)), None),
        };
        let review = match &token {
            Some(token) => {
                let review = cluster.review(token, audience);
                Some(facts(caught(service(), "have a token reviewed", review).await))
            }
            None => None,
        };
        Some((TokenEvidence { issued, signature: None, review }, token))
    }
}

fn found_keys(issuer: &IssuerEvidence) -> Option<&Keys> {
    issuer.keys.as_ref()?.facts()?.found()
}

/// What an address gave: an answer that is something else is a fact too, and silence is none.
fn published<T>(read: Result<T, PortError>) -> Read<Published<T>> {
    match read {
        Ok(found) => Read::Facts(Published::Found(found)),
        Err(error) if is_answer(&error.kind) => {
            let why = chain::in_full(&error).replace(char::is_control, " ");
            Read::Facts(Published::Else { status: error.status, why: Arc::from(why) })
        }
        Err(error) => Read::Unread(unread(&error)),
    }
}

fn is_answer(kind: &PortErrorKind) -> bool {
    match kind {
        PortErrorKind::Unauthenticated
        | PortErrorKind::Refused { .. }
        | PortErrorKind::Forbidden
        | PortErrorKind::NotFound
        | PortErrorKind::Invalid
        | PortErrorKind::Malformed
        | PortErrorKind::ForeignOrigin => true,
        PortErrorKind::ParentNotFound
        | PortErrorKind::PrincipalNotFound
        | PortErrorKind::RoleAssignmentExists
        | PortErrorKind::PairTaken
        | PortErrorKind::ConcurrentWrite
        | PortErrorKind::Conflict { .. }
        | PortErrorKind::Throttled
        | PortErrorKind::ServiceFault
        | PortErrorKind::Unreachable
        | PortErrorKind::AnswerLost
        | PortErrorKind::TimedOut
        | PortErrorKind::Bug => false,
    }
}
