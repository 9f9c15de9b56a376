//! Which Azure: the endpoints of the three clouds, and of the ones that a cloud file describes.
//!
//! A cloud file is given outside the profile, so that no profile can send a credential to a host of
//! its choice.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use url::Url;

use crate::model::host::is_loopback;
use crate::model::text::token_exchange_audience;

/// Names and endpoints of the clouds that Microsoft runs: name, ARM, authority, audience of ARM.
/// <https://learn.microsoft.com/azure/developer/identity/national-clouds>
const BUILT_IN: [(&str, &str, &str, &str); 3] = [
    (
        "public",
        "https://management.azure.com",
        "https://login.microsoftonline.com",
        "https://management.azure.com",
    ),
    (
        "usgovernment",
        "https://management.usgovcloudapi.net",
        "https://login.microsoftonline.us",
        "https://management.usgovcloudapi.net",
    ),
    (
        "china",
        "https://management.chinacloudapi.cn",
        "https://login.partner.microsoftonline.cn",
        "https://management.chinacloudapi.cn",
    ),
];
/// The least likeness of two names, 0 to 1, for one to be suggested for the other.
const LIKENESS: f64 = 0.6;

/// One cloud's endpoints.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cloud {
    /// Its name: `public`, `usgovernment`, `china`, or a name of the cloud file.
    pub name: String,
    /// The origin of Azure Resource Manager.
    pub arm: Url,
    /// The origin of the token endpoint.
    pub authority_host: Url,
    /// Whom tokens for ARM are for, without `/.default`.
    pub arm_audience: String,
    /// A PEM file of certificate authorities to trust besides the system's.
    pub ca_file: Option<PathBuf>,
}

/// Why there is no such cloud.
#[derive(Debug, thiserror::Error)]
pub enum CloudError {
    /// The cloud file is not TOML, or has keys that mean nothing.
    #[error("cloud file {} cannot be understood", path.display())]
    Syntax {
        /// The cloud file.
        path: PathBuf,
        /// Where and what.
        source: Box<toml::de::Error>,
    },
    /// An endpoint that no token may be sent to.
    #[error("cloud file {}: `{key}` of cloud `{cloud}` {problem}", path.display())]
    Endpoint {
        /// The cloud file.
        path: PathBuf,
        /// The cloud.
        cloud: String,
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A built-in name cannot get other endpoints.
    #[error("cloud file {}: `{cloud}` is the name of a built-in cloud", path.display())]
    BuiltIn {
        /// The cloud file.
        path: PathBuf,
        /// The name.
        cloud: String,
    },
    /// Nobody knows the name.
    #[error("no cloud is named `{name}`{}; known: {}", suggestion(suggested.as_deref()), known.join(", "))]
    Unknown {
        /// The name.
        name: String,
        /// The known name that is most like it.
        suggested: Option<String>,
        /// All known names.
        known: Vec<String>,
    },
}

fn suggestion(suggested: Option<&str>) -> String {
    suggested.map_or_else(String::new, |name| format!(", did you mean `{name}`?"))
}

/// A cloud file, as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CloudFile {
    #[serde(default)]
    clouds: BTreeMap<String, CloudTable>,
}

/// One table of a cloud file, as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CloudTable {
    arm: String,
    authority_host: String,
    arm_audience: Option<String>,
    ca_file: Option<PathBuf>,
}

/// All clouds that can be named.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Clouds(BTreeMap<String, Cloud>);

impl Default for Clouds {
    fn default() -> Self {
        let cloud = |(name, arm, authority_host, audience): (&str, &str, &str, &str)| Cloud {
            name: name.into(),
            arm: arm.parse().expect("the built-in endpoints are URLs"),
            authority_host: authority_host.parse().expect("the built-in endpoints are URLs"),
            arm_audience: audience.into(),
            ca_file: None,
        };
        Self(BUILT_IN.into_iter().map(|row| (row.0.to_owned(), cloud(row))).collect())
    }
}

impl Clouds {
    /// The built-in clouds and those of a cloud file. `path` is where the text came from: it stands in
    /// errors, and relative `ca_file`s are taken from its folder.
    pub fn with_file(text: &str, path: &Path) -> Result<Self, CloudError> {
        let file: CloudFile = toml::from_str(text).map_err(|source| CloudError::Syntax {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
        let Self(mut clouds) = Self::default();
        for (name, table) in file.clouds {
            if clouds.contains_key(&name) {
                return Err(CloudError::BuiltIn { path: path.to_owned(), cloud: name });
            }
            let cloud = table.read(&name, path)?;
            clouds.insert(name, cloud);
        }
        Ok(Self(clouds))
    }

    /// The cloud of this name.
    pub fn find(&self, name: &str) -> Result<&Cloud, CloudError> {
        self.0.get(name).ok_or_else(|| CloudError::Unknown {
            name: name.to_owned(),
            suggested: self
                .0
                .keys()
                .map(|known| (strsim::jaro_winkler(known, name), known))
                .filter(|(likeness, _)| *likeness >= LIKENESS)
                .max_by(|one, other| one.0.total_cmp(&other.0))
                .map(|(_, known)| known.clone()),
            known: self.0.keys().cloned().collect(),
        })
    }
}

impl CloudTable {
    fn read(self, name: &str, path: &Path) -> Result<Cloud, CloudError> {
        let endpoint = |key, text: &str| {
            origin(text).map_err(|problem| CloudError::Endpoint {
                path: path.to_owned(),
                cloud: name.to_owned(),
                key,
                problem,
            })
        };
        let arm = endpoint("arm", &self.arm)?;
        let audience =
            self.arm_audience.unwrap_or_else(|| arm.as_str().trim_end_matches('/').to_owned());
        Ok(Cloud {
            name: name.to_owned(),
            authority_host: endpoint("authority_host", &self.authority_host)?,
            arm,
            arm_audience: audience.trim_end_matches("/.default").to_owned(),
            ca_file: self.ca_file.map(|file| {
                path.parent().map_or_else(|| file.clone(), |folder| folder.join(&file))
            }),
        })
    }
}

impl Cloud {
    /// A cloud whose services all listen at one loopback origin, as the sandbox does.
    pub fn loopback(base: &Url) -> Result<Self, CloudError> {
        let base = origin(base.as_str()).map_err(|problem| CloudError::Endpoint {
            path: PathBuf::new(),
            cloud: "sandbox".into(),
            key: "arm",
            problem,
        })?;
        Ok(Self {
            name: "sandbox".into(),
            authority_host: base.clone(),
            arm: base,
            arm_audience: "https://management.azure.com".into(),
            ca_file: None,
        })
    }

    /// The audience of tokens that this cloud's Entra takes from other issuers.
    pub fn token_exchange_audience(&self) -> &'static str {
        token_exchange_audience(&self.name)
    }

    /// The scope to ask for a token for ARM.
    pub fn arm_scope(&self) -> String {
        format!("{}/.default", self.arm_audience)
    }
}

/// Reads an endpoint that tokens may be sent to: an origin, https, plain http for loopback alone.
fn origin(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "is not a URL")?;
    let is_safe = match url.scheme() {
        "https" => true,
        "http" => is_loopback(&url),
        _ => false,
    };
    if !is_safe {
        return Err("must begin with https:// (http:// for loopback only)");
    }
    if url.host().is_none() || !url.username().is_empty() || url.password().is_some() {
        return Err("must be an origin: scheme, host and port, no user");
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err("must be an origin: scheme, host and port, no path");
    }
    Ok(url)
}

#[cfg(test)]
mod tests;
