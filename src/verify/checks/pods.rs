//! Pods and the templates that they are made by.
//! <https://azure.github.io/azure-workload-identity/docs/topics/service-account-labels-and-annotations.html>

use crate::model::plural;
use crate::model::pod::LABEL_USE;
use crate::observed::evidence::Unlisted;
use crate::observed::pods::{
    Admitted, BINDING_AUDIENCE, Container, OLD_TOKEN_FILE, PodFacts, RefusedCreation, Variable,
    Workload,
};
use crate::observed::read::Read;
use crate::verify::scene::{Case, Chain, identity};
use crate::verify::verdict::Verdict;
use crate::verify::workloads::{self, Used};

/// Objects that could not be listed.
pub(in crate::verify) fn unlisted(unlisted: &Unlisted) -> Verdict {
    match &unlisted.unread {
        Some(unread) => Verdict::unread(&*unread.why),
        None => Verdict::not_provable(format!(
            "the API server has no {} of version {}/{}",
            unlisted.kind.plural, unlisted.kind.group, unlisted.kind.version
        )),
    }
}

/// The templates whose pods get an identity by the webhook, each with the account in the profile.
fn annotated<'a>(case: &Case<'a, Used<'a>>) -> impl Iterator<Item = (&'a PodFacts, &'a Chain<'a>)> {
    let workload = case.subject.workload;
    let workloads = &case.scene.workloads;
    workload.templates.iter().filter_map(|pod| Some((pod, workloads.default_chain(workload, pod)?)))
}

/// The templates whose pods have to get an identity: where no profile says which, those of the pod that is asked about.
fn meant<'a>(case: &Case<'a, Used<'a>>) -> impl Iterator<Item = &'a PodFacts> {
    let workload = case.subject.workload;
    let Case { scene, .. } = *case;
    workload.templates.iter().filter(move |pod| {
        scene.asking.has_no_profile() || scene.workloads.default_chain(workload, pod).is_some()
    })
}

/// A command of kubectl about the object.
fn kubectl(case: &Case<'_, Used<'_>>, found: &Workload, words: &[&str]) -> Vec<String> {
    let key = &found.key;
    let object = key.kind.kubectl(&key.name);
    let words = words.iter().map(|word| if *word == OBJECT { object.as_str() } else { word });
    let words: Vec<&str> = words.collect();
    case.scene.kubectl(&key.cluster, Some(key.namespace.as_str()), &words)
}

/// Stands for the object in a command.
const OBJECT: &str = "OBJECT";

/// What made a pod, and may have to be changed instead of it.
fn maker(found: &Workload) -> String {
    match &found.controller {
        Some(made) => format!(" (the pod is made by {} {})", made.kind, made.name),
        None => String::new(),
    }
}

pub(in crate::verify) fn label(case: &Case<'_, Used<'_>>) -> Verdict {
    const WHY: &str =
        "the webhook is called for pods with this label alone; without it they get no identity";
    const IMMUTABLE: &str = "the webhook is called for pods with this label alone; the template of what exists cannot be changed: label it where it is made (for Prefect the work pool's base job template), delete and create it";
    let found = case.subject.workload;
    // Whose secrets a driver brings, or who mounts a token by hand, does not need the webhook.
    let needs =
        |pod: &&PodFacts| pod.is_labelled() || (!pod.uses_secrets_store && pod.token().is_none());
    let mut templates = meant(case).filter(needs).peekable();
    if templates.peek().is_none() {
        return Verdict::NotApplicable;
    }
    let unlabelled = templates.find(|pod| !pod.is_labelled());
    let Some(pod) = unlabelled else { return Verdict::Pass };
    let place = match (&pod.label, &found.label) {
        (Some(value), _) => format!("{LABEL_USE}: \"{value}\""),
        (None, Some(_)) if !found.key.kind.is_pod() => {
            format!("the label among the {}'s own, not among its template's", found.key.kind.kind)
        }
        (None, _) if pod.label_is_annotation => "an annotation of that name".to_owned(),
        (None, _) => "no such label".to_owned(),
    };
    let wanted = format!("{LABEL_USE}: \"true\" on the pod template");
    let kind = found.key.kind;
    let fix = kind.is_mutable.then(|| {
        let patch = kind.label_patch(LABEL_USE);
        kubectl(case, found, &["patch", OBJECT, "--type=merge", "--patch", &patch])
    });
    let why = if kind.is_mutable { WHY } else { IMMUTABLE };
    Verdict::fail(wanted, format!("{place}{}", maker(found)), why).repaired_by(fix)
}

pub(in crate::verify) fn account(case: &Case<'_, Used<'_>>) -> Verdict {
    const WHY: &str = "pods sign in as the identity that their account names, and it names none";
    let found = case.subject.workload;
    let evidence = case.scene.evidence;
    let asks = |pod: &&PodFacts| pod.is_labelled() || case.scene.asking.has_no_profile();
    let mut verdict = Verdict::NotApplicable;
    for pod in found.templates.iter().filter(asks) {
        // What the account is annotated with where the profile only trusts it is its owner's.
        if !case.scene.workloads.chains(found, pod).is_empty() {
            if case.scene.workloads.default_chain(found, pod).is_some() {
                verdict = Verdict::Pass;
            }
            continue;
        }
        match evidence.accounts.get(&workloads::account(found, pod)) {
            Some(Read::Facts(Some(_))) => verdict = Verdict::Pass,
            Some(Read::Facts(None)) => {
                let named = named(case);
                let mut wanted = "an account with an identity".to_owned();
                if !named.is_empty() {
                    wanted = format!("{wanted}: {}", named.join(", "));
                }
                let have = format!("account {}, without a client id{}", pod.account, maker(found));
                let fix = match (named.as_slice(), found.key.kind.group) {
                    ([one], "apps") => {
                        Some(kubectl(case, found, &["set", "serviceaccount", OBJECT, one]))
                    }
                    _ => None,
                };
                return Verdict::fail(wanted, have, WHY).repaired_by(fix);
            }
            Some(Read::Unread(unread)) => return Verdict::unread(&*unread.why),
            None => return Verdict::unread("its account was not read"),
        }
    }
    verdict
}

/// The accounts with an identity in the object's namespace.
fn named<'a>(case: &Case<'a, Used<'_>>) -> Vec<&'a str> {
    let key = &case.subject.workload.key;
    let mut named: Vec<&str> = case
        .scene
        .chains
        .iter()
        .filter(|chain| *chain.cluster == key.cluster && chain.account.namespace == key.namespace)
        .filter(|chain| chain.is_annotated())
        .map(|chain| chain.account.name.as_str())
        .collect();
    named.dedup();
    named
}

pub(in crate::verify) fn environment(case: &Case<'_, Used<'_>>) -> Verdict {
    const WHY: &str = "the webhook leaves a variable alone that the container sets itself, and the SDKs of Azure take it first";
    const UNSEEN: &str = "its value is not in the template; where it is not what the webhook would set, the container signs in as somebody else";
    let found = case.subject.workload;
    // A pod has the webhook's variables beside its own.
    if found.key.kind.is_pod() || annotated(case).next().is_none() {
        return Verdict::NotApplicable;
    }
    let mut unseen = None;
    for (pod, _) in annotated(case) {
        for container in pod.injectable() {
            for (variable, value) in &container.variables {
                let set = value.as_deref();
                if set.is_some_and(|value| is_as_given(case, pod, *variable, value)) {
                    continue;
                }
                let name = variable.name();
                let shown = set.map_or_else(|| name.to_owned(), |value| format!("{name}={value}"));
                let have = format!("{shown} in container {}", container.name);
                let wanted = format!("no {name} in the template");
                let fix = found.key.kind.is_built_in() && found.key.kind.is_mutable;
                let fix =
                    fix.then(|| kubectl(case, found, &["set", "env", OBJECT, &format!("{name}-")]));
                let is_unseen = set.is_none() && Variable::INJECTED.contains(variable);
                if is_unseen {
                    unseen = Some(Verdict::warn(wanted, have, UNSEEN).repaired_by(fix));
                } else {
                    return Verdict::fail(wanted, have, WHY).repaired_by(fix);
                }
            }
        }
    }
    unseen.unwrap_or(Verdict::Pass)
}

/// Whether a value is one that the account's pods may have: an identity's that trusts the account, or what the webhook
/// itself gives.
fn is_as_given(case: &Case<'_, Used<'_>>, pod: &PodFacts, variable: Variable, value: &str) -> bool {
    let found = case.subject.workload;
    let chains = case.scene.workloads.chains(found, pod);
    let mut identities =
        chains.iter().filter_map(|chain| identity(case.scene, &chain.key.identity).ok());
    let tried = case.scene.evidence.dry_runs.get(&workloads::account(found, pod));
    let given = tried.and_then(Read::facts).and_then(|tried| match tried {
        Admitted::Pod(given) => given.value(variable),
        Admitted::Denied(_) | Admitted::Uncalled(_) | Admitted::Refused(_) => None,
    });
    match variable {
        Variable::ClientId => {
            identities.any(|live| live.client_id.to_string().eq_ignore_ascii_case(value))
        }
        Variable::TenantId => {
            identities.any(|live| live.tenant_id.to_string().eq_ignore_ascii_case(value))
        }
        Variable::TokenFile | Variable::AuthorityHost => given == Some(value),
        Variable::ClientSecret | Variable::ClientCertificatePath | Variable::Username => false,
    }
}

pub(in crate::verify) fn path(case: &Case<'_, Used<'_>>) -> Verdict {
    const WHY: &str =
        "the webhook of this cluster puts the token elsewhere: read AZURE_FEDERATED_TOKEN_FILE";
    let found = case.subject.workload;
    let is_new = case.scene.workloads.has_new_path(&found.key.cluster);
    if annotated(case).next().is_none() {
        return Verdict::NotApplicable;
    }
    let mut unread = None;
    let mut names = Vec::new();
    for (pod, _) in annotated(case) {
        let has_path = |container: &&Container| container.names_old_token_file;
        names.extend(
            pod.injectable().filter(has_path).map(|found| format!("container {}", found.name)),
        );
        for key in workloads::config_maps(found, pod) {
            match case.scene.evidence.config_maps.get(&key) {
                Some(Read::Facts(true)) => names.push(format!("ConfigMap {}", key.name)),
                Some(Read::Facts(false)) | None => {}
                Some(Read::Unread(why)) => unread = Some(why),
            }
        }
    }
    match (names.is_empty(), is_new, unread) {
        (false, Some(true), _) => {
            let have = format!("{OLD_TOKEN_FILE} in {}", names.join(", "));
            Verdict::fail("the path in AZURE_FEDERATED_TOKEN_FILE", have, WHY)
        }
        (false, None, _) => Verdict::not_provable(format!(
            "{} names {OLD_TOKEN_FILE}, and no pod was created for show that would tell where the webhook puts the token",
            names.join(", ")
        )),
        (true, _, Some(unread)) => Verdict::unread(&*unread.why),
        (true, _, None) | (false, Some(false), _) => Verdict::Pass,
    }
}

pub(in crate::verify) fn admission(case: &Case<'_, Used<'_>>) -> Verdict {
    const WHY: &str = "there is no pod of it, and the API server refuses the next one";
    const PAST: &str = "there is no pod of it; the next one is admitted as far as a dry run tells, and its controller may be waiting to try again";
    let found = case.subject.workload;
    let past = refused_before(case, found);
    match case.scene.evidence.templates.get(&found.key) {
        // It has pods, or needs none now.
        None => Verdict::NotApplicable,
        Some(Read::Facts(Admitted::Pod(_))) => match past {
            Some(past) => {
                let have = format!("none, {}: {}", times(past), past.message);
                Verdict::warn("a pod by its template", have, PAST).repaired_by(rollout(case, found))
            }
            None => Verdict::Pass,
        },
        Some(Read::Facts(
            Admitted::Refused(why) | Admitted::Denied(why) | Admitted::Uncalled(why),
        )) => {
            let past = past.map(|past| format!(" ({})", times(past))).unwrap_or_default();
            Verdict::fail("a pod by its template", format!("{why}{past}"), WHY)
        }
        Some(Read::Unread(unread)) => Verdict::unread(&*unread.why),
    }
}

/// The last time that the controller of a workload was refused a pod, where events of it could be read.
fn refused_before<'a>(
    case: &Case<'a, Used<'a>>,
    found: &'a Workload,
) -> Option<&'a RefusedCreation> {
    let inside = (found.key.cluster.clone(), found.key.namespace.clone());
    let events = case.scene.evidence.refused_creations.get(&inside)?.facts()?;
    let about = events.iter().filter(|event| event.is_about(&found.key));
    about.max_by(|one, other| one.last.cmp(&other.last))
}

fn times(past: &RefusedCreation) -> String {
    format!("by events FailedCreate {}, last at {}", plural::count(past.count, "time"), past.last)
}

/// The command that makes the pods of what made a pod anew, where there is one.
fn restart(case: &Case<'_, Used<'_>>) -> Option<Vec<String>> {
    let owner = case.scene.workloads.owner(case.subject.workload)?;
    rollout(case, owner)
}

/// The command that has a workload make its pods anew, where kubectl has one.
fn rollout(case: &Case<'_, Used<'_>>, found: &Workload) -> Option<Vec<String>> {
    let can = found.key.kind.group == "apps";
    can.then(|| kubectl(case, found, &["rollout", "restart", OBJECT]))
}

pub(in crate::verify) fn injected(case: &Case<'_, Used<'_>>) -> Verdict {
    const WHY: &str = "the webhook gives variables to pods that are being created alone: this one has to be created again";
    if annotated(case).next().is_none() {
        return Verdict::NotApplicable;
    }
    let name = Variable::TokenFile.name();
    for (pod, _) in annotated(case) {
        if !pod.is_labelled() {
            return Verdict::NotApplicable;
        }
        let without =
            |container: &&Container| !container.variables.contains_key(&Variable::TokenFile);
        let without: Vec<&str> =
            pod.injectable().filter(without).map(|container| &*container.name).collect();
        if !without.is_empty() {
            let have = format!("none in {}{}", without.join(", "), maker(case.subject.workload));
            return Verdict::fail(format!("{name} in each container"), have, WHY)
                .repaired_by(restart(case));
        }
    }
    Verdict::Pass
}

pub(in crate::verify) fn age(case: &Case<'_, Used<'_>>) -> Verdict {
    const WHY: &str =
        "a pod keeps what it was given when it was created; it has to be created again";
    let found = case.subject.workload;
    if annotated(case).next().is_none() {
        return Verdict::NotApplicable;
    }
    let template = case.scene.workloads.owner(found).and_then(|owner| owner.templates.first());
    for (pod, chain) in annotated(case) {
        // What a pod brings itself was not given to it.
        let Some(token) = pod.token().filter(|_| pod.is_labelled()) else {
            return Verdict::NotApplicable;
        };
        if token.audience.as_deref() == Some(BINDING_AUDIENCE) {
            return Verdict::not_provable(
                "the pod signs in by the proxy of identity bindings, which cannot be tried from outside",
            );
        }
        let Ok(live) = identity(case.scene, &chain.key.identity) else {
            return Verdict::unread("its identity was not read");
        };
        let audience = chain.wanted.audience.as_str();
        let (client, tenant) = (live.client_id.to_string(), live.tenant_id.to_string());
        let variables = [(Variable::ClientId, &client), (Variable::TenantId, &tenant)];
        let old = variables.into_iter().find_map(|(variable, wanted)| {
            let own = template.is_some_and(|template| template.value(variable).is_some());
            let value = pod.value(variable);
            let is_right = value.is_some_and(|value| is_as_given(case, pod, variable, value));
            (!own && !is_right).then(|| {
                let named = |value: &str| format!("{}={value}", variable.name());
                (named(wanted), named(value.unwrap_or("(none)")))
            })
        });
        let old = old.or_else(|| {
            let have = token.audience.as_deref().unwrap_or("a token for the API server");
            (have != audience).then(|| (audience.to_owned(), have.to_owned()))
        });
        if let Some((wanted, have)) = old {
            return Verdict::fail(wanted, format!("{have}{}", maker(found)), WHY)
                .repaired_by(restart(case));
        }
    }
    Verdict::Pass
}
