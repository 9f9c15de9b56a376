//! Which proxy, if any, stands before an API server.

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use super::environment::Environment;
use super::source::SERVER_FLAG;
use crate::model::host::is_loopback;
use crate::ports::place::Fault;

/// The protocols of proxies that kubectl speaks.
/// <https://github.com/kubernetes/client-go/blob/master/tools/clientcmd/helpers.go>
const SCHEMES: [&str; 3] = ["http", "https", "socks5"];
/// Where a socks5 proxy without a port listens. <https://www.rfc-editor.org/rfc/rfc1928#section-3>
const SOCKS_PORT: u16 = 1080;

/// Why a proxy cannot be used. Its address is not repeated: it may hold a password.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum BadProxy {
    /// The kubeconfig's own.
    #[error("its `proxy-url` is not the address of an http, https or socks5 proxy")]
    OfKubeconfig,
    /// The environment's.
    #[error(
        "HTTPS_PROXY is not the address of an http, https or socks5 proxy, and the server is not in NO_PROXY"
    )]
    OfEnvironment,
    /// kube signs in to HTTP proxies alone.
    #[error(
        "its proxy is a socks5 proxy with a user name, and widctl can sign in to http and https proxies alone"
    )]
    SignIn,
    /// The credentials would leave this machine unencrypted.
    #[error(
        "its server is plain http, which is for this machine alone, and its `proxy-url` leads elsewhere"
    )]
    Plain,
}

impl BadProxy {
    /// The same for advice.
    pub(super) fn fault(self) -> Fault {
        match self {
            Self::OfKubeconfig => Fault::OfCluster("--proxy-url http://HOST:PORT"),
            Self::OfEnvironment => Fault::ProxyOfEnvironment,
            Self::SignIn => Fault::ProxySignIn,
            Self::Plain => Fault::OfCluster(SERVER_FLAG),
        }
    }
}

/// The proxy for a server: the kubeconfig's own, as in kubectl whatever the server; else the environment's, which
/// is not for loopback. One that cannot be used is an error: going without would leave the way that somebody chose.
///
/// kube 5 asks whether `NO_PROXY` names the proxy, not the server, so its choice is replaced by this one.
pub(super) fn before(
    server: &Url,
    own: Option<&str>,
    environment: &Environment,
) -> Result<Option<Uri>, BadProxy> {
    if let Some(own) = own {
        let proxy = usable(own, BadProxy::OfKubeconfig)?;
        return if server.scheme() == "https" { Ok(Some(proxy)) } else { Err(BadProxy::Plain) };
    }
    let Some(proxy) = environment.https_proxy.as_deref().filter(|_| !is_loopback(server)) else {
        return Ok(None);
    };
    let no_proxy = environment.no_proxy.clone().unwrap_or_default();
    // Only whether there is a proxy is asked here, so any address does.
    let matcher = Matcher::builder().all("http://proxy.invalid").no(no_proxy).build();
    let server = server.as_str().parse::<Uri>();
    if !server.is_ok_and(|server| matcher.intercept(&server).is_some()) {
        return Ok(None);
    }
    let scheme = if proxy.contains("://") { "" } else { "http://" };
    usable(&format!("{scheme}{proxy}"), BadProxy::OfEnvironment).map(Some)
}

/// The address, if it is one of a proxy that kube speaks with.
fn usable(proxy: &str, bad: BadProxy) -> Result<Uri, BadProxy> {
    let proxy: Uri = proxy.parse().map_err(|_| bad)?;
    let known = proxy.scheme_str().is_some_and(|scheme| SCHEMES.contains(&scheme));
    if !known || proxy.host().is_none_or(str::is_empty) {
        return Err(bad);
    }
    let socks = proxy.scheme_str() == Some("socks5");
    if socks && proxy.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(BadProxy::SignIn);
    }
    match proxy.host() {
        Some(host) if socks && proxy.port().is_none() => {
            format!("socks5://{host}:{SOCKS_PORT}").parse().map_err(|_| bad)
        }
        _ => Ok(proxy),
    }
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
    fn the_environments_proxy_is_never_for_loopback_and_a_kubeconfigs_own_is_never_passed_over() {
        let environment = environment("http://env:3128", "");
        for server in ["http://127.0.0.1:1", "https://localhost", "https://[::1]:6443"] {
            assert_eq!(chosen(server, None, &environment), None, "{server}");
            let own = before(&server.parse().unwrap(), Some("socks5://own:1"), &environment);
            let proxied = Ok(Some("socks5://own:1/".parse().unwrap()));
            let plain = server.starts_with("http:");
            assert_eq!(own, if plain { Err(BadProxy::Plain) } else { proxied }, "{server}");
        }
    }

    #[test]
    fn a_socks5_proxy_is_used_unless_it_asks_for_a_password() {
        let (server, none) = ("https://api.example.com", environment("", ""));
        let socks = "socks5://own";
        assert_eq!(chosen(server, Some(socks), &none).as_deref(), Some("socks5://own:1080/"));
        let environments = environment(socks, "");
        assert_eq!(chosen(server, None, &environments).as_deref(), Some("socks5://own:1080/"));
        let server = server.parse().unwrap();
        let asks = "socks5://user:pass@own:1";
        assert_eq!(before(&server, Some(asks), &none), Err(BadProxy::SignIn));
        assert_eq!(before(&server, None, &environment(asks, "")), Err(BadProxy::SignIn));
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_never_passed_over() {
        let server = "https://api.example.com".parse().unwrap();
        for bad in ["socks5h://own:1", "http://", "own .example", "ftp://own"] {
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
