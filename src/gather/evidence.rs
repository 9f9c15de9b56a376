//! Asks for what proves that workloads get their tokens: documents of issuers, tokens, what is said of them. Nothing is
//! decided here. A token stays in [`Custody`] until it is exchanged.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;
use tokio::time::timeout;

use super::facts::{facts, late, unread};
use super::side_by_side;
use crate::event::{Event, EventSink};
use crate::model::kinds::service_account::ServiceAccounts;
use crate::model::text::{Audience, ClusterName, Issuer};
use crate::observed::cluster_roles::ClusterRoles;
use crate::observed::evidence::{
    BoundPod, Document, Evidence, ExchangeKey, Exchanged, IssuerEvidence, Keys, Published,
    Questions, Review, TokenEvidence, TokenKey,
};
use crate::observed::read::Read;
use crate::ports::chain;
use crate::ports::error::{PortError, PortErrorKind, Service};
use crate::ports::panic::caught;
use crate::ports::read::{ClusterRoleRead, IssuerRead, KindRead};
use crate::ports::workload::{
    ControllerRead, Exchange, Given, WorkloadRead, WorkloadToken, WorkloadTokens,
};

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

/// What a cluster is asked.
pub trait Witness:
    WorkloadTokens + WorkloadRead + ControllerRead + KindRead<ServiceAccounts> + ClusterRoleRead
{
}

impl<C> Witness for C where
    C: WorkloadTokens + WorkloadRead + ControllerRead + KindRead<ServiceAccounts> + ClusterRoleRead
{
}

impl<C: Witness> Witnesses<'_, C> {
    /// Asks all questions side by side. A cluster without a connection is asked nothing.
    pub async fn answer(
        &self,
        questions: &Questions,
        evidence: &mut Evidence,
        sink: &dyn EventSink,
    ) -> Custody {
        let issuers = side_by_side::run(
            &questions.issuers,
            side_by_side::CLUSTERS,
            async |(name, issuer)| {
                let documents = self.documents(issuer).await;
                sink.emit(Event::StepFinished { title: format!("documents of {issuer}") });
                (name.clone(), documents)
            },
        );
        let tokens = side_by_side::run(&questions.tokens, side_by_side::TOKENS, async |asked| {
            let (key, pod) = asked;
            let told = self.token(key, pod.as_ref()).await;
            let title = format!("token of {}", key.account);
            sink.emit(Event::StepFinished { title });
            Some((key.clone(), told?))
        });
        let roles =
            side_by_side::run(&questions.cluster_roles, side_by_side::CLUSTERS, async |name| {
                let read = self.cluster_roles(name).await;
                sink.emit(Event::StepFinished { title: format!("cluster roles of {name}") });
                Some((name.clone(), read?))
            });
        let roles = roles.filter_map(async |read| read);
        let (issuers, tokens, cluster_roles, pods) = futures::join!(
            issuers.collect::<BTreeMap<_, _>>(),
            tokens.collect::<Vec<_>>(),
            roles.collect::<BTreeMap<_, _>>(),
            self.pods(questions, sink)
        );
        evidence.extend(pods);
        evidence.extend(Evidence { issuers, cluster_roles, ..Evidence::default() });
        let mut custody = Custody::default();
        for (key, (mut told, token)) in tokens.into_iter().flatten() {
            let keys = evidence.issuers.get(&key.account.cluster).and_then(found_keys);
            told.signature = token.as_ref().zip(keys).map(|(token, keys)| token.signature(keys));
            custody.0.extend(token.map(|token| (key.clone(), token)));
            evidence.tokens.insert(key, told);
        }
        evidence.reviews.extend(self.reviews(questions, &custody).await);
        custody
    }

    /// What API servers say of tokens for audiences that they are not for.
    async fn reviews(
        &self,
        questions: &Questions,
        custody: &Custody,
    ) -> BTreeMap<(TokenKey, Audience), Read<Review>> {
        let asked = &questions.reviews;
        let answers = side_by_side::run(asked, side_by_side::TOKENS, async |asked| {
            let (key, audience) = asked;
            let (token, name) = (custody.0.get(key)?, &key.account.cluster);
            let review = self.clusters.get(name)?.review(token, Some(audience));
            let service = Service::Cluster(name.to_string());
            let review = caught(service, "have a token reviewed", review).await;
            Some((asked.clone(), facts(review)))
        });
        answers.filter_map(async |answer| answer).collect().await
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

    /// Who has which rights in a whole cluster.
    async fn cluster_roles(&self, name: &ClusterName) -> Option<Read<ClusterRoles>> {
        let read = self.clusters.get(name)?.cluster_roles();
        Some(facts(
            caught(Service::Cluster(name.to_string()), "list the cluster roles", read).await,
        ))
    }

    /// A token of an account and what its API server says of it. A pod that has gone since it was seen is none to be
    /// bound to.
    async fn token(
        &self,
        key: &TokenKey,
        pod: Option<&BoundPod>,
    ) -> Option<(TokenEvidence, Option<WorkloadToken>)> {
        let TokenKey { account, audience } = key;
        let cluster = self.clusters.get(&account.cluster)?;
        let service = || Service::Cluster(account.cluster.to_string());
        let ask = async |pod| {
            caught(service(), "get a token", cluster.token(account, audience, pod)).await
        };
        let (mut given, mut bound_to) = (ask(pod).await, pod);
        let is_without = match &given {
            Ok(given) => given.token.is_none(),
            Err(error) => !error.is_refusal(),
        };
        if pod.is_some() && is_without {
            (given, bound_to) = (ask(None).await, None);
        }
        let (issued, token) = match given {
            Ok(Given { issued, token }) => (Read::Facts(issued), token),
            Err(error) => (Read::Unread(unread(&error)), None),
        };
        let review = match &token {
            Some(token) => {
                let review = cluster.review(token, Some(audience));
                Some(facts(caught(service(), "have a token reviewed", review).await))
            }
            None => None,
        };
        let bound_to = bound_to.map(|pod| Arc::clone(&pod.name));
        Some((TokenEvidence { issued, signature: None, review, bound_to }, token))
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
