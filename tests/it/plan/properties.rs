//! What holds of every plan, whatever the profile and the world.

use std::collections::BTreeSet;

use jiff::Timestamp;
use proptest::prelude::*;

use widctl::desired::naming;
use widctl::desired::naming::{Origin, Trusted};
use widctl::desired::state::{DesiredState, Trust};
use widctl::model::kinds::Kind;
use widctl::model::kinds::identity::IdentityKey;
use widctl::model::kinds::marks::{LiveMarks, ObjectKey};
use widctl::model::kinds::namespace::Namespaces;
use widctl::model::kinds::rbac::{RoleBindings, Roles};
use widctl::model::kinds::service_account::ServiceAccounts;
use widctl::model::text::{ClusterName, Estate, Issuer, Subject};
use widctl::observed::read::Read;
use widctl::observed::state::ObservedState;
use widctl::plan;
use widctl::plan::action::ActionName;
use widctl::plan::approval::{Approval, approve};
use widctl::plan::contents::{Kept, Plan};
use widctl::plan::file::{About, PlanFile};
use widctl::plan::inputs::PlanInputs;
use widctl::plan::release::release;
use widctl::profile::resolved::Cluster;

use super::events::Event;
use super::random::ProfileSpec;
use super::{events, random, world};

/// A world in which one profile was applied, then things happened, then another profile came.
#[derive(Clone, Debug)]
struct Story {
    before: ProfileSpec,
    events: Vec<Event>,
    after: ProfileSpec,
    inputs: PlanInputs,
}

fn story() -> impl Strategy<Value = Story> {
    let profiles = (random::profile_spec(), random::profile_spec(), any::<bool>());
    (profiles, events::events(), random::inputs()).prop_map(
        |((before, after, same), events, inputs)| Story {
            after: if same { before.clone() } else { after },
            before,
            events,
            inputs,
        },
    )
}

/// The desired and the observed state that a story ends with.
fn tell(story: &Story) -> (DesiredState, ObservedState) {
    let before = random::desired(&story.before, false);
    let after = random::desired(&story.after, false);
    let mut observed = world::empty(&before);
    for (scope, read) in world::empty(&after).role_assignments {
        observed.role_assignments.insert(scope, read);
    }
    observed.identities.extend(world::empty(&after).identities);
    observed.resource_groups.extend(world::empty(&after).resource_groups);
    for desired in [&before, &after] {
        world::ask(&mut observed, desired);
        world::add_foreign_identities(&mut observed, desired);
    }
    if let Ok(plan) = plan::plan(&before, &observed, &PlanInputs::default()) {
        observed = world::apply(observed, &plan);
    }
    for event in &story.events {
        events::happen(&mut observed, event);
    }
    (after, observed)
}

fn bytes(plan: &Plan) -> String {
    PlanFile::new(plan, about()).to_json()
}

fn about() -> About {
    About {
        widctl_version: "0.1.0".into(),
        estate: Estate::from("e"),
        tenant: world::TENANT,
        profile_sha256: "0".into(),
        inputs: PlanInputs::default(),
        now: Timestamp::UNIX_EPOCH,
    }
}

fn makes_or_deletes(plan: &Plan) -> BTreeSet<(String, ActionName)> {
    let changes = plan.changes.iter().map(|change| (change.address(), change.action()));
    changes
        .filter(|(_, action)| {
            matches!(action, ActionName::Create | ActionName::Delete | ActionName::Replace)
        })
        .collect()
}

/// Everything that bears no mark of the estate, as text.
fn unowned(desired: &DesiredState, observed: &ObservedState) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for (key, live) in observed.identities.values().filter_map(Read::facts).flatten() {
        let ours = live.tags.get("widctl-estate").map(|estate| &**estate) == Some("e");
        all.extend((!ours).then(|| format!("{key:?} {live:?}")));
    }
    for (key, read) in &observed.credentials {
        for live in read.facts().unwrap() {
            let ours = naming::is_of_estate(&desired.estate, &live.name) && live.subject.is_some();
            all.extend((!ours).then(|| format!("{key:?} {live:?}")));
        }
    }
    for live in observed.role_assignments.values().flat_map(|read| read.facts().unwrap()) {
        let ours = live.description.as_deref() == Some("managed by widctl for estate e")
            && live.id.name() != "00000000-0000-0000-0000-000000000007";
        all.extend((!ours).then(|| format!("{live:?}")));
    }
    for cluster in observed.clusters.values() {
        let objects = cluster.objects.as_ref().unwrap().facts().unwrap();
        for (key, live) in &objects.service_accounts.found {
            let ours = is_marked::<ServiceAccounts>(desired, key, &live.marks);
            let wanted = desired.service_accounts.get(key).is_some_and(|d| d.annotate_only);
            let annotated = live.marks.annotates.as_deref() == Some("e");
            all.extend((!ours && !wanted && !annotated).then(|| format!("{key} {live:?}")));
        }
        macro_rules! others {
            ($($field:ident: $kind:ty),+) => {$(
                for (key, live) in &objects.$field.found {
                    let ours = is_marked::<$kind>(desired, key, &live.marks);
                    all.extend((!ours).then(|| format!("{key} {live:?}")));
                }
            )+};
        }
        others!(namespaces: Namespaces, roles: Roles, role_bindings: RoleBindings);
    }
    all
}

/// The issuer that a cluster has, where that is known.
fn current(
    desired: &DesiredState,
    observed: &ObservedState,
    cluster: &ClusterName,
) -> Option<Issuer> {
    if let Cluster::Pinned { issuer, .. } = &desired.clusters[cluster] {
        return Some(issuer.clone());
    }
    observed.clusters[cluster].discovered_issuer.as_ref()?.facts().cloned()
}

/// The wanted pairs of an identity, an issuer and a subject that exist.
fn let_in(
    desired: &DesiredState,
    observed: &ObservedState,
) -> BTreeSet<(IdentityKey, Issuer, Subject)> {
    let wanted = desired.credentials.iter().filter_map(|(key, wanted)| {
        let (issuer, subject) = match &wanted.trust {
            Trust::Cluster { cluster, subject } => (current(desired, observed, cluster)?, subject),
            Trust::Federation { issuer, subject } => (issuer.clone(), subject),
        };
        Some((key.identity.clone(), issuer, subject.clone()))
    });
    wanted.filter(|(identity, issuer, subject)| has(observed, identity, issuer, subject)).collect()
}

fn has(
    observed: &ObservedState,
    identity: &IdentityKey,
    issuer: &Issuer,
    subject: &Subject,
) -> bool {
    let live = observed.credentials.get(identity).and_then(Read::facts).into_iter().flatten();
    live.into_iter().any(|live| live.issuer == *issuer && live.subject.as_ref() == Some(subject))
}

/// The credentials of wanted accounts by issuers that retire and that no wanted pair has, whole.
fn retiring(desired: &DesiredState, observed: &ObservedState) -> BTreeSet<String> {
    let wanted = |identity: &IdentityKey, issuer: &Issuer, subject: &Subject| {
        desired.credentials.iter().any(|(key, wanted)| {
            key.identity == *identity
                && match &wanted.trust {
                    Trust::Cluster { cluster, subject: whom } => {
                        whom == subject
                            && current(desired, observed, cluster).as_ref() == Some(issuer)
                    }
                    Trust::Federation { issuer: other, subject: whom } => {
                        whom == subject && other == issuer
                    }
                }
        })
    };
    let mut found = BTreeSet::new();
    for (key, credential) in &desired.credentials {
        let Trust::Cluster { cluster, subject } = &credential.trust else { continue };
        let live = observed.credentials.get(&key.identity).and_then(Read::facts);
        for live in live.into_iter().flatten() {
            let old = desired.retiring(cluster).contains(&live.issuer);
            let own = live.subject.as_ref() == Some(subject);
            if old && own && !wanted(&key.identity, &live.issuer, subject) {
                found.insert(format!("{} {live:?}", key.identity));
            }
        }
    }
    found
}

/// Whether an object has the estate's label and a mark that names it.
fn is_marked<K: Kind<Key: ObjectKey>>(
    desired: &DesiredState,
    key: &K::Key,
    marks: &LiveMarks,
) -> bool {
    let cluster = desired.cluster_text(key.cluster());
    let mut named = [Origin::Created, Origin::Adopted]
        .into_iter()
        .map(|origin| naming::mark::<K>(cluster, key, origin));
    marks.estate.as_deref() == Some("e")
        && named.any(|mark| Some(&*mark) == marks.created.as_deref())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_a_plan_there_is_nothing_left_to_do(story in story()) {
        let (desired, observed) = tell(&story);
        if let Ok(first) = plan::plan(&desired, &observed, &story.inputs) {
            let observed = world::apply(observed, &first);
            let second = plan::plan(&desired, &observed, &story.inputs);
            let second = second.map_err(|refusals| format!("{refusals:#?}\nafter {}", bytes(&first)));
            let second = second.unwrap();
            prop_assert!(second.changes.is_empty(), "{}\nafter {}", bytes(&second), bytes(&first));
        }
    }

    #[test]
    fn no_write_takes_away_whom_the_profile_wants_in(story in story()) {
        let (desired, mut observed) = tell(&story);
        let inputs = PlanInputs { adopt: false, ..story.inputs };
        if let Ok(plan) = plan::plan(&desired, &observed, &inputs) {
            let mut outputs = plan.identities.clone();
            for change in &plan.changes {
                let before = let_in(&desired, &observed);
                world::apply_one(&mut observed, change, &mut outputs);
                let after = let_in(&desired, &observed);
                let lost: Vec<_> = before.difference(&after).collect();
                prop_assert!(lost.is_empty(), "{lost:?} by {change}\n{}", bytes(&plan));
            }
        }
    }

    #[test]
    fn what_retires_is_never_made_nor_changed(story in story()) {
        let (desired, observed) = tell(&story);
        let of = |observed: &ObservedState| retiring(&desired, observed);
        if let Ok(plan) = plan::plan(&desired, &observed, &story.inputs) {
            let before = of(&observed);
            prop_assert_eq!(before, of(&world::apply(observed, &plan)), "{}", bytes(&plan));
        }
    }

    #[test]
    fn what_bears_no_mark_of_the_estate_is_never_changed_unless_adopted(story in story()) {
        let (desired, observed) = tell(&story);
        let inputs = PlanInputs { adopt: false, ..story.inputs };
        if let Ok(plan) = plan::plan(&desired, &observed, &inputs) {
            let before = unowned(&desired, &observed);
            let after = unowned(&desired, &world::apply(observed, &plan));
            let lost: Vec<_> = before.difference(&after).collect();
            prop_assert!(lost.is_empty(), "{lost:#?}\n{}", bytes(&plan));
        }
    }

    #[test]
    fn nothing_is_deleted_without_prune(story in story()) {
        let (desired, observed) = tell(&story);
        let inputs = PlanInputs { prune: false, ..story.inputs };
        if let Ok(plan) = plan::plan(&desired, &observed, &inputs) {
            let bad = |action| matches!(action, ActionName::Delete | ActionName::Release);
            prop_assert!(!plan.changes.iter().any(|change| bad(change.action())));
        }
    }

    #[test]
    fn the_order_of_what_is_read_never_shows(story in story()) {
        let (desired, mut observed) = tell(&story);
        let one = plan::plan(&desired, &observed, &story.inputs);
        for list in observed.credentials.values_mut().filter_map(events::facts) {
            list.reverse();
        }
        for list in observed.role_assignments.values_mut().filter_map(events::facts) {
            list.reverse();
        }
        let desired = random::desired(&story.after, true);
        let other = plan::plan(&desired, &observed, &story.inputs);
        prop_assert_eq!(
            one.map(|plan| bytes(&plan)).map_err(|refusals| format!("{refusals:?}")),
            other.map(|plan| bytes(&plan)).map_err(|refusals| format!("{refusals:?}"))
        );
    }

    #[test]
    fn what_cannot_be_read_never_adds_a_create_or_a_delete(story in story(), scope in 0..80_usize) {
        let (desired, observed) = tell(&story);
        let mut blind = observed.clone();
        events::forget(&mut blind, scope);
        let seeing = plan::plan(&desired, &observed, &story.inputs);
        if let (Ok(seeing), Ok(blind)) = (seeing, plan::plan(&desired, &blind, &story.inputs)) {
            let (seen, unseen) = (makes_or_deletes(&seeing), makes_or_deletes(&blind));
            let added: Vec<_> = unseen.difference(&seen).collect();
            prop_assert!(added.is_empty(), "{added:#?}");
        }
    }

    #[test]
    fn a_filter_only_leaves_out(story in story(), team in 0..2_usize, by_cluster in any::<bool>()) {
        let (desired, observed) = tell(&story);
        let (teams, clusters) = if by_cluster {
            (Vec::new(), vec!["e*".to_owned()])
        } else {
            (vec![format!("team-{team}")], Vec::new())
        };
        let whole = PlanInputs { prune: false, ..story.inputs };
        let filtered = PlanInputs { teams, clusters, ..whole.clone() };
        let plans = (plan::plan(&desired, &observed, &whole), plan::plan(&desired, &observed, &filtered));
        if let (Ok(whole), Ok(part)) = plans {
            let rows = |plan: &Plan| plan.rows().collect::<Vec<_>>();
            let all = rows(&whole);
            prop_assert!(rows(&part).iter().all(|row| all.contains(row)));
            prop_assert!(part.unchanged <= whole.unchanged && part.kept.len() <= whole.kept.len());
        }
    }

    #[test]
    fn what_is_released_is_listed_by_no_plan_again_and_changes_no_other(story in story()) {
        let (desired, mut observed) = tell(&story);
        let inputs = PlanInputs { prune: false, ..story.inputs };
        let inputs = PlanInputs { teams: Vec::new(), clusters: Vec::new(), ..inputs };
        if let Ok(plan) = plan::plan(&desired, &observed, &inputs) {
            let (releasable, kept): (Vec<_>, Vec<_>) =
                plan.kept.iter().partition(|kept| kept.releasable);
            let addresses: Vec<String> =
                releasable.iter().map(|kept| kept.address.clone()).collect();
            let release = release(&desired, &observed, &addresses).unwrap();
            prop_assert_eq!(release.changes.len(), addresses.len());
            for change in &release.changes {
                prop_assert_eq!(change.action(), ActionName::Release);
                world::apply_one(&mut observed, change, &mut plan.identities.clone());
            }
            let fresh = plan::plan(&desired, &observed, &inputs).unwrap();
            let addresses = |kept: &[&Kept]| {
                kept.iter().map(|kept| kept.address.clone()).collect::<Vec<_>>()
            };
            prop_assert_eq!(addresses(&kept), addresses(&fresh.kept.iter().collect::<Vec<_>>()));
            prop_assert_eq!(plan.rows().collect::<Vec<_>>(), fresh.rows().collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_interrupted_apply_resumes_under_its_approval(story in story(), done in 0..12_usize) {
        let (desired, mut observed) = tell(&story);
        if let Ok(plan) = plan::plan(&desired, &observed, &story.inputs) {
            let text = bytes(&plan);
            let file = PlanFile::parse(text.as_bytes()).unwrap();
            let mut outputs = plan.identities.clone();
            for change in plan.changes.iter().take(done) {
                world::apply_one(&mut observed, change, &mut outputs);
            }
            let fresh = plan::plan(&desired, &observed, &story.inputs).unwrap();
            let already_done = match approve(&file, &fresh) {
                Approval::Fits { already_done } => already_done,
                Approval::Differs(differences) => panic!("{differences:#?}\nof {text}"),
            };
            prop_assert_eq!(already_done, done.min(plan.changes.len()));
        }
    }

    #[test]
    fn distinct_accounts_never_share_a_credential_name(
        one in ("[a-b]{1,2}", "[a-b-]{1,3}", "[a-b-]{1,3}"),
        other in ("[a-b]{1,2}", "[a-b-]{1,3}", "[a-b-]{1,3}"),
    ) {
        let name = |(cluster, namespace, account): &(String, String, String)| {
            let subject = Subject::new(format!("system:serviceaccount:{namespace}:{account}"));
            let trusted = Trusted::Account { cluster, subject: &subject };
            naming::credential_name(&Estate::from("e"), trusted, "")
        };
        prop_assert_eq!(name(&one) == name(&other), one == other);
    }
}
