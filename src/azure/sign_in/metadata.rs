//! The identity of the machine, where it has one.

use std::sync::Arc;
use std::time::Duration;

use azure_core::http::{Method as HttpMethod, Request};
use azure_identity::{ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId};

use super::error;
use super::library::{Reach, Source};
use super::method::Method;
use super::variables::CredentialVariables;
use crate::ports::error::PortError;

/// The metadata service of a virtual machine. A request without its header is refused at once, which is
/// enough to know that it is there.
/// <https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service>
const METADATA_SERVICE: &str = "http://169.254.169.254/metadata/identity/oauth2/token";
/// The longest wait for it. On a machine that is not in Azure nobody answers.
const PROBE: Duration = Duration::from_secs(1);

/// Whether the machine seems to have an identity.
pub(super) async fn is_there(environment: &CredentialVariables, reach: &Reach) -> bool {
    // App Service and its like say so; the library reads what else they set.
    if environment.get("IDENTITY_ENDPOINT").is_some() {
        return true;
    }
    let url = METADATA_SERVICE.parse().expect("the address is a URL");
    let request = Request::new(url, HttpMethod::Get);
    let client = reach.without_proxy().transport.client();
    let probe = client.execute_request(&request);
    matches!(tokio::time::timeout(PROBE, probe).await, Ok(Ok(_)))
}

/// The machine's identity, or the user-assigned one that `AZURE_CLIENT_ID` names.
pub(super) fn source(
    environment: &CredentialVariables,
    reach: &Reach,
) -> Result<Source, PortError> {
    let mut client_options = reach.without_proxy().client_options();
    // The library repeats requests to this service by itself, in the way that the service asks for.
    client_options.per_call_policies.clear();
    let options = ManagedIdentityCredentialOptions {
        user_assigned_id: environment
            .get("AZURE_CLIENT_ID")
            .map(|id| UserAssignedId::ClientId(id.to_owned())),
        client_options,
    };
    let credential = ManagedIdentityCredential::new(Some(options))
        .map_err(|failure| error::from_library(failure, Method::ManagedIdentity))?;
    Ok(Source::new(Arc::clone(&credential) as Arc<_>, Method::ManagedIdentity))
}
