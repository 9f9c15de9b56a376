//! What a pod, its account and its cluster say of themselves.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::command::connection::Connection;
use crate::command::failure::Failure;
use crate::command::verify_pod::Asked;
use crate::gather::facts::facts;
use crate::kubernetes::client::ClusterClient;
use crate::model::guid::{ClientId, TenantId};
use crate::model::kinds::identity::LiveIdentity;
use crate::model::kinds::service_account::{
    ANNOTATION_CLIENT_ID, ANNOTATION_TENANT_ID, LiveServiceAccount, ServiceAccountKey,
    ServiceAccounts,
};
use crate::model::shell;
use crate::model::text::{Audience, ClusterName, Issuer, ObjectName, TOKEN_EXCHANGE_AUDIENCE};
use crate::observed::evidence::Issued;
use crate::observed::pods::{BINDING_AUDIENCE, PodFacts, Variable, Workload};
use crate::observed::read::Read;
use crate::observed::webhook::Webhook;
use crate::ports::read::{ClusterRead, Clusters, KindRead};
use crate::ports::workload::WorkloadTokens;

/// What was seen of a pod.
pub(super) struct Seen {
    pub(super) client: ClusterClient,
    pub(super) pod: Workload,
    /// What it says of its identity.
    pub(super) facts: PodFacts,
    /// Its account.
    pub(super) key: ServiceAccountKey,
    /// The account as it is; `None` inside where it does not exist.
    pub(super) account: Read<Option<LiveServiceAccount>>,
    /// The cluster's own issuer.
    pub(super) issuer: Issuer,
    /// Its webhook.
    pub(super) webhook: Read<Option<Webhook>>,
}

/// Reads the pod, its account and the issuer of its cluster.
pub(super) async fn look(connection: &Connection, asked: Asked<'_>) -> Result<Seen, Failure> {
    let cluster = ClusterName::from(asked.context);
    let client = connection.connect(&cluster).await?;
    let (pod, issuer, webhook) =
        futures::join!(client.pod(asked.pod), client.issuer(), client.webhook());
    let pod = pod?.ok_or_else(|| Failure::Input {
        what: format!(
            "there is no pod `{}` on the cluster of context `{}`",
            asked.pod, asked.context
        ),
        hint: format!("see those that there are with `{}`", listing(asked)),
    })?;
    let said = pod.templates.first().cloned().unwrap_or_default();
    let name = ObjectName::new(Arc::clone(&said.account));
    let key = ServiceAccountKey::new(cluster, asked.pod.namespace().clone(), name);
    let account = facts(KindRead::<ServiceAccounts>::find(&client, &key).await);
    let issuer = match issuer {
        Ok(issuer) => issuer,
        // Who may not read the document may still ask for a token, which names the issuer as well.
        Err(error) => {
            let audience = audience(&said);
            let given = client.token(&key, &audience, None).await.map(|given| given.issued);
            match given {
                Ok(Issued::Token(claims)) => claims.issuer,
                Ok(Issued::NoAccount | Issued::Rejected(_)) | Err(_) => return Err(error.into()),
            }
        }
    };
    Ok(Seen { client, pod, facts: said, key, account, issuer, webhook: facts(webhook) })
}

/// The audience of a pod's token: its own, or where it has none yet, the one that the webhook usually gives.
pub(super) fn audience(pod: &PodFacts) -> Audience {
    let own = pod.token().and_then(|token| token.audience.as_deref());
    Audience::from(own.unwrap_or(TOKEN_EXCHANGE_AUDIENCE))
}

/// The command that lists the pods beside this one.
fn listing(asked: Asked<'_>) -> String {
    let (namespace, context) = (asked.pod.namespace(), shell::quote(asked.context));
    format!("kubectl get pods --namespace {namespace} --context {context}")
}

impl Seen {
    /// Says of a pod that is over that no container of it signs in any more.
    pub(super) fn over(&self, asked: Asked<'_>) -> Option<Failure> {
        self.pod.is_over.then(|| Failure::Input {
            what: format!("pod `{}` has finished or is being deleted", asked.pod),
            hint: format!("verify a pod that runs: `{}`", listing(asked)),
        })
    }

    /// The client ids that the pod asks for: those in its variables, else that of its account.
    pub(super) fn client_ids(&self, asked: Asked<'_>) -> Result<BTreeSet<ClientId>, Failure> {
        if audience(&self.facts).as_str() == BINDING_AUDIENCE {
            return Err(Failure::Input {
                what: format!(
                    "pod `{}` uses an identity binding of AKS: its token is exchanged inside the cluster, which cannot \
                     be proved from here",
                    asked.pod
                ),
                hint: "look at the bindings of the cluster and at the pod's own log".to_owned(),
            });
        }
        let own = self.facts.values(Variable::ClientId);
        let (holder, texts, hint) = if own.is_empty() {
            let holder = format!("account `{}/{}`", self.key.namespace, self.key.name);
            (holder, self.annotated(asked)?.into_iter().collect(), self.annotate(asked))
        } else {
            let hint = format!(
                "correct the variable in the template that sets it; where none does, {}",
                self.annotate(asked)
            );
            let holder = format!("AZURE_CLIENT_ID of pod `{}`", asked.pod);
            (holder, own, hint)
        };
        let parse = |text: &str| {
            text.parse().map_err(|_| Failure::Broken {
                what: format!("{holder} has the client id `{text}`, which is no GUID"),
                hint: hint.clone(),
            })
        };
        texts.into_iter().map(parse).collect()
    }

    /// The tenant that the pod signs in to, where none of its identities is in it.
    pub(super) fn strange_tenant(
        &self,
        asked: Asked<'_>,
        identities: &[LiveIdentity],
    ) -> Option<Failure> {
        let tenant = identities.first()?.tenant_id;
        let is_known = |text: &&str| {
            let parsed = text.parse::<TenantId>();
            parsed.is_ok_and(|parsed| identities.iter().any(|live| live.tenant_id == parsed))
        };
        let named = self.facts.values(Variable::TenantId);
        let strange = named.into_iter().find(|text| !is_known(text))?;
        Some(Failure::Broken {
            what: format!(
                "pod `{}` has AZURE_TENANT_ID `{strange}`, and its identity is in tenant `{tenant}`",
                asked.pod
            ),
            hint: format!(
                "name the tenant with `{}`, and make the pod anew",
                self.annotation(asked, ANNOTATION_TENANT_ID, &tenant.to_string())
            ),
        })
    }

    /// The client id in the account's annotation; without one the check of the pod's account fails.
    fn annotated(&self, asked: Asked<'_>) -> Result<Option<&str>, Failure> {
        let (pod, account) = (asked.pod, &self.key.name);
        match &self.account {
            Read::Facts(Some(live)) => Ok(live.client_id.as_deref()),
            Read::Facts(None) => {
                let what = format!("account `{account}` of pod `{pod}` does not exist");
                let hint = format!("make it, then: {}", self.annotate(asked));
                Err(Failure::Broken { what, hint })
            }
            Read::Unread(unread) => Err(Failure::Input {
                what: format!(
                    "account `{account}` of pod `{pod}` could not be read: {}",
                    unread.why
                ),
                hint: "verify as somebody who may read it".to_owned(),
            }),
        }
    }

    /// How the account is told its identity.
    fn annotate(&self, asked: Asked<'_>) -> String {
        format!(
            "name the identity with `{}`, and make the pod anew",
            self.annotation(asked, ANNOTATION_CLIENT_ID, "CLIENT_ID")
        )
    }

    /// The command that sets an annotation of the account.
    fn annotation(&self, asked: Asked<'_>, key: &str, value: &str) -> String {
        format!(
            "kubectl annotate serviceaccount {} --namespace {} {key}={value} --overwrite --context {}",
            shell::quote(self.key.name.as_str()),
            self.key.namespace,
            shell::quote(asked.context)
        )
    }
}
