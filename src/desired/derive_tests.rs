use std::collections::{BTreeMap, BTreeSet};

use super::derive;
use crate::desired::state::DesiredState;
use crate::model::arm_id::ArmId;
use crate::model::kinds::identity::{IdentityKey, Tags};
use crate::model::location::Location;
use crate::model::text::{
    Audience, ClusterName, Estate, Issuer, TOKEN_EXCHANGE_AUDIENCE, TeamName,
};
use crate::presets;
use crate::profile::resolved::{
    Cluster, Federation, ForeignVerdict, Identity, MassDelete, Mode, Policy, Profile, Team,
    Workload,
};

const SUBSCRIPTION: &str = "12345678-1234-5678-9012-123456789012";

fn aks(name: &str) -> (ClusterName, Cluster) {
    let id = format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-aks/providers/Microsoft.ContainerService/managedClusters/aks-{name}"
    );
    (
        name.into(),
        Cluster::Aks { id: ArmId::parse(&id).unwrap(), context: None, token_audience: None },
    )
}

fn identity(name: &str, per_cluster: bool) -> Identity {
    Identity {
        name: name.into(),
        subscription: SUBSCRIPTION.parse().unwrap(),
        resource_group: "rg-ids".into(),
        location: Location::new("westeurope"),
        tags: Tags::new(),
        create: true,
        per_cluster,
        roles: Vec::new(),
        federations: Vec::new(),
    }
}

#[test]
fn the_role_of_a_token_preset_names_the_account_and_is_the_controllers() {
    let reader = Workload {
        preset: presets::by_name("external-secrets"),
        controller: Some(("eso".into(), "controller".into())),
        ..workload("vault-reader", "id-a")
    };
    let state = desired(vec![identity("id-a", false)], vec![reader]);
    let role = state.roles.values().next().unwrap();
    assert_eq!(*role.rules[0].resource_names, ["vault-reader".into()]);
    let binding = state.role_bindings.values().next().unwrap();
    assert_eq!(binding.namespace.as_str(), "eso");
    assert_eq!(binding.service_account.as_str(), "controller");
}

fn workload(account: &str, identity: &str) -> Workload {
    Workload {
        service_account: account.into(),
        namespace: "data-eng".into(),
        create_namespace: true,
        clusters: vec!["neu".into(), "weu".into()],
        identity: identity.into(),
        extra_identities: Vec::new(),
        audience: Audience::from(TOKEN_EXCHANGE_AUDIENCE),
        token_expiration: 3600,
        mode: Mode::Manage,
        preset: None,
        controller: None,
        rules: Vec::new(),
    }
}

fn desired(identities: Vec<Identity>, workloads: Vec<Workload>) -> DesiredState {
    derive(&Profile {
        remarks: Vec::new(),
        placeholders: Vec::new(),
        estate: Estate::from("contoso-prod"),
        cloud: "public".into(),
        tenant: None,
        subscriptions: BTreeSet::new(),
        clusters: BTreeMap::from([aks("weu"), aks("neu")]),
        policy: Policy {
            denied_roles: Vec::new(),
            deny_privileged_roles: true,
            denied_namespaces: Vec::new(),
            foreign_trust: ForeignVerdict::Warn,
            trusted: Vec::new(),
            mass_delete: MassDelete::default(),
        },
        teams: vec![Team {
            name: TeamName::from("data-eng"),
            owner: None,
            create_namespace: true,
            identities,
            workloads,
            services: Vec::new(),
        }],
        retired: Vec::new(),
        retiring: BTreeMap::new(),
        sha256: String::new(),
    })
}

#[test]
fn a_workload_gets_one_credential_and_one_account_on_each_of_its_clusters() {
    let state = desired(vec![identity("id-a", false)], vec![workload("worker", "id-a")]);
    assert_eq!(state.identities.len(), 1);
    assert_eq!(state.credentials.len(), 2, "one trust per cluster, under names of their own");
    let accounts: Vec<String> = state.service_accounts.keys().map(ToString::to_string).collect();
    assert_eq!(
        accounts,
        ["neu/service-account/data-eng/worker", "weu/service-account/data-eng/worker"]
    );
    assert!(state.namespaces.values().all(|namespace| namespace.create));
    assert!(state.roles.is_empty(), "no RBAC without a preset or rules");
}

#[test]
fn one_identity_per_cluster_takes_the_trust_of_its_cluster_alone() {
    let mut stem = identity("id-a", true);
    stem.federations.push(Federation {
        name: "github".into(),
        issuer: Issuer::from("https://token.actions.githubusercontent.com"),
        subject: "repo:contoso/data-eng:ref:refs/heads/main".into(),
        audience: Audience::from(TOKEN_EXCHANGE_AUDIENCE),
    });
    let state = desired(vec![stem], vec![workload("worker", "id-a")]);
    let names: Vec<&str> = state.identities.keys().map(IdentityKey::name).collect();
    assert_eq!(names, ["id-a-neu", "id-a-weu"]);
    for identity in state.identities.keys() {
        let count = state.credentials.keys().filter(|key| key.identity == *identity).count();
        assert_eq!(count, 2, "its cluster and the federation");
    }
}

#[test]
fn a_trust_only_workload_leaves_the_clusters_alone() {
    let trusted = Workload { mode: Mode::TrustOnly, ..workload("worker", "id-a") };
    let state = desired(vec![identity("id-a", false)], vec![trusted]);
    assert_eq!(state.credentials.len(), 2);
    assert!(state.namespaces.is_empty() && state.service_accounts.is_empty());
}

#[test]
fn the_namespace_of_an_account_that_others_own_is_theirs_to_make() {
    let annotated = Workload { mode: Mode::Annotate, ..workload("worker", "id-a") };
    let state = desired(vec![identity("id-a", false)], vec![annotated]);
    assert_eq!(state.namespaces.len(), 2);
    assert!(state.namespaces.values().all(|namespace| !namespace.create));
}

#[test]
fn extra_identities_get_trust_and_nothing_else() {
    let both = Workload { extra_identities: vec!["id-b".into()], ..workload("worker", "id-a") };
    let state = desired(vec![identity("id-a", false), identity("id-b", false)], vec![both]);
    assert_eq!(state.credentials.len(), 4);
    assert!(state.service_accounts.values().all(|account| account.identity.name() == "id-a"));
}

#[test]
fn a_preset_becomes_a_role_and_a_binding_of_the_account_alone() {
    let worker =
        Workload { preset: presets::by_name("prefect-worker"), ..workload("worker", "id-a") };
    let flow = Workload { preset: presets::by_name("prefect-flow"), ..workload("flow", "id-a") };
    let state = desired(vec![identity("id-a", false)], vec![worker, flow]);
    let roles: Vec<String> = state.roles.keys().map(ToString::to_string).collect();
    assert_eq!(roles, ["neu/role/data-eng/widctl-worker", "weu/role/data-eng/widctl-worker"]);
    assert!(
        state.role_bindings.values().all(|binding| binding.service_account.as_str() == "worker")
    );
}
