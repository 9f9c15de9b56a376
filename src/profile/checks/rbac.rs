//! Which RBAC rules reach beyond the workload that asks for them: one table, and what of it a rule meets.

use std::sync::Arc;

use wildmatch::WildMatch;

use crate::model::kinds::rbac::PolicyRule;
use crate::presets;
use crate::presets::Preset;
use crate::profile::read::collections::Items;
use crate::profile::read::texts::Text;
use crate::profile::read::{At, Required};
use crate::profile::schema::RuleTable;
use crate::profile::source::{Span, quoted};

/// A right that a team in its own file cannot ask for.
#[derive(Debug)]
pub(super) struct Denied {
    /// API groups; `""` is the core group.
    groups: &'static [&'static str],
    /// Resources and subresources.
    resources: &'static [&'static str],
    /// Verbs.
    verbs: &'static [&'static str],
    /// Whether `resource_names` makes it harmless.
    named: bool,
    /// What it lets the account do.
    reason: &'static str,
}

/// Stands for every group, resource or verb.
const ANY: &[&str] = &["*"];
const CORE: &[&str] = &[""];
const WRITES: &[&str] = &["create", "update", "patch", "delete", "deletecollection"];

/// The rights by which an account becomes another one or reaches what is not its team's. A Role names
/// the objects of one namespace; rights over the whole cluster do nothing in it today, and are listed
/// because a rule is copied sooner than it is read.
/// <https://kubernetes.io/docs/concepts/security/rbac-good-practices/#privilege-escalation-risks>
///
/// Names never limit `create` and `deletecollection`: requests for them carry none, and an apply on the
/// server side creates under the name that was granted.
/// <https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-resources>
const DENIED: &[Denied] = &[
    Denied {
        groups: ANY,
        resources: ANY,
        verbs: &["bind", "escalate"],
        named: false,
        reason: "it hands out rights that the account does not have",
    },
    Denied {
        groups: ANY,
        resources: ANY,
        // `impersonate:<mode>` and `impersonate-on:<mode>:<verb>` are the newer forms:
        // https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/
        verbs: &["impersonate*"],
        named: false,
        reason: "it acts as another user or account",
    },
    Denied {
        groups: CORE,
        resources: &["serviceaccounts/token"],
        verbs: ANY,
        named: false,
        reason: "it makes tokens of other accounts",
    },
    Denied {
        groups: CORE,
        resources: &["pods/exec", "pods/attach", "pods/ephemeralcontainers"],
        verbs: ANY,
        named: false,
        reason: "it runs commands in other pods, as their accounts",
    },
    Denied {
        groups: CORE,
        resources: &["pods/portforward", "pods/proxy", "services/proxy"],
        verbs: ANY,
        named: false,
        reason: "it reaches ports of other pods past every network policy",
    },
    Denied {
        groups: CORE,
        resources: &["nodes/proxy"],
        verbs: ANY,
        named: false,
        reason: "it runs commands in every pod of a node",
    },
    Denied {
        groups: CORE,
        resources: &["secrets"],
        verbs: &["create", "deletecollection"],
        named: false,
        reason: "no name limits it, and a new secret can be a token of any account",
    },
    Denied {
        groups: CORE,
        resources: &["secrets"],
        verbs: &["get", "list", "watch", "update", "patch", "delete"],
        named: true,
        reason: "without `resource_names` it covers every secret of the namespace, tokens of other accounts too",
    },
    Denied {
        groups: CORE,
        resources: &["serviceaccounts"],
        verbs: WRITES,
        named: false,
        reason: "it changes which account stands for which identity",
    },
    Denied {
        groups: &["rbac.authorization.k8s.io", "authorization.openshift.io"],
        resources: &["roles", "rolebindings", "clusterroles", "clusterrolebindings"],
        verbs: WRITES,
        named: false,
        reason: "it changes who may do what",
    },
    Denied {
        groups: CORE,
        resources: &["namespaces", "namespaces/status", "namespaces/finalize"],
        verbs: WRITES,
        named: false,
        reason: "it changes the labels that pod security and ownership go by",
    },
    Denied {
        groups: CORE,
        resources: &["bindings", "pods/binding"],
        verbs: WRITES,
        named: false,
        reason: "it puts a pod on any node, past the scheduler",
    },
    // CVE-2021-25740, for which Kubernetes took it out of its own `edit` role:
    // https://github.com/kubernetes/kubernetes/issues/103675
    Denied {
        groups: &["", "discovery.k8s.io"],
        resources: &["endpoints", "endpoints/restricted", "endpointslices"],
        verbs: WRITES,
        named: false,
        reason: "it sends the traffic of a service into other namespaces",
    },
    // CVE-2020-8554: https://github.com/kubernetes/kubernetes/issues/97076
    Denied {
        groups: CORE,
        resources: &["services/status"],
        verbs: WRITES,
        named: false,
        reason: "it takes traffic that is meant for addresses of others",
    },
    Denied {
        groups: &["policy", "extensions", "security.openshift.io"],
        resources: &["podsecuritypolicies", "securitycontextconstraints"],
        verbs: &["use"],
        named: false,
        reason: "it lifts the limits on what its pods may do to a node",
    },
    // https://learn.microsoft.com/azure/aks/identity-bindings-concepts
    Denied {
        groups: &["cid.wi.aks.azure.com"],
        resources: ANY,
        verbs: ANY,
        named: false,
        reason: "it acts as a managed identity through an identity binding of AKS",
    },
    Denied {
        groups: &["certificates.k8s.io"],
        resources: ANY,
        verbs: &["create", "update", "patch", "delete", "approve", "sign", "attest"],
        named: false,
        reason: "it makes certificates of other users",
    },
    Denied {
        groups: &["admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io"],
        resources: ANY,
        verbs: WRITES,
        named: false,
        reason: "it changes what the API server does for everybody",
    },
    Denied {
        groups: CORE,
        resources: &["nodes", "nodes/status", "persistentvolumes"],
        verbs: WRITES,
        named: false,
        reason: "it changes what the whole cluster shares; a volume can be a node's files",
    },
];

/// What is wrong with a rule, and where.
#[derive(Debug)]
pub(in crate::profile) struct Danger {
    /// Where it stands.
    pub(in crate::profile) at: Span,
    /// What is asked for.
    pub(in crate::profile) what: String,
    /// What that lets the account do.
    pub(in crate::profile) why: String,
}

/// A group, resource, verb or name as the file has it. Kubernetes takes its case as it is, so `Secrets`
/// matches nothing there; it is refused all the same, because a reader takes it for `secrets`.
struct Word<'a> {
    text: &'a str,
    folded: String,
    at: Span,
}

impl<'a> Word<'a> {
    fn new(text: &'a Arc<str>, at: Span) -> Self {
        let folded = text.trim().to_ascii_lowercase();
        Self { text, folded, at }
    }

    fn texts(list: &'a [At<Text>]) -> Vec<Self> {
        list.iter().map(|word| Self::new(&word.value.0, word.at)).collect()
    }

    fn is_wild(&self) -> bool {
        self.text.contains('*')
    }

    /// Whether both stand for something: `pods/*`, `*/exec` and `*` all meet `pods/exec`.
    fn meets(&self, denied: &str) -> bool {
        WildMatch::new(&self.folded).matches(denied) || WildMatch::new(denied).matches(&self.folded)
    }

    fn meets_any(&self, denied: &[&str]) -> bool {
        denied.iter().any(|denied| self.meets(denied))
    }

    /// What of a row this wildcard covers; nothing where the row does not depend on it.
    fn covers(&self, denied: &[&'static str], reason: &str) -> Option<String> {
        let example = denied.iter().find(|denied| self.meets(denied))?;
        let example = example.trim_end_matches('*');
        (denied != ANY).then(|| format!("it covers {}: {reason}", quoted(example)))
    }
}

/// A rule, word by word.
struct RuleWords<'a> {
    groups: Vec<Word<'a>>,
    resources: Vec<Word<'a>>,
    verbs: Vec<Word<'a>>,
    names: Vec<Word<'a>>,
}

impl<'a> RuleWords<'a> {
    fn new(rule: &'a RuleTable) -> Self {
        let required = |list: &'a Required<Vec<At<Text>>>| {
            Word::texts(list.get().map_or(&[], |list| &list.value))
        };
        let groups = rule.api_groups.items().iter();
        Self {
            groups: groups.map(|group| Word::new(&group.value.0, group.at)).collect(),
            resources: required(&rule.resources),
            verbs: required(&rule.verbs),
            names: Word::texts(rule.resource_names.items()),
        }
    }

    /// The rule of a preset, all of it at one place.
    fn of_preset(rule: &'a PolicyRule, at: Span) -> Self {
        let words = |texts: &'a [Arc<str>]| texts.iter().map(|text| Word::new(text, at)).collect();
        Self {
            groups: words(&rule.api_groups),
            resources: words(&rule.resources),
            verbs: words(&rule.verbs),
            names: words(&rule.resource_names),
        }
    }

    /// Everything that a team in its own file cannot ask for.
    fn dangers(&self) -> Vec<Danger> {
        let mut dangers = self.wildcards();
        dangers.extend(DENIED.iter().flat_map(|row| self.denied(row)));
        dangers
    }

    /// Whether a row is about this rule's groups and not lifted by its names.
    fn concerns(&self, row: &Denied) -> bool {
        let in_group = match &self.groups[..] {
            [] => row.groups == ANY || row.groups.contains(&""),
            groups => groups.iter().any(|group| group.meets_any(row.groups)),
        };
        in_group && (!row.named || self.names.is_empty())
    }

    /// The wildcards, each with an example of what it covers.
    fn wildcards(&self) -> Vec<Danger> {
        let words = [&self.groups, &self.resources, &self.verbs, &self.names];
        let wild = words.into_iter().flatten().filter(|word| word.is_wild());
        let example = |word: &Word<'_>| {
            let rows = DENIED.iter().filter(|row| {
                self.concerns(row)
                    && self.resources.iter().any(|each| each.meets_any(row.resources))
                    && self.verbs.iter().any(|each| each.meets_any(row.verbs))
            });
            let is = |words: &[Word<'_>]| words.iter().any(|each| each.at == word.at);
            let (group, resource, verb) = (is(&self.groups), is(&self.resources), is(&self.verbs));
            let mut examples = rows.filter_map(|row| match (group, resource, verb) {
                (true, ..) if row.resources == ANY => word.covers(row.groups, row.reason),
                (_, true, _) => word.covers(row.resources, row.reason),
                (.., true) => word.covers(row.verbs, row.reason),
                _ => None,
            });
            examples.next()
        };
        wild.map(|word| Danger {
            at: word.at,
            what: "a wildcard".to_owned(),
            why: example(word).unwrap_or_else(|| "it covers what nobody has named yet".to_owned()),
        })
        .collect()
    }

    /// What a row denies of this rule, without its wildcards, which are denied already.
    fn denied(&self, row: &Denied) -> Vec<Danger> {
        // What is denied for its group alone is told with the group, where that is a wildcard.
        let mut plain_groups = self.groups.iter().filter(|group| !group.is_wild());
        let by_group = row.groups != ANY && row.resources == ANY;
        if !self.concerns(row) || by_group && !plain_groups.any(|each| each.meets_any(row.groups)) {
            return Vec::new();
        }
        let verbs = self.verbs.iter().filter(|verb| verb.meets_any(row.verbs));
        let (wild, plain): (Vec<_>, Vec<_>) = verbs.partition(|verb| verb.is_wild());
        let danger = |at, what| Danger { at, what, why: row.reason.to_owned() };
        if row.groups == ANY && row.resources == ANY {
            let verb =
                |verb: &&Word<'_>| danger(verb.at, format!("the verb {}", quoted(verb.text)));
            return plain.iter().map(verb).collect();
        }
        let all: Vec<String> = plain.iter().map(|verb| quoted(verb.text)).collect();
        let resources = self.resources.iter();
        let plainly = resources.filter(|each| !each.is_wild() && each.meets_any(row.resources));
        let told = plainly.filter_map(|resource| {
            let what = quoted(resource.text);
            if row.verbs == ANY {
                let asked = !(wild.is_empty() && plain.is_empty());
                return asked.then(|| danger(resource.at, what));
            }
            let first = plain.first()?;
            Some(danger(first.at, format!("{} of {what}", all.join(", "))))
        });
        told.collect()
    }
}

/// Everything in a rule that a team in its own file cannot ask for: wildcards, whatever they cover, and
/// each right of the table.
pub(super) fn dangers(rule: &RuleTable) -> Vec<Danger> {
    RuleWords::new(rule).dangers()
}

/// The same of a preset, said at the place that names it.
pub(in crate::profile) fn dangers_of_preset(preset: &Preset, at: Span) -> Vec<Danger> {
    let rules = preset.rules(presets::ACCOUNT);
    rules.iter().flat_map(|rule| RuleWords::of_preset(rule, at).dangers()).collect()
}

#[cfg(test)]
mod tests {
    use super::{ANY, DENIED, Denied};

    /// The row of a denied right on the page about the profile.
    fn documented(row: &Denied) -> String {
        let listed = |words: &[&str]| {
            let all = |word: &&str| match *word {
                "*" => "any".to_owned(),
                "" => "core".to_owned(),
                word => format!("`{word}`"),
            };
            words.iter().map(all).collect::<Vec<_>>().join(", ")
        };
        let named = if row.named { "yes" } else { "no" };
        format!(
            "| {} | {} | {} | {named} | {} |",
            listed(row.groups),
            listed(row.resources),
            listed(row.verbs),
            row.reason
        )
    }

    #[test]
    fn the_page_about_the_profile_lists_the_table_and_nothing_else() {
        let page = include_str!("../../../docs/profile.md");
        let (_, below) = page.split_once("#### Rights that are denied\n").unwrap();
        let section = below.split("\n#").next().unwrap();
        let rows = section.lines().filter(|line| line.starts_with("| "));
        let written: Vec<&str> = rows.skip(1).collect();
        let made: Vec<String> = DENIED.iter().map(documented).collect();
        assert_eq!(written.join("\n"), made.join("\n"), "the table is:\n{}", made.join("\n"));
    }

    #[test]
    fn every_row_is_in_lower_case_and_names_something() {
        for row in DENIED {
            for words in [row.groups, row.resources, row.verbs] {
                assert!(!words.is_empty(), "{row:?}");
                let folded = |word: &&str| **word == word.to_ascii_lowercase();
                assert!(words.iter().all(folded), "{row:?}");
                assert!(words == ANY || !words.contains(&"*"), "{row:?}");
            }
        }
    }
}
