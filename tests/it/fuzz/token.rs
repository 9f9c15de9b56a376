//! What Entra answers to a sign-in, to the real one.

use std::sync::Arc;
use std::time::Duration;

use widctl::azure::cloud::Clouds;
use widctl::azure::sign_in::method::Method;
use widctl::azure::sign_in::variables::CredentialVariables;
use widctl::azure::sign_in::{SignInOptions, sign_in};
use widctl::event::Silent;
use widctl::profile::SourceFile;

use super::engine::{Input, Target};
use super::harm;
use super::liar::{Liar, file, paused};

const TOKEN: &str = "planted-Lm6-access-token";
const CLIENT_SECRET: &str = harm::SECRETS[0].1;
const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

const TARGET: Target = Target { name: "token", seeds, check, cases: 150 };

#[test]
fn a_lying_entra_makes_no_secret_show() {
    TARGET.run();
}

fn seeds() -> Vec<Input> {
    let token = |expires: &str| {
        format!(
            "200\ncontent-type: application/json\n\n{{\"access_token\":\"{TOKEN}\",\"expires_in\":{expires},\"ext_expires_in\":3600,\"token_type\":\"Bearer\"}}"
        )
    };
    let refusal = |words: &str| {
        format!(
            "401\n\n{{\"error\":\"invalid_client\",\"error_codes\":[7000215],\"error_description\":\"AADSTS7000215: {words} Trace ID: 11 Correlation ID: 22 Timestamp: 33\",\"trace_id\":\"t\"}}"
        )
    };
    let answers = [
        token("3600"),
        token("\"3600\""),
        token("0"),
        token("-1"),
        token("1000000000000000000"),
        token("1e18"),
        token("18446744073709551615"),
        refusal("Invalid client secret provided."),
        refusal("you sent {body}"),
        refusal("\\u001b[31m\\n::error::planted ##[error]x"),
        format!("500\n\n{TOKEN}"),
        format!("200\n\n\"{TOKEN}\""),
        format!("200\n\n{{\"access_token\":[\"{TOKEN}\"]}}"),
        format!("429\nRetry-After: 0\n\n{{\"access_token\":\"{TOKEN}\"}}"),
        "302\nLocation: https://evil.example/\n\n".into(),
        format!("200\n\n{}", "[".repeat(20_000)),
    ];
    let echo = [token("60"), refusal(&format!("your token was {TOKEN}"))];
    let alone = answers.into_iter().map(|answer| vec![file(answer)]);
    alone.chain([echo.map(file).into()]).collect()
}

fn check(files: &[SourceFile]) -> Result<(), String> {
    let liar = Liar::new(files);
    paused(async {
        let tokens = sign_in(SignInOptions {
            cloud: Clouds::default().find("public").unwrap().clone(),
            transport: liar.transport(),
            events: Arc::new(Silent),
            timeout: Duration::from_mins(1),
            seed: 7,
            tenant: TENANT.parse().ok(),
            environment: CredentialVariables::from([
                ("AZURE_TENANT_ID", TENANT),
                ("AZURE_CLIENT_ID", "5a0db0c5-0000-4000-8000-00000000c11e"),
                ("AZURE_CLIENT_SECRET", CLIENT_SECRET),
            ]),
            method: Some(Method::Environment),
            executor: None,
        });
        let scope = "https://management.azure.com/.default";
        let mut known = vec![CLIENT_SECRET];
        // The second one is asked for after what is kept has ended.
        for pause in [Duration::ZERO, Duration::from_hours(2)] {
            tokio::time::sleep(pause).await;
            match liar.within_bounds(tokens.token(scope)).await? {
                Ok(token) if format!("{token:?}").contains(TOKEN) => {
                    return Err("a token prints itself".into());
                }
                Ok(_) => known.push(TOKEN),
                Err(error) => harm::of_error(error, &known)?,
            }
        }
        Ok(())
    })
}
