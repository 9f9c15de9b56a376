//! Which credential signs in, what it sends, and what people are told when none does.

use std::ffi::OsStr;
use std::fmt::Write;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Output};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use futures::future::join_all;
use serde_json::json;
use tokio::time::Instant;
use widctl::azure::cloud::Clouds;
use widctl::azure::sign_in::method::Method;
use widctl::azure::sign_in::variables::CredentialVariables;
use widctl::azure::sign_in::{Executor, SignInOptions, sign_in};
use widctl::azure::transport::Transport;
use widctl::event::RequestClass;
use widctl::ports::error::{PortError, PortErrorKind};

use super::stage::{Remembered, TENANT, sign_in_options};

const ARM: &str = "https://management.azure.com/.default";
const METADATA_HOST: &str = "169.254.169.254";

/// A command line whose `az` and `azd` answer so; both fail where they are absent.
#[derive(Debug, Default)]
struct Commands {
    az: Option<String>,
    azd: Option<String>,
    run: Mutex<Vec<String>>,
}

impl Commands {
    fn az_signed_in() -> Arc<Self> {
        Arc::new(Self { az: Some(az_token()), ..Self::default() })
    }

    fn runs(&self, program: &str) -> usize {
        let run = self.run.lock().unwrap();
        let prefix = format!("&& {program} ");
        run.iter().filter(|line| line.contains(&prefix)).count()
    }
}

#[async_trait]
impl Executor for Commands {
    async fn run(&self, _: &OsStr, arguments: &[&OsStr]) -> io::Result<Output> {
        let line = arguments[1].to_str().unwrap().to_owned();
        let answer = if line.contains("&& az ") { &self.az } else { &self.azd };
        self.run.lock().unwrap().push(line);
        tokio::task::yield_now().await;
        let (code, stdout, stderr) = match answer.as_deref() {
            None => (127, "", "sh: not found"),
            Some(text) if text.starts_with('{') => (0, text, ""),
            Some(text) => (1, "", text),
        };
        Ok(Output {
            status: ExitStatus::from_raw(code << 8),
            stdout: stdout.into(),
            stderr: stderr.into(),
        })
    }
}

fn in_an_hour() -> i64 {
    azure_core::time::OffsetDateTime::now_utc().unix_timestamp() + 3600
}

fn az_token() -> String {
    json!({ "accessToken": "az-token", "expires_on": in_an_hour(), "tokenType": "Bearer" })
        .to_string()
}

/// Everything that takes part in getting a token, behind one service: Entra, GitHub, Azure DevOps, the
/// metadata service.
#[derive(Clone, Default)]
struct Internet {
    /// What Entra answers instead of a token.
    refusal: Option<(u16, String)>,
    has_metadata_service: bool,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Internet {
    fn refusing(code: u32, description: &str) -> Self {
        let body = json!({ "error": "invalid_client", "error_codes": [code], "error_description": format!("AADSTS{code}: {description} Trace ID: 11 Correlation ID: 22 Timestamp: 33") });
        Self { refusal: Some((401, body.to_string())), ..Self::default() }
    }

    fn transport(&self) -> Transport {
        let internet = self.clone();
        Transport::in_process(tower::service_fn(move |request: Request| {
            let internet = internet.clone();
            async move { internet.answer(request).await }
        }))
    }

    async fn answer(&self, request: Request) -> io::Result<Response<Body>> {
        let (parts, body) = request.into_parts();
        let host = parts.uri.host().unwrap().to_owned();
        if host == METADATA_HOST && !self.has_metadata_service {
            return std::future::pending().await;
        }
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let mut line = format!("{} {}", parts.method, parts.uri);
        if let Some(bearer) = parts.headers.get("authorization") {
            write!(line, " [{}]", bearer.to_str().unwrap()).unwrap();
        }
        write!(line, " {}", String::from_utf8_lossy(&body)).unwrap();
        self.seen.lock().unwrap().push(line.trim_end().to_owned());
        let answered = |status: u16, body: String| {
            Ok(Response::builder().status(status).body(body.into()).unwrap())
        };
        match (host.as_str(), &self.refusal) {
            ("pipelines.actions.githubusercontent.com", _) => {
                answered(200, json!({ "value": "github-assertion" }).to_string())
            }
            ("vstoken.dev.azure.com", _) => {
                answered(200, json!({ "oidcToken": "devops-assertion" }).to_string())
            }
            (METADATA_HOST, _) if parts.headers.contains_key("metadata") => answered(
                200,
                json!({ "access_token": "machine-token", "expires_on": in_an_hour().to_string(), "token_type": "Bearer", "resource": "" }).to_string(),
            ),
            (METADATA_HOST, _) => answered(400, "{}".into()),
            (_, Some((status, body))) => answered(*status, body.clone()),
            (_, None) => answered(
                200,
                json!({ "access_token": "entra-token", "expires_in": 3600, "token_type": "Bearer" })
                    .to_string(),
            ),
        }
    }

    fn seen(&self) -> String {
        self.seen.lock().unwrap().join("\n")
    }
}

fn options(
    internet: &Internet,
    environment: CredentialVariables,
    commands: &Arc<Commands>,
) -> SignInOptions {
    let mut options = sign_in_options(internet.transport(), &Arc::default(), environment);
    options.executor = Some(Arc::clone(commands) as Arc<dyn Executor>);
    options
}

async fn token(options: SignInOptions) -> Result<(String, &'static str), PortError> {
    let token = sign_in(options).token(ARM).await?;
    Ok((token.secret.secret().to_owned(), token.method))
}

fn told(error: &PortError) -> String {
    format!("{:?}\n{error}\n=> {}", error.kind, error.help())
}

fn application() -> CredentialVariables {
    CredentialVariables::from([
        ("AZURE_TENANT_ID", TENANT),
        ("AZURE_CLIENT_ID", "app-1"),
        ("AZURE_CLIENT_SECRET", "the-secret"),
    ])
}

#[tokio::test(start_paused = true)]
async fn an_application_in_the_environment_comes_before_az() {
    let (internet, commands) = (Internet::default(), Commands::az_signed_in());
    let found = token(options(&internet, application(), &commands)).await.unwrap();
    assert_eq!(found, ("entra-token".into(), "environment"));
    insta::assert_snapshot!(internet.seen(), @"POST http://127.0.0.1:7080/72f988bf-86f1-41af-91ab-2d7cd011db47/oauth2/v2.0/token client_id=app-1&client_secret=the-secret&grant_type=client_credentials&scope=https%3A%2F%2Fmanagement.azure.com%2F.default");
    assert_eq!(commands.runs("az"), 0);
}

#[tokio::test(start_paused = true)]
async fn azd_signs_in_where_az_does_not() {
    let ends = azure_core::time::OffsetDateTime::now_utc() + Duration::from_hours(1);
    let ends = azure_core::time::to_rfc3339(&ends);
    let commands = Arc::new(Commands {
        az: Some("ERROR: Please run 'az login' to setup account.".into()),
        azd: Some(json!({ "token": "azd-token", "expiresOn": ends }).to_string()),
        ..Commands::default()
    });
    let options = options(&Internet::default(), CredentialVariables::default(), &commands);
    let found = token(options).await.unwrap();
    assert_eq!(found, ("azd-token".into(), "azure-developer-cli"));
    assert_eq!((commands.runs("az"), commands.runs("azd")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_named_credential_is_asked_for_alone() {
    let (internet, commands) = (Internet::default(), Commands::az_signed_in());
    let mut options = options(&internet, application(), &commands);
    options.method = Some(Method::AzureCli);
    assert_eq!(token(options).await.unwrap(), ("az-token".into(), "azure-cli"));
    assert_eq!(internet.seen(), "");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_secret_is_said_and_nobody_else_steps_in() {
    let internet = Internet::refusing(
        7_000_215,
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID.",
    );
    let commands = Commands::az_signed_in();
    let error = token(options(&internet, application(), &commands)).await.unwrap_err();
    insta::assert_snapshot!(told(&error), @"
    Unauthenticated
    could not sign in with environment: Entra answered 401 AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID.
    => AZURE_CLIENT_SECRET is wrong; it must be the secret's value, not the secret's id
    ");
    assert_eq!(commands.runs("az"), 0);
    assert!(!format!("{error:?}").contains("the-secret"));
}

#[tokio::test(start_paused = true)]
async fn a_pods_projected_token_is_presented() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "projected-token").unwrap();
    let environment = CredentialVariables::from([
        ("AZURE_TENANT_ID", TENANT),
        ("AZURE_CLIENT_ID", "app-1"),
        ("AZURE_FEDERATED_TOKEN_FILE", file.path().to_str().unwrap()),
    ]);
    let internet = Internet::default();
    let found = token(options(&internet, environment, &Arc::default())).await.unwrap();
    assert_eq!(found, ("entra-token".into(), "workload-identity"));
    assert!(internet.seen().contains("client_assertion=projected-token&"));
}

#[tokio::test(start_paused = true)]
async fn a_github_job_exchanges_its_own_token() {
    let environment = CredentialVariables::from([
        ("AZURE_TENANT_ID", TENANT),
        ("AZURE_CLIENT_ID", "app-1"),
        (
            "ACTIONS_ID_TOKEN_REQUEST_URL",
            "https://pipelines.actions.githubusercontent.com/1/idtoken?api-version=2.0",
        ),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "job-token"),
    ]);
    let internet = Internet::default();
    let found = token(options(&internet, environment, &Arc::default())).await.unwrap();
    assert_eq!(found, ("entra-token".into(), "github-actions"));
    insta::assert_snapshot!(internet.seen(), @"
    GET https://pipelines.actions.githubusercontent.com/1/idtoken?api-version=2.0&audience=api%3A%2F%2FAzureADTokenExchange [Bearer job-token]
    POST http://127.0.0.1:7080/72f988bf-86f1-41af-91ab-2d7cd011db47/oauth2/v2.0/token client_assertion=github-assertion&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_id=app-1&grant_type=client_credentials&scope=https%3A%2F%2Fmanagement.azure.com%2F.default
    ");
}

#[tokio::test(start_paused = true)]
async fn each_cloud_has_its_own_authority_audience_and_exchange() {
    let environment = || {
        CredentialVariables::from([
            ("AZURE_TENANT_ID", TENANT),
            ("AZURE_CLIENT_ID", "app-1"),
            (
                "ACTIONS_ID_TOKEN_REQUEST_URL",
                "https://pipelines.actions.githubusercontent.com/1/idtoken",
            ),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "job-token"),
        ])
    };
    let path = Path::new("/clouds.toml");
    let custom = "[clouds.stack]\narm = 'https://management.local.stack'\nauthority_host = 'https://adfs.local.stack'\narm_audience = 'https://management.contoso.example/1'\n";
    let clouds = Clouds::with_file(custom, path).unwrap();
    let mut seen = String::new();
    for name in ["public", "usgovernment", "china", "stack"] {
        let internet = Internet::default();
        let mut options = options(&internet, environment(), &Arc::default());
        options.cloud = clouds.find(name).unwrap().clone();
        let scope = options.cloud.arm_scope();
        sign_in(options).token(&scope).await.unwrap();
        let asked = internet.seen();
        let exchange = asked.split(" [").next().unwrap();
        let (_, entra) = asked.split_once("POST ").unwrap();
        let endpoint = entra.split(' ').next().unwrap();
        let (_, audience) = entra.split_once("scope=").unwrap();
        writeln!(seen, "{name}\n  {exchange}\n  {endpoint}\n  {audience}").unwrap();
    }
    insta::assert_snapshot!(seen, @"
    public
      GET https://pipelines.actions.githubusercontent.com/1/idtoken?audience=api%3A%2F%2FAzureADTokenExchange
      https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/oauth2/v2.0/token
      https%3A%2F%2Fmanagement.azure.com%2F.default
    usgovernment
      GET https://pipelines.actions.githubusercontent.com/1/idtoken?audience=api%3A%2F%2FAzureADTokenExchangeUSGov
      https://login.microsoftonline.us/72f988bf-86f1-41af-91ab-2d7cd011db47/oauth2/v2.0/token
      https%3A%2F%2Fmanagement.usgovcloudapi.net%2F.default
    china
      GET https://pipelines.actions.githubusercontent.com/1/idtoken?audience=api%3A%2F%2FAzureADTokenExchangeChina
      https://login.partner.microsoftonline.cn/72f988bf-86f1-41af-91ab-2d7cd011db47/oauth2/v2.0/token
      https%3A%2F%2Fmanagement.chinacloudapi.cn%2F.default
    stack
      GET https://pipelines.actions.githubusercontent.com/1/idtoken?audience=api%3A%2F%2FAzureADTokenExchange
      https://adfs.local.stack/72f988bf-86f1-41af-91ab-2d7cd011db47/oauth2/v2.0/token
      https%3A%2F%2Fmanagement.contoso.example%2F1%2F.default
    ");
}

#[tokio::test(start_paused = true)]
async fn an_azure_pipelines_job_uses_its_service_connection() {
    let environment = CredentialVariables::from([
        (
            "SYSTEM_OIDCREQUESTURI",
            "https://vstoken.dev.azure.com/1/_apis/distributedtask/hubs/build/plans/2/jobs/3/oidctoken",
        ),
        ("SYSTEM_ACCESSTOKEN", "job-token"),
        ("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", "connection-1"),
        ("AZURESUBSCRIPTION_TENANT_ID", TENANT),
        ("AZURESUBSCRIPTION_CLIENT_ID", "app-2"),
    ]);
    let internet = Internet::default();
    let found = token(options(&internet, environment, &Arc::default())).await.unwrap();
    assert_eq!(found, ("entra-token".into(), "azure-pipelines"));
    insta::assert_snapshot!(internet.seen(), @"
    POST https://vstoken.dev.azure.com/1/_apis/distributedtask/hubs/build/plans/2/jobs/3/oidctoken?api-version=7.1&serviceConnectionId=connection-1 [Bearer job-token]
    POST http://127.0.0.1:7080/72f988bf-86f1-41af-91ab-2d7cd011db47/oauth2/v2.0/token client_assertion=devops-assertion&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_id=app-2&grant_type=client_credentials&scope=https%3A%2F%2Fmanagement.azure.com%2F.default
    ");
}

#[tokio::test(start_paused = true)]
async fn a_job_token_is_not_sent_over_plain_http() {
    let environment = CredentialVariables::from([
        ("AZURE_TENANT_ID", TENANT),
        ("AZURE_CLIENT_ID", "app-1"),
        ("ACTIONS_ID_TOKEN_REQUEST_URL", "http://pipelines.actions.githubusercontent.com/1"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "job-token"),
    ]);
    let internet = Internet::default();
    let error = token(options(&internet, environment, &Arc::default())).await.unwrap_err();
    assert_eq!(error.message.unwrap(), "ACTIONS_ID_TOKEN_REQUEST_URL is not an https URL");
    assert_eq!(internet.seen(), "");
}

#[tokio::test(start_paused = true)]
async fn az_is_started_once_per_audience_however_many_ask() {
    let (internet, commands) = (Internet::default(), Commands::az_signed_in());
    let source = sign_in(options(&internet, CredentialVariables::default(), &commands));
    for _ in 0..2 {
        let asked = (0..50).map(|_| source.token(ARM));
        for token in join_all(asked).await {
            assert_eq!(token.unwrap().secret.secret(), "az-token");
        }
    }
    assert_eq!(commands.runs("az"), 1);
    source.token("6dae42f8-4368-4678-94ff-3960e28e3630/.default").await.unwrap();
    assert_eq!(commands.runs("az"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_five_minutes_before_its_end() {
    let (internet, commands) = (Internet::default(), Commands::az_signed_in());
    let source = sign_in(options(&internet, CredentialVariables::default(), &commands));
    source.token(ARM).await.unwrap();
    tokio::time::advance(Duration::from_mins(54)).await;
    source.token(ARM).await.unwrap();
    assert_eq!(commands.runs("az"), 1);
    tokio::time::advance(Duration::from_mins(1)).await;
    source.token(ARM).await.unwrap();
    assert_eq!(commands.runs("az"), 2);
}

#[tokio::test(start_paused = true)]
async fn az_that_is_not_signed_in_is_asked_once_for_all_who_wait() {
    let commands = Arc::new(Commands {
        az: Some("ERROR: Please run 'az login' to setup account.".into()),
        ..Commands::default()
    });
    let internet = Internet::default();
    let source = sign_in(options(&internet, CredentialVariables::default(), &commands));
    for token in join_all((0..20).map(|_| source.token(ARM))).await {
        assert_eq!(token.unwrap_err().kind, PortErrorKind::Unauthenticated);
    }
    assert_eq!(commands.runs("az"), 1);
}

#[tokio::test(start_paused = true)]
async fn where_nothing_works_every_credential_says_why() {
    let commands = Arc::new(Commands {
        az: Some("ERROR: Please run 'az login' to setup account.".into()),
        ..Commands::default()
    });
    let start = Instant::now();
    let error = token(options(&Internet::default(), CredentialVariables::default(), &commands))
        .await
        .unwrap_err();
    assert!(start.elapsed() <= Duration::from_secs(1), "the probe is short");
    insta::assert_snapshot!(told(&error), @"
    Unauthenticated
    could not sign in: Entra gave no valid sign-in: no credential works:
    environment: AZURE_CLIENT_ID is not set
    workload-identity: AZURE_FEDERATED_TOKEN_FILE is not set
    github-actions: ACTIONS_ID_TOKEN_REQUEST_URL is not set
    azure-pipelines: SYSTEM_OIDCREQUESTURI is not set
    azure-cli: ERROR: Please run 'az login' to setup account.
    azure-developer-cli: azd not found on PATH
    managed-identity: this machine has none
    => run `az login`, or set the variables of one credential (docs/sign-in.md)
    ");
}

#[tokio::test(start_paused = true)]
async fn a_code_in_what_az_says_is_advised_about() {
    let said = "ERROR: AADSTS50076: Due to a configuration change made by your administrator, you must use multi-factor authentication.";
    let commands = Arc::new(Commands { az: Some(said.into()), ..Commands::default() });
    for method in [None, Some(Method::AzureCli)] {
        let mut options = options(&Internet::default(), CredentialVariables::default(), &commands);
        options.method = method;
        let error = token(options).await.unwrap_err();
        assert_eq!(error.code.as_deref(), Some("AADSTS50076"), "{error:?}");
        let help = error.help();
        assert!(help.starts_with("sign in with multi-factor authentication"), "{help}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_machines_identity_is_the_last_resort() {
    let internet = Internet { has_metadata_service: true, ..Internet::default() };
    let found =
        token(options(&internet, CredentialVariables::default(), &Arc::default())).await.unwrap();
    assert_eq!(found, ("machine-token".into(), "managed-identity"));
}

#[tokio::test(start_paused = true)]
async fn a_busy_entra_is_asked_again() {
    let internet = Internet { refusal: Some((503, "busy".into())), ..Internet::default() };
    let events = Arc::new(Remembered::default());
    let mut options = sign_in_options(internet.transport(), &events, application());
    options.executor = Some(Arc::<Commands>::default() as Arc<dyn Executor>);
    let error = token(options).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::ServiceFault);
    assert_eq!(events.sent(RequestClass::Token), 6);
    assert_eq!(events.sent(RequestClass::ArmWrite), 0);
}

#[test]
fn credentials_have_names() {
    for method in Method::ALL {
        assert_eq!(method.name().parse::<Method>().unwrap(), method);
    }
    insta::assert_snapshot!("azure".parse::<Method>().unwrap_err(), @"no credential is named `azure`; known: environment, workload-identity, github-actions, azure-pipelines, azure-cli, azure-developer-cli, managed-identity");
}

#[test]
fn the_environment_does_not_print_its_values() {
    assert!(!format!("{:?}", application()).contains("the-secret"));
}
