//! An estate in this process: the command over the sandbox's router, or over a real cluster, with whatever issuers and
//! exchange a test gives it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use http_body_util::BodyExt;
use semver::Version;
use tokio::sync::watch;
use tower::ServiceExt;
use widctl::command::apply::ApplyOptions;
use widctl::command::connection::Connection;
use widctl::command::rehearsal::assumptions::grow;
use widctl::command::rehearsal::cluster::cluster_key;
use widctl::command::verify::Verified;
use widctl::command::{apply, plan, verify};
use widctl::event::{EventSink, Silent};
use widctl::kubernetes::client::ClusterClient;
use widctl::model::text::{ClusterName, Issuer};
use widctl::observed::evidence::{Document, Keys};
use widctl::oidc::{discovery, keys};
use widctl::plan::inputs::PlanInputs;
use widctl::ports::error::{PortError, PortErrorKind, Service};
use widctl::ports::read::IssuerRead;
use widctl::profile::resolved::Profile;
use widctl::profile::{SourceFile, load};
use widctl::sandbox::{World, router};
use widctl::verify::results::{Outcome, Results, SubjectResults};
use widctl::verify::scene::Asking;
use widctl::verify::verdict::Verdict;

use crate::simulation::run::{azure, connect_cluster};

/// One team with one account on the cluster `k`.
pub(crate) const PROFILE: &str = r#"version = 1
estate = "process"

[azure]
subscription = "00000000-0000-4000-8000-000000000001"
resource_group = "rg-wi"
location = "westeurope"

[clusters.k]
resource_group = "rg-aks"
name = "aks-k"

[[team]]
name = "web"
owner = "a@example.com"
namespace = "web"
clusters = ["k"]
create_namespace = true

[[team.identity]]
name = "id-web"

[[team.workload]]
service_account = "app"
"#;

/// A profile, its world, and the clients of a run.
pub(crate) struct Process {
    pub(crate) profile: Profile,
    pub(crate) world: World,
    pub(crate) connection: Connection,
}

impl Process {
    /// Over the sandbox alone, synced.
    pub(crate) async fn synced() -> Self {
        Self::synced_with(PROFILE).await
    }

    /// The same with this profile.
    pub(crate) async fn synced_with(text: &str) -> Self {
        let process = Self::grown(text).await;
        process.sync().await;
        process
    }

    /// Over the sandbox alone, with what this profile assumes and nothing that it wants.
    pub(crate) async fn grown(text: &str) -> Self {
        let profile = profile(text);
        let world = World::in_memory();
        grow(&world, &profile);
        Self::of(profile, world).await
    }

    /// Over the sandbox alone.
    pub(crate) async fn of(profile: Profile, world: World) -> Self {
        let service = router(world.clone());
        let events: Arc<dyn EventSink> = Arc::new(Silent);
        let clusters = profile.clusters.iter().map(|(name, cluster)| {
            let key = cluster_key(name, cluster);
            (name.clone(), connect_cluster(name, &key, &service, &events))
        });
        let issuers = Box::new(Documents(service.clone()));
        Self::over(profile.clone(), world, clusters.collect(), issuers).await
    }

    /// Over Azure in this process and these.
    pub(crate) async fn over(
        profile: Profile,
        world: World,
        clusters: BTreeMap<ClusterName, ClusterClient>,
        issuers: Box<dyn IssuerRead>,
    ) -> Self {
        let events: Arc<dyn EventSink> = Arc::new(Silent);
        let azure = azure(&world, &router(world.clone()), 1, &events).unwrap();
        let clusters = clusters.into_iter().map(|(name, client)| {
            let cluster = profile.clusters[&name].clone();
            (name, (cluster, client))
        });
        let connection = Connection::over(azure, issuers, clusters.collect()).await.unwrap();
        Self { profile, world, connection }
    }

    /// Plans and applies.
    pub(crate) async fn sync(&self) {
        let events: Arc<dyn EventSink> = Arc::new(Silent);
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let about = plan::about(&self.profile, &self.connection, PlanInputs::default(), now);
        let planned = plan::plan(&self.profile, &self.connection, about, true, &events).await;
        let planned = planned.unwrap();
        let (_stop, stop) = watch::channel(None);
        let options = ApplyOptions { seed: 1, stop };
        let outcome = apply::apply(&planned, &self.connection, &options, &events).await;
        assert!(outcome.is_complete(), "{outcome:#?}");
    }

    /// Verifies, with exchanges or without.
    pub(crate) async fn verify(&self, exchanges: bool, wait: Duration) -> Verified {
        let asking = Asking { exchanges, ..Asking::default() };
        let events: Arc<dyn EventSink> = Arc::new(Silent);
        let how = (false, wait);
        verify::verify(&self.profile, &self.connection, &asking, how, &events).await.unwrap()
    }
}

pub(crate) fn profile(text: &str) -> Profile {
    let file = SourceFile { path: "teams.toml".into(), text: text.as_bytes().to_vec() };
    load(&[file], &BTreeMap::new(), &Version::new(0, 1, 0)).unwrap()
}

/// What a check of a subject came to, if it has it.
pub(crate) fn outcome<'a>(subject: &'a SubjectResults, code: &str) -> Option<&'a Outcome> {
    subject.checks.iter().find(|check| check.code == code).map(|check| &check.outcome)
}

/// What a check came to.
pub(crate) fn verdict<'a>(results: &'a Results, code: &str) -> &'a Verdict {
    let mut subjects = results.subjects.iter();
    match subjects.find_map(|subject| outcome(subject, code)).unwrap() {
        Outcome::Checked(verdict) => verdict,
        Outcome::Skipped { blocked_by } => panic!("{code} is skipped behind {blocked_by}"),
    }
}

/// The codes that failed.
pub(crate) fn failed(results: &Results) -> Vec<&'static str> {
    let checks = results.subjects.iter().flat_map(|subject| &subject.checks);
    let failed = checks.filter(|check| matches!(check.outcome, Outcome::Checked(Verdict::Fail(_))));
    failed.map(|check| check.code).collect()
}

/// The documents that the sandbox publishes.
pub(crate) struct Documents(pub(super) Router);

impl Documents {
    async fn get(&self, address: &str) -> Vec<u8> {
        let request = http::Request::get(address).body(Body::empty()).unwrap();
        let answer = self.0.clone().oneshot(request).await.unwrap();
        answer.into_body().collect().await.unwrap().to_bytes().to_vec()
    }
}

fn malformed<E>(_: E) -> PortError {
    PortError::new(PortErrorKind::Malformed, Service::Issuer, "read it")
}

#[async_trait]
impl IssuerRead for Documents {
    async fn discover(&self, issuer: &Issuer) -> Result<Issuer, PortError> {
        Ok(self.document(issuer).await?.issuer)
    }

    async fn document(&self, issuer: &Issuer) -> Result<Document, PortError> {
        let address = discovery::url_of(issuer).map_err(malformed)?;
        discovery::document_of(&self.get(address.as_str()).await).map_err(malformed)
    }

    async fn keys(&self, _: &Issuer, keys_at: &str) -> Result<Keys, PortError> {
        keys::keys_of(&self.get(keys_at).await).map_err(malformed)
    }
}
