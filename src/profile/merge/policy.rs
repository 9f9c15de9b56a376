//! The guardrails with their defaults.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::claims::Claim;
use crate::model::guid::SubscriptionId;
use crate::model::text::Issuer;
use crate::presets::Preset;
use crate::profile::read::collections::{Items, List};
use crate::profile::read::globs::{FederationGrant, Glob, SubjectGlob};
use crate::profile::read::texts::DeniedScope;
use crate::profile::read::{At, Parse};
use crate::profile::resolved::{ForeignVerdict, MassDelete, RoleChoice, TrustedForeigner};
use crate::profile::schema::{
    FederationGrantTable, GrantsTable, PolicyTable, RootFile, TeamGrantsTable, TrustedTable,
};

/// The guardrails, defaults filled.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a key of the policy, or whether it was read"
)]
pub(crate) struct Policy<'a> {
    /// Whether all of it could be read; its refusals mean nothing otherwise.
    pub(crate) intact: bool,
    /// Roles that no identity gets.
    pub(crate) denied_roles: Vec<RoleChoice>,
    /// Levels of scopes that no role gets.
    pub(crate) denied_scopes: Vec<DeniedScope>,
    /// Namespaces that no workload uses.
    pub(crate) denied_namespaces: Vec<Glob>,
    /// Whether two teams may use one identity.
    pub(crate) shared_identities: bool,
    /// Whether subjects of GitHub and GitLab must have ids.
    pub(crate) require_immutable_subjects: bool,
    /// Whether two teams may use one namespace of a cluster.
    pub(crate) shared_namespaces: bool,
    /// What is done about trust in whom the profile does not name.
    pub(crate) foreign_trust: ForeignVerdict,
    /// Whom identities may let in besides.
    pub(crate) trusted: Vec<TrustedForeigner>,
    /// How much may be deleted without a flag of its own.
    pub(crate) mass_delete: MassDelete,
    namespaces: Vec<Glob>,
    identities: Vec<Glob>,
    scopes: Vec<Glob>,
    callers: Vec<Glob>,
    federations: &'a [At<FederationGrant>],
    presets: &'a [At<&'static Preset>],
    teams: BTreeMap<&'a str, &'a TeamGrantsTable>,
}

fn values<T: Clone>(list: Option<&List<T>>, default: impl FnOnce() -> Vec<T>) -> Vec<T> {
    match list {
        Some(Some(list)) => list.value.iter().map(|item| item.value.clone()).collect(),
        Some(None) | None => default(),
    }
}

fn globs(texts: &[&str]) -> Vec<Glob> {
    texts.iter().map(|text| Glob(Arc::from(*text))).collect()
}

/// `None` where a key is missing or wrong, which was reported.
fn trusted_foreigner(table: &TrustedTable) -> Option<TrustedForeigner> {
    let identities = table.identities.get()?.value.iter();
    Some(TrustedForeigner {
        issuer: table.issuer.get()?.value.clone(),
        subject: Arc::clone(&table.subject.get()?.0),
        identities: identities.map(|glob| Arc::clone(&glob.0)).collect(),
    })
}

fn mass_delete(table: &PolicyTable) -> MassDelete {
    let table = table.mass_delete.as_ref();
    let default = MassDelete::default();
    let objects = table.and_then(|table| table.objects.as_ref());
    let percent = table.and_then(|table| table.percent.as_ref());
    MassDelete {
        objects: objects.map_or(default.objects, |objects| objects.0),
        percent: percent.map_or(default.percent, |percent| percent.0),
    }
}

fn privileged_by_default() -> Vec<RoleChoice> {
    ["Owner", "User Access Administrator", "Role Based Access Control Administrator"]
        .iter()
        .filter_map(|name| RoleChoice::parse(name).ok())
        .collect()
}

/// Whether each grant of subjects could be read.
fn intact(grants: &[At<FederationGrant>]) -> bool {
    grants.iter().all(|grant| grant.0.intact)
}

/// The granted subjects of an issuer.
fn subjects<'g>(grants: &'g [At<FederationGrant>], issuer: &Issuer) -> Vec<&'g Glob> {
    let of_issuer = grants
        .iter()
        .filter(|grant| grant.0.issuer.get().is_some_and(|granted| granted.value == *issuer));
    let subjects = of_issuer.filter_map(|grant| grant.0.subjects.get());
    subjects.flat_map(|subjects| &subjects.0).map(|subject| &subject.0).collect()
}

impl<'a> Policy<'a> {
    /// The guardrails of a root file.
    pub(crate) fn new(root: &'a RootFile) -> Self {
        let table: Option<&PolicyTable> = root.policy.as_ref().map(|policy| &policy.value.0);
        let grants: Option<&GrantsTable> =
            table.and_then(|table| table.grants.as_ref()).map(|grants| &grants.value);
        let teams = grants.and_then(|grants| grants.teams.as_ref());
        let teams: BTreeMap<_, _> = teams
            .iter()
            .flat_map(|teams| &teams.value.0)
            .map(|(team, granted)| (team.as_str(), &granted.value))
            .collect();
        Self {
            intact: root.intact
                && table.is_none_or(|table| table.intact)
                && table.is_none_or(|table| table.trusted.items().iter().all(|entry| entry.intact))
                && table
                    .is_none_or(|table| table.mass_delete.as_ref().is_none_or(|most| most.intact))
                && grants.is_none_or(|grants| grants.intact && intact(grants.federations.items()))
                && teams
                    .values()
                    .all(|granted| granted.intact && intact(granted.federations.items())),
            denied_roles: values(table.map(|table| &table.denied_roles), privileged_by_default),
            denied_scopes: values(table.map(|table| &table.denied_scopes), || {
                vec![
                    DeniedScope::ManagementGroup,
                    DeniedScope::Subscription,
                    DeniedScope::ResourceGroup,
                ]
            }),
            denied_namespaces: values(table.map(|table| &table.denied_namespaces), || {
                globs(&["default", "kube-system", "kube-public", "kube-node-lease"])
            }),
            shared_identities: table
                .and_then(|table| table.shared_identities.as_ref())
                .is_some_and(|shared| shared.value),
            require_immutable_subjects: table
                .and_then(|table| table.require_immutable_subjects.as_ref())
                .is_some_and(|required| required.value),
            shared_namespaces: table
                .and_then(|table| table.shared_namespaces.as_ref())
                .is_some_and(|shared| shared.value),
            foreign_trust: table
                .and_then(|table| table.foreign_trust.as_ref())
                .map_or_else(ForeignVerdict::default, |verdict| verdict.value),
            trusted: table
                .into_iter()
                .flat_map(|table| table.trusted.items())
                .filter_map(|trusted| trusted_foreigner(trusted))
                .collect(),
            mass_delete: table.map_or_else(MassDelete::default, mass_delete),
            namespaces: values(grants.map(|grants| &grants.namespaces), || {
                globs(&["{team}", "{team}-*"])
            }),
            identities: values(grants.map(|grants| &grants.identities), || {
                globs(&["id-{team}", "id-{team}-*"])
            }),
            scopes: values(grants.map(|grants| &grants.scopes), Vec::new),
            callers: values(grants.map(|grants| &grants.callers), Vec::new),
            federations: grants.map_or(&[][..], |grants| grants.federations.items()),
            presets: grants.map_or(&[][..], |grants| grants.presets.items()),
            teams,
        }
    }

    /// What the root file grants of one kind: to every team, and to this one besides.
    pub(crate) fn grants(&self, team: &str, claim: Claim<'_>) -> (Vec<&Glob>, Vec<&Glob>) {
        let own = self.teams.get(team);
        let (all, own) = match claim {
            Claim::Namespace => (&self.namespaces, own.map(|own| &own.namespaces)),
            Claim::Identity => (&self.identities, own.map(|own| &own.identities)),
            Claim::Scope => (&self.scopes, own.map(|own| &own.scopes)),
            Claim::Caller => (&self.callers, own.map(|own| &own.callers)),
            Claim::Subject(issuer) => {
                let own = own.map_or(&[][..], |own| own.federations.items());
                return (subjects(self.federations, issuer), subjects(own, issuer));
            }
        };
        let own = own.into_iter().flat_map(Items::items);
        (all.iter().collect(), own.map(|glob| &glob.value).collect())
    }

    /// Whether the root file grants a team a preset.
    pub(crate) fn grants_preset(&self, team: &str, preset: &Preset) -> bool {
        let own = self.teams.get(team).map_or(&[][..], |own| own.presets.items());
        self.presets.iter().chain(own).any(|granted| granted.value == preset)
    }

    /// Every grant of subjects, to all teams and to single ones.
    fn federations(&self) -> impl Iterator<Item = &'a FederationGrantTable> {
        let own = self.teams.values().flat_map(|own| own.federations.items());
        self.federations.iter().chain(own).map(|grant| &grant.0)
    }

    /// The issuers of all grants of subjects.
    pub(crate) fn granted_issuers(&self) -> impl Iterator<Item = &'a At<Issuer>> {
        self.federations().filter_map(|grant| grant.issuer.get())
    }

    /// The globs of all grants of subjects.
    pub(crate) fn granted_subjects(&self) -> impl Iterator<Item = &'a At<SubjectGlob>> {
        self.federations().filter_map(|grant| grant.subjects.get()).flat_map(|subjects| &subjects.0)
    }

    /// The subscriptions that granted scopes name whole, however the rest of the scope reads.
    pub(crate) fn granted_subscriptions(&self) -> impl Iterator<Item = SubscriptionId> {
        let own = self.teams.values().flat_map(|own| own.scopes.items());
        self.scopes.iter().chain(own.map(|scope| &scope.value)).filter_map(|scope| {
            let mut segments = scope.0.split('/').skip(1);
            let first = segments.next()?;
            let guid = segments.next().filter(|_| first.eq_ignore_ascii_case("subscriptions"))?;
            SubscriptionId::parse(guid).ok()
        })
    }

    /// The teams that have grants of their own.
    pub(crate) fn named_teams(&self) -> impl Iterator<Item = &'a str> {
        self.teams.keys().copied()
    }
}
