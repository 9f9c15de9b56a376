//! Reads the objects of one cluster: by label what is the estate's, by name or in its namespace what the profile wants
//! besides. Of what others have there it reads no more than stands in the way.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;
use futures::future::join_all;

use super::facts::{facts, unread};
use super::side_by_side;
use crate::desired::state::DesiredState;
use crate::model::kinds::marks::{LABEL_ANNOTATES, LABEL_ESTATE, Marked};
use crate::model::kinds::namespace::{NamespaceKey, Namespaces};
use crate::model::kinds::namespaced::OnCluster;
use crate::model::kinds::{Kind, each_kind};
use crate::model::text::{ClusterName, Namespace};
use crate::observed::read::{Read, Unread};
use crate::observed::state::{ClusterObjects, Looked, Objects};
use crate::ports::error::PortError;
use crate::ports::read::{ClusterRead, KindRead, Listed, Look};

/// A kind that is looked for.
trait Sought: Kind<Key: OnCluster> {
    /// The labels whose value is the estate, one of which everything of the estate bears.
    const LABELS: &'static [&'static str];

    /// What the profile wants of it.
    fn wanted(desired: &DesiredState, cluster: &ClusterName) -> Vec<Self::Key>;
}

/// The keys of a cluster, in order.
fn of_cluster<K: OnCluster, V>(all: &BTreeMap<K, V>, cluster: &ClusterName) -> Vec<K> {
    let from_first = all.range(K::first(cluster)..).map(|(key, _)| key);
    from_first.take_while(|key| key.cluster() == cluster).cloned().collect()
}

/// The labels of what the estate owns of a kind, and of what it only annotates.
const fn labels<K: Kind<Live: Marked>>() -> &'static [&'static str] {
    if K::Live::CAN_BE_ANNOTATED { &[LABEL_ESTATE, LABEL_ANNOTATES] } else { &[LABEL_ESTATE] }
}

/// The objects of a kind by their key.
type Found<K> = BTreeMap<<K as Kind>::Key, Arc<<K as Kind>::Live>>;

/// What bears the estate's labels.
struct Labelled<K: Kind> {
    found: Found<K>,
    /// Whether all namespaces were looked through; absent where nobody asked for that.
    everywhere: Option<Result<(), PortError>>,
}

/// What is known of a key that was asked for.
type Answers<K> = Vec<(<K as Kind>::Key, Read<Option<Arc<<K as Kind>::Live>>>)>;

struct Reader<'a, C> {
    read: &'a C,
    desired: &'a DesiredState,
    cluster: &'a ClusterName,
    leftovers: bool,
}

macro_rules! declare_objects {
    (
        ()
        azure $azure:tt
        cluster {
            namespaces: Namespace($namespaces:ty),
            $($field:ident: $variant:ident($kind:ty),)+
        }
    ) => {
        impl Sought for $namespaces {
            const LABELS: &'static [&'static str] = labels::<Self>();

            fn wanted(desired: &DesiredState, cluster: &ClusterName) -> Vec<Self::Key> {
                let mut wanted = of_cluster(&desired.namespaces, cluster);
                // People delete those of teams that leave, if they exist.
                wanted.extend(of_cluster(&desired.retired.namespaces, cluster));
                wanted.sort();
                wanted.dedup();
                wanted
            }
        }

        $(impl Sought for $kind {
            const LABELS: &'static [&'static str] = labels::<Self>();

            fn wanted(desired: &DesiredState, cluster: &ClusterName) -> Vec<Self::Key> {
                of_cluster(&desired.$field, cluster)
            }
        })+

        /// The objects of a cluster, and the first error that is no refusal. Three rounds at most, in each of them
        /// all kinds side by side: by label, then the other namespaces of the profile, then what is in those that
        /// exist.
        pub(super) async fn objects<C: ClusterRead>(
            read: &C,
            (desired, leftovers): (&DesiredState, bool),
            cluster: &ClusterName,
        ) -> (Read<ClusterObjects>, Option<Unread>) {
            let reader = Reader { read, desired, cluster, leftovers };
            let (namespaces, $($field,)+ webhook) = futures::join!(
                reader.labelled::<$namespaces>(),
                $(reader.labelled::<$kind>(),)+
                read.webhook(),
            );
            let listed = [namespaces.everywhere.as_ref(), $($field.everywhere.as_ref(),)+];
            let listed = listed.into_iter().flatten().map(|listed| listed.as_ref().err());
            let failed: Vec<_> = listed.chain([webhook.as_ref().err()]).collect();
            // A cluster that is unreachable or unhealthy is said once, not once for every kind.
            let is_fault = |error: &&PortError| !error.is_refusal();
            if let [Some(fault), ..] = failed[..]
                && failed.iter().all(|failed| failed.as_ref().is_some_and(is_fault))
            {
                let fault = unread(fault);
                return (Read::Unread(fault.clone()), Some(fault));
            }
            let namespaces = reader.complete(namespaces, |_| None).await;
            let within = |namespace: &NamespaceKey| match namespaces.found.get(namespace) {
                Some(_) => None,
                None => namespaces.missing.get(namespace).cloned(),
            };
            let ($($field,)+) = futures::join!($(reader.complete($field, within),)+);
            let objects = ClusterObjects { namespaces, $($field,)+ webhook: facts(webhook) };
            let mut unread = objects.needs().into_iter().chain(objects.leftovers()).filter_map(Result::err);
            let fault = unread.find(|unread| !unread.refused).cloned();
            (Read::Facts(objects), fault)
        }
    };
}
each_kind!(declare_objects);

impl<C: Sync> Reader<'_, C> {
    /// What bears one of the estate's labels: in one list of the whole cluster, or where that is refused in a list of
    /// each namespace of the profile.
    async fn labelled<K: Sought>(&self) -> Labelled<K>
    where
        C: KindRead<K>,
    {
        let labels = self.labels::<K>();
        let lists = join_all(labels.iter().map(|&label| self.list_label(None, label))).await;
        let mut labelled = Labelled { found: Found::<K>::new(), everywhere: None };
        let mut denied = Vec::new();
        for (list, label) in lists.into_iter().zip(labels) {
            match list {
                Ok(list) => {
                    labelled.everywhere.get_or_insert(Ok(()));
                    labelled.found.extend(shared(list));
                }
                Err(error) => {
                    denied.extend(is_denied(&error).then_some(label));
                    // A fault says more than a refusal.
                    if !matches!(labelled.everywhere, Some(Err(_))) || !error.is_refusal() {
                        labelled.everywhere = Some(Err(error));
                    }
                }
            }
        }
        let inside = self.namespaces::<K>();
        let lists =
            denied.iter().flat_map(|&label| inside.iter().map(move |inside| (inside, label)));
        let mut answers = side_by_side::run(lists, side_by_side::OBJECTS, |(inside, label)| {
            self.list_label(Some(inside), label)
        });
        while let Some(list) = answers.next().await {
            // What this leaves out was not looked for, which is known since the whole cluster refused.
            labelled.found.extend(list.into_iter().flat_map(shared));
        }
        drop(answers);
        labelled
    }

    /// The labels that are listed: without leftovers those alone that something wanted may bear. What is in no namespace
    /// is not looked at then.
    fn labels<K: Sought>(&self) -> Vec<&'static str> {
        let wanted = K::wanted(self.desired, self.cluster);
        if !self.leftovers && wanted.iter().all(|key| key.inside().is_none()) {
            return Vec::new();
        }
        let annotates = self.leftovers || self.desired.annotates(self.cluster);
        let labels = K::LABELS.iter().copied();
        labels.filter(|label| annotates || *label != LABEL_ANNOTATES).collect()
    }

    async fn list_label<K: Sought>(
        &self,
        namespace: Option<&Namespace>,
        label: &'static str,
    ) -> Result<Listed<K>, PortError>
    where
        C: KindRead<K>,
    {
        let label = Some((label, self.desired.estate.as_str()));
        self.read.list(Look { namespace, label, most_pages: None }).await
    }

    /// The profile's namespaces of the cluster; none for a kind that is in none.
    fn namespaces<K: Sought>(&self) -> Vec<Namespace> {
        if K::Key::first(self.cluster).inside().is_none() {
            return Vec::new();
        }
        let keys = Namespaces::wanted(self.desired, self.cluster).into_iter();
        keys.map(|key| key.namespace).collect()
    }

    /// Adds what the profile wants and no label has shown. `within` says what is known of a namespace that does not
    /// exist, or that nobody could look for: nothing in it is asked for.
    async fn complete<K: Sought>(
        &self,
        labelled: Labelled<K>,
        within: impl Fn(&NamespaceKey) -> Option<Read<()>>,
    ) -> Objects<K>
    where
        C: KindRead<K>,
    {
        let Labelled { mut found, everywhere } = labelled;
        let mut missing = BTreeMap::new();
        let mut asked: BTreeMap<Option<NamespaceKey>, Vec<K::Key>> = BTreeMap::new();
        // An unhealthy cluster is asked for no more.
        let refused = everywhere.as_ref().and_then(|everywhere| everywhere.as_ref().err());
        let fault = refused.filter(|error| !is_denied(error)).map(unread);
        for key in K::wanted(self.desired, self.cluster) {
            let inside = key.inside();
            let known = fault.clone().map(Read::Unread).or_else(|| within(inside.as_ref()?));
            if found.contains_key(&key) || (!self.leftovers && inside.is_none()) {
                continue;
            }
            match known {
                Some(known) => drop(missing.insert(key, known)),
                None => asked.entry(inside).or_default().push(key),
            }
        }
        let may_list = |inside: &Option<NamespaceKey>| inside.is_some() || refused.is_none();
        let mut answers = side_by_side::run(asked, side_by_side::OBJECTS, |(inside, keys)| {
            let may_list = may_list(&inside);
            self.ask::<K>(inside.map(|key| key.namespace), keys, may_list)
        });
        while let Some(answers) = answers.next().await {
            for (key, read) in answers {
                match read {
                    Read::Facts(Some(live)) => drop(found.insert(key, live)),
                    Read::Facts(None) => drop(missing.insert(key, Read::Facts(()))),
                    Read::Unread(unread) => drop(missing.insert(key, Read::Unread(unread))),
                }
            }
        }
        drop(answers);
        Looked { found, missing, everywhere: everywhere.map(facts) }
    }

    /// Asks for objects of one namespace by whichever takes fewer requests: a list of it, which is broken off once it
    /// has taken as many pages as there are names, or each by its name.
    async fn ask<K: Sought>(
        &self,
        namespace: Option<Namespace>,
        keys: Vec<K::Key>,
        may_list: bool,
    ) -> Answers<K>
    where
        C: KindRead<K>,
    {
        let mut listed = Listed { objects: Vec::new(), whole: false };
        if may_list && keys.len() > 1 {
            let most_pages = Some(keys.len());
            let look = Look { namespace: namespace.as_ref(), label: None, most_pages };
            match self.read.list(look).await {
                Ok(list) => listed = list,
                // Whoever may not list may still ask by name.
                Err(error) if is_denied(&error) => {}
                Err(error) => {
                    let unread = unread(&error);
                    return keys
                        .into_iter()
                        .map(|key| (key, Read::Unread(unread.clone())))
                        .collect();
                }
            }
        }
        let whole = listed.whole;
        let mut found: Found<K> = shared(listed).collect();
        let answers = keys.into_iter().map(|key| (found.remove(&key), key));
        let find = |(live, key): (Option<Arc<K::Live>>, K::Key)| async move {
            let read = if live.is_some() || whole {
                Read::Facts(live)
            } else {
                facts(self.read.find(&key).await.map(|live| live.map(Arc::new)))
            };
            (key, read)
        };
        side_by_side::run(answers, side_by_side::OBJECTS, find).collect().await
    }
}

/// Whether the caller lacks a right that others may have.
fn is_denied(error: &PortError) -> bool {
    error.status == Some(403)
}

fn shared<K: Kind>(listed: Listed<K>) -> impl Iterator<Item = (K::Key, Arc<K::Live>)> {
    listed.objects.into_iter().map(|(key, live)| (key, Arc::new(live)))
}
