//! What a reviewer changes: the profile, the saved plan, what exists.

use std::collections::BTreeSet;
use std::mem;

use fastrand::Rng;
use serde_json::{Map, Value, json};
use widctl::sandbox::World;

use crate::simulation::scenario::SUBSCRIPTION;

pub(super) const OTHER_SUBSCRIPTION: &str = "00000000-0000-4000-8000-000000000002";
const SCOPES: [&str; 2] = [
    "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-kv/providers/Microsoft.KeyVault/vaults/one",
    "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-kv/providers/Microsoft.KeyVault/vaults/two",
];

/// Keys of a profile by the table that they are in, and what they may be changed to.
const KEYS: &[(&str, &str, &[&str])] = &[
    ("root", "estate", &["prod", "other"]),
    ("azure", "resource_group", &["rg-a", "rg-b"]),
    ("azure", "subscription", &[SUBSCRIPTION, OTHER_SUBSCRIPTION]),
    ("aks", "resource_group", &["rg-aks", "rg-other"]),
    ("aks", "name", &["aks-a", "aks-b"]),
    ("aks", "context", &["ctx-a", "ctx-b"]),
    ("pinned", "context", &["ctx-a", "ctx-b"]),
    ("pinned", "issuer", &["https://a.example.com/", "https://b.example.com/"]),
    ("team", "name", &["team-0", "team-8", "team-9"]),
    ("team", "namespace", &["team-0", "team-1", "team-9"]),
    ("team", "clusters", &[r#"["c0"]"#, r#"["p0"]"#, r#"["c0", "p0"]"#]),
    ("identity", "name", &["id-0-0", "id-0-1", "id-9"]),
    ("identity", "resource_group", &["rg-a", "rg-b"]),
    ("identity", "subscription", &[SUBSCRIPTION, OTHER_SUBSCRIPTION]),
    ("identity", "create", &["true", "false"]),
    ("identity", "per_cluster", &["true", "false"]),
    ("identity", "tags", &[r#"{"cost": "one"}"#, r#"{"cost": "two"}"#]),
    ("roles", "role", &["Reader", "AcrPull", "Key Vault Secrets User", "Owner"]),
    ("roles", "scope", &SCOPES),
    ("federation", "subject", &["repo:one/one:ref:a", "repo:two/two:ref:a"]),
    ("federation", "issuer", &["https://one.example.com/", "https://two.example.com/"]),
    ("workload", "identity", &["id-0-0", "id-0-1", "id-1-0", "id-1-1"]),
    ("workload", "extra_identities", &["[]", r#"["id-0-0"]"#, r#"["id-0-1"]"#]),
    ("workload", "audience", &["api://AzureADTokenExchange", "api://other"]),
    ("workload", "token_expiration", &["1h", "2h", "3h"]),
    ("workload", "mode", &["manage", "annotate", "trust-only"]),
    ("workload", "preset", &["prefect-worker", "argo-executor"]),
    ("workload", "namespace", &["team-0", "team-1", "team-9"]),
    ("workload", "service_account", &["sa-0", "sa-1", "sa-9"]),
];

/// A value of the table above.
fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

/// A profile as its author writes it.
pub(super) fn profile(rng: &mut Rng) -> Value {
    let teams = rng.usize(1..=2);
    let teams: Vec<Value> = (0..teams).map(|number| team(rng, number)).collect();
    json!({
        "version": 1,
        "estate": "prod",
        "azure": { "subscription": SUBSCRIPTION, "resource_group": "rg-a", "location": "westeurope" },
        "clusters": {
            "c0": { "subscription": SUBSCRIPTION, "resource_group": "rg-aks", "name": "aks-a" },
            "p0": { "context": "ctx-a", "issuer": "https://a.example.com/" },
        },
        "team": teams,
    })
}

fn team(rng: &mut Rng, number: usize) -> Value {
    let identities = rng.usize(1..=2);
    let identity = |rng: &mut Rng, at: usize| {
        let mut identity = json!({ "name": format!("id-{number}-{at}"), "roles": [] });
        if rng.bool() {
            identity["roles"] = json!([{ "role": "Reader", "scope": SCOPES[rng.usize(0..2)] }]);
        }
        if rng.u8(0..4) == 0 {
            identity["federation"] = json!([{
                "name": "pipeline", "issuer": "https://one.example.com/", "subject": "repo:one/one:ref:a",
            }]);
        }
        identity
    };
    let workload = |rng: &mut Rng, at: usize| {
        let own = rng.usize(0..identities);
        let mut workload = json!({
            "service_account": format!("sa-{at}"), "identity": format!("id-{number}-{own}"),
        });
        if identities > 1 && rng.bool() {
            workload["extra_identities"] = json!([format!("id-{number}-{}", 1 - own)]);
        }
        if rng.u8(0..4) == 0 {
            workload["preset"] = "prefect-worker".into();
        }
        workload
    };
    let workloads = rng.usize(1..=2);
    json!({
        "name": format!("team-{number}"),
        "owner": "a@example.com",
        "namespace": format!("team-{number}"),
        "clusters": value([r#"["c0"]"#, r#"["p0"]"#, r#"["c0", "p0"]"#][rng.usize(0..3)]),
        "create_namespace": rng.bool(),
        "identity": (0..identities).map(|at| identity(rng, at)).collect::<Vec<_>>(),
        "workload": (0..workloads).map(|at| workload(rng, at)).collect::<Vec<_>>(),
    })
}

/// Changes something in a profile: a key, who gets which identity, whose a workload is, what is there at all.
pub(super) fn edit_profile(rng: &mut Rng, profile: &mut Value) {
    match rng.u32(0..8) {
        0 => swap_identities(rng, profile),
        1 => {
            let mut workloads = tables(profile, "team");
            if let Some(from) = rng.choice(0..workloads.len()) {
                let moved = take(rng, &mut workloads[from]["workload"]);
                let to = rng.usize(0..workloads.len());
                push(&mut workloads[to]["workload"], moved);
            }
        }
        2 => {
            let (table, list) = rng
                .choice([("team", "workload"), ("team", "identity"), ("identity", "roles")])
                .unwrap();
            if let Some(table) = rng.choice(tables(profile, table)) {
                take(rng, &mut table[list]);
            }
        }
        3 => {
            let clusters = &mut profile["clusters"];
            let first = mem::take(&mut clusters["c0"]);
            let second = mem::replace(&mut clusters["p0"], first);
            clusters["c0"] = second;
        }
        _ => {
            // Each table as often as any other, however many keys it has.
            let kinds: BTreeSet<&str> = KEYS.iter().map(|(table, _, _)| *table).collect();
            let chosen = rng.choice(kinds).unwrap();
            let keys = KEYS.iter().filter(|(table, _, _)| *table == chosen);
            let (table, key, values) = *rng.choice(keys.collect::<Vec<_>>()).unwrap();
            if let Some(table) = rng.choice(tables(profile, table)) {
                table[key] = value(rng.choice(values).unwrap());
            }
        }
    }
}

fn swap_identities(rng: &mut Rng, profile: &mut Value) {
    let mut workloads = tables(profile, "workload");
    workloads.retain(|workload| workload["extra_identities"][0].is_string());
    if let Some(workload) = rng.choice(workloads) {
        let own = mem::take(&mut workload["identity"]);
        workload["identity"] = mem::replace(&mut workload["extra_identities"][0], own);
    }
}

fn take(rng: &mut Rng, list: &mut Value) -> Option<Value> {
    let list = list.as_array_mut()?;
    let at = rng.choice(0..list.len())?;
    Some(list.remove(at))
}

fn push(list: &mut Value, added: Option<Value>) {
    if let (Some(list), Some(added)) = (list.as_array_mut(), added) {
        list.push(added);
    }
}

/// All tables of a kind.
fn tables<'a>(profile: &'a mut Value, kind: &str) -> Vec<&'a mut Value> {
    let inside = |tables: Vec<&'a mut Value>, list: &str| -> Vec<&'a mut Value> {
        tables
            .into_iter()
            .filter_map(|table| table.get_mut(list)?.as_array_mut())
            .flatten()
            .collect()
    };
    match kind {
        "root" => vec![profile],
        "azure" => profile.get_mut("azure").into_iter().collect(),
        "aks" | "pinned" => {
            let clusters = profile["clusters"].as_object_mut().into_iter().flatten();
            let is_aks = kind == "aks";
            clusters
                .map(|(_, table)| table)
                .filter(|table| table["name"].is_string() == is_aks)
                .collect()
        }
        "team" => inside(vec![profile], "team"),
        "identity" | "workload" => inside(tables(profile, "team"), kind),
        _ => inside(tables(profile, "identity"), kind),
    }
}

/// Changes something in a saved plan; `ids` are client and principal ids of identities that exist.
pub(super) fn edit_file(rng: &mut Rng, file: &mut Value, ids: &[String]) {
    let count = file["changes"].as_array().map_or(0, Vec::len);
    if count == 0 || rng.u32(0..6) == 0 {
        return edit_head(rng, file);
    }
    let (at, other) = (rng.usize(0..count), rng.usize(0..count));
    let rows = file["changes"].as_array_mut().unwrap();
    let key = *rng
        .choice(&["place", "identity", "address", "kind", "team", "cluster", "action"])
        .unwrap();
    match rng.u32(0..7) {
        0 => {
            rows.remove(at);
        }
        1 => {
            let mut twin = rows[at].clone();
            twin[key] = rows[other][key].clone();
            rows.insert(other, twin);
        }
        2 => {
            let first = rows[at][key].clone();
            rows[at][key] = mem::replace(&mut rows[other][key], first);
        }
        3 => rows.swap(at, other),
        4 => rows[at][key] = foreign(rng, &rows[other][key]),
        5 => {
            let side = rng.choice(["before", "after", "managers"]).unwrap();
            let theirs = rows[other][side].clone();
            let Some(fields) = rows[at][side].as_object_mut() else {
                return;
            };
            let Some(name) = rng.choice(fields.keys().cloned().collect::<Vec<_>>()) else {
                return;
            };
            match rng.u32(0..3) {
                0 => fields[&name] = foreign(rng, &theirs[&name]),
                1 => drop(fields.remove(&name)),
                _ => drop(fields.insert("forged".into(), "forged".into())),
            }
        }
        _ => know(rng, &mut rows[at], ids),
    }
}

/// What stands in place of a value: another row's, or one that nothing here has.
fn foreign(rng: &mut Rng, theirs: &Value) -> Value {
    let forged = [theirs.clone(), "forged".into(), "delete".into(), "create".into(), Value::Null];
    rng.choice(forged).unwrap()
}

/// Puts an id that exists where the plan says that it will be known after the apply.
fn know(rng: &mut Rng, row: &mut Value, ids: &[String]) {
    for value in row["after"].as_object_mut().into_iter().flatten().map(|(_, value)| value) {
        let is_open = value.as_str().is_some_and(|text| text.starts_with("(known"));
        if let (true, Some(id)) = (is_open, rng.choice(ids)) {
            *value = id.as_str().into();
        }
    }
}

fn edit_head(rng: &mut Rng, file: &mut Value) {
    const HEAD: &[(&str, &[&str])] = &[
        ("format_version", &["2.1", "2.2", "1.0"]),
        ("widctl_version", &["0.0.1"]),
        ("estate", &["other"]),
        ("tenant", &["00000000-0000-4000-8000-00000000000f"]),
        ("profile_sha256", &["00"]),
        ("created_at", &["2025-12-01T00:00:00Z", "2027-01-01T00:00:00Z", "2026-01-01T00:30:00Z"]),
        ("complete", &["false"]),
        ("kept", &["[]"]),
        ("notes", &["[]", r#"["forged"]"#]),
        ("forged", &["forged"]),
    ];
    const INPUTS: &[(&str, &[&str])] = &[
        ("teams", &[r#"["team-0"]"#, r#"["team-1"]"#, "[]"]),
        ("clusters", &[r#"["c0"]"#, r#"["p0"]"#, "[]"]),
        ("prune", &["true", "false"]),
        ("allow_mass_delete", &["true", "false"]),
        ("adopt", &["true", "false"]),
        ("force_conflicts", &["true", "false"]),
    ];
    let in_inputs = rng.bool();
    let (key, values) = *rng.choice(if in_inputs { INPUTS } else { HEAD }).unwrap();
    let edited = value(rng.choice(values).unwrap());
    let table = if in_inputs { &mut file["inputs"] } else { file };
    table[key] = edited;
}

/// What else exists by the time of the apply: `wanted` are the paths of identities that the plan creates.
pub(super) fn edit_world(rng: &mut Rng, world: &World, wanted: &[String]) -> String {
    let state = world.to_json();
    let kinds = ["userassignedidentities", "federatedidentitycredentials", "roleassignments"];
    let kind = rng.choice(kinds).unwrap();
    let mut paths: Vec<&String> = state["resources"].as_object().unwrap().keys().collect();
    paths.retain(|path| path.split('/').rev().nth(1) == Some(kind));
    let path = rng.choice(paths).filter(|_| wanted.is_empty() || rng.bool());
    let Some(path) = path else {
        let Some(path) = rng.choice(wanted) else {
            return "nothing else exists".into();
        };
        let parts: Vec<&str> = path.split('/').collect();
        let [_, _, subscription, _, group, .., name] = parts[..] else {
            panic!("{path}");
        };
        world.grow_identity(subscription, group, name, "westeurope");
        return format!("somebody makes {path}");
    };
    let which = rng.u32(0..3);
    world.edit_resource(path, |document| match (kind, which) {
        ("userassignedidentities", 0) => document["tags"]["widctl-estate"] = "other".into(),
        ("userassignedidentities", 1) => document["tags"]["theirs"] = "theirs".into(),
        ("userassignedidentities", _) => document["tags"] = Map::new().into(),
        ("federatedidentitycredentials", 0) => document["properties"]["subject"] = "theirs".into(),
        ("federatedidentitycredentials", _) => {
            document["properties"]["audiences"] = json!(["theirs"]);
        }
        _ => document["properties"]["description"] = "theirs".into(),
    });
    format!("somebody writes to {path}: {which}")
}
