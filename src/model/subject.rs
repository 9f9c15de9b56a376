//! The subject of a service account's token.

use wildmatch::WildMatch;

use crate::model::text::{Namespace, ObjectName, Subject};

const PREFIX: &str = "system:serviceaccount:";

/// The subject that Kubernetes writes into a service account's tokens.
/// <https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/>
pub fn of_service_account(namespace: &Namespace, name: &ObjectName) -> Subject {
    Subject::new(format!("{PREFIX}{namespace}:{name}"))
}

/// The namespace and the name of the account that a subject stands for, if it stands for one.
pub fn account(subject: &Subject) -> Option<(&str, &str)> {
    parts(subject.as_str())
}

/// The same of a text that is a subject, or a pattern for some.
pub fn parts(subject: &str) -> Option<(&str, &str)> {
    subject.strip_prefix(PREFIX)?.split_once(':')
}

/// Whether a glob means the subject. Neither `*` nor `?` crosses `:` or `/`, so that `repo:contoso/*` names no branch
/// and no account of a namespace stands for those of another.
pub fn is_meant(glob: &str, subject: &Subject) -> bool {
    let is_separator = |character: char| matches!(character, ':' | '/');
    let separators = |text: &str| text.chars().filter(|&at| is_separator(at)).collect::<String>();
    let subject = subject.as_str();
    let mut parts = glob.split(is_separator).zip(subject.split(is_separator));
    separators(glob) == separators(subject)
        && parts.all(|(glob, part)| WildMatch::new(glob).matches(part))
}

#[cfg(test)]
mod tests {
    use super::is_meant;

    #[test]
    fn a_glob_crosses_no_part_of_a_subject() {
        for (glob, subject) in [
            ("repo:contoso/web:pull_request", "repo:contoso/web:pull_request"),
            ("repo:contoso/*:ref:refs/heads/main", "repo:contoso/web:ref:refs/heads/main"),
            ("system:serviceaccount:team-?:*", "system:serviceaccount:team-a:runner"),
            ("*", "anything"),
        ] {
            assert!(is_meant(glob, &subject.into()), "{glob} {subject}");
        }
        for (glob, subject) in [
            ("*", "repo:contoso/web"),
            ("repo:contoso/*", "repo:contoso/web:pull_request"),
            ("repo:contoso/*", "repo:contoso/web/x"),
            ("repo:*:pull_request", "repo:contoso/web:pull_request"),
            ("repo?contoso", "repo:contoso"),
            ("a:b", "a/b"),
            ("repo:contoso/web", "repo:contoso/web:"),
            ("REPO:contoso/web", "repo:contoso/web"),
        ] {
            assert!(!is_meant(glob, &subject.into()), "{glob} {subject}");
        }
    }
}
