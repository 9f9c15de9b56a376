//! What both sides of a call with a service account's token are configured with.

use serde_json::{Value, json};

use crate::cli::support::{Stage, repository};
use crate::page;

const LINE: &str = "render service-to-service.toml --target service-auth --out-dir auth";

fn stage() -> Stage {
    let stage = Stage::new();
    stage.write("service-to-service.toml", repository("profiles/service-to-service.toml"));
    stage
}

/// The profile with a cluster that is no cluster of Azure, whose issuer ends with a slash or without one.
fn pinned(issuer: &str) -> Stage {
    let stage = stage();
    let text = stage.read("service-to-service.toml");
    let azure = "resource_group = \"rg-aks\"\nname           = \"aks-weu-prod\"";
    assert!(text.contains(azure));
    let other = format!("context = \"weu\"\nissuer = \"{issuer}\"");
    stage.write("service-to-service.toml", text.replace(azure, &other));
    stage
}

#[test]
fn each_caller_gets_a_patch_and_each_service_four_documents_for_its_cluster() {
    let stage = stage();
    let ran = stage.expect(0, LINE);
    page::shows("docs/services.md", ("--out-dir auth\n", "```\n\nA caller"), &ran.stderr);
    let all = [
        "call.shop.shop.frontend",
        "service.data.prices.weu.envoy",
        "service.data.prices.weu.istio",
        "service.data.prices.weu.settings",
        "service.data.prices.weu.token-review",
    ];
    let text: Vec<String> =
        all.iter().map(|name| stage.read(&format!("auth/{name}.json"))).collect();
    insta::assert_snapshot!(text.join(""));
    assert!(stage.exists("auth/call.shop.shop.checkout.json"));
}

#[test]
fn an_issuer_that_the_profile_pins_is_in_the_documents_and_one_of_azure_is_filled_in_by_a_command()
{
    for issuer in ["https://oidc.example.com/weu", "https://oidc.example.com/weu/"] {
        let stage = pinned(issuer);
        let ran = stage.expect(0, LINE);
        assert!(!ran.stderr.contains("sed "), "{}", ran.stderr);
        let data = stage.json("auth/service.data.prices.weu.settings.json")["data"].clone();
        assert_eq!(data["TOKEN_ISSUER"], issuer);
        assert_eq!(data["TOKEN_JWKS_URI"], "https://oidc.example.com/weu/openid/v1/jwks");
        let istio = stage.json("auth/service.data.prices.weu.istio.json");
        let principals = istio.pointer("/items/1/spec/rules/0/from/0/source/requestPrincipals");
        let first = format!("{issuer}/system:serviceaccount:shop:frontend");
        assert_eq!(principals.and_then(|all| all.get(0)), Some(&Value::from(first)));
    }
}

#[test]
fn a_command_puts_the_issuer_of_azure_wherever_a_document_needs_it() {
    let stage = stage();
    let ran = stage.expect(0, LINE);
    let line = ran.stderr.lines().find(|line| line.contains("settings.json |")).unwrap();
    let issuer = "https://westeurope.oic.prod-aks.azure.com/t/c/";
    let line = line.replace("kubectl --context CONTEXT apply -f -", "cat");
    let script = format!("az() {{ echo {issuer}; }}; {}", line.trim());
    let mut shell = std::process::Command::new("sh");
    let done = shell.args(["-c", &script]).current_dir(stage.path("")).output().unwrap();
    let filled: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(filled["data"]["TOKEN_ISSUER"], issuer);
    assert_eq!(filled["data"]["TOKEN_JWKS_URI"], format!("{issuer}openid/v1/jwks"));
}

#[test]
fn a_caller_of_two_services_has_both_tokens_in_its_one_volume_whichever_team_is_rendered() {
    let stage = stage();
    let text = stage.read("service-to-service.toml");
    let second = "[[team.service]]\nname = \"carts\"\naudience = \"carts.shop\"\n\
                  account = \"checkout\"\ncallers = [\"shop/frontend\"]\n";
    stage.write("service-to-service.toml", format!("{text}\n{second}"));
    stage.expect(0, &format!("{LINE} --team shop"));
    let patch = stage.json("auth/call.shop.shop.frontend.json");
    let sources = patch.pointer("/spec/template/spec/volumes/0/projected/sources").unwrap();
    let paths: Vec<&Value> =
        sources.as_array().unwrap().iter().map(|of| &of["serviceAccountToken"]["path"]).collect();
    assert_eq!(json!(paths), json!(["data/prices", "shop/carts"]));
    assert!(stage.exists("auth/service.shop.carts.weu.istio.json"));
    assert!(!stage.exists("auth/service.data.prices.weu.istio.json"), "another team's service");
}

#[test]
fn a_profile_without_services_is_told_what_to_add() {
    let stage = Stage::new();
    stage.write("teams.toml", repository("profiles/prefect-teams.toml"));
    let ran = stage.expect(64, "render teams.toml --target service-auth");
    insta::assert_snapshot!(ran.stderr);
    let ran = stage.expect(64, "render teams.toml --target service-auth --team ml");
    assert!(ran.stderr.contains("team `ml` has no service and calls none"), "{}", ran.stderr);
}
