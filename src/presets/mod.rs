//! What orchestrators and controllers need, as data: a file for each system, with a preset for each of its accounts.
//!
//! Where a kind of Kubernetes objects has the account and the labels of its pods is written once, in
//! [`workload_kind`] and [`controller_kind`]. A preset names the kinds by which its pods or tokens come, and
//! [`Preset::places`] looks their paths up; `verify` reads the same tables. What a preset adds is what no object
//! shows: the RBAC rules, and where the system's own settings have account and label. Another system is another
//! file and a line in `FILES`.

use std::sync::{Arc, LazyLock};

use serde::Deserialize;

use crate::model::controller_kind::{self, Caller};
use crate::model::kinds::rbac::PolicyRule;
use crate::model::workload_kind;

/// The tables, in the order in which they are shown.
const FILES: &[&str] = &[
    include_str!("prefect.toml"),
    include_str!("argo-workflows.toml"),
    include_str!("airflow.toml"),
    include_str!("cert-manager.toml"),
    include_str!("keda.toml"),
    include_str!("external-secrets.toml"),
];

/// Stands for the workload's account in rules and settings.
pub const ACCOUNT: &str = "ACCOUNT";

/// What is written of a system.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct System {
    system: String,
    preset: Vec<Written>,
}

/// A preset as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    does: String,
    kinds: Vec<String>,
    source: String,
    #[serde(default)]
    notes: Vec<String>,
    #[serde(default)]
    settings: Vec<Settings>,
    #[serde(default)]
    rule: Vec<WrittenRule>,
}

/// An RBAC rule as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRule {
    api_groups: Vec<Arc<str>>,
    resources: Vec<Arc<str>>,
    #[serde(default)]
    resource_names: Vec<Arc<str>>,
    verbs: Vec<Arc<str>>,
}

/// What an account of a system needs.
#[derive(PartialEq, Eq, Debug)]
pub struct Preset {
    /// The name in profiles.
    pub name: String,
    /// The system that it is of.
    pub system: String,
    /// Whose account it is, and what that does.
    pub does: String,
    /// The kinds by which its pods or tokens come, as manifests have them.
    pub kinds: Vec<String>,
    /// The rules of its Role, sorted; [`ACCOUNT`] stands for the account's name.
    rules: Vec<PolicyRule>,
    /// Where the system's own settings have account and label.
    pub settings: Vec<Settings>,
    /// What people should know, a sentence each.
    pub notes: Vec<String>,
    /// Where this is documented.
    pub source: String,
}

/// Values to set in one place. Words in capitals are for people to put in.
#[derive(Deserialize, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What they are set in.
    pub of: String,
    /// Paths and values.
    pub values: Vec<(String, String)>,
}

/// How a system comes to the token of an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// The account and the label are set in the template of each pod.
    Pod,
    /// A controller's own pod signs in, set by its Helm chart.
    Controller,
    /// A controller asks for tokens of the account that an object refers to; no pod has a label.
    Token,
}

/// Where objects of a kind have what decides about the identity.
#[derive(PartialEq, Eq, Debug, serde::Serialize)]
pub struct Place {
    /// The kind.
    pub kind: &'static str,
    /// The account: a path, or the controller's own account and namespace.
    pub account: String,
    /// The labels of the pods; none where no pod of the kind needs one.
    pub label: Option<String>,
}

impl Preset {
    /// How it comes to tokens, as its kinds do.
    pub fn shape(&self) -> Shape {
        let controllers = || controller_kind::KINDS.iter();
        let first = self.kinds.first().map(String::as_str);
        match controllers().find(|kind| Some(kind.kind) == first).map(|kind| &kind.caller) {
            None => Shape::Pod,
            Some(Caller::Own(_)) => Shape::Controller,
            Some(Caller::Named { .. } | Caller::Pods) => Shape::Token,
        }
    }

    /// Where its kinds have account and label, from the tables that `verify` reads.
    pub fn places(&self) -> Vec<Place> {
        self.kinds.iter().flat_map(|kind| places(kind)).collect()
    }

    /// The rules of an account's Role.
    pub fn rules(&self, account: &str) -> Vec<PolicyRule> {
        let named =
            |name: &Arc<str>| if **name == *ACCOUNT { account.into() } else { name.clone() };
        let rule = |rule: &PolicyRule| PolicyRule {
            resource_names: rule.resource_names.iter().map(named).collect(),
            ..rule.clone()
        };
        self.rules.iter().map(rule).collect()
    }

    /// Whether there is a Role.
    pub fn has_rules(&self) -> bool {
        !self.rules.is_empty()
    }
}

fn places(kind: &str) -> Vec<Place> {
    if let Some(found) = workload_kind::by_kind(kind) {
        let below = |base: &str, path: &str| {
            let steps = [base, path].into_iter().filter(|part| !part.is_empty());
            steps.collect::<Vec<_>>().join(".")
        };
        let place = |template: &workload_kind::Template| Place {
            kind: found.kind,
            account: below(template.base, template.account),
            label: Some(below(template.base, template.labels)),
        };
        return found.templates.iter().map(place).collect();
    }
    let found = controller_kind::KINDS.iter().filter(|found| found.kind == kind);
    let place = |found: &controller_kind::ControllerKind| match &found.caller {
        Caller::Own(own) => Place {
            kind: found.kind,
            account: format!("{} in namespace {}", own.account, own.namespace),
            label: Some(format!("pods of deployment {}", own.deployment)),
        },
        Caller::Named { account, .. } => {
            Place { kind: found.kind, account: (*account).to_owned(), label: None }
        }
        Caller::Pods => {
            Place { kind: found.kind, account: "that of the pod".to_owned(), label: None }
        }
    };
    found.map(place).collect()
}

/// Every preset.
pub fn all() -> &'static [Preset] {
    static PRESETS: LazyLock<Vec<Preset>> = LazyLock::new(|| {
        FILES.iter().flat_map(|file| read(file).expect("a test reads each file")).collect()
    });
    &PRESETS
}

/// The preset of this name.
pub fn by_name(name: &str) -> Option<&'static Preset> {
    all().iter().find(|preset| preset.name == name)
}

fn read(text: &str) -> Result<Vec<Preset>, toml::de::Error> {
    let System { system, preset } = toml::from_str(text)?;
    let made = |written: Written| Preset {
        system: system.clone(),
        name: written.name,
        does: written.does,
        kinds: written.kinds,
        rules: written.rule.into_iter().map(rule).collect(),
        settings: written.settings,
        notes: written.notes,
        source: written.source,
    };
    Ok(preset.into_iter().map(made).collect())
}

fn rule(written: WrittenRule) -> PolicyRule {
    let sorted = |mut texts: Vec<Arc<str>>| {
        texts.sort();
        texts
    };
    PolicyRule {
        api_groups: sorted(written.api_groups),
        resources: sorted(written.resources),
        resource_names: sorted(written.resource_names),
        verbs: sorted(written.verbs),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{FILES, Shape, all, by_name, places, read};
    use crate::model::controller_kind;

    #[test]
    fn every_file_is_read_and_every_name_is_unique() {
        for file in FILES {
            read(file).unwrap();
        }
        let names: BTreeSet<&str> = all().iter().map(|preset| preset.name.as_str()).collect();
        assert_eq!(names.len(), all().len());
        for preset in all() {
            assert!(preset.source.starts_with("https://"), "{}", preset.name);
        }
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        assert!(read("system = \"X\"\npreset = []\nshape = \"pod\"\n").is_err());
    }

    #[test]
    fn every_kind_of_a_preset_is_in_a_table_and_all_of_them_have_one_shape() {
        for preset in all() {
            assert!(!preset.kinds.is_empty(), "{}", preset.name);
            for kind in &preset.kinds {
                assert!(!places(kind).is_empty(), "{}: {kind}", preset.name);
                let is_controlled = controller_kind::KINDS.iter().any(|known| known.kind == kind);
                assert_eq!(preset.shape() != Shape::Pod, is_controlled, "{}: {kind}", preset.name);
            }
        }
    }

    #[test]
    fn paths_are_those_of_the_kinds() {
        let of = |name: &str| by_name(name).unwrap().places();
        let [job] = &of("prefect-flow")[..] else { panic!("one kind") };
        assert_eq!(job.account, "spec.template.spec.serviceAccountName");
        assert_eq!(job.label.as_deref(), Some("spec.template.metadata.labels"));
        let [pod] = &of("airflow-worker")[..] else { panic!("one kind") };
        assert_eq!(pod.account, "spec.serviceAccountName");
        assert!(of("external-secrets").iter().all(|place| place.label.is_none()));
    }

    #[test]
    fn a_rule_about_the_account_names_it() {
        let rules = by_name("external-secrets").unwrap().rules("vault-reader");
        assert_eq!(*rules[0].resource_names, ["vault-reader".into()]);
    }
}
