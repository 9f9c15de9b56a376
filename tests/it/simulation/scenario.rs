//! What a simulated run works on: a profile, a later version of it, and the world they meet.

use std::collections::BTreeMap;
use std::fmt::Write;

use fastrand::Rng;
use semver::Version;
use widctl::command::rehearsal::assumptions::grow;
use widctl::profile::resolved::Profile;
use widctl::profile::{SourceFile, load};
use widctl::sandbox::World;

pub(super) const SUBSCRIPTION: &str = "00000000-0000-4000-8000-000000000001";
const ROLES: [&str; 3] = ["Reader", "Key Vault Secrets User", "AcrPull"];

/// The profiles of a simulation and their world.
pub(crate) struct Scenario {
    pub(crate) world: World,
    pub(crate) first: Profile,
    /// The same with something left out and something changed.
    pub(super) later: Profile,
}

struct Team {
    name: String,
    /// Names of roles by identity.
    identities: Vec<Vec<&'static str>>,
    workloads: Vec<Workload>,
    creates_namespace: bool,
}

#[derive(Clone)]
struct Workload {
    identity: usize,
    hours: u8,
    preset: bool,
}

impl Scenario {
    /// A scenario of a seed: one or two teams on one or two clusters.
    pub(crate) fn new(rng: &mut Rng) -> Self {
        let clusters = rng.usize(1..=2);
        let mut teams: Vec<Team> = (0..rng.usize(1..=2)).map(|number| team(rng, number)).collect();
        let first = profile(&text(clusters, &teams));
        for team in &mut teams {
            if team.workloads.len() > 1 && rng.bool() {
                team.workloads.pop();
            }
            for workload in &mut team.workloads {
                workload.hours = rng.u8(1..=3);
            }
            for roles in &mut team.identities {
                *roles = some_roles(rng);
            }
        }
        let later = profile(&text(clusters, &teams));
        Self::over(first, later)
    }

    /// An estate whose next run sends every kind of request: it makes, changes and deletes something of
    /// every kind.
    pub(super) fn of_every_kind() -> Self {
        let workload = |identity, hours, preset| Workload { identity, hours, preset };
        let team = |number, identities, workloads| Team {
            name: format!("team-{number}"),
            identities,
            workloads,
            creates_namespace: true,
        };
        let first =
            vec![team(0, vec![vec!["Reader"]], vec![workload(0, 1, true), workload(0, 1, false)])];
        let later = vec![
            team(0, vec![vec!["AcrPull"], vec!["Secret Keeper"]], vec![workload(0, 2, false)]),
            team(1, vec![vec![]], vec![workload(0, 1, true)]),
        ];
        // No identity shows that this group exists.
        let first = profile(&text(1, &first));
        let later = text(1, &later).replace(
            "name = \"id-team-1-0\"\n",
            "name = \"id-team-1-0\"\nresource_group = \"rg-new\"\n",
        );
        let scenario = Self::over(first, profile(&later));
        let scope = format!("/subscriptions/{SUBSCRIPTION}");
        let (id, allowed) = ("00000000-0000-4000-8000-0000000000cc", ["*/read"]);
        scenario.world.grow_role_definition(&scope, id, "Secret Keeper", &allowed);
        scenario
    }

    /// Twenty workloads: five teams of one identity with a role and two accounts, on two clusters.
    pub(super) fn of_twenty_workloads() -> Self {
        let team = |number| Team {
            name: format!("team-{number}"),
            identities: vec![vec!["Reader"]],
            workloads: (0..2).map(|_| Workload { identity: 0, hours: 1, preset: false }).collect(),
            creates_namespace: true,
        };
        let teams: Vec<Team> = (0..5).map(team).collect();
        let first = profile(&text(2, &teams));
        Self::over(first.clone(), first)
    }

    /// One team with an account on each of three clusters.
    pub(super) fn of_three_clusters() -> Self {
        let team = Team {
            name: "team-0".to_owned(),
            identities: vec![vec!["Reader"]],
            workloads: vec![Workload { identity: 0, hours: 1, preset: false }],
            creates_namespace: true,
        };
        let first = profile(&text(3, &[team]));
        Self::over(first.clone(), first)
    }

    /// Two profiles and a world that has what they assume.
    fn over(first: Profile, later: Profile) -> Self {
        let world = World::in_memory();
        world.set_time("2026-01-01T00:00:00Z".parse().unwrap());
        grow(&world, &first);
        grow(&world, &later);
        Self { world, first, later }
    }
}

fn team(rng: &mut Rng, number: usize) -> Team {
    let identities = rng.usize(1..=2);
    let workload = |rng: &mut Rng| Workload {
        identity: rng.usize(0..identities),
        hours: rng.u8(1..=3),
        preset: rng.u8(0..4) == 0,
    };
    Team {
        name: format!("team-{number}"),
        identities: (0..identities).map(|_| some_roles(rng)).collect(),
        workloads: (0..rng.usize(1..=3)).map(|_| workload(rng)).collect(),
        creates_namespace: rng.bool(),
    }
}

fn some_roles(rng: &mut Rng) -> Vec<&'static str> {
    ROLES.into_iter().filter(|_| rng.u8(0..3) == 0).collect()
}

fn text(clusters: usize, teams: &[Team]) -> String {
    let mut text = format!(
        "version = 1\nestate = \"prod\"\n[azure]\nsubscription = \"{SUBSCRIPTION}\"\n\
         resource_group = \"rg-wi\"\nlocation = \"westeurope\"\n"
    );
    let mut push = |line: std::fmt::Arguments<'_>| {
        text.write_fmt(line).unwrap();
        text.push('\n');
    };
    let names: Vec<String> = (0..clusters).map(|number| format!("c{number}")).collect();
    for name in &names {
        push(format_args!("[clusters.{name}]\nresource_group = \"rg-aks\"\nname = \"aks-{name}\""));
    }
    for team in teams {
        let name = &team.name;
        let creates = team.creates_namespace;
        push(format_args!(
            "[[team]]\nname = \"{name}\"\nowner = \"a@b.c\"\nnamespace = \"{name}\"\n\
             clusters = {names:?}\ncreate_namespace = {creates}"
        ));
        for (number, roles) in team.identities.iter().enumerate() {
            push(format_args!("[[team.identity]]\nname = \"id-{name}-{number}\"\nroles = ["));
            for role in roles {
                push(format_args!(
                    "{{ role = \"{role}\", scope = \"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-{name}/\
                     providers/Microsoft.KeyVault/vaults/kv\" }},"
                ));
            }
            push(format_args!("]"));
        }
        for (number, workload) in team.workloads.iter().enumerate() {
            push(format_args!(
                "[[team.workload]]\nservice_account = \"sa-{number}\"\nidentity = \"id-{name}-{}\"\n\
                 token_expiration = \"{}h\"",
                workload.identity, workload.hours
            ));
            if workload.preset {
                push(format_args!("preset = \"prefect-worker\""));
            }
        }
    }
    text
}

fn profile(text: &str) -> Profile {
    let file = SourceFile { path: "teams.toml".into(), text: text.into() };
    let version = Version::new(0, 1, 0);
    load(&[file], &BTreeMap::new(), &version).unwrap_or_else(|errors| panic!("{errors:?}\n{text}"))
}
