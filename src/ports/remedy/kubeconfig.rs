//! What helps where a kubeconfig makes no connection.

use crate::model::shell;
use crate::model::text::ClusterName;
use crate::ports::place::{Fault, KubeconfigPlace, Origin};

/// How alike a context must be to be suggested, 0 to 1.
const ALIKE: f64 = 0.7;
/// How many contexts are listed at most.
const LISTED: usize = 5;

/// What the user can do. What Azure answered cannot be edited, only looked at.
pub(super) fn advice(place: &KubeconfigPlace) -> String {
    let KubeconfigPlace { cluster: key, origin, fault } = place;
    let own = |hint: String| match origin {
        Origin::Context { .. } => hint,
        Origin::Aks => {
            "it is what Azure answered: see it with `az aks get-credentials --file -`".into()
        }
    };
    let [context, cluster, user] = match origin {
        Origin::Context { context, cluster, user } => [context, cluster, user].map(String::as_str),
        Origin::Aks => [""; 3],
    };
    let set = |entry: &str, name: &str, flags: &str| {
        own(format!("set it with `kubectl config {entry} {} {flags}`", shell::quote(name)))
    };
    match fault {
        Fault::OfCluster(flags) => set("set-cluster", cluster, flags),
        Fault::OfUser(flags) => set("set-credentials", user, flags),
        Fault::OfContext(flags) => set("set-context", context, flags),
        Fault::SignIn => own(format!(
            "see it fail, and sign in, with `kubectl --context {} get namespaces`",
            shell::quote(context)
        )),
        Fault::NoFile => own(format!(
            "set KUBECONFIG to the file that has context `{context}`; an AKS cluster needs no context, only \
             `resource_group` and `name`"
        )),
        Fault::Empty => own(format!("set KUBECONFIG to the file that has context `{context}`")),
        Fault::Unnamed => own(format!("set `context` in `[clusters.{key}]`")),
        Fault::NoContext(names) => own(suggestion(key, context, names)),
        Fault::NotStarted { program, install_hint } => match install_hint {
            Some(hint) => hint.clone(),
            None => format!("install `{program}`, or put it on the PATH"),
        },
        Fault::ForeignAudience { asked, usual } => format!(
            "{}; only where this server is meant to get a token for something else, write `token_audience = {}` in \
             `[clusters.{key}]` of the root file",
            own(format!("use `--server-id {usual}`")),
            serde_json::Value::from(asked.as_str())
        ),
        Fault::Refused => format!(
            "see it with `az aks get-credentials --file -`, and ask who answers in Azure's place; where it is \
             meant, name a context of your own kubeconfig: `context` in `[clusters.{key}]` of the profile"
        ),
        Fault::OtherAudience => {
            "make the two equal, or remove `token_audience` where the server takes tokens for \
             the AKS server application"
                .into()
        }
        Fault::ProxyOfEnvironment => "set HTTPS_PROXY to `http://HOST:PORT`, or unset it".into(),
        Fault::ProxySignIn => {
            "name a socks5 proxy that asks for no password, such as that of `ssh -D`, or an http \
             proxy"
                .into()
        }
        Fault::Irregular => {
            own("set KUBECONFIG to a file: a folder, a pipe or a device is not read".into())
        }
        Fault::TooLarge => {
            own("set KUBECONFIG to a file that has the context alone, as `kubectl --context NAME \
             config view --minify --raw` writes it"
                .into())
        }
        Fault::Unparsed => own("correct it there until `kubectl config view` shows it".into()),
        Fault::Unreadable => own("set KUBECONFIG to a file that you may read".into()),
        Fault::Mismatched => own("each must have `kind: Config` and `apiVersion: v1`".into()),
        Fault::Incomplete => own("see what is missing with `kubectl config view`".into()),
        Fault::Contradiction => own("correct the entry: kubectl refuses it too".into()),
        Fault::AuthProvider => {
            own("replace it by an `exec` plugin: `gke-gcloud-auth-plugin` for `gcp`".into())
        }
        Fault::IrregularPart => own("name a file: a folder, a pipe or a device is not read".into()),
        Fault::TokenFile => own("put a token there, or name another `tokenFile`".into()),
        Fault::CredentialsInUrl => {
            own("take them out of the URL: they belong to the context's user".into())
        }
    }
}

/// What helps where Azure does not have an AKS cluster.
pub(super) fn no_cluster(key: &ClusterName, id: &str) -> String {
    format!(
        "see whether it is there with `az aks show --ids {}`; `[clusters.{key}]` of the profile says where it \
         should be",
        shell::quote(id)
    )
}

/// The context that was probably meant, else those that there are.
fn suggestion(key: &ClusterName, wanted: &str, names: &[String]) -> String {
    let place = format!("`context` in `[clusters.{key}]` of the profile");
    let alike = names
        .iter()
        .map(|name| (strsim::jaro_winkler(wanted, name), name))
        .filter(|(alike, _)| *alike > ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b));
    if let Some((_, name)) = alike {
        return format!("did you mean `{name}`? It is {place}");
    }
    let listed: Vec<String> = names.iter().take(LISTED).map(|name| format!("`{name}`")).collect();
    let more = match names.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let has = match listed.as_slice() {
        [] => String::new(),
        listed => format!("; it has {}{more}", listed.join(", ")),
    };
    format!("set {place}, or KUBECONFIG to the file that has it{has}")
}
