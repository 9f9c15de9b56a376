//! A caller of the sandbox in process, and a world with the usual things in it.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};
use tower::ServiceExt;
use url::form_urlencoded;
use widctl::sandbox;
use widctl::sandbox::{AksCluster, ClusterSpec, World};

pub(super) const SUBSCRIPTION: &str = "12345678-1234-5678-9012-123456789012";
pub(super) const IDENTITIES: &str = "/subscriptions/12345678-1234-5678-9012-123456789012/resourceGroups/rgName/providers/Microsoft.ManagedIdentity/userAssignedIdentities";
pub(super) const IDENTITY: &str = "/subscriptions/12345678-1234-5678-9012-123456789012/resourceGroups/rgName/providers/Microsoft.ManagedIdentity/userAssignedIdentities/resourceName";
pub(super) const CLUSTER: &str = "/subscriptions/12345678-1234-5678-9012-123456789012/resourceGroups/rgName/providers/Microsoft.ContainerService/managedClusters/aks-weu";
pub(super) const ARM_SCOPE: &str = "https://management.azure.com/.default";
pub(super) const ORIGIN: &str = "https://sandbox.test";

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Reply {
    /// The error code of an ARM answer.
    pub(super) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    /// The message of an answer of ARM or of a cluster.
    pub(super) fn message(&self) -> &str {
        let of_arm = self.body["error"]["message"].as_str();
        of_arm.or(self.body["message"].as_str()).unwrap_or_default()
    }

    /// A header as text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// Calls one world, with a token for whichever service is asked.
#[derive(Clone)]
pub(super) struct Caller {
    router: Router,
    token: String,
}

impl Caller {
    /// A caller whose ARM token the world's own Entra gave out.
    pub(super) async fn of(world: &World) -> Self {
        let mut caller = Self { router: sandbox::router(world.clone()), token: String::new() };
        caller.token = caller.sign_in(world, ARM_SCOPE).await;
        caller
    }

    pub(super) async fn sign_in(&self, world: &World, scope: &str) -> String {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", sandbox::PRINCIPAL_CLIENT_ID),
            ("client_secret", "any"),
            ("scope", scope),
        ];
        let reply = self.token(&world.tenant(), &form).await;
        reply.body["access_token"].as_str().expect("the built-in principal signs in").to_owned()
    }

    pub(super) async fn token(&self, tenant: &str, form: &[(&str, &str)]) -> Reply {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = Request::post(format!("{ORIGIN}/{tenant}/oauth2/v2.0/token"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body));
        read(self.send(request.unwrap()).await).await
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// A request with the token that the service behind the path takes.
    pub(super) fn request(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Request<Body> {
        let url =
            if path.starts_with("http") { path.to_owned() } else { format!("{ORIGIN}{path}") };
        let token =
            if path.starts_with("/clusters/") { sandbox::STATIC_TOKEN } else { &self.token };
        let content_type = match *method {
            Method::PATCH if path.starts_with("/clusters/") => "application/merge-patch+json",
            _ => "application/json",
        };
        Request::builder()
            .method(method)
            .uri(url.replace(' ', "%20"))
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, content_type)
            .header(header::USER_AGENT, "curl/8.0")
            .body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())))
            .unwrap()
    }

    pub(super) async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Reply {
        read(self.send(self.request(&method, path, body)).await).await
    }

    pub(super) async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path, None).await
    }

    pub(super) async fn put(&self, path: &str, body: &Value) -> Reply {
        self.call(Method::PUT, path, Some(body)).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.call(Method::POST, path, Some(body)).await
    }

    pub(super) async fn patch(&self, path: &str, body: &Value) -> Reply {
        self.call(Method::PATCH, path, Some(body)).await
    }

    pub(super) async fn delete(&self, path: &str) -> Reply {
        self.call(Method::DELETE, path, None).await
    }

    /// A server-side apply by a manager.
    pub(super) async fn apply(
        &self,
        path: &str,
        manager: &str,
        force: bool,
        body: &Value,
    ) -> Reply {
        let path = format!("{path}?fieldManager={manager}&force={force}");
        let mut request = self.request(&Method::PATCH, &path, Some(body));
        let kind = "application/apply-patch+yaml".parse().unwrap();
        request.headers_mut().insert(header::CONTENT_TYPE, kind);
        read(self.send(request).await).await
    }
}

pub(super) async fn read(response: Response) -> Reply {
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
    Reply { status: parts.status, headers: parts.headers, body }
}

/// A world with a resource group, a cluster of AKS and one beside it, and a caller.
pub(super) async fn world() -> (World, Caller) {
    let world = World::in_memory();
    fill(&world);
    let caller = Caller::of(&world).await;
    world.forget_requests();
    (world, caller)
}

pub(super) fn fill(world: &World) {
    world.grow_resource_group(SUBSCRIPTION, "rgName", "eastus");
    world.grow_cluster(ClusterSpec {
        key: "weu".to_owned(),
        aks: Some(AksCluster {
            subscription: SUBSCRIPTION.to_owned(),
            resource_group: "rgName".to_owned(),
            name: "aks-weu".to_owned(),
            location: "westeurope".to_owned(),
            is_arc: false,
        }),
        ..ClusterSpec::default()
    });
    world.grow_cluster(ClusterSpec {
        key: "onprem".to_owned(),
        issuer: Some("https://oidc.contoso.com/onprem".to_owned()),
        context: Some("onprem-admin".to_owned()),
        ..ClusterSpec::default()
    });
    world.grow_namespace("weu", "data-eng");
}

/// The issuer of a cluster of the world.
pub(super) fn issuer(world: &World, cluster: &str) -> String {
    world.to_json()["clusters"][cluster]["issuer"].as_str().unwrap().to_owned()
}

/// The body of a credential.
pub(super) fn credential(issuer: &str, subject: &str) -> Value {
    json!({ "properties": {
        "issuer": issuer, "subject": subject, "audiences": ["api://AzureADTokenExchange"],
    }})
}
