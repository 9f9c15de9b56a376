//! Which of our Entra tokens an API server gets. A kubeconfig asks for one by its kubelogin stanza; it may have
//! been sent by somebody, so it cannot choose whom the token is for.

use super::error::clean;
use super::source::Source;
use crate::ports::error::PortError;
use crate::ports::place::Fault;

/// The application of the API servers of AKS, the same in every cloud.
/// <https://azure.github.io/kubelogin/concepts/aks.html>
const AKS_SERVER_APPLICATION: &str = "6dae42f8-4368-4678-94ff-3960e28e3630";

/// The scope that the API servers of AKS are asked for with, unless the profile's root file names another audience.
pub(crate) fn expected_scope(allowed: Option<&str>) -> String {
    format!("{}/.default", allowed.unwrap_or(AKS_SERVER_APPLICATION))
}

/// The scope to ask Entra for, if the audience may be asked for: that of AKS, or the one that the profile's root
/// file names for the cluster.
pub(super) fn scope(
    source: &Source,
    audience: &str,
    allowed: Option<&str>,
) -> Result<String, PortError> {
    let fits = match allowed {
        Some(allowed) => audience == allowed,
        None => audience.eq_ignore_ascii_case(AKS_SERVER_APPLICATION),
    };
    if fits {
        return Ok(format!("{audience}/.default"));
    }
    let (shown, cluster) = (clean(audience), &source.cluster);
    let asks = format!("its user asks for a token for `{shown}`");
    let (message, fault) = match allowed {
        Some(allowed) => (
            format!(
                "{asks}, and `token_audience` in `[clusters.{cluster}]` of the profile is `{allowed}`"
            ),
            Fault::OtherAudience,
        ),
        None => (
            format!("{asks}, and API servers get tokens for the AKS server application alone"),
            Fault::ForeignAudience { asked: shown, usual: AKS_SERVER_APPLICATION },
        ),
    };
    Err(source.unusable(message, fault))
}
