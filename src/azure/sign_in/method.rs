//! The credentials by name.

use std::fmt;
use std::str::FromStr;

/// A kind of credential, in the order in which they are tried.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Method {
    /// A client secret or certificate in the environment.
    Environment,
    /// The token that Kubernetes projects into a pod.
    WorkloadIdentity,
    /// The OIDC token of a GitHub Actions job.
    GithubActions,
    /// The service connection of an Azure Pipelines job.
    AzurePipelines,
    /// The sign-in of `az`.
    AzureCli,
    /// The sign-in of `azd`.
    AzureDeveloperCli,
    /// The identity of the machine.
    ManagedIdentity,
}

/// Nobody knows the name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no credential is named `{0}`; {meant}known: {known}", meant = meant(.0), known = Method::ALL.map(Method::name).join(", "))]
pub struct UnknownMethod(String);

/// What people call some of them.
const ALSO_CALLED: [(&str, Method); 6] = [
    ("az", Method::AzureCli),
    ("cli", Method::AzureCli),
    ("azd", Method::AzureDeveloperCli),
    ("env", Method::Environment),
    ("github", Method::GithubActions),
    ("msi", Method::ManagedIdentity),
];

fn meant(name: &str) -> String {
    let meant = ALSO_CALLED.iter().find(|(called, _)| *called == name);
    meant.map(|(_, method)| format!("did you mean `{method}`? ")).unwrap_or_default()
}

impl Method {
    /// All of them, in order.
    pub const ALL: [Self; 7] = [
        Self::Environment,
        Self::WorkloadIdentity,
        Self::GithubActions,
        Self::AzurePipelines,
        Self::AzureCli,
        Self::AzureDeveloperCli,
        Self::ManagedIdentity,
    ];

    /// Its name, as `--auth` takes it and as runs report it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::WorkloadIdentity => "workload-identity",
            Self::GithubActions => "github-actions",
            Self::AzurePipelines => "azure-pipelines",
            Self::AzureCli => "azure-cli",
            Self::AzureDeveloperCli => "azure-developer-cli",
            Self::ManagedIdentity => "managed-identity",
        }
    }

    /// Whether somebody put it into the environment on purpose. Then it is used or it fails; another
    /// principal must not step in unnoticed.
    pub(crate) fn is_named_by_environment(self) -> bool {
        match self {
            Self::Environment
            | Self::WorkloadIdentity
            | Self::GithubActions
            | Self::AzurePipelines => true,
            Self::AzureCli | Self::AzureDeveloperCli | Self::ManagedIdentity => false,
        }
    }
}

impl FromStr for Method {
    type Err = UnknownMethod;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|method| method.name() == text)
            .ok_or_else(|| UnknownMethod(text.to_owned()))
    }
}

impl fmt::Display for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
