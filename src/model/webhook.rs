//! What the workload identity webhook gives pods, and what wins over it.

/// The audience of tokens for the proxy of AKS identity bindings, which exchanges them inside the cluster.
/// <https://learn.microsoft.com/azure/aks/identity-bindings-concepts>
pub const BINDING_AUDIENCE: &str = "api://AKSIdentityBinding";
/// Where the token is since version 1.6 of the webhook.
/// <https://github.com/Azure/azure-workload-identity/blob/v1.6.0/pkg/webhook/consts.go>
pub const TOKEN_FILE: &str = "/var/run/secrets/azure/wi/token/azure-identity-token";
/// Where it was before.
/// <https://github.com/Azure/azure-workload-identity/blob/v1.5.1/pkg/webhook/consts.go>
pub const OLD_TOKEN_FILE: &str = "/var/run/secrets/azure/tokens/azure-identity-token";

/// A variable that decides who a container signs in as.
/// <https://learn.microsoft.com/dotnet/api/azure.identity.environmentcredential>
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Variable {
    /// `AZURE_CLIENT_ID`.
    ClientId,
    /// `AZURE_TENANT_ID`.
    TenantId,
    /// `AZURE_FEDERATED_TOKEN_FILE`.
    TokenFile,
    /// `AZURE_AUTHORITY_HOST`.
    AuthorityHost,
    /// `AZURE_CLIENT_SECRET`.
    ClientSecret,
    /// `AZURE_CLIENT_CERTIFICATE_PATH`.
    ClientCertificatePath,
    /// `AZURE_USERNAME`.
    Username,
}

impl Variable {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::ClientId,
        Self::TenantId,
        Self::TokenFile,
        Self::AuthorityHost,
        Self::ClientSecret,
        Self::ClientCertificatePath,
        Self::Username,
    ];
    /// Those that the webhook sets.
    pub const INJECTED: [Self; 4] =
        [Self::ClientId, Self::TenantId, Self::TokenFile, Self::AuthorityHost];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClientId => "AZURE_CLIENT_ID",
            Self::TenantId => "AZURE_TENANT_ID",
            Self::TokenFile => "AZURE_FEDERATED_TOKEN_FILE",
            Self::AuthorityHost => "AZURE_AUTHORITY_HOST",
            Self::ClientSecret => "AZURE_CLIENT_SECRET",
            Self::ClientCertificatePath => "AZURE_CLIENT_CERTIFICATE_PATH",
            Self::Username => "AZURE_USERNAME",
        }
    }
}
