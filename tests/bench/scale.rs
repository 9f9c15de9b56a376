//! Validating and planning in memory by number of workloads: time, peak memory, growth.
//!
//! `cargo bench --bench scale`. Each size runs in a process of its own, so that its peak memory is its own.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark measures time and prints it"
)]

mod estate;

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use estate::Size;
use semver::Version;
use uuid::Uuid;
use widctl::desired::derive::derive;
use widctl::desired::naming::Origin;
use widctl::desired::state::{DesiredState, Trust};
use widctl::model::guid::{ClientId, PrincipalId, TenantId};
use widctl::model::kinds::federated_credential::LiveFederatedCredential;
use widctl::model::kinds::identity::LiveIdentity;
use widctl::model::kinds::marks::{LiveMarks, MANAGED_BY_VALUE, Marks};
use widctl::model::kinds::namespace::{LiveNamespace, Namespaces};
use widctl::model::kinds::service_account::{LiveServiceAccount, ServiceAccounts};
use widctl::observed::read::Read;
use widctl::observed::state::{
    ClusterObjects, Looked, ManagedCluster, ObservedCluster, ObservedState,
};
use widctl::observed::webhook::Webhook;
use widctl::plan::inputs::PlanInputs;
use widctl::plan::ownership::marks;
use widctl::plan::plan;
use widctl::profile::load;

/// Workloads: 1,000, 10,000 and 100,000; at most 20 for each identity.
const SIZES: [Size; 3] = [
    Size { teams: 100, accounts: 10, clusters: 5 },
    Size { teams: 1_000, accounts: 10, clusters: 20 },
    Size { teams: 5_000, accounts: 20, clusters: 50 },
];

const TENANT: Uuid = Uuid::from_u128(7);

fn main() {
    let child: Option<usize> =
        std::env::args().find_map(|argument| argument.strip_prefix("size=")?.parse().ok());
    if let Some(index) = child {
        return measure(SIZES[index]);
    }
    println!("workloads  validate  derive  first plan  no-change plan  peak memory");
    let itself = std::env::current_exe().expect("the benchmark knows where it is");
    for index in 0..SIZES.len() {
        let status = Command::new(&itself).arg(format!("size={index}")).status();
        assert!(status.expect("the benchmark can start itself").success(), "a size failed");
    }
}

fn measure(size: Size) {
    let files = estate::files(size);
    let version = Version::new(0, 1, 0);
    let (validate, profile) = timed(|| load(&files, &BTreeMap::new(), &version));
    let profile = profile.expect("the estate is valid");
    let (deriving, desired) = timed(|| derive(&profile));
    drop(profile);
    let inputs = PlanInputs::default();
    let empty = observed(&desired, false);
    let (first, created) = timed(|| plan(&desired, &empty, &inputs));
    let created = created.expect("nothing is in the way").changes.len();
    drop(empty);
    let converged = observed(&desired, true);
    let (second, plan) = timed(|| plan(&desired, &converged, &inputs));
    let plan = plan.expect("nothing is in the way");
    assert!(plan.changes.is_empty(), "{:?}", plan.changes.first());
    assert!(created >= 2 * size.workloads());
    println!(
        "{:>9}  {:>8}  {:>6}  {:>10}  {:>14}  {:>8} MB",
        size.workloads(),
        millis(validate),
        millis(deriving),
        millis(first),
        millis(second),
        peak_memory() / 1024
    );
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let done = work();
    (start.elapsed(), done)
}

fn millis(duration: Duration) -> String {
    format!("{:.0} ms", duration.as_secs_f64() * 1000.0)
}

/// The highest resident set so far in KiB, where the kernel tells it.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}

/// What is observed: the clusters alone, or everything as the profile wants it.
fn observed(desired: &DesiredState, converged: bool) -> ObservedState {
    let tenant = TenantId::new(TENANT);
    let subscription = estate::SUBSCRIPTION.parse().expect("a constant");
    let mut state = ObservedState { tenant: Some(tenant), ..ObservedState::default() };
    let group =
        widctl::model::arm_id::ArmId::of_resource_group(subscription, "rg-workload-identity");
    state.resource_groups.insert(group, Read::Facts(true));
    let subscription_scope = widctl::model::arm_id::ArmId::of_subscription(subscription);
    state.role_assignments.insert(subscription_scope, Read::Facts(Vec::new()));
    let mut identities = BTreeMap::new();
    if converged {
        for (key, identity) in &desired.identities {
            let id = Uuid::new_v5(&TENANT, key.name().as_bytes());
            let live = LiveIdentity {
                id: key.id().clone(),
                client_id: ClientId::new(id),
                principal_id: PrincipalId::new(Uuid::new_v5(&id, b"principal")),
                tenant_id: tenant,
                location: identity.location.clone(),
                tags: (*identity.tags).clone(),
            };
            identities.insert(key.clone(), Arc::new(live));
            state.credentials.insert(key.clone(), Read::Facts(Vec::new()));
        }
    }
    for cluster in desired.clusters.keys() {
        let issuer = format!("https://westeurope.oic.example.com/{cluster}/");
        let managed = ManagedCluster {
            issuer_enabled: true,
            issuer: Some(issuer.as_str().into()),
            workload_identity: true,
        };
        let objects = ClusterObjects {
            namespaces: looked(desired.namespaces.keys().filter(|key| key.cluster == *cluster)),
            service_accounts: looked(
                desired.service_accounts.keys().filter(|key| key.cluster == *cluster),
            ),
            roles: looked(desired.roles.keys().filter(|key| key.cluster == *cluster)),
            role_bindings: looked(
                desired.role_bindings.keys().filter(|key| key.cluster == *cluster),
            ),
            webhook: Read::Facts(Some(Webhook::default())),
        };
        let observed = ObservedCluster {
            managed: Some(Read::Facts(Some(managed))),
            discovered_issuer: Some(Read::Facts(issuer.as_str().into())),
            objects: Some(Read::Facts(objects)),
        };
        state.clusters.insert(cluster.clone(), observed);
    }
    if converged {
        fill(&mut state, desired, &identities);
    }
    state.identities.insert(subscription, Read::Facts(identities));
    state
}

/// A kind of which these were asked for and nothing is there.
fn looked<'a, Key: Clone + Ord + 'a, Live>(
    keys: impl Iterator<Item = &'a Key>,
) -> Looked<Key, Live> {
    Looked {
        found: BTreeMap::new(),
        missing: keys.map(|key| (key.clone(), Read::Facts(()))).collect(),
        everywhere: Some(Read::Facts(())),
    }
}

/// Adds the credentials and the clusters' objects as the profile wants them.
fn fill(
    state: &mut ObservedState,
    desired: &DesiredState,
    identities: &BTreeMap<widctl::model::kinds::identity::IdentityKey, Arc<LiveIdentity>>,
) {
    for (key, credential) in &desired.credentials {
        let (issuer, subject) = match &credential.trust {
            Trust::Cluster { cluster, subject } => {
                (format!("https://westeurope.oic.example.com/{cluster}/").as_str().into(), subject)
            }
            Trust::Federation { issuer, subject } => (issuer.clone(), subject),
        };
        let live = LiveFederatedCredential {
            name: key.name.clone(),
            issuer,
            subject: Some(subject.clone()),
            expression: None,
            audiences: vec![credential.audience.clone()],
        };
        if let Some(Read::Facts(list)) = state.credentials.get_mut(&key.identity) {
            list.push(Arc::new(live));
        }
    }
    for (key, namespace) in &desired.namespaces {
        if let Some(Read::Facts(objects)) =
            state.clusters.get_mut(&key.cluster).and_then(|cluster| cluster.objects.as_mut())
        {
            let marks = live(marks::<Namespaces>(desired, (key, &namespace.team), Origin::Created));
            let live = LiveNamespace { marks, terminating: false, owners: Vec::new() };
            objects.namespaces.found.insert(key.clone(), Arc::new(live));
        }
    }
    for (key, account) in &desired.service_accounts {
        if let Some(Read::Facts(objects)) =
            state.clusters.get_mut(&key.cluster).and_then(|cluster| cluster.objects.as_mut())
        {
            let live = LiveServiceAccount {
                client_id: Some(identities[&account.identity].client_id.to_string().into()),
                tenant_id: Some(TENANT.to_string().into()),
                token_expiration: Some(account.token_expiration.to_string().into()),
                strays: Vec::new(),
                marks: live(marks::<ServiceAccounts>(
                    desired,
                    (key, &account.team),
                    Origin::Created,
                )),
                owners: Vec::new(),
            };
            objects.service_accounts.found.insert(key.clone(), Arc::new(live));
        }
    }
}

/// Marks as they were applied.
fn live(marks: Marks) -> LiveMarks {
    LiveMarks {
        managed_by: Some(MANAGED_BY_VALUE.into()),
        estate: Some(marks.estate.shared()),
        team: Some(marks.team.shared()),
        annotates: None,
        created: Some(marks.created),
        tool: None,
    }
}
