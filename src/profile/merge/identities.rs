//! Identities: where each one lives.

use std::collections::BTreeMap;

use super::IdentityIndex;
use crate::model::kinds::identity::Tags;
use crate::model::location::Location;
use crate::model::rule::rules;
use crate::model::text::{Audience, token_exchange_audience};
use crate::profile::findings::{Finding, Findings};
use crate::profile::read::At;
use crate::profile::read::collections::Items;
use crate::profile::read::federations;
use crate::profile::resolved::{Federation, Identity, RoleGrant};
use crate::profile::schema::{IdentityTable, RootFile, TeamTable};
use crate::profile::source::{Span, quoted};

rules! {
    NO_PLACE = "WID-NO-PLACE", Check;
        "every identity has a subscription, a resource group and a location",
        "An identity lives in a resource group of a subscription, and one that widctl creates needs a region. `[azure]` has the defaults; an identity may override each.",
        "Add the key to `[azure]`, or to the identity.";
}

/// A complete identity.
#[derive(Debug)]
pub(crate) struct MergedIdentity<'a> {
    /// The table.
    pub(crate) table: &'a At<IdentityTable>,
    /// Where its name stands.
    pub(crate) name_at: Span,
    /// The identity.
    pub(crate) resolved: Identity,
}

/// An identity that a workload can name.
#[derive(Debug)]
pub(crate) struct NamedIdentity<'a> {
    /// Its name as its own table has it.
    pub(crate) name: &'a str,
    /// Its team.
    pub(crate) team: &'a TeamTable,
    /// Where it is; `None` for one that could not be completed.
    pub(crate) index: Option<IdentityIndex>,
}

/// Identities by their name in lower case, since Azure's names are caseless. The first of two with one
/// name counts.
pub(crate) type IdentityNames<'a> = BTreeMap<String, NamedIdentity<'a>>;

/// Each team's complete identities, and all names.
pub(crate) fn merge<'a>(
    root: &'a RootFile,
    teams: &[&'a At<TeamTable>],
    findings: &mut Findings,
) -> (Vec<Vec<MergedIdentity<'a>>>, IdentityNames<'a>) {
    let mut names = IdentityNames::new();
    let mut places = Places { root, missing: BTreeMap::new() };
    let mut merged = Vec::with_capacity(teams.len());
    for (team, of_team) in teams.iter().enumerate() {
        let mut complete = Vec::new();
        for table in of_team.identity.items() {
            let Some(name) = table.name.get() else {
                continue;
            };
            let resolved = places.resolve(table, &name.value.0, name.at);
            let index =
                resolved.is_some().then_some(IdentityIndex { team, identity: complete.len() });
            let found = NamedIdentity { name: &name.value.0, team: of_team, index };
            names.entry(name.folded()).or_insert(found);
            complete.extend(resolved.map(|resolved| MergedIdentity {
                table,
                name_at: name.at,
                resolved,
            }));
        }
        merged.push(complete);
    }
    places.report(findings);
    (merged, names)
}

/// Where identities live, and which of them do not know.
struct Places<'a> {
    root: &'a RootFile,
    /// By the missing key: the first identity without it and how many there are.
    missing: BTreeMap<&'static str, (Span, String, usize)>,
}

impl Places<'_> {
    fn resolve(&mut self, table: &IdentityTable, name: &str, at: Span) -> Option<Identity> {
        let azure = self.root.azure.as_ref().map(|azure| &azure.value);
        let cloud = azure.and_then(|azure| azure.cloud.as_ref()).map_or("", |cloud| &cloud.0);
        let subscription = table.subscription.as_ref();
        let subscription = subscription.or(azure.and_then(|azure| azure.subscription.as_ref()));
        let group = table.resource_group.as_ref();
        let group = group.or(azure.and_then(|azure| azure.resource_group.as_ref()));
        let location = table.location.as_ref();
        let location = location.or(azure.and_then(|azure| azure.location.as_ref()));
        let create = table.create.as_ref().is_none_or(|create| create.value);
        let readable = table.intact && self.root.intact && azure.is_none_or(|azure| azure.intact);
        let absent = [
            ("subscription", subscription.is_none()),
            ("resource_group", group.is_none()),
            ("location", location.is_none() && create),
        ];
        for (key, absent) in absent {
            if absent && readable {
                let (_, _, count) = self.missing.entry(key).or_insert((at, name.to_owned(), 0));
                *count += 1;
            }
        }
        Some(Identity {
            name: name.to_owned(),
            subscription: subscription?.value,
            resource_group: group?.value.0.to_string(),
            location: match location {
                Some(location) => location.value.clone(),
                None if create => return None,
                None => Location::new(""),
            },
            tags: tags(table),
            create,
            per_cluster: table.per_cluster.as_ref().is_some_and(|each| each.value),
            roles: roles(table),
            federations: table
                .federation
                .items()
                .iter()
                .filter_map(|each| federation(each, cloud))
                .collect(),
        })
    }

    fn report(self, findings: &mut Findings) {
        for (key, (at, name, count)) in self.missing {
            let others = match count - 1 {
                0 => String::new(),
                1 => " and another one".into(),
                others => format!(" and {others} others"),
            };
            let verb = if count == 1 { "has" } else { "have" };
            let message = format!("identity {}{others} {verb} no `{key}`", quoted(&name));
            findings
                .add(Finding::new(&NO_PLACE, at, message).hint(format!(
                    "add `{key}` to `[azure]` in the root file, or to the identity"
                )));
        }
    }
}

fn tags(table: &IdentityTable) -> Tags {
    let tags = table.tags.iter().flat_map(|tags| &tags.value.0);
    tags.map(|(name, value)| (name.value.0.clone(), value.value.0.clone())).collect()
}

fn roles(table: &IdentityTable) -> Vec<RoleGrant> {
    let complete = table.roles.items().iter().filter(|grant| grant.intact).filter_map(|grant| {
        let (role, scope) = (grant.role.get()?, grant.scope.get()?);
        let condition = grant.condition.as_ref().map(|condition| condition.value.0.trim().into());
        Some(RoleGrant { role: role.value.clone(), scope: scope.value.clone(), condition })
    });
    complete.collect()
}

fn federation(table: &federations::Federation, cloud: &str) -> Option<Federation> {
    if !table.intact {
        return None;
    }
    let audience = table.audience.as_ref().map(|audience| audience.value.clone());
    Some(Federation {
        name: table.name.get()?.value.0.to_string(),
        issuer: table.issuer.get()?.value.clone(),
        subject: table.subject.get()?.value.clone(),
        audience: audience.unwrap_or_else(|| Audience::from(token_exchange_audience(cloud))),
    })
}
