//! Everything that is known to the checks, and the things that are checked.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use wildmatch::WildMatch;

use crate::desired::state::{DesiredCredential, DesiredServiceAccount, DesiredState, Trust};
use crate::model::kinds::federated_credential::FederatedCredentialKey;
use crate::model::kinds::identity::{IdentityKey, LiveIdentity};
use crate::model::kinds::service_account::ServiceAccountKey;
use crate::model::subject;
use crate::model::text::{ClusterName, Issuer, Subject, TeamName};
use crate::observed::evidence::{
    Evidence, ExchangeKey, IssuerEvidence, Questions, TokenEvidence, TokenKey,
};
use crate::observed::pods::{Admitted, Workload};
use crate::observed::read::Read;
use crate::observed::state::{ClusterObjects, ObservedState};
use crate::observed::webhook::{Webhook, WebhookTarget};
use crate::plan::draft::Context;
use crate::plan::foreign::{self, Foreign};
use crate::plan::inputs::PlanInputs;
use crate::plan::link::{IdentityLink, IssuerLink, Links};
use crate::plan::select::Selection;
use crate::profile::resolved::Cluster;
use crate::verify::checks::cluster;
use crate::verify::controllers;
use crate::verify::probe::Probing;
use crate::verify::services;
use crate::verify::services::Call;
use crate::verify::verdict::Verdict;
use crate::verify::workloads::Workloads;

/// What is verified, and how the caller repairs and asks again.
#[derive(Clone, Debug, Default)]
pub struct Asking {
    /// `--team` and `--cluster`.
    pub inputs: PlanInputs,
    /// `--workload`: a glob of `NAMESPACE/NAME`.
    pub workload: Option<String>,
    /// `--pod`: the pod that is verified, as it was read.
    pub pod: Option<Workload>,
    /// Whether tokens are exchanged.
    pub exchanges: bool,
    /// What is now, for what expires.
    pub now: Timestamp,
    /// `--probe-isolation`.
    pub probing: Probing,
    /// The command that writes what the profile wants; empty for a pod without a profile.
    pub sync: Vec<String>,
    /// The command that verifies again.
    pub verify: Vec<String>,
}

impl Asking {
    /// Whether no profile says what is wanted: the desired state was made of what a pod asks for.
    pub(super) fn has_no_profile(&self) -> bool {
        self.pod.is_some() && self.sync.is_empty()
    }
}

/// Everything that is known.
pub struct Scene<'a> {
    pub(super) desired: &'a DesiredState,
    pub(super) observed: &'a ObservedState,
    pub(super) evidence: &'a Evidence,
    pub(super) asking: &'a Asking,
    pub(super) links: Links<'a>,
    /// The clusters of the selected workloads.
    pub(super) clusters: BTreeSet<&'a ClusterName>,
    /// The selected identities.
    pub(super) identities: BTreeSet<&'a IdentityKey>,
    /// The selected accounts.
    pub(super) chains: Vec<Chain<'a>>,
    /// The selected credentials of pipelines.
    pub(super) federations: Vec<Federation<'a>>,
    /// What makes pods for them.
    pub(super) workloads: Workloads<'a>,
    /// The selected calls of services.
    pub(super) calls: Vec<Call<'a>>,
    foreign: OnceCell<BTreeMap<IdentityKey, Foreign>>,
}

/// A credential for tokens of somebody outside the clusters.
pub(super) struct Federation<'a> {
    pub(super) key: &'a FederatedCredentialKey,
    pub(super) wanted: &'a DesiredCredential,
    pub(super) issuer: &'a Issuer,
    pub(super) subject: &'a Subject,
}

/// An account of a cluster and an identity that trusts it.
pub(super) struct Chain<'a> {
    pub(super) account: ServiceAccountKey,
    pub(super) cluster: &'a ClusterName,
    pub(super) subject: &'a Subject,
    pub(super) key: &'a FederatedCredentialKey,
    pub(super) wanted: &'a DesiredCredential,
    pub(super) holder: Holder<'a>,
}

/// What the profile wants of the account for this identity.
#[derive(Clone, Copy)]
pub(super) enum Holder<'a> {
    /// Its annotation names the identity.
    Default(&'a DesiredServiceAccount),
    /// Its annotation names another one; pods name this one themselves.
    Extra,
    /// Nothing: the account is somebody else's, and trusted.
    TrustOnly,
}

/// What a check is about.
#[derive(Clone, Copy)]
pub(super) struct Case<'a, S> {
    pub(super) scene: &'a Scene<'a>,
    pub(super) subject: &'a S,
}

impl<'a> Scene<'a> {
    /// Puts together what is known.
    pub fn new(
        desired: &'a DesiredState,
        observed: &'a ObservedState,
        evidence: &'a Evidence,
        asking: &'a Asking,
    ) -> Self {
        let selection = Selection::new(desired, &asking.inputs);
        let named = asking.workload.as_deref().map(WildMatch::new);
        let is_named = |account: &ServiceAccountKey| {
            let name = format!("{}/{}", account.namespace, account.name);
            named.as_ref().is_none_or(|glob| glob.matches(&name))
        };
        let chains: Vec<Chain<'a>> = chains(desired)
            .into_iter()
            .filter(|chain| selection.has_row(&chain.wanted.team, Some(chain.cluster)))
            .filter(|chain| is_named(&chain.account))
            .collect();
        let federations = desired.credentials.iter().filter_map(|(key, wanted)| {
            let Trust::Federation { issuer, subject } = &wanted.trust else { return None };
            let is_selected = named.is_none() && selection.has_row(&wanted.team, None);
            is_selected.then_some(Federation { key, wanted, issuer, subject })
        });
        let federations = federations.collect();
        let calls = services::calls(desired).filter(|call| {
            let accounts = [&call.caller.account, &call.service.account];
            asking.pod.is_none()
                && selection.has_row(call.team, Some(call.cluster))
                && accounts.iter().any(|account| is_named(&call.account(account)))
        });
        let calls: Vec<Call<'a>> = calls.collect();
        let used: BTreeSet<&IdentityKey> = chains.iter().map(|chain| &chain.key.identity).collect();
        let all = desired.identities.iter().filter(|_| !asking.has_no_profile());
        let identities = all.filter(|(key, wanted)| match &named {
            Some(_) => used.contains(key),
            None => selection.has_identity(key, &wanted.team),
        });
        let of_chains = chains.iter().map(|chain| chain.cluster);
        let of_calls = calls.iter().map(|call| call.cluster);
        let of_pod = asking.pod.iter().map(|pod| &pod.key.cluster);
        Self {
            identities: identities.map(|(key, _)| key).collect(),
            clusters: of_chains.chain(of_calls).chain(of_pod).collect(),
            links: Links::new(desired, observed),
            workloads: Workloads::new(desired, evidence, asking, &chains),
            desired,
            observed,
            evidence,
            asking,
            federations,
            calls,
            chains,
            foreign: OnceCell::new(),
        }
    }

    /// Whom a selected identity lets in although the profile does not name them; nothing where that is not judged.
    pub(super) fn foreign(&self, identity: &IdentityKey) -> Option<&Foreign> {
        let all = self.foreign.get_or_init(|| {
            let context = Context::new(self.desired, self.observed, &self.asking.inputs);
            let of_identity = |key: &&IdentityKey| foreign::of_identity(&context, key);
            let identities = self.identities.iter();
            identities.filter_map(|key| Some(((*key).clone(), of_identity(key)?))).collect()
        });
        all.get(identity)
    }

    /// Whether nothing is selected.
    pub fn is_empty(&self) -> bool {
        self.chains.is_empty() && self.identities.is_empty()
    }

    /// What is asked first. An account that is known not to exist is asked for nothing.
    pub fn survey(&self) -> Questions {
        let issuers = self
            .clusters
            .iter()
            .filter_map(|name| Some(((*name).clone(), self.expected_issuer(name)?.clone())));
        let mut questions = Questions {
            issuers: issuers.collect(),
            cluster_roles: self.clusters.iter().map(|name| (*name).clone()).collect(),
            ..Questions::default()
        };
        // A cluster that does not answer is asked no more.
        let is_reached = |name: &ClusterName| {
            cluster::reached(&Case { scene: self, subject: name }) == Verdict::Pass
        };
        for pod in self.asking.pod.iter().filter(|pod| is_reached(&pod.key.cluster)) {
            let namespaces = questions.surveys.entry(pod.key.cluster.clone()).or_default();
            namespaces.insert(pod.key.namespace.clone());
        }
        for chain in self.chains.iter().filter(|chain| chain.is_annotated()) {
            if !is_reached(chain.cluster) {
                continue;
            }
            let namespaces = questions.surveys.entry(chain.cluster.clone()).or_default();
            namespaces.insert(chain.account.namespace.clone());
            if !self.is_absent(chain) && self.may_have_webhook(chain.cluster) {
                questions.dry_runs.insert(chain.account.clone());
            }
        }
        questions
    }

    /// What is asked once it is known which pods there are.
    pub fn questions(&self) -> Questions {
        let mut questions = self.workloads.questions();
        questions.accounts.extend(controllers::accounts(self));
        for chain in self.chains.iter().filter(|chain| !self.is_absent(chain)) {
            let pod = self.workloads.running(&chain.account).cloned();
            questions.tokens.insert(chain.token_key(), pod);
        }
        for call in &self.calls {
            for token in call.tokens() {
                let pod = self.workloads.running(&token.account);
                questions.tokens.entry(token).or_insert_with(|| pod.cloned());
            }
            let review = (call.stray_token(), call.service.audience.clone());
            questions.reviews.insert(review);
        }
        for name in &self.clusters {
            if let Some(WebhookTarget::Service { namespace, name: service }) =
                self.webhook(name).map(|webhook| &webhook.target)
                && !self.answers_of_webhook(name).any(Admitted::webhook_answered)
            {
                let service = (Arc::clone(namespace), Arc::clone(service));
                questions.endpoints.insert((*name).clone(), service);
            }
        }
        questions
    }

    /// The webhook of a cluster, where it is known to be registered.
    pub(super) fn webhook(&self, cluster: &ClusterName) -> Option<&'a Webhook> {
        self.objects(cluster).ok()?.webhook.facts()?.as_ref()
    }

    /// Whether pods are worth a try: the webhook is not known to be missing.
    fn may_have_webhook(&self, cluster: &ClusterName) -> bool {
        self.objects(cluster).is_ok_and(|objects| objects.webhook != Read::Facts(None))
    }

    /// What came of the pods that were tried on a cluster.
    pub(super) fn answers_of_webhook(
        &self,
        cluster: &ClusterName,
    ) -> impl Iterator<Item = &'a Admitted> {
        let tried = self.evidence.dry_runs.iter();
        let here = tried.filter(move |(account, _)| account.cluster == *cluster);
        here.filter_map(|(_, tried)| tried.facts())
    }

    /// The issuer that a cluster has according to ARM or the profile, and its own document.
    pub(super) fn expected_issuer(&self, cluster: &ClusterName) -> Option<&Issuer> {
        match self.links.issuers.get(cluster)? {
            IssuerLink::Known { issuer, .. } => Some(issuer),
            IssuerLink::Mismatch { arm, .. } => Some(arm),
            IssuerLink::Unknown(_) | IssuerLink::NoCluster | IssuerLink::Disabled => None,
        }
    }

    /// The objects of a cluster, or why they could not be read.
    pub(super) fn objects(&self, cluster: &ClusterName) -> Result<&'a ClusterObjects, String> {
        match self.observed.clusters.get(cluster).and_then(|cluster| cluster.objects.as_ref()) {
            Some(Read::Facts(objects)) => Ok(objects),
            Some(Read::Unread(unread)) => Err(unread.why.to_string()),
            None => Err(match self.observed.tried.get(cluster) {
                Some(Read::Unread(unread)) => unread.why.to_string(),
                Some(Read::Facts(())) | None => "its objects were not read".to_owned(),
            }),
        }
    }

    /// The team of something; without a profile there are none.
    pub(super) fn team(&self, team: Option<&TeamName>) -> Option<TeamName> {
        team.filter(|_| !self.asking.has_no_profile()).cloned()
    }

    fn is_absent(&self, chain: &Chain<'_>) -> bool {
        let objects = self.objects(chain.cluster);
        matches!(chain.holder, Holder::Default(_) | Holder::Extra)
            && objects.is_ok_and(|objects| {
                matches!(objects.service_accounts.find(&chain.account), Ok(None))
            })
    }

    /// A command of kubectl against a cluster, in a namespace where one is named.
    pub(super) fn kubectl(
        &self,
        cluster: &ClusterName,
        namespace: Option<&str>,
        words: &[&str],
    ) -> Vec<String> {
        let context = self.desired.clusters.get(cluster).and_then(Cluster::context);
        let flags = [("--namespace", namespace), ("--context", context)];
        let flags = flags.into_iter().filter_map(|(flag, value)| Some([flag, value?])).flatten();
        ["kubectl"].iter().chain(words).copied().chain(flags).map(str::to_owned).collect()
    }

    pub(super) fn issuer(&self, cluster: &ClusterName) -> Option<&'a IssuerEvidence> {
        self.evidence.issuers.get(cluster)
    }
}

/// All accounts of clusters that the profile trusts, the identities that they are annotated with first.
pub(super) fn chains(desired: &DesiredState) -> Vec<Chain<'_>> {
    let mut chains: BTreeMap<(&ClusterName, &Subject, bool, &FederatedCredentialKey), Chain<'_>> =
        BTreeMap::new();
    for (key, wanted) in &desired.credentials {
        let Trust::Cluster { cluster, subject } = &wanted.trust else { continue };
        let Some((namespace, name)) = subject::account(subject) else { continue };
        let account = ServiceAccountKey::new(cluster.clone(), namespace, name);
        let holder = match desired.service_accounts.get(&account) {
            Some(wanted) if wanted.identity == key.identity => Holder::Default(wanted),
            Some(_) => Holder::Extra,
            None => Holder::TrustOnly,
        };
        let is_extra = matches!(holder, Holder::Extra);
        let chain = Chain { account, cluster, subject, key, wanted, holder };
        chains.insert((cluster, subject, is_extra, key), chain);
    }
    chains.into_values().collect()
}

impl Chain<'_> {
    /// Whether pods of the account get the identity by the webhook.
    pub(super) fn is_annotated(&self) -> bool {
        matches!(self.holder, Holder::Default(_))
    }

    pub(super) fn token_key(&self) -> TokenKey {
        TokenKey { account: self.account.clone(), audience: self.wanted.audience.clone() }
    }
}

impl<'a> Case<'a, Chain<'a>> {
    /// The identity as it is, or the verdict of a check that needs it.
    pub(super) fn identity(&self) -> Result<&'a LiveIdentity, Verdict> {
        identity(self.scene, &self.subject.key.identity)
    }

    /// What came of the request for the account's token.
    pub(super) fn token(&self) -> Option<&'a TokenEvidence> {
        self.scene.evidence.tokens.get(&self.subject.token_key())
    }

    /// The exchange that its pods would make: as the identity, which the account names where it names one.
    pub(super) fn exchange_key(&self) -> Option<ExchangeKey> {
        let live = self.identity().ok()?;
        let token = self.subject.token_key();
        Some(ExchangeKey { token, tenant: live.tenant_id, client: live.client_id })
    }
}

/// An identity as it is, or the verdict of a check that needs it.
pub(super) fn identity<'a>(
    scene: &'a Scene<'a>,
    key: &IdentityKey,
) -> Result<&'a LiveIdentity, Verdict> {
    const WHY: &str = "pods get their tokens as this identity";
    let missing = |fix: Option<Vec<String>>| {
        Verdict::fail(format!("{key} exists"), format!("there is no {key}"), WHY).repaired_by(fix)
    };
    match scene.links.identities.get(key) {
        Some(IdentityLink::Live(live)) => Ok(live),
        Some(IdentityLink::Unknown(why)) => Err(Verdict::unread(why.to_string())),
        Some(IdentityLink::New) => Err(missing(Some(scene.asking.sync.clone()))),
        Some(IdentityLink::Missing | IdentityLink::NoResourceGroup) => Err(missing(None)),
        None => Err(Verdict::unread(format!("{key} was not read"))),
    }
}
