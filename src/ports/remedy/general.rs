//! What helps against a failure of which no more is known than its kind and who failed.

use crate::ports::error::{PortErrorKind, Service};

/// What a run that ended early leaves to the next one.
const RESUME: &str = "run again: completed writes are found and not repeated";

/// What the user can do, in one sentence. True of reads and of writes: it does not say that nothing was
/// written where that is not known.
pub(super) fn advice(kind: &PortErrorKind, service: &Service) -> String {
    match kind {
        PortErrorKind::Unauthenticated => sign_in(service),
        PortErrorKind::Refused { action, scope } => lacking(action.as_deref(), scope.as_deref()),
        PortErrorKind::Forbidden => {
            "a policy, lock or condition forbids it for everyone: ask the owner of the rule that the message names to \
             change it, then run again"
                .into()
        }
        PortErrorKind::NotFound => {
            "compare its name in the profile with what exists; if it was deleted meanwhile, run again".into()
        }
        PortErrorKind::ParentNotFound => {
            "its parent does not exist, or not everywhere yet: run again; if that does not help, compare the names \
             in the profile with what exists"
                .into()
        }
        PortErrorKind::PrincipalNotFound => {
            "a new identity can take minutes to reach the whole directory: run again in a few minutes".into()
        }
        PortErrorKind::RoleAssignmentExists => {
            "an equal role assignment already exists under another name: run again to find it".into()
        }
        PortErrorKind::PairTaken => {
            "another credential of the identity has the same issuer and subject, or had a moment ago: run again"
                .into()
        }
        PortErrorKind::ConcurrentWrite => {
            "someone else, for example another pipeline, keeps writing credentials of this identity: run again \
             when it has finished"
                .into()
        }
        PortErrorKind::Conflict { managers } => conflict(managers),
        PortErrorKind::Throttled => {
            "there are too many requests: run again later, or with a lower `--parallelism`".into()
        }
        PortErrorKind::Invalid => {
            format!("{service} rejected it: fix what the message names, then run again")
        }
        PortErrorKind::ServiceFault => format!("{}; {RESUME}", outage(service)),
        PortErrorKind::Unreachable => format!(
            "nothing was sent: check that this machine reaches {service}, its name servers, firewall and proxy \
             (HTTPS_PROXY), then run again"
        ),
        PortErrorKind::AnswerLost => {
            format!("if it was a write, it may have succeeded; {RESUME}")
        }
        PortErrorKind::TimedOut => {
            format!("allow one attempt of a request more time with `--timeout`; {RESUME}")
        }
        PortErrorKind::Malformed => format!(
            "a proxy or a sign-in page may have answered instead of {service}; {RESUME}"
        ),
        PortErrorKind::ForeignOrigin => {
            "nothing was sent there: name in the profile, or in the cloud's file, the address that is meant".into()
        }
        PortErrorKind::Bug => format!(
            "report it to whoever maintains your widctl, with this message, the command and `widctl --version`; {RESUME}"
        ),
    }
}

fn sign_in(service: &Service) -> String {
    match service {
        Service::Arm | Service::Entra => {
            "sign in again, for example with `az login`, or in another way with `--auth`".into()
        }
        Service::Cluster(_) => "fetch the cluster's credentials again, for AKS with \
                                `az aks get-credentials --overwrite-existing`"
            .into(),
        Service::Issuer => "the issuer's documents must be readable without signing in".into(),
        Service::Local(name) => format!("sign in again to what {name} takes its credentials from"),
    }
}

fn lacking(action: Option<&str>, scope: Option<&str>) -> String {
    let action = action.map_or_else(|| "the right to do this".into(), |name| format!("`{name}`"));
    let scope = scope.map(|scope| format!(" on {scope}"));
    format!(
        "ask someone who can grant it to give this caller {action}{}, then run again",
        scope.unwrap_or_default()
    )
}

fn conflict(managers: &[String]) -> String {
    if managers.is_empty() {
        "it has changed since it was read: run again".into()
    } else {
        format!(
            "change it where {} keeps it, or take it over with `--force-conflicts`",
            managers.join(" and ")
        )
    }
}

/// Where to see how a service is.
fn outage(service: &Service) -> String {
    match service {
        Service::Arm | Service::Entra => {
            "https://azure.status.microsoft shows whether Azure has an outage".into()
        }
        Service::Cluster(_) => {
            "`kubectl get --raw '/readyz?verbose'` shows whether the API server is healthy".into()
        }
        Service::Issuer | Service::Local(_) => format!("{service} failed, which may pass"),
    }
}
