//! One change, and the closed enum over all kinds.

use std::fmt;

use crate::model::awaited::IdentityOutputs;
use crate::model::kinds::identity::IdentityKey;
use crate::model::kinds::{Kind, each_kind};
use crate::model::right::Right;
use crate::model::text::{ClusterName, Namespace, TeamName};
use crate::plan::action::{Action, ActionName};
use crate::plan::kinds::PlannedKind;
use crate::plan::relation::{Limit, Relations, Removal};

/// One change of one resource.
#[derive(Debug)]
pub struct Change<K: Kind> {
    /// The resource.
    pub key: K::Key,
    /// The team it belongs to, where that is known.
    pub team: Option<TeamName>,
    /// Its cluster; for a federated credential the cluster that it trusts.
    pub cluster: Option<ClusterName>,
    /// What is done.
    pub action: Action<K>,
    /// Why, for people; nothing is decided by it.
    pub reason: String,
    /// What follows for people: "pods started before this keep the old client id".
    pub effects: Vec<String>,
}

impl<K: Kind> Clone for Change<K> {
    fn clone(&self) -> Self {
        Self {
            key: self.key.clone(),
            team: self.team.clone(),
            cluster: self.cluster.clone(),
            action: self.action.clone(),
            reason: self.reason.clone(),
            effects: self.effects.clone(),
        }
    }
}

/// A kind as the closed enum over all kinds knows it.
pub trait Listed: Kind + Sized {
    /// The changes of the kind.
    fn of(changes: &mut Changes) -> &mut Vec<Change<Self>>;
}

/// Makes from the list of kinds what has one part for each of them. `$d` is a dollar sign.
macro_rules! declare_changes {
    (
        ($d:tt)
        azure { $($azure:ident: $azure_variant:ident($azure_kind:ty),)+ }
        cluster { $($object:ident: $object_variant:ident($object_kind:ty),)+ }
    ) => {
        declare_changes! { ($d)
            $($azure: $azure_variant($azure_kind),)+ $($object: $object_variant($object_kind),)+
        }
    };
    (($d:tt) $($field:ident: $variant:ident($kind:ty),)+) => {
        /// A change of any kind.
        #[derive(Clone, Debug)]
        pub enum AnyChange {
            $(#[doc = concat!("Of [`", stringify!($kind), "`].")] $variant(Change<$kind>),)+
        }

        /// Changes by kind, while a plan is made.
        #[derive(Default)]
        pub struct Changes {
            $($field: Vec<Change<$kind>>,)+
        }

        impl Changes {
            /// Whether a change is of this team.
            pub(crate) fn has_team(&self, team: &TeamName) -> bool {
                let mut teams = std::iter::empty()$(.chain(self.$field.iter().map(|change| &change.team)))+;
                teams.any(|of| of.as_ref() == Some(team))
            }

            /// How many changes have one of these actions.
            pub(crate) fn count(&self, names: &[ActionName]) -> usize {
                fn of<K: Kind>(changes: &[Change<K>], names: &[ActionName]) -> usize {
                    let is_one = |change: &&Change<K>| names.contains(&change.action.name());
                    changes.iter().filter(is_one).count()
                }
                0 $(+ of(&self.$field, names))+
            }

            /// The addresses of the changes that have one of these actions, kind by kind, each sorted.
            pub(crate) fn addresses(&self, names: &[ActionName]) -> Vec<String> {
                fn of<K: Kind>(changes: &[Change<K>], names: &[ActionName]) -> Vec<String> {
                    let is_one = |change: &&Change<K>| names.contains(&change.action.name());
                    let chosen = changes.iter().filter(is_one);
                    let mut chosen: Vec<String> = chosen.map(|change| change.key.to_string()).collect();
                    chosen.sort();
                    chosen
                }
                let mut addresses = Vec::new();
                $(addresses.extend(of(&self.$field, names));)+
                addresses
            }

            /// All changes, what others depend on first: kind by kind, each by team, cluster and key. The same
            /// changes have always the same order.
            pub(crate) fn in_order(mut self) -> Vec<AnyChange> {
                let mut ordered = Vec::new();
                $(
                    sort(&mut self.$field);
                    <$kind>::arrange(&mut self.$field);
                    ordered.extend(self.$field.into_iter().map(AnyChange::$variant));
                )+
                removals_in_order(&mut ordered);
                ordered
            }
        }

        $(impl Listed for $kind {
            fn of(changes: &mut Changes) -> &mut Vec<Change<Self>> {
                &mut changes.$field
            }
        })+

        /// Runs one expression on the change inside an [`AnyChange`], whatever its kind.
        macro_rules! with_change {
            ($d any:expr, $d change:ident => $d body:expr) => {
                match $d any {
                    $($crate::plan::change::AnyChange::$variant($d change) => $d body,)+
                }
            };
        }
        pub(crate) use with_change;
    };
}
each_kind!(declare_changes $);

fn limit<K: PlannedKind>(change: &Change<K>) -> Limit {
    K::limit(&change.key)
}

fn sort<K: Kind>(changes: &mut [Change<K>]) {
    changes.sort_by(|one, other| {
        (&one.team, &one.cluster, &one.key).cmp(&(&other.team, &other.cluster, &other.key))
    });
}

/// Of what is deleted or released, what lets in comes first. Everything else stays where it is.
fn removals_in_order(ordered: &mut [AnyChange]) {
    let places: Vec<usize> =
        (0..ordered.len()).filter(|at| ordered[*at].removal().is_some()).collect();
    let mut removals: Vec<AnyChange> = places.iter().map(|at| ordered[*at].clone()).collect();
    removals.sort_by_key(AnyChange::removal);
    for (at, removal) in places.into_iter().zip(removals) {
        ordered[at] = removal;
    }
}

impl AnyChange {
    /// What it takes away, where it deletes or releases something.
    pub fn removal(&self) -> Option<Removal> {
        fn of<K: PlannedKind>(_: &Change<K>) -> Removal {
            K::REMOVAL
        }
        matches!(self.action(), ActionName::Delete | ActionName::Release)
            .then(|| with_change!(self, change => of(change)))
    }

    /// The resource's address.
    pub fn address(&self) -> String {
        with_change!(self, change => change.key.to_string())
    }

    /// What is done.
    pub fn action(&self) -> ActionName {
        with_change!(self, change => change.action.name())
    }

    /// The team, where that is known.
    pub fn team(&self) -> Option<&TeamName> {
        with_change!(self, change => change.team.as_ref())
    }

    /// The cluster.
    pub fn cluster(&self) -> Option<&ClusterName> {
        with_change!(self, change => change.cluster.as_ref())
    }

    /// The limit that its writes share with others of its subscription or cluster.
    pub fn limit(&self) -> Limit {
        with_change!(self, change => limit(change))
    }

    /// The identity that the resource is, belongs to, or names after the change.
    pub fn identity(&self) -> Option<&IdentityKey> {
        with_change!(self, change => PlannedKind::identity(change))
    }

    /// The identity to which it gives more than it had.
    pub(crate) fn widens(&self) -> Option<&IdentityKey> {
        with_change!(self, change => PlannedKind::widens(change))
    }

    /// The namespace whose pods keep what they started with until they are restarted.
    pub(crate) fn outlived_by_pods(&self) -> Option<&Namespace> {
        with_change!(self, change => PlannedKind::outlived_by_pods(change))
    }

    /// The identity whose credentials it writes.
    pub fn queue(&self) -> Option<&IdentityKey> {
        self.relations().queues.into_iter().next()
    }

    /// What it has to do with other changes.
    pub fn relations(&self) -> Relations<'_> {
        with_change!(self, change => PlannedKind::relations(change))
    }

    /// The rights that it needs; `existing` are the identities that exist.
    pub(crate) fn rights(&self, existing: &IdentityOutputs) -> Vec<Right> {
        with_change!(self, change => PlannedKind::rights(change, existing))
    }
}

impl fmt::Display for AnyChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.action(), self.address())
    }
}
