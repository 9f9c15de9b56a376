//! Pods by name.

use std::fmt;
use std::str::FromStr;

use crate::model::text::{Namespace, ObjectName};

/// The label of the pods that the webhook looks at; its value is [`USES_IDENTITY`].
/// <https://azure.github.io/azure-workload-identity/docs/topics/service-account-labels-and-annotations.html#pod>
pub const LABEL_USE: &str = "azure.workload.identity/use";
/// The value of [`LABEL_USE`], byte for byte.
pub const USES_IDENTITY: &str = "true";

/// The longest name of an object.
/// <https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#names>
const LONGEST_NAME: usize = 253;
/// The longest name of a namespace.
const LONGEST_LABEL: usize = 63;

/// A pod's namespace and name, `team-1/etl-x`. Both can be written into a path as they are.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct PodName {
    namespace: Namespace,
    name: ObjectName,
}

impl PodName {
    /// The namespace.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The name inside the namespace.
    pub fn name(&self) -> &ObjectName {
        &self.name
    }
}

impl fmt::Display for PodName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.name)
    }
}

impl FromStr for PodName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (namespace, name) = text.split_once('/').ok_or("a pod is written as NAMESPACE/NAME")?;
        let is_part = |part: &str| {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            part.chars().all(plain) && !part.is_empty() && !part.starts_with('-')
        };
        if !is_part(namespace) || namespace.len() > LONGEST_LABEL {
            return Err("no namespace is called so; a pod is written as NAMESPACE/NAME");
        }
        if !name.split('.').all(is_part) || name.len() > LONGEST_NAME {
            return Err("no pod is called so; a pod is written as NAMESPACE/NAME");
        }
        Ok(Self { namespace: Namespace::from(namespace), name: ObjectName::from(name) })
    }
}

#[cfg(test)]
mod tests {
    use super::PodName;

    #[test]
    fn a_pod_is_a_namespace_and_a_name_that_a_path_can_hold() {
        let pod: PodName = "team-1/etl-x.0".parse().unwrap();
        assert_eq!((pod.namespace().as_str(), pod.name().as_str()), ("team-1", "etl-x.0"));
        assert_eq!(pod.to_string(), "team-1/etl-x.0");
        for text in ["etl-x", "/x", "a/", "a/b/c", "a/..", "a/b?c", "A/b", "a/b c", "a.b/c", "a/-b"]
        {
            assert!(text.parse::<PodName>().is_err(), "{text}");
        }
        assert!(format!("a/{}", "b".repeat(254)).parse::<PodName>().is_err());
        assert!(format!("{}/b", "a".repeat(64)).parse::<PodName>().is_err());
    }
}
