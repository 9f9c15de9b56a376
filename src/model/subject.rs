//! Subjects of tokens: of service accounts, and of pipelines.

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
pub fn is_meant(glob: &str, subject: &str) -> bool {
    const SEPARATORS: [char; 2] = [':', '/'];
    let mut parts = glob.split(SEPARATORS).zip(subject.split(SEPARATORS));
    glob.matches(SEPARATORS).eq(subject.matches(SEPARATORS))
        && parts.all(|(glob, part)| WildMatch::new(glob).matches(part))
}

/// What a subject of a pipeline names without its id: whoever has the name is trusted.
/// <https://learn.microsoft.com/entra/workload-id/workload-identities-federated-credential-mutable-subjects>
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Named<'s> {
    /// A repository on GitHub, `contoso/web`.
    Repository(&'s str),
    /// A project on GitLab, `contoso/web`.
    Project(&'s str),
}

/// What a subject names without its id. Older identities compare subjects in any case, so that the case of the
/// first word does not matter.
pub fn named(subject: &Subject) -> Option<Named<'_>> {
    let (kind, rest) = subject.as_str().split_once(':')?;
    let name = rest.split(':').next().unwrap_or(rest);
    match kind.to_ascii_lowercase().as_str() {
        "repo" => {
            let both = name
                .split_once('/')
                .is_some_and(|(owner, repository)| has_id(owner) && has_id(repository));
            (!both).then_some(Named::Repository(name))
        }
        "project_path" => Some(Named::Project(name)),
        _ => None,
    }
}

/// Whether a name is followed by an id as GitHub writes it, `contoso@1234`. No name on GitHub holds an `@`.
fn has_id(name: &str) -> bool {
    let Some((name, id)) = name.split_once('@') else { return false };
    let is_id = id.bytes().all(|byte| byte.is_ascii_digit()) && !id.starts_with('0');
    !name.is_empty() && !name.contains('/') && is_id && id.parse::<i64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::{Named, is_meant, named};
    use crate::model::text::Subject;

    #[test]
    fn a_subject_of_github_needs_the_ids_of_owner_and_repository() {
        let of = |text: &str| named(&Subject::new(text)).is_none();
        assert!(of("repo:contoso@1/web@2:ref:refs/heads/main"));
        assert!(of("repo:contoso@1/web@9223372036854775807:pull_request"));
        for text in [
            "repo:contoso/web:ref:refs/heads/main",
            "repo:contoso@1/web:pull_request",
            "repo:contoso/web@2:pull_request",
            "repo:contoso@/web@2:pull_request",
            "repo:@1/web@2:pull_request",
            "repo:contoso@0/web@2:pull_request",
            "repo:contoso@01/web@2:pull_request",
            "repo:contoso@1@2/web@2:pull_request",
            "repo:contoso@1/web@9223372036854775808:pull_request",
            "repo:contoso@1/web@\u{661}:pull_request",
            "repo:contoso@1/a/web@2:pull_request",
            "repo:contoso@1:web@2:pull_request",
            "REPO:contoso/web:pull_request",
            "repo:",
        ] {
            assert!(!of(text), "{text}");
        }
    }

    #[test]
    fn a_subject_of_gitlab_leads_with_the_path_or_with_the_id() {
        let of = |text: &str| named(&Subject::new(text)).is_some();
        assert!(of("project_path:contoso/web:ref_type:branch:ref:main"));
        assert!(!of("project_id:57382910:ref_type:branch:ref:main"));
        assert!(!of("system:serviceaccount:a:b"));
        let subject = Subject::new("project_path:contoso/web:ref_type:branch:ref:main");
        assert_eq!(named(&subject), Some(Named::Project("contoso/web")));
    }

    #[test]
    fn a_glob_crosses_no_part_of_a_subject() {
        for (glob, subject) in [
            ("repo:contoso/web:pull_request", "repo:contoso/web:pull_request"),
            ("repo:contoso/*:ref:refs/heads/main", "repo:contoso/web:ref:refs/heads/main"),
            ("system:serviceaccount:team-?:*", "system:serviceaccount:team-a:runner"),
            ("*", "anything"),
        ] {
            assert!(is_meant(glob, subject), "{glob} {subject}");
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
            assert!(!is_meant(glob, subject), "{glob} {subject}");
        }
    }
}
