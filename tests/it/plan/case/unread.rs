//! Scopes of a case that cannot be read.

use widctl::observed::read::{Read, Unread};
use widctl::observed::state::{Looked, ObservedState, Sought};

use super::Observed;
use super::happen::facts;

fn unread<T>(read: &mut Read<T>) {
    *read = Read::Unread(Unread {
        refused: false,
        why: "could not read it: the server did not answer in time".into(),
    });
}

fn unlook<K: Ord, L>(kind: &mut Looked<K, L>) {
    unread(kind.everywhere.as_mut().unwrap());
    kind.found.clear();
    kind.missing.values_mut().for_each(unread);
}

/// Makes a scope unreadable, named as [`super::Observed`] says.
pub(super) fn forget(world: &mut ObservedState, scope: &str) {
    match scope.split_once('/') {
        None if scope == "identities" => world.identities.values_mut().for_each(unread),
        None if scope == "role-assignments" => world.role_assignments.values_mut().for_each(unread),
        None if scope == "resource-groups" => world.resource_groups.values_mut().for_each(unread),
        None if scope == "custom-roles" => world.custom_roles.values_mut().for_each(unread),
        None => unread(world.clusters.get_mut(scope).unwrap().objects.as_mut().unwrap()),
        Some(("credentials", identity)) => {
            let all = world.credentials.iter_mut();
            let found = all.filter(|(key, _)| key.name() == identity);
            found.for_each(|(_, read)| unread(read));
        }
        Some((cluster, "managed")) => {
            unread(world.clusters.get_mut(cluster).unwrap().managed.as_mut().unwrap());
        }
        Some((cluster, "discovery")) => {
            let cluster = world.clusters.get_mut(cluster).unwrap();
            unread(cluster.discovered_issuer.as_mut().unwrap());
        }
        Some((cluster, "identity-bindings")) => {
            let read = world.identity_bindings.entry(cluster.into());
            unread(read.or_insert(Read::Facts(Vec::new())));
        }
        Some((cluster, kind)) => {
            let objects = world.clusters.get_mut(cluster).unwrap().objects.as_mut().unwrap();
            match (kind, facts(objects)) {
                ("namespaces", objects) => unlook(&mut objects.namespaces),
                ("service-accounts", objects) => unlook(&mut objects.service_accounts),
                ("roles", objects) => unlook(&mut objects.roles),
                ("webhook", objects) => unread(&mut objects.webhook),
                (other, _) => panic!("no scope {other}"),
            }
        }
    }
}

/// Says where what is left over was looked for.
pub(super) fn seek(world: &mut ObservedState, facts: &Observed) {
    for (id, how) in &facts.subscription {
        if how == "beyond" {
            world.beyond.insert(*id);
        } else {
            world.subscriptions.insert(*id, Sought { needed: false, read: sought(how) });
        }
    }
    for (name, how) in &facts.tried {
        world.clusters.get_mut(name.as_str()).unwrap().objects = None;
        world.tried.insert(name.as_str().into(), sought(how));
    }
    world.unlisted = facts.unlisted.then(|| because(true));
}

fn because(refused: bool) -> Unread {
    Unread { refused, why: "could not read it: so it was answered".into() }
}

fn sought(how: &str) -> Read<()> {
    match how {
        "read" => Read::Facts(()),
        "refused" => Read::Unread(because(true)),
        "failed" => Read::Unread(because(false)),
        _ => panic!("nothing is sought like `{how}`"),
    }
}
