//! Which proxy, if any, stands before an API server.

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use super::environment::Environment;
use super::source::Source;
use crate::model::host::is_loopback;

/// Why a proxy cannot be used. Its address is not repeated: it may hold a password.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum BadProxy {
    /// The kubeconfig's own.
    #[error("its `proxy-url` is not the address of an http proxy")]
    OfKubeconfig,
    /// The environment's.
    #[error("HTTPS_PROXY is not the address of an http proxy, and the server is not in NO_PROXY")]
    OfEnvironment,
}

impl BadProxy {
    /// What mends it.
    pub(super) fn hint(self, source: &Source) -> String {
        match self {
            Self::OfKubeconfig => source.set_cluster("--proxy-url http://HOST:PORT"),
            Self::OfEnvironment => "set HTTPS_PROXY to `http://HOST:PORT`, or unset it".into(),
        }
    }
}

/// The proxy for a server: the kubeconfig's own, else the environment's; none for loopback. One that
/// cannot be used is an error: going without would leave the way that somebody chose.
///
/// kube 5 asks whether `NO_PROXY` names the proxy, not the server, so its choice is replaced by this one.
pub(super) fn before(
    server: &Url,
    own: Option<&str>,
    environment: &Environment,
) -> Result<Option<Uri>, BadProxy> {
    if is_loopback(server) {
        return Ok(None);
    }
    if let Some(own) = own.filter(|own| !own.is_empty()) {
        return usable(own).map(Some).ok_or(BadProxy::OfKubeconfig);
    }
    let Some(proxy) = environment.https_proxy.as_deref() else {
        return Ok(None);
    };
    let no_proxy = environment.no_proxy.clone().unwrap_or_default();
    // Only whether there is a proxy is asked here, so any address does.
    let matcher = Matcher::builder().all("http://proxy.invalid").no(no_proxy).build();
    let server = server.as_str().parse::<Uri>();
    if !server.is_ok_and(|server| matcher.intercept(&server).is_some()) {
        return Ok(None);
    }
    let proxy =
        if proxy.contains("://") { usable(proxy) } else { usable(&format!("http://{proxy}")) };
    proxy.map(Some).ok_or(BadProxy::OfEnvironment)
}

/// The address, if it is one of a proxy that takes CONNECT.
fn usable(proxy: &str) -> Option<Uri> {
    let proxy: Uri = proxy.parse().ok()?;
    let http = matches!(proxy.scheme_str(), Some("http" | "https"));
    (http && proxy.host().is_some_and(|host| !host.is_empty())).then_some(proxy)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn environment(https_proxy: &str, no_proxy: &str) -> Environment {
        Environment {
            kubeconfig: None,
            home: None,
            https_proxy: Some(https_proxy.into()).filter(|proxy: &String| !proxy.is_empty()),
            no_proxy: Some(no_proxy.into()),
            now: || Timestamp::UNIX_EPOCH,
        }
    }

    fn chosen(server: &str, own: Option<&str>, environment: &Environment) -> Option<String> {
        let proxy = before(&server.parse().unwrap(), own, environment).unwrap();
        proxy.map(|uri| uri.to_string())
    }

    #[test]
    fn a_kubeconfigs_own_proxy_goes_before_the_environments() {
        let environment = environment("http://env:3128", "");
        assert_eq!(
            chosen("https://api.example.com", Some("http://own:1"), &environment).as_deref(),
            Some("http://own:1/")
        );
        assert_eq!(
            chosen("https://api.example.com", None, &environment).as_deref(),
            Some("http://env:3128/")
        );
    }

    #[test]
    fn no_proxy_names_the_server_by_domain_address_or_network() {
        let environment = environment("http://user:pass@env:3128", "example.com, 10.0.0.0/8");
        for server in ["https://api.example.com", "https://10.1.2.3:6443"] {
            assert_eq!(chosen(server, None, &environment), None, "{server}");
        }
        assert_eq!(
            chosen("https://api.example.org", None, &environment).as_deref(),
            Some("http://user:pass@env:3128/")
        );
    }

    #[test]
    fn loopback_is_never_proxied() {
        let environment = environment("http://env:3128", "");
        for server in ["http://127.0.0.1:1", "https://localhost", "https://[::1]:6443"] {
            assert_eq!(chosen(server, Some("http://own:1"), &environment), None, "{server}");
        }
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_never_passed_over() {
        let server = "https://api.example.com".parse().unwrap();
        for bad in ["socks5://user:pass@own:1", "http://", "own .example", "ftp://own"] {
            let none = environment("", "");
            let own = before(&server, Some(bad), &none);
            assert_eq!(own, Err(BadProxy::OfKubeconfig), "{bad}");
            let of_environment = environment(bad, "");
            let environments = before(&server, None, &of_environment);
            assert_eq!(environments, Err(BadProxy::OfEnvironment), "{bad}");
            let spared = environment(bad, "example.com");
            assert_eq!(before(&server, None, &spared), Ok(None), "{bad}");
        }
    }
}
