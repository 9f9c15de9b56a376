//! Tools that declare Kubernetes objects again and again: by which field managers and marks they are known.
//!
//! Those that write by server-side apply are told by that alone. Many write by update, as a person's editor
//! does, so their managers and marks are listed here.

use crate::model::kinds::marks::LABEL_MANAGED_BY;

/// A tool.
#[derive(PartialEq, Eq, Debug)]
pub struct Tool {
    /// Its name for people.
    pub name: &'static str,
    /// Its field managers; `*` at the end stands for any characters.
    pub managers: &'static [&'static str],
    /// The labels and annotations that it puts on its objects, those that name the owning unit first.
    marks: &'static [Mark],
    /// How it stops declaring a value.
    pub drop: &'static str,
}

/// A label or annotation by which a tool is known.
#[derive(PartialEq, Eq, Debug)]
enum Mark {
    /// Its value names what of the tool declares the object: a release, an application.
    Names(&'static str),
    /// It has this value.
    Is(&'static str, &'static str),
    /// It is there.
    Has(&'static str),
}

/// All tools, more specific ones first: Flux and Argo CD put objects of Helm charts into place.
pub const TOOLS: [Tool; 7] = [
    // <https://github.com/argoproj/argo-cd/blob/v3.1.0/common/common.go> (ArgoCDSSAManager), by apply. That it writes
    // by update as well, and `argocd-application-controller`, are known from objects in public reports alone.
    // <https://argo-cd.readthedocs.io/en/stable/user-guide/resource_tracking/>: the label is one that people choose
    // instead of `app.kubernetes.io/instance`, which is no mark here because charts set it too.
    Tool {
        name: "Argo CD",
        managers: &["argocd-controller", "argocd-application-controller"],
        marks: &[
            Mark::Names("argocd.argoproj.io/instance"),
            Mark::Names("argocd.argoproj.io/tracking-id"),
        ],
        drop: "remove it from the application's manifests",
    },
    // <https://github.com/fluxcd/helm-controller/blob/v1.3.0/main.go> (kube.ManagedFieldsManager), by update
    // <https://fluxcd.io/flux/components/helm/helmreleases/>
    Tool {
        name: "Flux",
        managers: &["helm-controller"],
        marks: &[Mark::Names("helm.toolkit.fluxcd.io/name")],
        drop: "remove it from the values of the HelmRelease",
    },
    // <https://fluxcd.io/flux/components/kustomize/kustomizations/>, by apply
    Tool {
        name: "Flux",
        managers: &["kustomize-controller"],
        marks: &[Mark::Names("kustomize.toolkit.fluxcd.io/name")],
        drop: "remove it from the manifests of the Kustomization",
    },
    // <https://github.com/helm/helm/blob/v3.18.0/pkg/kube/client.go> (getManagedFieldsManager): the
    // name of the program, by update; so Terraform's provider of charts writes as its own program.
    // <https://github.com/helm/helm/blob/v3.18.0/pkg/action/validate.go>
    Tool {
        name: "Helm",
        managers: &["helm", "terraform-provider-helm*"],
        marks: &[Mark::Names("meta.helm.sh/release-name"), Mark::Is(LABEL_MANAGED_BY, "Helm")],
        drop: "remove it from the chart's values",
    },
    // <https://registry.terraform.io/providers/hashicorp/kubernetes/latest/docs/resources/manifest#field_manager>
    // <https://github.com/hashicorp/terraform-provider-kubernetes/blob/v2.37.1/kubernetes/provider.go> (UserAgent):
    // without a manager of its own an update is recorded as what its user agent says before the first `/`.
    Tool {
        name: "Terraform",
        managers: &["Terraform", "HashiCorp", "terraform-provider-*"],
        marks: &[],
        drop: "remove it from the Terraform resource",
    },
    // <https://github.com/pulumi/pulumi-kubernetes/pull/2271>: the name with a random end, by apply. The label, and the
    // name without an end, are known from objects in public reports alone.
    Tool {
        name: "Pulumi",
        managers: &["pulumi-kubernetes*"],
        marks: &[Mark::Is(LABEL_MANAGED_BY, "pulumi")],
        drop: "remove it from the Pulumi program",
    },
    // <https://kubernetes.io/docs/reference/using-api/server-side-apply/#migration-between-client-side-and-server-side-apply>
    // <https://github.com/kubernetes/kubectl/blob/v0.36.0/pkg/cmd/apply/apply.go> (FieldManagerClientSideApply)
    Tool {
        name: "kubectl apply",
        managers: &["kubectl-client-side-apply"],
        marks: &[Mark::Has("kubectl.kubernetes.io/last-applied-configuration")],
        drop: "remove it from the manifest and apply that again",
    },
];

/// The managers of what people write by hand.
/// <https://github.com/kubernetes/kubectl/tree/v0.36.0/pkg/cmd> (each command's `fieldManager`)
const BY_HAND: [&str; 4] = ["kubectl-edit", "kubectl-annotate", "kubectl-label", "kubectl-patch"];

/// The tool of a field manager.
pub fn by_manager(manager: &str) -> Option<&'static Tool> {
    let is_one = |name: &&str| match name.strip_suffix('*') {
        Some(start) => manager.starts_with(start),
        None => manager == *name,
    };
    TOOLS.iter().find(|tool| tool.managers.iter().any(is_one))
}

/// The tool whose marks an object has, by its labels and annotations, and what of the tool declares it.
pub fn by_marks<'v>(
    get: impl Fn(&str) -> Option<&'v str>,
) -> Option<(&'static Tool, Option<&'v str>)> {
    let found = |mark: &Mark| match *mark {
        Mark::Names(key) => get(key).map(Some),
        Mark::Is(key, value) => get(key).filter(|found| *found == value).map(|_| None),
        Mark::Has(key) => get(key).map(|_| None),
    };
    TOOLS.iter().find_map(|tool| Some((tool, tool.marks.iter().find_map(found)?)))
}

/// Whether people write by hand as this manager.
pub fn is_by_hand(manager: &str) -> bool {
    BY_HAND.contains(&manager)
}

/// The keys of all marks.
pub fn keys() -> impl Iterator<Item = &'static str> {
    TOOLS.iter().flat_map(|tool| tool.marks).map(|mark| match mark {
        Mark::Names(key) | Mark::Is(key, _) | Mark::Has(key) => *key,
    })
}

#[cfg(test)]
mod tests {
    use super::{TOOLS, by_manager, by_marks, is_by_hand};

    #[test]
    fn tools_are_known_by_their_managers_and_people_are_none() {
        for (manager, tool) in [
            ("helm", "Helm"),
            ("terraform-provider-helm_v2.17.0_x5", "Helm"),
            ("terraform-provider-kubernetes_v2.37.1_x5", "Terraform"),
            ("HashiCorp", "Terraform"),
            ("argocd-controller", "Argo CD"),
            ("helm-controller", "Flux"),
            ("pulumi-kubernetes", "Pulumi"),
            ("pulumi-kubernetes-1a2b3c4d", "Pulumi"),
            ("kubectl-client-side-apply", "kubectl apply"),
        ] {
            assert_eq!(by_manager(manager).map(|tool| tool.name), Some(tool), "{manager}");
            assert!(!is_by_hand(manager));
        }
        for person in ["kubectl-edit", "kubectl-annotate", "kubectl-label", "kubectl-patch"] {
            assert!(is_by_hand(person) && by_manager(person).is_none(), "{person}");
        }
        assert!(by_manager("helmet").is_none() && by_manager("").is_none());
    }

    #[test]
    fn the_most_specific_tool_is_named_with_what_of_it_declares_the_object() {
        let found = |marks: &[(&'static str, &'static str)]| {
            let marks = marks.to_vec();
            let get = |key: &str| marks.iter().find(|(name, _)| *name == key).map(|mark| mark.1);
            by_marks(get).map(|(tool, name)| (tool.name, name))
        };
        let managed = ("app.kubernetes.io/managed-by", "Helm");
        let release = ("meta.helm.sh/release-name", "eso");
        assert_eq!(found(&[managed]), Some(("Helm", None)));
        assert_eq!(found(&[managed, release]), Some(("Helm", Some("eso"))));
        let flux = ("helm.toolkit.fluxcd.io/name", "eso");
        assert_eq!(found(&[managed, release, flux]), Some(("Flux", Some("eso"))));
        let argo = ("argocd.argoproj.io/tracking-id", "apps:/ServiceAccount:data/etl");
        assert_eq!(found(&[managed, argo]), Some(("Argo CD", Some(argo.1))));
        let applied = ("kubectl.kubernetes.io/last-applied-configuration", "{}");
        assert_eq!(found(&[applied]), Some(("kubectl apply", None)));
        assert_eq!(found(&[("app.kubernetes.io/managed-by", "me")]), None);
    }

    #[test]
    fn every_tool_can_be_known_and_says_how_it_stops() {
        assert!(TOOLS.iter().all(|tool| !tool.managers.is_empty() && !tool.drop.is_empty()));
    }
}
