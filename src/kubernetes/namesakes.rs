//! Entries of one name in several files of a kubeconfig, of which the first counts.
//! <https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/#merging-kubeconfig-files>

use std::path::Path;

use kube::config::{Context, Kubeconfig};
use serde::Serialize;

use super::error::clean;

/// Finds an entry of a name.
type Find = fn(&Kubeconfig, &str) -> Option<String>;

/// What people are told of a context whose own name, cluster or user is in later files too, with other contents:
/// ` (its user `admin` is that of `a`, not that of `b`)`. Empty where there is none.
pub(super) fn of(files: &[(&Path, Kubeconfig)], merged: &Kubeconfig, context: &str) -> String {
    let named = merged.contexts.iter().find(|named| named.name == context);
    let Some(Context { cluster, user, .. }) = named.and_then(|named| named.context.as_ref()) else {
        return String::new();
    };
    let kinds: [(_, &str, Find); 3] = [
        ("context", context, |file, name| text(file.contexts.iter().find(|it| it.name == name))),
        ("cluster", cluster, |file, name| text(file.clusters.iter().find(|it| it.name == name))),
        ("user", user.as_deref().unwrap_or_default(), |file, name| {
            text(file.auth_infos.iter().find(|it| it.name == name))
        }),
    ];
    let mut said = Vec::new();
    for (kind, name, entry) in kinds {
        let mut found =
            files.iter().filter_map(|(path, file)| Some((path.display(), entry(file, name)?)));
        let Some((first, counts)) = found.next() else { continue };
        let others: Vec<String> = found
            .filter(|(_, entry)| *entry != counts)
            .map(|(path, _)| format!("`{path}`"))
            .collect();
        if !others.is_empty() {
            let (name, others) = (clean(name), others.join(" or "));
            said.push(format!("its {kind} `{name}` is that of `{first}`, not that of {others}"));
        }
    }
    if said.is_empty() { String::new() } else { format!(" ({})", said.join("; ")) }
}

/// An entry, to be compared.
fn text(entry: Option<&impl Serialize>) -> Option<String> {
    serde_json::to_value(entry?).ok().map(|value| value.to_string())
}
