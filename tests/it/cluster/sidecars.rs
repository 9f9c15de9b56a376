//! What checks tokens for a service: Istio's objects by its own definitions, and Envoy itself, which reads the keys of a
//! real API server and takes or refuses real tokens.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use k8s_openapi::api::authentication::v1::TokenRequest;
use kube::api::PostParams;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::control_plane::ControlPlane;
use super::definitions::plane;
use super::services::rendered;
use super::site::{Ground, Site};
use super::tools;
use crate::python;

#[tokio::test]
#[ignore = "needs an API server: just test-cluster"]
async fn istio_knows_every_field_of_what_is_rendered_for_it() {
    let Some(plane) = plane() else { return };
    let site = Site::on(plane).await;
    let (text, folder) = (rendered(&site).await("istio.json").to_string(), TempDir::new().unwrap());
    let create = |text: &str| {
        fs::write(folder.path().join("istio.json"), text).unwrap();
        let line = "create --dry-run=server --validate=strict -f istio.json";
        plane.kubectl(folder.path(), &line.split(' ').collect::<Vec<_>>())
    };
    let (code, said) = create(&text);
    assert_eq!((code, said.matches("created (server dry run)").count()), (0, 2), "{said}");
    for field in ["jwksUri", "requestPrincipals", "matchLabels"] {
        let (code, said) = create(&text.replace(field, "misspelt"));
        assert!(code == 1 && said.contains("unknown field"), "{field}: {said}");
    }
    site.leave().await;
}

/// Envoy before a service that answers everything with 200.
struct Envoy {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Envoy {
    /// Starts it with these filters; the keys come from the cluster's own API server.
    fn start(program: &Path, filters: &Value, plane: &ControlPlane) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("envoy.json");
        fs::write(&file, configuration(port, filters, plane).to_string()).unwrap();
        let log = fs::File::create(program.with_extension("log")).unwrap();
        let child = Command::new(program)
            .args(["--reject-unknown-dynamic-fields", "--use-dynamic-base-id", "--config-path"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        Self { child: child.unwrap(), port, _folder: folder }
    }

    /// The status that a request with this token gets.
    async fn status(&self, token: Option<&str>) -> Option<u16> {
        // Whoever comes first installs it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client.get(format!("http://127.0.0.1:{}/", self.port));
        let request = match token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        };
        Some(request.send().await.ok()?.status().as_u16())
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A listener with the filters before the router, and the cluster that they ask for keys.
fn configuration(port: u16, filters: &Value, plane: &ControlPlane) -> Value {
    let kubeconfig = kube::config::Kubeconfig::read_from(&plane.kubeconfig).unwrap();
    let server = kubeconfig.clusters[0].cluster.clone().unwrap();
    let address = server.server.unwrap().parse::<http::Uri>().unwrap();
    let extension = |kind: &str| format!("type.googleapis.com/envoy.extensions.{kind}");
    let socket = |host: &str, port: u16| json!({ "socket_address": { "address": host, "port_value": port } });
    let mut all = filters["http_filters"].as_array().unwrap().clone();
    all.push(json!({
        "name": "envoy.filters.http.router",
        "typed_config": { "@type": extension("filters.http.router.v3.Router") },
    }));
    let fine = json!({ "match": { "prefix": "/" }, "direct_response": { "status": 200 } });
    let manager = json!({
        "@type": extension("filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "in",
        "route_config": { "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": [fine] }] },
        "http_filters": all,
    });
    let filter =
        json!({ "name": "envoy.filters.network.http_connection_manager", "typed_config": manager });
    let authority = match (server.certificate_authority, server.certificate_authority_data) {
        (Some(path), _) => json!({ "filename": path }),
        (None, data) => json!({ "inline_bytes": data.unwrap() }),
    };
    let tls = json!({
        "@type": extension("transport_sockets.tls.v3.UpstreamTlsContext"),
        "common_tls_context": { "validation_context": { "trusted_ca": authority } },
    });
    let endpoint = json!({ "endpoint": { "address": socket(address.host().unwrap(), address.port_u16().unwrap()) } });
    json!({ "static_resources": {
        "listeners": [{
            "name": "in", "address": socket("127.0.0.1", port),
            "filter_chains": [{ "filters": [filter] }],
        }],
        "clusters": [{
            "name": "kubernetes-issuer",
            "load_assignment": {
                "cluster_name": "kubernetes-issuer", "endpoints": [{ "lb_endpoints": [endpoint] }],
            },
            "transport_socket": { "name": "envoy.transport_sockets.tls", "typed_config": tls },
        }],
    } })
}

/// A token of an account for an audience.
async fn token(site: &Site, account: &str, audience: &str) -> String {
    let request = json!({ "spec": { "audiences": [audience], "expirationSeconds": 600 } });
    let request: TokenRequest = serde_json::from_value(request).unwrap();
    let options = PostParams::default();
    let made = site.accounts().create_token_request(account, &options, &request).await;
    made.unwrap().status.unwrap().token
}

#[tokio::test]
#[ignore = "needs an API server and Envoy: just test-cluster"]
async fn envoy_lets_the_callers_in_and_nobody_else() {
    let Some(site) = Site::real().await else { return };
    let Ground::Real(plane) = &site.ground else { unreachable!("the site is real") };
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/envoy/requirements.txt");
    let Some(python) = python::environment("envoy", &requirements, tools::REQUIRED) else { return };
    for account in ["flows", "worker"] {
        site.make_account(account, &json!({})).await;
    }
    let filters = rendered(&site).await("envoy.json");
    let envoy = Envoy::start(&python.with_file_name("envoy"), &filters, plane);
    site.until(async || envoy.status(None).await.is_some()).await;
    let flows = token(&site, "flows", "prices.data").await;
    // The keys are fetched by the first request that needs them.
    site.until(async || envoy.status(Some(&flows)).await == Some(200)).await;
    let mut forged = flows.clone();
    forged.replace_range(forged.len() - 8.., "AAAAAAAA");
    for (status, who, token) in [
        (401, "nobody", None),
        (401, "a forger", Some(forged)),
        (403, "another account", Some(token(&site, "worker", "prices.data").await)),
        (403, "the caller for another audience", Some(token(&site, "flows", "other").await)),
    ] {
        assert_eq!(envoy.status(token.as_deref()).await, Some(status), "{who}");
    }
    assert_eq!(envoy.status(Some(&flows)).await, Some(200));
    let log = fs::read_to_string(python.with_file_name("envoy").with_extension("log")).unwrap();
    assert!(!log.contains("Deprecated field"), "{log}");
    site.leave().await;
}
