//! Random profiles and worlds from small alphabets, so that collisions happen.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

use widctl::desired::derive::derive;
use widctl::desired::state::DesiredState;
use widctl::model::arm_id::ArmId;
use widctl::model::guid::RoleDefinitionId;
use widctl::model::kinds::identity::Tags;
use widctl::model::kinds::role_assignment::Role;
use widctl::model::location::Location;
use widctl::model::text::{ClusterName, Estate, Issuer};
use widctl::plan::inputs::PlanInputs;
use widctl::presets;
use widctl::profile::resolved::{
    Cluster, Federation, ForeignVerdict, Identity, MassDelete, Mode, Policy, Profile, RoleChoice,
    RoleGrant, Team, Workload,
};

use super::world;

const SUBSCRIPTION: &str = "12345678-1234-5678-9012-123456789012";
const CLUSTERS: [&str; 3] = ["east", "west", "pinned"];

/// An identity, its team by its number.
#[derive(Clone, Debug)]
pub(crate) struct IdentitySpec {
    team: usize,
    create: bool,
    per_cluster: bool,
    roles: Vec<(usize, usize)>,
    federation: Option<usize>,
}

/// A workload of the identity's team.
#[derive(Clone, Debug)]
pub(crate) struct WorkloadSpec {
    identity: usize,
    extra: Option<usize>,
    account: usize,
    namespace: usize,
    clusters: Vec<usize>,
    mode: Mode,
    preset: bool,
    create_namespace: bool,
    audience: usize,
}

/// A profile.
#[derive(Clone, Debug)]
pub(crate) struct ProfileSpec {
    identities: Vec<IdentitySpec>,
    workloads: Vec<WorkloadSpec>,
    /// Whether clusters had other issuers before.
    retiring: bool,
}

fn identity_spec() -> impl Strategy<Value = IdentitySpec> {
    (
        0..2_usize,
        prop::bool::weighted(0.8),
        prop::bool::weighted(0.2),
        vec((0..2_usize, 0..2_usize), 0..3),
        prop::option::of(0..2_usize),
    )
        .prop_map(|(team, create, per_cluster, roles, federation)| IdentitySpec {
            team,
            create,
            per_cluster,
            roles,
            federation,
        })
}

fn workload_spec() -> impl Strategy<Value = WorkloadSpec> {
    let mode = prop_oneof![
        3 => Just(Mode::Manage),
        1 => Just(Mode::Annotate),
        1 => Just(Mode::TrustOnly)
    ];
    (
        (0..3_usize, prop::option::of(0..3_usize), 0..2_usize, 0..2_usize),
        vec(0..3_usize, 1..3),
        mode,
        (any::<bool>(), prop::bool::weighted(0.97)),
        0..2_usize,
    )
        .prop_map(|(names, clusters, mode, (preset, create_namespace), audience)| {
            let (identity, extra, account, namespace) = names;
            WorkloadSpec {
                identity,
                extra,
                account,
                namespace,
                clusters,
                mode,
                preset,
                create_namespace,
                audience,
            }
        })
}

pub(crate) fn profile_spec() -> impl Strategy<Value = ProfileSpec> {
    (vec(identity_spec(), 3), vec(workload_spec(), 0..5), any::<bool>()).prop_map(
        |(identities, workloads, retiring)| ProfileSpec { identities, workloads, retiring },
    )
}

/// Issuers that events put into credentials, and that clusters have until they are made anew.
fn retiring(is_any: bool) -> BTreeMap<ClusterName, Vec<Issuer>> {
    let old = Issuer::from("https://old.example/");
    let all = [
        ("east".into(), vec![old.clone(), world::issuer("east")]),
        ("west".into(), vec![world::issuer("west")]),
        ("pinned".into(), vec![old]),
    ];
    all.into_iter().filter(|_| is_any).collect()
}

fn cluster(name: &str) -> Cluster {
    if name == "pinned" {
        return Cluster::Pinned {
            context: name.into(),
            issuer: Issuer::from("https://pinned.example"),
            token_audience: None,
        };
    }
    let id = format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-aks/providers/Microsoft.ContainerService/managedClusters/{name}"
    );
    Cluster::Aks { id: ArmId::parse(&id).unwrap(), context: None, token_audience: None }
}

fn grant((role, scope): (usize, usize)) -> RoleGrant {
    let scope = format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-{scope}/providers/Microsoft.KeyVault/vaults/kv"
    );
    RoleGrant {
        role: RoleChoice::Known(Role {
            id: RoleDefinitionId::new(Uuid::from_u128(role as u128 + 1)),
            name: format!("Role {role}").as_str().into(),
        }),
        scope: ArmId::parse(&scope).unwrap(),
        condition: None,
    }
}

fn resolved_identity(index: usize, spec: &IdentitySpec) -> Identity {
    let mut roles: Vec<RoleGrant> = Vec::new();
    for role in &spec.roles {
        let grant = grant(*role);
        if !roles.contains(&grant) {
            roles.push(grant);
        }
    }
    let federations = spec.federation.map(|subject| Federation {
        name: "github".into(),
        issuer: Issuer::from("https://token.actions.githubusercontent.com"),
        subject: format!("repo:contoso/{subject}").as_str().into(),
        audience: "aud-0".into(),
    });
    Identity {
        name: format!("id-{index}"),
        subscription: SUBSCRIPTION.parse().unwrap(),
        resource_group: "rg-ids".into(),
        location: Location::new("westeurope"),
        tags: Tags::from([("cost".into(), "42".into())]),
        create: spec.create,
        per_cluster: spec.per_cluster,
        roles,
        federations: federations.into_iter().collect(),
    }
}

/// The profile of a spec; what its checks would refuse is left out. `reversed` states
/// what each team has in another order.
pub(crate) fn desired(spec: &ProfileSpec, reversed: bool) -> DesiredState {
    let mut taken = BTreeSet::new();
    let mut teams: Vec<Team> = (0..2)
        .map(|team| Team {
            name: format!("team-{team}").as_str().into(),
            owner: None,
            create_namespace: false,
            identities: Vec::new(),
            workloads: Vec::new(),
            services: Vec::new(),
        })
        .collect();
    for (index, identity) in spec.identities.iter().enumerate() {
        teams[identity.team].identities.push(resolved_identity(index, identity));
    }
    for workload in &spec.workloads {
        let mut clusters: Vec<usize> = workload.clusters.clone();
        clusters.sort_unstable();
        clusters.dedup();
        clusters.retain(|cluster| taken.insert((*cluster, workload.account, workload.namespace)));
        if clusters.is_empty() {
            continue;
        }
        let team = spec.identities[workload.identity].team;
        let has_preset = workload.preset && workload.mode == Mode::Manage;
        let preset = has_preset.then(|| presets::by_name("prefect-worker").unwrap());
        teams[team].workloads.push(Workload {
            service_account: format!("sa-{}", workload.account).as_str().into(),
            namespace: format!("ns-{}", workload.namespace).as_str().into(),
            create_namespace: workload.create_namespace,
            clusters: clusters.into_iter().map(|index| CLUSTERS[index].into()).collect(),
            identity: format!("id-{}", workload.identity),
            extra_identities: workload
                .extra
                .map(|extra| format!("id-{extra}"))
                .into_iter()
                .collect(),
            audience: format!("aud-{}", workload.audience).as_str().into(),
            token_expiration: 3600,
            mode: workload.mode,
            preset,
            controller: None,
            rules: Vec::new(),
        });
    }
    if reversed {
        for team in &mut teams {
            team.workloads.reverse();
            team.identities.reverse();
        }
    }
    derive(&Profile {
        remarks: Vec::new(),
        placeholders: Vec::new(),
        estate: Estate::from("e"),
        cloud: "public".into(),
        tenant: None,
        subscriptions: BTreeSet::new(),
        clusters: CLUSTERS.iter().map(|name| ((*name).into(), cluster(name))).collect(),
        policy: Policy {
            denied_roles: Vec::new(),
            deny_privileged_roles: true,
            denied_namespaces: Vec::new(),
            foreign_trust: ForeignVerdict::Warn,
            trusted: Vec::new(),
            mass_delete: MassDelete::default(),
        },
        teams,
        retired: Vec::new(),
        retiring: retiring(spec.retiring),
        sha256: String::new(),
    })
}

pub(crate) fn inputs() -> impl Strategy<Value = PlanInputs> {
    (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(prune, adopt, force_conflicts)| {
        PlanInputs {
            prune,
            allow_mass_delete: true,
            adopt,
            force_conflicts,
            ..PlanInputs::default()
        }
    })
}
