//! A token from stdin: what it says, what it is worth, and that nobody sees it again.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64URL_NOPAD;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use widctl::sandbox;
use widctl::sandbox::World;

use super::support::{Ran, Stage, repository};
use crate::kubernetes::issuers;

const AUDIENCE: &str = "prices.data";

/// The synced estate of the profile whose teams call each other.
fn synced() -> Stage {
    let stage = Stage::new();
    stage.write("teams.toml", repository("profiles/service-to-service.toml"));
    stage.expect(0, "sync teams.toml --sandbox --auto-approve");
    stage
}

/// A token of the account `shop/frontend` for the service.
async fn token(stage: &Stage) -> String {
    let world = World::open(&stage.path(".widctl/sandbox.json")).unwrap();
    let body = json!({ "spec": { "audiences": [AUDIENCE], "expirationSeconds": 600 } });
    let request = Request::post(
        "http://sandbox/clusters/rg-aks-aks-weu-prod/api/v1/namespaces/shop/serviceaccounts/frontend/token",
    )
    .header("authorization", format!("Bearer {}", sandbox::STATIC_TOKEN))
    .header("content-type", "application/json")
    .body(Body::from(body.to_string()));
    let answer = sandbox::router(world).oneshot(request.unwrap()).await.unwrap();
    let answer = answer.into_body().collect().await.unwrap().to_bytes();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    answer["status"]["token"].as_str().unwrap().to_owned()
}

/// Pipes a token in, expects an exit code, and sees that no part of it comes out again.
fn piped(stage: &Stage, code: i32, line: &str, token: &str) -> Ran {
    let mut command = stage.command(line);
    command.write_stdin(format!("{token}\n"));
    let ran = Ran::of(command);
    assert_eq!(ran.code, code, "{line}: {ran:#?}");
    for part in token.split('.').filter(|part| part.len() > 16) {
        assert!(!ran.stdout.contains(part) && !ran.stderr.contains(part), "{ran:#?}");
    }
    ran
}

fn part(value: &Value) -> String {
    BASE64URL_NOPAD.encode(value.to_string().as_bytes())
}

/// A token of these claims that nobody signed.
fn forged(algorithm: &str, claims: &Value) -> String {
    let header = part(&json!({ "alg": algorithm, "kid": "k" }));
    format!("{header}.{}.{}", part(claims), BASE64URL_NOPAD.encode(b"no signature"))
}

#[tokio::test]
async fn inspecting_a_token_tells_its_claims_and_that_nothing_was_verified() {
    let stage = Stage::new();
    let estate = synced();
    let token = token(&estate).await;
    let ran = piped(&stage, 0, "token inspect", &token);
    for line in [
        "subject     system:serviceaccount:shop:frontend\n",
        "audience    prices.data\n",
        "namespace   shop\n",
        "account     frontend (",
        "algorithm   RS256\n",
        "Nothing was verified: ",
    ] {
        assert!(ran.stdout.contains(line), "{line}: {}", ran.stdout);
    }
    assert!(
        ran.stdout.contains(", in 9 min ") || ran.stdout.contains(", in 10 min 0 s"),
        "{ran:?}"
    );
    let json = piped(&stage, 0, "token inspect --format json", &token).json();
    assert_eq!(json["audiences"], json!([AUDIENCE]));
    assert_eq!(json["kubernetes"]["serviceaccount"]["name"], "frontend");
    assert_eq!((&json["verified"], &json["problems"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn the_keys_of_its_issuer_verify_a_token_and_no_other_one() {
    let stage = synced();
    let token = token(&stage).await;
    let line = "token inspect --discovery --sandbox";
    let ran = piped(&stage, 0, line, &token);
    assert!(ran.stdout.contains("✓ A key that https://"), "{}", ran.stdout);
    let parts: Vec<&str> = token.split('.').collect();
    let decoded = |part: &str| -> Value {
        serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
    };
    let mut claims = decoded(parts[1]);
    claims["sub"] = "system:serviceaccount:data:prices".into();
    let changed = [parts[0], &part(&claims), parts[2]].join(".");
    let ran = piped(&stage, 6, line, &changed);
    assert!(ran.stdout.contains("verifies the signature.\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("✗ No key that https://"), "{}", ran.stdout);
    let mut header = decoded(parts[0]);
    header["kid"] = "another".into();
    let renamed = [&part(&header), parts[1], parts[2]].join(".");
    let ran = piped(&stage, 6, line, &renamed);
    assert!(ran.stdout.contains(" publishes no key with the token's `kid`."), "{}", ran.stdout);
    let unchecked = piped(&stage, 1, line, &forged("ES256", &claims));
    assert!(
        unchecked.stderr.contains("it is ES256, and widctl checks RS256 alone"),
        "{unchecked:?}"
    );
}

/// What an issuer on loopback publishes, by the path below which it is asked.
fn published(origin: &str, path: &str) -> Response {
    match path.strip_suffix("/.well-known/openid-configuration") {
        Some("/other") => {
            format!("{{\"issuer\":\"https://other.example.com\",\"jwks_uri\":\"{origin}/keys\"}}")
                .into_response()
        }
        Some(case @ ("/keyless" | "/unrelated")) => {
            let keys = if case == "/keyless" { "gone" } else { "keys" };
            format!("{{\"issuer\":\"{origin}{case}\",\"jwks_uri\":\"{origin}/{keys}\"}}")
                .into_response()
        }
        Some("/page") => "<html>sign in</html>".into_response(),
        None if path == "/keys" => "{\"keys\":[]}".into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_does_not_publish_the_key_verifies_no_token() {
    let (stage, host) = (Stage::new(), issuers::host(published).await);
    let claims = |issuer: &str| json!({ "iss": issuer, "sub": "s", "exp": 9_000_000_000_i64 });
    let line = "token inspect --discovery";
    for (case, sentence) in [
        (
            "/missing",
            "✗ The signature could not be checked: could not read the discovery document of `HOST/missing`: the OIDC issuer answered 404.\n",
        ),
        (
            "/page",
            "✗ The signature could not be checked: could not read the discovery document of `HOST/page`: the OIDC issuer gave an answer that could not be understood",
        ),
        (
            "/other",
            "✗ The document of HOST/other names another issuer, https://other.example.com.\n",
        ),
        (
            "/keyless",
            "✗ The signature could not be checked: could not read the keys of `HOST/keyless` at `HOST/gone`: the OIDC issuer answered 404.\n",
        ),
        ("/unrelated", "✗ HOST/unrelated publishes no key with the token's `kid`.\n"),
    ] {
        let token = forged("RS256", &claims(&format!("{host}{case}")));
        let ran = piped(&stage, 6, line, &token);
        assert!(ran.stdout.contains(&sentence.replace("HOST", &host)), "{case}: {ran:#?}");
        assert!(!ran.stdout.contains('✓'), "{case}: {ran:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_is_out_of_reach_leaves_a_token_open() {
    let stage = Stage::new();
    // Nobody listens there once the listener is gone.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let issuer = format!("http://{address}");
    let token = forged("RS256", &json!({ "iss": issuer, "exp": 9_000_000_000_i64 }));
    let ran = piped(&stage, 1, "token inspect --discovery", &token);
    assert_eq!(ran.stdout, "", "it is neither valid nor invalid");
    let said = format!("could not read the discovery document of `{issuer}`: ");
    assert!(ran.stderr.contains(&said) && ran.stderr.contains("  hint: "), "{}", ran.stderr);
}

/// `WIDCTL_BLESS=1` writes the page anew.
#[tokio::test]
async fn what_is_found_of_a_token_has_the_published_schema() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/token.schema.json");
    let schema = widctl::command::token::schema();
    #[expect(clippy::disallowed_methods, reason = "asked for by whoever runs the tests")]
    if std::env::var_os("WIDCTL_BLESS").is_some() {
        std::fs::write(path, &schema).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), schema);

    let estate = synced();
    let bound = token(&estate).await;
    let bare = forged("RS256", &json!({}));
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let names =
        |object: &Value| -> Vec<String> { object.as_object().unwrap().keys().cloned().collect() };
    for (line, code, token) in [
        ("token inspect --format json", 0, &bare),
        ("token inspect --format json", 0, &bound),
        ("token review --sandbox --context weu --format json", 6, &bound),
    ] {
        let found = piped(&estate, code, line, token).json();
        assert_eq!(found["format_version"], "1.0", "{line}");
        assert_eq!(names(&found), names(&schema["properties"]), "{line}");
    }
}

#[tokio::test]
async fn an_api_server_accepts_a_token_for_its_audience_and_for_no_other() {
    let stage = synced();
    let token = token(&stage).await;
    let line = "token review --sandbox --context weu";
    let ran = piped(&stage, 0, &format!("{line} --audience {AUDIENCE}"), &token);
    let accepted =
        "✓ The API server accepts it for `prices.data`, as system:serviceaccount:shop:frontend.";
    assert!(ran.stdout.contains(accepted), "{}", ran.stdout);
    let ran = piped(&stage, 6, &format!("{line} --audience other"), &token);
    assert!(ran.stdout.contains("✗ The API server does not accept it for `other`: "), "{ran:?}");
    let ran = piped(&stage, 6, line, &token);
    assert!(ran.stdout.contains("does not accept it for the API server itself: "), "{ran:?}");
    let json = piped(&stage, 6, &format!("{line} --audience other --format json"), &token).json();
    assert_eq!(json["problems"].as_array().unwrap().len(), 1);
}

#[test]
fn what_is_no_valid_token_is_told_in_a_sentence_each() {
    let stage = Stage::new();
    let past = json!({ "iss": "https://oidc.example.com", "sub": "s", "exp": 1_000_000_000 });
    let future = json!({ "sub": "s", "nbf": 9_000_000_000_i64, "exp": 9_100_000_000_i64 });
    let forever = json!({ "sub": "s" });
    for (code, token, sentence) in [
        (6, "", "stdin holds no JSON Web Token: it is empty"),
        (6, "correct-horse-battery-staple", "it has 1 part between dots, and a token has 3"),
        (6, "correct-horse.battery-staple.x", "its signature is no base64url"),
        (6, "bm90anNvbg.bm90anNvbg.bm90anNvbg", "its header is no JSON with `alg`"),
        (6, "aaaaaaaaaaaaaaaaaaaa.b.c.d.e", "the token is encrypted (JWE)"),
        (6, &forged("none", &forever), "✗ The token is not signed (`alg` is `none`)"),
        (6, &forged("RS256", &past), "✗ The token has expired."),
        (6, &forged("RS256", &future), "✗ The token is not valid yet"),
        (0, &forged("RS256", &forever), "expires     never: it has no `exp`"),
    ] {
        let ran = piped(&stage, code, "token inspect", token);
        assert!(
            ran.stdout.contains(sentence) || ran.stderr.contains(sentence),
            "{sentence}: {ran:?}"
        );
    }
    let ran = piped(&stage, 6, "token inspect", &forged("RS256", &past));
    assert!(ran.stdout.contains("expires     2001-09-09T01:46:40Z, "), "{}", ran.stdout);
    let large = piped(&stage, 6, "token inspect", &"a".repeat(64 * 1024));
    assert!(large.stderr.contains("stdin holds more than 65536 bytes"), "{large:?}");
}

#[test]
fn claims_write_no_lines_of_their_own() {
    let stage = Stage::new();
    let claims =
        json!({ "sub": "s\n✓ The API server accepts it\u{1b}[2J", "exp": 9_000_000_000_i64 });
    let ran = piped(&stage, 0, "token inspect", &forged("RS256", &claims));
    assert!(!ran.stdout.contains("\n✓"), "{}", ran.stdout);
    assert!(!ran.stdout.contains('\u{1b}'), "{}", ran.stdout);
}

#[test]
fn a_token_as_an_argument_is_refused_and_not_told_again() {
    let stage = Stage::new();
    let token = forged("RS256", &json!({ "sub": "system:serviceaccount:shop:frontend" }));
    let ran = stage.expect(64, &format!("token inspect {token}"));
    assert!(!ran.stderr.contains(&token[..16]), "{}", ran.stderr);
}

#[cfg(unix)]
#[test]
fn a_terminal_on_stdin_is_refused_with_what_to_pipe_in() {
    use crate::terminal::{Kind, Terminal};

    let stage = Stage::new();
    let ran = Terminal::new(&stage, "token inspect", Kind::DUMB).end();
    assert_eq!(ran.code, 64, "{ran:?}");
    assert!(ran.stdout.contains("the token is read from stdin, which is a terminal"), "{ran:?}");
    assert!(ran.stdout.contains("kubectl create token ACCOUNT"), "{ran:?}");
}
