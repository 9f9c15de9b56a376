use std::error::Error;
use std::path::Path;

use super::Clouds;

const STACK: &str = r#"
[clouds.stack]
arm = "https://management.local.azurestack.external"
authority_host = "https://login.microsoftonline.com"
arm_audience = "https://management.contoso.onmicrosoft.com/0b1e"
ca_file = "stack.pem"
"#;

fn refusal(text: &str) -> String {
    let error = Clouds::with_file(text, Path::new("clouds.toml")).unwrap_err();
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[test]
fn a_cloud_of_the_file_is_found_beside_the_built_in_ones() {
    let clouds = Clouds::with_file(STACK, Path::new("/etc/widctl/clouds.toml")).unwrap();
    let stack = clouds.find("stack").unwrap();
    assert_eq!(stack.arm_scope(), "https://management.contoso.onmicrosoft.com/0b1e/.default");
    assert_eq!(stack.ca_file.as_deref(), Some(Path::new("/etc/widctl/stack.pem")));
    assert_eq!(
        clouds.find("china").unwrap().arm_scope(),
        "https://management.chinacloudapi.cn/.default"
    );
}

#[test]
fn an_unknown_cloud_gets_a_suggestion() {
    insta::assert_snapshot!(
        Clouds::default().find("usgoverment").unwrap_err(),
        @"no cloud is named `usgoverment`, did you mean `usgovernment`?; known: china, public, usgovernment"
    );
    insta::assert_snapshot!(
        Clouds::default().find("qqq").unwrap_err(),
        @"no cloud is named `qqq`; known: china, public, usgovernment"
    );
}

#[test]
fn a_token_is_never_sent_over_plain_http_to_another_machine() {
    let stack = STACK.replace("https://management.local", "http://management.local");
    insta::assert_snapshot!(refusal(&stack), @"cloud file clouds.toml: `arm` of cloud `stack` must begin with https:// (http:// for loopback only)");
    let text =
        "[clouds.mine]\narm = \"http://127.0.0.1:8080\"\nauthority_host = \"http://[::1]:8080\"";
    let clouds = Clouds::with_file(text, Path::new("clouds.toml")).unwrap();
    assert_eq!(clouds.find("mine").unwrap().arm_audience, "http://127.0.0.1:8080");
}

#[test]
fn an_endpoint_is_an_origin_and_nothing_more() {
    let with = |arm: &str| {
        refusal(&format!(
            "[clouds.mine]\narm = \"{arm}\"\nauthority_host = \"https://login.contoso.com\""
        ))
    };
    insta::assert_snapshot!(with("https://arm.contoso.com/tenant"), @"cloud file clouds.toml: `arm` of cloud `mine` must be an origin: scheme, host and port, no path");
    insta::assert_snapshot!(with("https://me@arm.contoso.com"), @"cloud file clouds.toml: `arm` of cloud `mine` must be an origin: scheme, host and port, no user");
    insta::assert_snapshot!(with("arm.contoso.com"), @"cloud file clouds.toml: `arm` of cloud `mine` is not a URL");
}

#[test]
fn built_in_names_keep_their_endpoints() {
    insta::assert_snapshot!(refusal(&STACK.replace("clouds.stack", "clouds.public")), @"cloud file clouds.toml: `public` is the name of a built-in cloud");
}

#[test]
fn a_misspelt_key_is_shown_with_its_place() {
    insta::assert_snapshot!(refusal(&STACK.replace("ca_file", "ca")), @r#"
    cloud file clouds.toml cannot be understood: TOML parse error at line 6, column 1
      |
    6 | ca = "stack.pem"
      | ^^
    unknown field `ca`, expected one of `arm`, `authority_host`, `arm_audience`, `ca_file`
    "#);
}
