//! What ARM answers to a list, to the real client.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;
use widctl::azure::client::{AzureClient, AzureClientOptions};
use widctl::azure::cloud::Clouds;
use widctl::azure::sign_in::{Secret, Token, TokenSource};
use widctl::event::Silent;
use widctl::model::arm_id::ArmId;
use widctl::model::kinds::identity::IdentityKey;
use widctl::ports::error::PortError;
use widctl::ports::read::AzureRead;
use widctl::ports::right::ArmRights;
use widctl::ports::secrets;
use widctl::profile::SourceFile;

use super::engine::{Input, Target};
use super::harm;
use super::liar::{Liar, file, paused};

const TOKEN: &str = "planted-Bn3-bearer-token";
const SUBSCRIPTION: &str = "00000000-0000-4000-8000-000000000001";

const TARGET: Target = Target { name: "arm", seeds, check, cases: 60 };

#[test]
fn a_lying_arm_gets_no_token_elsewhere_and_no_endless_question() {
    TARGET.run();
}

/// Good answers of each kind of list, and lies by name.
fn seeds() -> Vec<Input> {
    let ids = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers");
    let identity = format!(
        r#"{{"value":[{{"id":"{ids}/Microsoft.ManagedIdentity/userAssignedIdentities/id-a","name":"id-a","type":"Microsoft.ManagedIdentity/userAssignedIdentities","location":"westeurope","tags":{{"managed-by":"widctl"}},"properties":{{"tenantId":"{SUBSCRIPTION}","principalId":"{SUBSCRIPTION}","clientId":"{SUBSCRIPTION}"}}}}]}}"#
    );
    let credential = format!(
        r#"{{"value":[{{"id":"{ids}/Microsoft.ManagedIdentity/userAssignedIdentities/id-a/federatedIdentityCredentials/c","name":"c","properties":{{"issuer":"https://oidc.example","subject":"system:serviceaccount:a:b","audiences":["api://AzureADTokenExchange"]}}}}],"nextLink":"https://management.azure.com/subscriptions/{SUBSCRIPTION}?page=2"}}"#
    );
    let role = format!(
        r#"{{"value":[{{"id":"{ids}/Microsoft.Authorization/roleAssignments/{SUBSCRIPTION}","name":"{SUBSCRIPTION}","properties":{{"roleDefinitionId":"/providers/Microsoft.Authorization/roleDefinitions/{SUBSCRIPTION}","principalId":"{SUBSCRIPTION}","scope":"{ids}/a.b/c/d","description":"managed by widctl for estate a","condition":null}}}}]}}"#
    );
    let cluster = r#"{"properties":{"oidcIssuerProfile":{"enabled":true,"issuerURL":"https://westeurope.oic.example/a/"},"securityProfile":{"workloadIdentity":{"enabled":true}}}}"#;
    let good = [&identity, &credential, &role, cluster]
        .map(|body| format!("200\ncontent-type: application/json\n\n{body}"));
    let endless = |link: &str| format!("200\n\n{{\"value\":[],\"nextLink\":\"{link}\"}}");
    let told = |status: u16, code: &str, message: &str| {
        format!(
            "{status}\nx-ms-request-id: r\n\n{{\"error\":{{\"code\":\"{code}\",\"message\":\"{message}\"}}}}"
        )
    };
    let arm = "https://management.azure.com";
    let mut seeds: Vec<Input> = good.iter().map(|answer| vec![file(answer.as_str())]).collect();
    // Good pages between throttled ones.
    seeds.push(vec![
        file("429\nRetry-After: 2\n\n{}"),
        file(good[1].as_str()),
        file(good[0].as_str()),
    ]);
    let lies = [
        "429\nRetry-After: 0\n\n{}".into(),
        "429\nRetry-After: 99999999999\n\n{}".into(),
        "429\nRetry-After: Thu, 01 Jan 1970 00:00:00 GMT\n\n{}".into(),
        "503\nx-ms-retry-after-ms: 18446744073709551615\n\n".into(),
        "409\n\n{\"error\":{\"code\":\"ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity\",\"message\":\"m\"}}".into(),
        endless(&format!("{arm}/subscriptions/{SUBSCRIPTION}?page={{n}}")),
        endless("https://evil.example/steal"),
        endless("http://management.azure.com/plain"),
        endless("//evil.example/relative"),
        endless(&format!("{arm}@evil.example/")),
        "302\nLocation: https://evil.example/\n\n".into(),
        told(403, "AuthorizationFailed", "you sent {authorization}"),
        told(400, "BadRequest", "\\u001b[31m\\n::error::planted ##vso[task.complete]x"),
        told(500, "{authorization}", "m"),
        format!("200\n\n{}", "[".repeat(20_000)),
        format!("200\n\n{{\"value\":[{{\"id\":\"{}\"}}]}}", "x".repeat(200_000)),
        format!("200\n\n{{\"kubeconfigs\":[{{\"name\":\"{{authorization}}\",\"value\":\"{}\"}}]}}", "e30="),
    ];
    seeds.extend(lies.into_iter().map(|lie: String| vec![file(lie)]));
    // Every page is throttled once, for as long as one pause may be.
    let link = endless(&format!("{arm}/subscriptions/{SUBSCRIPTION}?page={{n}}"));
    let slow = (0..200).map(|page| {
        file(if page % 2 == 0 { "429\nRetry-After: 60\n\n{}".to_owned() } else { link.clone() })
    });
    seeds.push(slow.collect());
    seeds
}

struct StaticToken;

#[async_trait]
impl TokenSource for StaticToken {
    async fn token(&self, _: &str) -> Result<Token, PortError> {
        // As everything that keeps tokens does.
        secrets::learn(TOKEN);
        Ok(Token {
            secret: Secret::from(TOKEN),
            expires_at: Instant::now() + Duration::from_hours(1),
            method: "test",
        })
    }
}

fn client(liar: &Liar) -> AzureClient {
    AzureClient::new(AzureClientOptions {
        cloud: Clouds::default().find("public").unwrap().clone(),
        tokens: Arc::new(StaticToken),
        transport: liar.transport(),
        events: Arc::new(Silent),
        parallelism: 32,
        timeout: Duration::from_mins(1),
        seed: 7,
    })
    .unwrap()
}

fn check(files: &[SourceFile]) -> Result<(), String> {
    ask(files, "list identities", async |client| {
        client.identities(SUBSCRIPTION.parse().unwrap()).await.map(|_| ())
    })?;
    ask(files, "list credentials", async |client| {
        let key = IdentityKey::new(SUBSCRIPTION.parse().unwrap(), "rg", "id-a");
        client.credentials(&key).await.map(|_| ())
    })?;
    ask(files, "list role assignments", async |client| {
        client.role_assignments(&id("a.b/c")).await.map(|_| ())
    })?;
    ask(files, "list permissions", async |client| {
        client.permissions(&id("a.b/c")).await.map(|_| ())
    })?;
    ask(files, "read a cluster", async |client| {
        let id = id("Microsoft.ContainerService/managedClusters");
        client.managed_cluster(&id).await.map(|_| ())
    })?;
    ask(files, "get a kubeconfig", async |client| {
        let id = id("Microsoft.ContainerService/managedClusters");
        client.list_cluster_user_credential(&id).await.map(|_| ())
    })
}

fn id(kind: &str) -> ArmId {
    ArmId::of_resource(SUBSCRIPTION.parse().unwrap(), "rg", kind, "n")
}

/// One question to an ARM that gives these answers.
fn ask(
    files: &[SourceFile],
    question: &str,
    put: impl AsyncFnOnce(&AzureClient) -> Result<(), PortError>,
) -> Result<(), String> {
    let liar = Liar::new(files);
    let outcome = paused(async {
        let client = client(&liar);
        let Err(error) = liar.within_bounds(put(&client)).await? else {
            return Ok(());
        };
        harm::of_error(error, &[TOKEN])
    });
    outcome.map_err(|why| format!("{why} ({question})"))
}
