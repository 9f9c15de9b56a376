//! Clusters as ARM shows them, their credentials and their issuers.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use data_encoding::BASE64;
use serde_json::{Value, json};
use url::Url;
use widctl::sandbox;
use widctl::sandbox::{AksCluster, ClusterSpec};

use super::support::{CLUSTER, Caller, IDENTITY, ORIGIN, SUBSCRIPTION, issuer, read, world};

const VERSION: &str = "api-version=2025-09-01";

#[tokio::test]
async fn v27_a_cluster_shows_its_issuer_with_its_slash() {
    let (world, caller) = world().await;
    let cluster = caller.get(&format!("{CLUSTER}?{VERSION}")).await;
    assert_eq!(cluster.status, StatusCode::OK);
    assert!(cluster.body["id"].as_str().unwrap().contains("/resourcegroups/rgName/"));
    assert_eq!(cluster.body["type"], "Microsoft.ContainerService/ManagedClusters");
    let profile = &cluster.body["properties"]["oidcIssuerProfile"];
    assert_eq!(profile["enabled"], true);
    let url = profile["issuerURL"].as_str().unwrap();
    let start = format!("https://westeurope.oic.sandbox.invalid/{}/", world.tenant());
    assert!(url.starts_with(&start) && url.ends_with('/'), "{url}");
    assert_eq!(url, issuer(&world, "weu"));
}

#[tokio::test]
async fn v27_a_cluster_may_have_no_issuer_at_all() {
    let (world, caller) = world().await;
    let edited = world.edit_resource(&CLUSTER.to_lowercase(), |cluster| {
        cluster["properties"]["oidcIssuerProfile"] = Value::Null;
    });
    assert!(edited);
    let cluster = caller.get(&format!("{CLUSTER}?{VERSION}")).await;
    assert_eq!(cluster.body["properties"]["oidcIssuerProfile"], Value::Null);
}

#[tokio::test]
async fn clusters_are_listed_by_group_and_by_subscription() {
    let (_world, caller) = world().await;
    let of_group = CLUSTER.trim_end_matches("/aks-weu");
    let of_subscription = of_group.replace("/resourceGroups/rgName", "");
    for path in [of_group, &of_subscription] {
        let list = caller.get(&format!("{path}?{VERSION}")).await;
        assert_eq!(list.body["value"][0]["name"], "aks-weu", "{path}");
    }
}

#[tokio::test]
async fn what_is_asked_of_a_cluster_needs_an_api_version_that_knows_clusters() {
    let (_world, caller) = world().await;
    let call = format!("{CLUSTER}/listClusterUserCredential");
    let none = caller.post(&call, &Value::Null).await;
    assert_eq!(none.code(), "MissingApiVersionParameter");
    let other = caller.post(&format!("{call}?api-version=2018-11-30"), &Value::Null).await;
    assert_eq!(other.code(), "NoRegisteredProviderFound");
}

async fn kubeconfig(caller: &Caller, cluster: &str, call: &str) -> (String, String) {
    let reply = caller.post(&format!("{cluster}/{call}?{VERSION}"), &Value::Null).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    let config = &reply.body["kubeconfigs"][0];
    let bytes = BASE64.decode(config["value"].as_str().unwrap().as_bytes()).unwrap();
    (config["name"].as_str().unwrap().to_owned(), String::from_utf8(bytes).unwrap())
}

#[tokio::test]
async fn v28_the_user_credential_asks_for_an_entra_token() {
    let (world, caller) = world().await;
    let (name, text) = kubeconfig(&caller, CLUSTER, "listClusterUserCredential").await;
    assert_eq!(name, "clusterUser");
    let text = text.replace(&world.tenant(), "TENANT");
    insta::assert_snapshot!(text, @r#"
    apiVersion: v1
    kind: Config
    preferences: {}
    current-context: "aks-weu"
    clusters:
    - name: "aks-weu"
      cluster:
        server: "https://sandbox.test/clusters/weu"
    contexts:
    - name: "aks-weu"
      context:
        cluster: "aks-weu"
        user: "clusterUser_rgName_aks-weu"
    users:
    - name: "clusterUser_rgName_aks-weu"
      user:
        exec:
          apiVersion: client.authentication.k8s.io/v1beta1
          command: kubelogin
          args:
          - "get-token"
          - "--environment"
          - "AzurePublicCloud"
          - "--server-id"
          - "6dae42f8-4368-4678-94ff-3960e28e3630"
          - "--client-id"
          - "80faf920-1908-4b52-b5ef-a8e7bedfc67a"
          - "--tenant-id"
          - "TENANT"
          - "--login"
          - "devicecode"
          env: null
          provideClusterInfo: false
    "#);
}

#[tokio::test]
async fn v29_a_static_credential_is_given_only_with_local_accounts() {
    let (world, caller) = world().await;
    let path = format!("{CLUSTER}/listClusterAdminCredential?{VERSION}");
    let refused = caller.post(&path, &Value::Null).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, "BadRequest"));
    assert!(refused.message().starts_with("Getting static credential is not allowed"));
    world.grow_cluster(ClusterSpec {
        key: "local".to_owned(),
        aks: Some(AksCluster {
            subscription: SUBSCRIPTION.to_owned(),
            resource_group: "rgName".to_owned(),
            name: "aks-local".to_owned(),
            location: "westeurope".to_owned(),
            is_arc: false,
        }),
        local_accounts: true,
        ..ClusterSpec::default()
    });
    let local = CLUSTER.replace("aks-weu", "aks-local");
    for call in ["listClusterAdminCredential", "listClusterUserCredential"] {
        let (_, text) = kubeconfig(&caller, &local, call).await;
        assert!(text.contains("token: \"sandbox-static-token\""), "{text}");
        assert!(text.contains("server: \"https://sandbox.test/clusters/local\""), "{text}");
    }
}

#[tokio::test]
async fn v30_an_identity_binding_shows_the_identity_and_its_issuer() {
    let (world, caller) = world().await;
    world.grow_identity(SUBSCRIPTION, "rgName", "resourceName", "eastus");
    let path = format!("{CLUSTER}/identityBindings/identitybinding1?api-version=2026-05-01");
    let body = json!({ "properties": { "managedIdentity": { "resourceId": IDENTITY } } });
    assert_eq!(caller.put(&path, &body).await.status, StatusCode::CREATED);
    let found = caller.get(&path).await;
    assert_eq!(found.status, StatusCode::OK);
    assert_eq!(found.body["name"], "identitybinding1");
    assert!(found.body["eTag"].is_string());
    let properties = &found.body["properties"];
    assert_eq!(properties["provisioningState"], "Succeeded");
    assert_eq!(properties["managedIdentity"]["resourceId"], IDENTITY);
    let client = properties["managedIdentity"]["clientId"].as_str().unwrap();
    let url = properties["oidcIssuer"]["oidcIssuerUrl"].as_str().unwrap();
    assert!(url.ends_with(&format!("/{}/{client}", world.tenant())), "{url}");
}

#[tokio::test]
async fn the_issuer_is_the_same_in_every_world_and_in_all_its_documents() {
    let (world, caller) = world().await;
    let (other, _) = super::support::world().await;
    let issuer = issuer(&world, "weu");
    assert_eq!(issuer, super::support::issuer(&other, "weu"));
    let inside = caller.get("/clusters/weu/.well-known/openid-configuration").await;
    assert_eq!(inside.body["issuer"], issuer);
    assert_eq!(inside.body["jwks_uri"], format!("{issuer}openid/v1/jwks"));
    let path = Url::parse(&issuer).unwrap().path().to_owned();
    let public = caller.get(&format!("/oidc{path}.well-known/openid-configuration")).await;
    assert_eq!(public.body["issuer"], issuer);
    assert_eq!(public.body["jwks_uri"], format!("{ORIGIN}/oidc{path}openid/v1/jwks"));
    let keys = caller.get(public.body["jwks_uri"].as_str().unwrap()).await;
    assert_eq!(keys.body["keys"][0]["kid"], "sandbox-cluster-one");
    assert_eq!(caller.get("/clusters/weu/openid/v1/jwks").await.body, keys.body);
}

#[tokio::test]
async fn an_issuer_answers_under_its_own_name_without_a_token() {
    let (_world, caller) = world().await;
    let url = "https://oidc.contoso.com/onprem/.well-known/openid-configuration";
    let reply = read(caller.send(Request::get(url).body(Body::empty()).unwrap()).await).await;
    assert_eq!(reply.body["issuer"], "https://oidc.contoso.com/onprem");
    assert_eq!(reply.body["jwks_uri"], "https://oidc.contoso.com/onprem/openid/v1/jwks");
}

#[tokio::test]
async fn the_kubeconfig_of_a_world_has_a_context_for_each_cluster() {
    let (world, _caller) = world().await;
    let base = Url::parse("http://127.0.0.1:4280").unwrap();
    insta::assert_snapshot!(sandbox::kubeconfig(&world.clusters(), &base), @r#"
    apiVersion: v1
    kind: Config
    preferences: {}
    current-context: "onprem-admin"
    clusters:
    - name: "onprem-admin"
      cluster:
        server: "http://127.0.0.1:4280/sandbox-static-token/clusters/onprem"
    - name: "weu"
      cluster:
        server: "http://127.0.0.1:4280/sandbox-static-token/clusters/weu"
    users:
    - name: sandbox
      user:
        token: "sandbox-static-token"
    contexts:
    - name: "onprem-admin"
      context:
        cluster: "onprem-admin"
        user: sandbox
    - name: "weu"
      context:
        cluster: "weu"
        user: sandbox
    "#);
}
