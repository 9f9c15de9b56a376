//! Where a sandbox is: in a file, or served by another process.

use std::path::{Path, PathBuf};

use url::Url;

use crate::command::failure::Failure;
use crate::model::host::is_loopback;

/// Where a sandbox is.
#[derive(Clone, Debug)]
pub enum Place {
    /// Its state is in this file, and the run serves it to itself.
    File(PathBuf),
    /// Another process serves it at this origin.
    Served(Url),
}

impl Place {
    /// Reads what `--sandbox` was given. Of an address that is refused no more is repeated than its host: the rest may
    /// hold a password.
    pub fn of(given: &Path) -> Result<Self, Failure> {
        match given.to_str().filter(|text| text.contains("://")) {
            None => Ok(Self::File(given.to_owned())),
            Some(text) => served(text).map(Self::Served).map_err(|why| Failure::Usage {
                what: format!("the address of the sandbox cannot be used: {why}"),
                hint:
                    "give it as `widctl sandbox serve` prints it: `--sandbox=http://127.0.0.1:PORT`"
                        .to_owned(),
            }),
        }
    }
}

/// Reads an origin on loopback.
fn served(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("it is not a URL ({error})"))?;
    let host = url.host_str().unwrap_or_default();
    if !is_loopback(&url) {
        return Err(format!(
            "`{host}` is not this machine, and a sandbox is joined on 127.0.0.0/8, [::1] or localhost alone"
        ));
    }
    match url.scheme() {
        "http" => {}
        "https" => return Err("a sandbox speaks plain http, and no https".to_owned()),
        other => return Err(format!("a sandbox speaks plain http, and no {other}")),
    }
    let is_origin = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !is_origin || !url.username().is_empty() || url.password().is_some() {
        return Err(format!("it has more than a host and a port (`{host}`)"));
    }
    Ok(url)
}
