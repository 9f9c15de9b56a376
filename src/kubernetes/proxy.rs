//! Which proxy, if any, stands before an API server.

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use super::environment::Environment;
use crate::oidc::discovery::is_loopback;

/// The proxy for a server: the kubeconfig's own, else the environment's; none for loopback.
///
/// kube 5 asks whether `NO_PROXY` names the proxy, not the server, so its choice is replaced by this one.
pub(super) fn before(server: &Url, own: Option<&str>, environment: &Environment) -> Option<Uri> {
    if is_loopback(server) {
        return None;
    }
    if let Some(own) = own.filter(|own| !own.is_empty()) {
        return own.parse().ok();
    }
    let proxy = environment.https_proxy.as_deref()?;
    let matcher = Matcher::builder()
        .all(proxy)
        .no(environment.no_proxy.clone().unwrap_or_default())
        .build();
    matcher.intercept(&server.as_str().parse().ok()?)?;
    // Not the matcher's own URI: it has the password taken out.
    if proxy.contains("://") {
        proxy.parse().ok()
    } else {
        format!("http://{proxy}").parse().ok()
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
        before(&server.parse().unwrap(), own, environment).map(|uri| uri.to_string())
    }

    #[test]
    fn a_kubeconfigs_own_proxy_goes_before_the_environments() {
        let environment = environment("http://env:3128", "");
        assert_eq!(
            chosen(
                "https://api.example.com",
                Some("http://own:1"),
                &environment
            )
            .as_deref(),
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
        for server in [
            "http://127.0.0.1:1",
            "https://localhost",
            "https://[::1]:6443",
        ] {
            assert_eq!(
                chosen(server, Some("http://own:1"), &environment),
                None,
                "{server}"
            );
        }
    }
}
