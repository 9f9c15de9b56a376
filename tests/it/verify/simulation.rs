//! Random estates: what a sync has written verifies green once Entra knows it, and no damage to a link goes unseen.

use std::collections::BTreeSet;
use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};
use widctl::command::condition::Condition;
use widctl::report::style::Style;
use widctl::report::verify;
use widctl::sandbox::{Faults, World};
use widctl::verify::results::{Outcome, Results, SubjectKind, SubjectResults};
use widctl::verify::verdict::Verdict;

use super::process::Process;
use crate::simulation::scenario::Scenario;
use crate::simulation::seeds::each_seed;

/// What is damaged, how, and the code of the check that sees it.
struct Damage(Of, How, &'static str, Seen);

/// What is damaged: a part of the path of what there may be several of.
#[derive(Clone, Copy, Debug)]
enum Of {
    /// A document of Azure.
    Azure(&'static str),
    /// An identity with a credential.
    Identity,
    /// An object of a cluster, in a team's namespace.
    Cluster(&'static str),
    /// What the issuer of a cluster shows everybody.
    Issuer,
}

/// What becomes of it.
#[derive(Clone, Copy, Debug)]
enum How {
    /// All of it is gone.
    Gone,
    /// The value at this pointer is gone.
    Without(&'static str),
    /// The value at this pointer is this.
    With(&'static str, &'static str),
    /// The value at this pointer is `false`.
    Off(&'static str),
    /// The text at this pointer ends in this.
    Ends(&'static str, &'static str),
    /// The issuer shows another issuer than itself, or none, and these keys; or nothing.
    Shows(Option<(Option<&'static str>, &'static str)>),
}

/// How the check says it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Seen {
    Failed,
    /// Where docs/verify.md says so.
    Warned,
}

const PART_OF_CREDENTIAL: &str = "/federatedidentitycredentials/";
const CREDENTIAL: Of = Of::Azure(PART_OF_CREDENTIAL);
const ROLE: Of = Of::Azure("/roleassignments/");
const CLUSTER: Of = Of::Azure("/managedclusters/");
const ACCOUNT: Of = Of::Cluster("/serviceaccounts/");
const RIGHTS: Of = Of::Cluster("/roles/");
const BINDING: Of = Of::Cluster("/rolebindings/");
const CLIENT_ID: &str = "/metadata/annotations/azure.workload.identity~1client-id";
const TENANT_ID: &str = "/metadata/annotations/azure.workload.identity~1tenant-id";
const EXPIRATION: &str =
    "/metadata/annotations/azure.workload.identity~1service-account-token-expiration";
const OTHER: &str = "11111111-1111-4111-8111-111111111111";
const OTHER_ROLE: &str =
    "/providers/Microsoft.Authorization/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c";
const NO_KEY: &str = r#"{"keys":[]}"#;
/// A key under the name of the cluster's, and not its own.
const OTHER_KEY: &str =
    r#"{"keys":[{"kty":"RSA","kid":"sandbox-cluster-one","n":"AQAB","e":"AQAB"}]}"#;

/// Every link. Tags of an identity are none, and neither is an expiration within its range: tokens come all the same.
const DAMAGES: &[Damage] = &[
    Damage(CREDENTIAL, How::Gone, "WID-V-CREDENTIAL", Seen::Failed),
    Damage(CREDENTIAL, How::Ends("/issuer", "/"), "WID-V-CREDENTIAL-ISSUER", Seen::Failed),
    Damage(CREDENTIAL, How::Ends("/subject", "x"), "WID-V-CREDENTIAL-SUBJECT", Seen::Failed),
    Damage(CREDENTIAL, How::Ends("/audiences/0", "x"), "WID-V-CREDENTIAL-AUDIENCE", Seen::Failed),
    Damage(ACCOUNT, How::Gone, "WID-V-ACCOUNT", Seen::Failed),
    Damage(ACCOUNT, How::Without(CLIENT_ID), "WID-V-CLIENT-ID", Seen::Failed),
    Damage(ACCOUNT, How::With(CLIENT_ID, OTHER), "WID-V-CLIENT-ID", Seen::Failed),
    Damage(ACCOUNT, How::Ends(CLIENT_ID, "0"), "WID-V-ANNOTATIONS", Seen::Failed),
    Damage(ACCOUNT, How::Without(TENANT_ID), "WID-V-TENANT-ID", Seen::Warned),
    Damage(ACCOUNT, How::With(TENANT_ID, OTHER), "WID-V-TENANT-ID", Seen::Failed),
    Damage(ACCOUNT, How::With(EXPIRATION, "3599"), "WID-V-ANNOTATIONS", Seen::Failed),
    Damage(ROLE, How::Gone, "WID-V-ROLES", Seen::Failed),
    Damage(ROLE, How::With("/principalId", OTHER), "WID-V-ROLES", Seen::Failed),
    Damage(ROLE, How::With("/roleDefinitionId", OTHER_ROLE), "WID-V-ROLES", Seen::Failed),
    Damage(
        ROLE,
        How::With("/condition", "@Resource[a] StringEquals 'b'"),
        "WID-V-ROLES",
        Seen::Warned,
    ),
    Damage(RIGHTS, How::Gone, "WID-V-RBAC", Seen::Failed),
    Damage(RIGHTS, How::Without("/rules/0"), "WID-V-RBAC", Seen::Failed),
    Damage(RIGHTS, How::Without("/rules/0/verbs/0"), "WID-V-RBAC", Seen::Failed),
    Damage(BINDING, How::Gone, "WID-V-RBAC", Seen::Failed),
    Damage(BINDING, How::Ends("/subjects/0/name", "x"), "WID-V-RBAC", Seen::Failed),
    Damage(BINDING, How::Ends("/subjects/0/namespace", "x"), "WID-V-RBAC", Seen::Failed),
    Damage(BINDING, How::Ends("/roleRef/name", "x"), "WID-V-RBAC", Seen::Failed),
    Damage(BINDING, How::With("/roleRef/kind", "ClusterRole"), "WID-V-RBAC", Seen::Failed),
    Damage(Of::Issuer, How::Shows(None), "WID-V-DISCOVERY", Seen::Failed),
    Damage(
        Of::Issuer,
        How::Shows(Some((Some("https://a.b/"), NO_KEY))),
        "WID-V-ISSUER",
        Seen::Failed,
    ),
    Damage(Of::Issuer, How::Shows(Some((None, NO_KEY))), "WID-V-JWKS", Seen::Failed),
    Damage(Of::Issuer, How::Shows(Some((None, "[]"))), "WID-V-JWKS", Seen::Failed),
    Damage(Of::Issuer, How::Shows(Some((None, OTHER_KEY))), "WID-V-TOKEN-SIGNATURE", Seen::Failed),
    Damage(CLUSTER, How::Gone, "WID-V-ISSUER-ENABLED", Seen::Failed),
    Damage(CLUSTER, How::Off("/oidcIssuerProfile/enabled"), "WID-V-ISSUER-ENABLED", Seen::Failed),
    Damage(
        CLUSTER,
        How::Ends("/oidcIssuerProfile/issuerURL", "x"),
        "WID-V-CREDENTIAL-ISSUER",
        Seen::Failed,
    ),
    Damage(Of::Identity, How::Gone, "WID-V-CLIENT-ID", Seen::Failed),
];

/// Of the seeds that are asked for one in so many is verified: each is verified eight times, and lives no longer life.
const SHARE_OF_SEEDS: u64 = 5;
/// Of so many damages a seed does one.
const SHARE: usize = 5;

/// Where something is in the world.
#[derive(Clone)]
enum Place {
    Azure(String),
    Cluster { cluster: String, path: String },
    Issuer(String),
}

impl Of {
    /// Everything of this kind that the estate has.
    fn places(self, world: &World) -> Vec<Place> {
        let state = world.to_json();
        let clusters = || state["clusters"].as_object().unwrap().iter();
        match self {
            Self::Azure(part) => {
                let paths = state["resources"].as_object().unwrap().keys();
                paths.filter(|path| path.contains(part)).cloned().map(Place::Azure).collect()
            }
            Self::Identity => CREDENTIAL
                .places(world)
                .into_iter()
                .filter_map(|credential| {
                    let Place::Azure(path) = credential else { return None };
                    Some(Place::Azure(path.split_once(PART_OF_CREDENTIAL)?.0.to_owned()))
                })
                .collect(),
            Self::Cluster(part) => clusters()
                .flat_map(|(cluster, found)| {
                    let paths = found["objects"].as_object().unwrap().keys();
                    let part = format!("{part}team-");
                    let is_it =
                        move |path: &&String| path.contains(&part) && !path.ends_with("/default");
                    paths
                        .filter(is_it)
                        .map(|path| Place::Cluster { cluster: cluster.clone(), path: path.clone() })
                })
                .collect(),
            Self::Issuer => clusters()
                .map(|(_, found)| Place::Issuer(found["issuer"].as_str().unwrap().to_owned()))
                .collect(),
        }
    }
}

impl How {
    /// Damages a document, so that it may be gone; `None` where it has not what is damaged.
    fn on(self, whole: &mut Option<Value>) -> Option<()> {
        let document = whole.as_mut()?;
        let within = if document["properties"].is_object() { "/properties" } else { "" };
        let at = |pointer: &str| format!("{within}{pointer}");
        match self {
            Self::Gone => *whole = None,
            Self::Without(pointer) => {
                let pointer = at(pointer);
                let (parent, last) = pointer.rsplit_once('/').unwrap();
                let last = last.replace("~1", "/");
                let around = document.pointer_mut(parent)?;
                match last.parse::<usize>() {
                    Ok(index) => drop(around.as_array_mut()?.splice(index..=index, [])),
                    Err(_) => drop(around.as_object_mut()?.remove(&last)?),
                }
            }
            Self::With(pointer, value) => {
                let pointer = at(pointer);
                let (parent, last) = pointer.rsplit_once('/').unwrap();
                document.pointer_mut(parent)?[last.replace("~1", "/")] = value.into();
            }
            Self::Off(pointer) => *document.pointer_mut(&at(pointer))? = false.into(),
            Self::Ends(pointer, tail) => {
                let value = document.pointer_mut(&at(pointer))?;
                *value = json!(format!("{}{tail}", value.as_str()?));
            }
            Self::Shows(_) => return None,
        }
        Some(())
    }
}

impl Place {
    /// Damages what is here, and answers how it was; `None` where it has not what is damaged.
    fn damage(&self, how: How, world: &World) -> Option<Value> {
        match self {
            Self::Azure(path) => {
                let mut document = world.resource(path);
                how.on(&mut document)?;
                world.put_resource(path, document)
            }
            Self::Cluster { cluster, path } => {
                let mut object = world.object(cluster, path);
                how.on(&mut object)?;
                world.put_object(cluster, path, object)
            }
            Self::Issuer(issuer) => {
                let How::Shows(shown) = how else { return None };
                let shown =
                    shown.map(|(named, keys)| (named.unwrap_or(issuer), keys.parse().unwrap()));
                world.publish(issuer, shown);
                Some(Value::Null)
            }
        }
    }

    fn repair(&self, before: Value, world: &World) {
        match self {
            Self::Azure(path) => drop(world.put_resource(path, Some(before))),
            Self::Cluster { cluster, path } => drop(world.put_object(cluster, path, Some(before))),
            Self::Issuer(issuer) => world.unpublish(issuer),
        }
    }
}

fn told(results: &Results) -> String {
    verify::text(results, Style::PLAIN)
}

/// Whether a check of this code says so.
fn says(results: &Results, code: &str, seen: Seen) -> bool {
    let mut checks = results.subjects.iter().flat_map(|subject| &subject.checks);
    checks.any(|check| {
        check.code == code
            && match check.outcome {
                Outcome::Checked(Verdict::Fail(_)) => seen == Seen::Failed,
                Outcome::Checked(Verdict::Warn(_)) => seen == Seen::Warned,
                Outcome::Checked(_) | Outcome::Skipped { .. } => false,
            }
    })
}

/// Syncs the estate of a seed under Entra's delays, verifies it, and damages it at random places, its share of
/// the ways. Answers which of them its estate has room for.
async fn live(seed: u64) -> Result<String, String> {
    let mut rng = Rng::with_seed(seed);
    let Scenario { world, first, .. } = Scenario::new(&mut rng);
    let process = Process::of(first, world.clone()).await;
    world.set_faults(Faults {
        credential_propagation: rng.u32(0..4),
        principal_replication: rng.u32(0..4),
        stale_reads_ms: if rng.bool() { rng.u64(0..20_000) } else { 0 },
        ..Faults::default()
    });
    process.sync().await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    let green = async |when: &str, wait| {
        let verified = process.verify(true, wait).await;
        let tally = verified.results.tally();
        // Nobody but a pipeline can try its exchange.
        let is_it = |subject: &&SubjectResults| subject.kind == SubjectKind::Federation;
        let federations = verified.results.subjects.iter().filter(is_it).count();
        let is_green = verified.condition() == Condition::Done
            && tally.unknown == federations
            && tally.fail + tally.warn + tally.skipped == 0;
        is_green
            .then_some(())
            .ok_or_else(|| format!("not green {when}: {}", told(&verified.results)))
    };
    green("after the sync", Duration::from_mins(5)).await?;
    world.set_faults(Faults::default());
    let mut done = Vec::new();
    let first = usize::try_from(seed).unwrap() % SHARE;
    for (number, Damage(of, how, code, seen)) in
        DAMAGES.iter().enumerate().skip(first).step_by(SHARE)
    {
        let mut places = of.places(&world);
        rng.shuffle(&mut places);
        let damaged = places.iter().find_map(|place| Some((place, place.damage(*how, &world)?)));
        let Some((place, before)) = damaged else { continue };
        let verified = process.verify(true, Duration::ZERO).await;
        if !says(&verified.results, code, *seen) {
            let told = told(&verified.results);
            return Err(format!("{of:?} {how:?} is not {seen:?} by {code}: {told}"));
        }
        place.repair(before, &world);
        done.push(number.to_string());
    }
    Ok(done.join(" "))
}

#[test]
fn a_converged_estate_is_green_and_any_one_damage_is_seen() {
    let (seeds, done) = each_seed(SHARE_OF_SEEDS, |seed| {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().start_paused(true).build().unwrap().block_on(live(seed))
    });
    let done: BTreeSet<&str> = done.iter().flat_map(|done| done.split(' ')).collect();
    // A few estates may have no role, or no preset.
    assert!(seeds < 40 || done.len() == DAMAGES.len(), "never done but {done:?}");
}
