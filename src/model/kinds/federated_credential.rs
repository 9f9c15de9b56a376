//! Federated credentials: the trust of one (issuer, subject, audience) by one identity.
//! <https://learn.microsoft.com/rest/api/managedidentity/federated-identity-credentials>

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use crate::model::awaited::IdentityOutputs;
use crate::model::kinds::Kind;
use crate::model::kinds::identity::IdentityKey;
use crate::model::text::{Audience, CredentialName, Issuer, Subject};

/// The most federated credentials one identity can hold, foreign ones counted.
/// <https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations>
pub const CREDENTIALS_PER_IDENTITY: usize = 20;
/// The longest issuer, subject or audience that a federated credential takes, in characters.
/// <https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations>
pub const LONGEST_CLAIM: usize = 600;
/// The credential that AKS itself makes for identity bindings; it is never touched.
/// <https://learn.microsoft.com/azure/aks/identity-bindings-concepts>
pub const IDENTITY_BINDING_NAME: &str = "aks-identity-binding";
/// Where the issuer of that credential begins in the public cloud; the identity's tenant and client id follow. Those of the
/// other clouds are not documented.
/// <https://learn.microsoft.com/azure/aks/identity-bindings-concepts>
pub const IDENTITY_BINDING_ISSUER: &str = "https://ib.oic.prod-aks.azure.com/";

/// A federated credential, by its identity and name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct FederatedCredentialKey {
    /// The identity that trusts.
    pub identity: IdentityKey,
    /// The credential's name under the identity.
    pub name: CredentialName,
}

impl fmt::Display for FederatedCredentialKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "azure/federated-credential/{}/{}", self.identity.name(), self.name)
    }
}

/// What the plan wants of a federated credential, and what is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FederatedCredential {
    /// Who signs the tokens, byte for byte as in their `iss`.
    pub issuer: Issuer,
    /// Whom the tokens are about.
    pub subject: Subject,
    /// Whom the tokens are for; Azure takes exactly one.
    pub audience: Audience,
}

/// The expression of a flexible federated credential, `claims['sub'] matches 'repo:contoso/*'`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ClaimsExpression {
    /// Its text.
    pub text: Arc<str>,
    /// The version of its language; 1 is the only one that is documented.
    pub language: i64,
}

/// A federated credential as Azure answered it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LiveFederatedCredential {
    /// Its name under the identity.
    pub name: CredentialName,
    /// Who signs the tokens.
    pub issuer: Issuer,
    /// Whom the tokens are about; absent on a credential that matches claims by an expression.
    pub subject: Option<Subject>,
    /// The expression, where Azure shows it: only under preview versions of its interface.
    pub expression: Option<ClaimsExpression>,
    /// Whom the tokens are for.
    pub audiences: Vec<Audience>,
}

/// The kind of federated credentials.
#[derive(Debug)]
pub struct FederatedCredentials;

impl Kind for FederatedCredentials {
    const NAME: &'static str = "federated-credential";
    type Key = FederatedCredentialKey;
    type Planned = FederatedCredential;
    type Live = LiveFederatedCredential;
    type Write = FederatedCredential;
    type MayDelete = ();
    type MayRelease = Infallible;

    fn resolve(
        _: &FederatedCredentialKey,
        planned: &FederatedCredential,
        _: &IdentityOutputs,
    ) -> Option<FederatedCredential> {
        Some(planned.clone())
    }
}
