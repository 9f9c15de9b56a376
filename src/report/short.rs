//! Names that people read in place of ids. Where two ids of a plan would be called alike, both stay whole.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::row::ChangeRow;
use crate::report::rows::PlanRows;

/// What the addresses and ids of one plan are called.
#[derive(Clone, Debug)]
pub(super) struct ShortNames(BTreeMap<String, String>);

impl ShortNames {
    /// No names: ids stay whole.
    pub(super) const fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// The names for what a plan shows.
    pub(super) fn of(plan: &PlanRows<'_>) -> Self {
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        for row in plan.changes {
            let name = credential(row).or_else(|| address(&row.address));
            names.extend(name.map(|name| (row.address.clone(), name)));
            let ids = [Some(&row.place), row.identity.as_ref()].into_iter().flatten();
            names.extend(ids.filter_map(|id| Some((id.clone(), place(id)?))));
        }
        let rest = plan.kept.iter().map(|row| &row.address);
        let rest = rest.chain(plan.unknown.iter().map(|row| &row.address));
        let rest = rest.chain(plan.refused.iter().map(|row| &row.address));
        let rest = rest.chain(plan.waiting.iter().flat_map(|row| [&row.address, &row.waits_for]));
        for whole in rest {
            let name = address(whole);
            names.extend(
                name.map(|name| (whole.clone(), name))
                    .filter(|(whole, _)| !names.contains_key(whole)),
            );
        }
        Self(unambiguous(names))
    }

    /// What something is called; its whole id where it has no other name.
    pub(super) fn get<'a>(&'a self, whole: &'a str) -> &'a str {
        self.0.get(whole).map_or(whole, String::as_str)
    }
}

/// Drops the names that several ids would have.
fn unambiguous(mut names: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut ids: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (whole, name) in &names {
        // Azure compares ids without regard to case.
        ids.entry(name).or_default().insert(whole.to_lowercase());
    }
    let shared = ids.into_iter().filter(|(_, ids)| ids.len() > 1);
    let shared: BTreeSet<String> = shared.map(|(name, _)| name.to_owned()).collect();
    names.retain(|_, name| !shared.contains(name));
    names
}

/// `credential weu/data-eng/etl -> id-data-eng`: whom a federated credential lets in, and to what. Where no row says
/// on which cluster, the tail of its name does.
fn credential(row: &ChangeRow) -> Option<String> {
    let rest = row.address.strip_prefix("azure/federated-credential/")?;
    let (identity, name) = rest.split_once('/')?;
    let side = row.after.as_ref().filter(|after| !after.is_empty()).or(row.before.as_ref())?;
    let subject = side.get("subject")?.as_str()?;
    let account = subject.strip_prefix("system:serviceaccount:");
    let who = match (account, row.cluster.as_deref()) {
        (Some(account), Some(cluster)) => format!("{cluster}/{}", account.replacen(':', "/", 1)),
        (Some(_), None) => name.strip_prefix("widctl-")?.splitn(3, '-').nth(2)?.to_owned(),
        (None, _) => subject.to_owned(),
    };
    Some(format!("credential {who} -> {identity}"))
}

/// `role Reader on kv-data-eng (rg-data-eng) -> id-data-eng`; nothing for an address that is short as it is.
fn address(address: &str) -> Option<String> {
    let (identity, role) = address.strip_prefix("azure/role-assignment/")?.split_once('/')?;
    let (role, scope) = role.split_once('@')?;
    Some(format!("role {role} on {} -> {identity}", resource(scope)?))
}

/// `kv-data-eng (rg-data-eng)`, or `rg-data-eng`, of an ARM id; nothing for what is none.
fn resource(id: &str) -> Option<String> {
    let segments: Vec<&str> = id.strip_prefix('/')?.split('/').collect();
    let [subscriptions, _, groups, group, rest @ ..] = segments.as_slice() else { return None };
    let is = |segment: &str, expected: &str| segment.eq_ignore_ascii_case(expected);
    if !is(subscriptions, "subscriptions") || !is(groups, "resourceGroups") {
        return None;
    }
    match rest {
        [] => Some(format!("resource group {group}")),
        [providers, _, pairs @ ..] if is(providers, "providers") && pairs.len() >= 2 => {
            let names: Vec<&str> = pairs.iter().skip(1).step_by(2).copied().collect();
            Some(format!("{} ({group})", names.join("/")))
        }
        _ => None,
    }
}

/// The same with the subscription, which says where something is written.
fn place(id: &str) -> Option<String> {
    let subscription = id.strip_prefix("/subscriptions/")?.split('/').next()?;
    Some(format!("{}, subscription {subscription}", resource(id)?))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{address, place, resource, unambiguous};

    const GROUP: &str =
        "/subscriptions/11111111-0000-4000-8000-000000000001/resourceGroups/rg-data";

    #[test]
    fn an_id_is_called_by_its_name_and_its_group() {
        for (rest, expected) in [
            ("", Some("resource group rg-data")),
            ("/providers/Microsoft.KeyVault/vaults/kv", Some("kv (rg-data)")),
            (
                "/providers/Microsoft.Storage/storageAccounts/st/blobServices/default/containers/c",
                Some("st/default/c (rg-data)"),
            ),
            ("/providers/Microsoft.KeyVault", None),
            ("/other", None),
        ] {
            assert_eq!(resource(&format!("{GROUP}{rest}")).as_deref(), expected, "{rest}");
        }
        assert_eq!(resource("/subscriptions/11111111-0000-4000-8000-000000000001"), None);
        assert_eq!(resource("/"), None);
    }

    #[test]
    fn a_place_keeps_its_subscription() {
        let expected = "resource group rg-data, subscription 11111111-0000-4000-8000-000000000001";
        assert_eq!(place(GROUP).as_deref(), Some(expected));
        assert_eq!(place("onprem (https://issuer.example/)"), None);
    }

    #[test]
    fn a_role_says_on_what_it_is_and_who_gets_it() {
        let whole = format!("azure/role-assignment/id-a/Reader@{GROUP}");
        let expected = "role Reader on resource group rg-data -> id-a";
        assert_eq!(address(&whole).as_deref(), Some(expected));
        assert_eq!(address("azure/identity/id-a"), None);
    }

    #[test]
    fn two_ids_that_would_be_called_alike_stay_whole() {
        let names = [
            ("/a/KV", "kv (rg)"),
            ("/b/kv", "kv (rg)"),
            ("/c/st", "st (rg)"),
            ("/C/ST", "st (rg)"),
        ];
        let names: BTreeMap<String, String> =
            names.iter().map(|(whole, name)| ((*whole).into(), (*name).into())).collect();
        let kept: Vec<String> = unambiguous(names).into_keys().collect();
        assert_eq!(kept, ["/C/ST", "/c/st"]);
    }
}
