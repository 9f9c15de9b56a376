//! Identities, credentials and what stands around them.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use widctl::sandbox::{Faults, Latency, Throttling, Unverified, World};

use super::support::{Caller, IDENTITIES, IDENTITY, SUBSCRIPTION, credential, world};

const FIRST: &str = "2023-01-31";
const WITH_ISOLATION: &str = "2024-11-30";
const ISSUER: &str = "https://oidc.prod-aks.azure.com/TenantGUID/IssuerGUID";
const SUBJECT: &str = "system:serviceaccount:ns:svcaccount";

fn identity_body() -> Value {
    json!({ "location": "eastus", "tags": { "key1": "value1", "key2": "value2" } })
}

fn identity(version: &str) -> String {
    format!("{IDENTITY}?api-version={version}")
}

fn credentials(name: &str) -> String {
    format!("{IDENTITY}/federatedIdentityCredentials/{name}?api-version={FIRST}")
}

async fn with_identity() -> (World, Caller) {
    let (world, caller) = world().await;
    let made = caller.put(&identity(FIRST), &identity_body()).await;
    assert_eq!(made.status, StatusCode::CREATED);
    (world, caller)
}

#[tokio::test]
async fn v01_a_new_identity_is_created_with_ids_of_its_own() {
    let (world, caller) = world().await;
    let made = caller.put(&identity(WITH_ISOLATION), &identity_body()).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let id = made.body["id"].as_str().unwrap();
    assert!(id.contains("/resourcegroups/rgName/"), "{id}");
    assert_eq!(made.body["name"], "resourceName");
    assert_eq!(made.body["type"], "Microsoft.ManagedIdentity/userAssignedIdentities");
    assert_eq!(made.body["location"], "eastus");
    assert_eq!(made.body["tags"], identity_body()["tags"]);
    let properties = &made.body["properties"];
    assert_eq!(properties["isolationScope"], "None");
    assert_eq!(properties["tenantId"], world.tenant());
    for id in ["clientId", "principalId"] {
        let id = properties[id].as_str().unwrap();
        assert!(uuid::Uuid::parse_str(id).is_ok(), "{id}");
    }
    assert_ne!(properties["clientId"], properties["principalId"]);
}

#[tokio::test]
async fn v02_putting_an_identity_again_keeps_its_ids() {
    let (_world, caller) = world().await;
    let first = caller.put(&identity(WITH_ISOLATION), &identity_body()).await;
    let second = caller.put(&identity(WITH_ISOLATION), &identity_body()).await;
    assert_eq!(second.status, StatusCode::OK);
    assert_eq!(second.body, first.body);
}

#[tokio::test]
async fn v03_the_first_version_knows_no_isolation_scope() {
    let (_world, caller) = with_identity().await;
    let again = caller.put(&identity(FIRST), &identity_body()).await;
    assert_eq!(again.status, StatusCode::OK);
    assert!(again.body["properties"].get("isolationScope").is_none(), "{}", again.body);
}

#[tokio::test]
async fn v04_a_patch_changes_the_isolation_scope_and_not_the_ids() {
    let (_world, caller) = world().await;
    let made = caller.put(&identity(WITH_ISOLATION), &identity_body()).await;
    let patch = json!({
        "location": "eastus",
        "properties": { "isolationScope": "Regional" },
        "tags": { "key1": "value1", "key2": "other" },
    });
    let patched = caller.patch(&identity(WITH_ISOLATION), &patch).await;
    assert_eq!(patched.status, StatusCode::OK);
    assert_eq!(patched.body["properties"]["isolationScope"], "Regional");
    assert_eq!(patched.body["tags"]["key2"], "other");
    for id in ["clientId", "principalId"] {
        assert_eq!(patched.body["properties"][id], made.body["properties"][id]);
    }
}

#[tokio::test]
async fn a_patch_replaces_all_tags_unless_asked_to_merge_them() {
    let (world, caller) = with_identity().await;
    let patch = json!({ "tags": { "key1": "new" } });
    let replaced = caller.patch(&identity(FIRST), &patch).await;
    assert_eq!(replaced.body["tags"], json!({ "key1": "new" }));
    let unverified = Unverified { patch_merges_tags: true, ..Unverified::default() };
    world.set_faults(Faults { unverified, ..Faults::default() });
    let merged = caller.patch(&identity(FIRST), &json!({ "tags": { "key2": "more" } })).await;
    assert_eq!(merged.body["tags"], json!({ "key1": "new", "key2": "more" }));
}

#[tokio::test]
async fn v05_paths_are_read_without_regard_to_case() {
    let (_world, caller) = with_identity().await;
    let written = caller.get(&identity(FIRST)).await;
    let lower = caller.get(&format!("{}?api-version={FIRST}", IDENTITY.to_lowercase())).await;
    let upper = caller.get(&format!("{}?api-version={FIRST}", IDENTITY.to_uppercase())).await;
    assert_eq!(written.status, StatusCode::OK);
    assert_eq!(lower.body, written.body);
    assert_eq!(upper.body, written.body);
}

#[tokio::test]
async fn letters_beyond_ascii_are_read_in_either_case_and_none_as_one_of_ascii() {
    let (_world, caller) = world().await;
    let group = |name: &str| {
        format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{name}?api-version=2021-04-01")
    };
    let made =
        caller.put(&group("FORMACI%C3%93N-%E4%B8%AD"), &json!({ "location": "eastus" })).await;
    assert_eq!(made.status, StatusCode::CREATED);
    assert_eq!(made.body["name"], "FORMACI\u{d3}N-\u{4e2d}");
    let lower = caller.get(&group("formaci%C3%B3n-%E4%B8%AD")).await;
    assert_eq!(lower.body, made.body);
    let made = caller.put(&group("rg-k"), &json!({ "location": "eastus" })).await;
    assert_eq!(made.status, StatusCode::CREATED);
    // The Kelvin sign, whose lower case is a k.
    assert_eq!(caller.get(&group("rg-%E2%84%AA")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn v06_a_full_page_links_to_the_next_and_the_last_does_not() {
    let (world, caller) = world().await;
    for at in 0..5 {
        let path = format!("{IDENTITIES}/id-{at}?api-version={FIRST}");
        caller.put(&path, &json!({ "location": "eastus" })).await;
    }
    let unverified = Unverified { page_size: 2, ..Unverified::default() };
    world.set_faults(Faults { unverified, ..Faults::default() });
    let mut names = Vec::new();
    let mut next = Some(format!("{IDENTITIES}?api-version={FIRST}"));
    let mut pages = 0;
    while let Some(path) = next {
        let page = caller.get(&path).await;
        assert_eq!(page.status, StatusCode::OK);
        pages += 1;
        let value = page.body["value"].as_array().unwrap();
        names.extend(value.iter().map(|one| one["name"].as_str().unwrap().to_owned()));
        next = page.body["nextLink"].as_str().map(str::to_owned);
        if let Some(link) = &next {
            assert!(link.starts_with("https://sandbox.test/subscriptions/"), "{link}");
            assert!(link.contains("/resourcegroups/rgName/"), "{link}");
            assert!(link.contains("?api-version=2023-01-31&$skiptoken=X'"), "{link}");
        }
    }
    assert_eq!((pages, names), (3, (0..5).map(|at| format!("id-{at}")).collect()));
}

#[tokio::test]
async fn v07_a_subscription_lists_the_identities_of_all_its_groups() {
    let (world, caller) = with_identity().await;
    world.grow_identity(SUBSCRIPTION, "rg-other", "id-other", "eastus");
    caller.put(&credentials("abc"), &credential(ISSUER, SUBJECT)).await;
    let path = format!(
        "/subscriptions/{SUBSCRIPTION}/providers/Microsoft.ManagedIdentity/userAssignedIdentities?api-version={WITH_ISOLATION}"
    );
    let all = caller.get(&path).await;
    let names: Vec<&str> =
        all.body["value"].as_array().unwrap().iter().map(|i| i["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["id-other", "resourceName"]);
}

#[tokio::test]
async fn v08_a_new_credential_has_neither_location_nor_tags() {
    let (_world, caller) = with_identity().await;
    let made = caller.put(&credentials("ficResourceName"), &credential(ISSUER, SUBJECT)).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let id = made.body["id"].as_str().unwrap();
    assert!(id.ends_with("/resourceName/federatedIdentityCredentials/ficResourceName"), "{id}");
    assert!(id.contains("/resourcegroups/rgName/"), "{id}");
    let keys: Vec<&String> = made.body.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["id", "name", "type", "properties"]);
    assert_eq!(
        made.body["type"],
        "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials"
    );
    assert_eq!(made.body["properties"], credential(ISSUER, SUBJECT)["properties"]);
}

#[tokio::test]
async fn v09_putting_a_credential_again_changes_it_in_place() {
    let (_world, caller) = with_identity().await;
    caller.put(&credentials("fic"), &credential(ISSUER, SUBJECT)).await;
    let moved = caller.put(&credentials("fic"), &credential("https://other/", SUBJECT)).await;
    assert_eq!(moved.status, StatusCode::OK);
    assert_eq!(moved.body["properties"]["issuer"], "https://other/");
}

#[tokio::test]
async fn v10_the_issuer_is_kept_byte_for_byte() {
    let (_world, caller) = with_identity().await;
    for (name, issuer) in [("with", "https://a.example/x/"), ("without", "https://a.example/x")] {
        caller.put(&credentials(name), &credential(issuer, SUBJECT)).await;
        let read = caller.get(&credentials(name)).await;
        assert_eq!(read.status, StatusCode::OK);
        assert_eq!(read.body["properties"]["issuer"], issuer);
    }
}

#[tokio::test]
async fn v11_credentials_are_listed_in_pages_of_the_size_asked_for() {
    let (_world, caller) = with_identity().await;
    for at in 0..3 {
        let body = credential(ISSUER, &format!("{SUBJECT}-{at}"));
        caller.put(&credentials(&format!("fic-{at}")), &body).await;
    }
    let all = format!("{IDENTITY}/federatedIdentityCredentials?$top=20&api-version=2024-11-30");
    let all = caller.get(&all).await;
    assert_eq!(all.body["value"].as_array().unwrap().len(), 3);
    assert!(all.body.get("nextLink").is_none());
    let first = format!("{IDENTITY}/federatedIdentityCredentials?$top=2&api-version=2024-11-30");
    let first = caller.get(&first).await;
    let link = first.body["nextLink"].as_str().unwrap();
    assert!(link.contains("&$skipToken=X'"), "{link}");
    let second = caller.get(link).await;
    assert_eq!(second.body["value"][0]["name"], "fic-2");
    assert!(second.body.get("nextLink").is_none());
}

#[tokio::test]
async fn v12_deleting_a_credential_twice_finds_nothing_the_second_time() {
    let (_world, caller) = with_identity().await;
    caller.put(&credentials("fic"), &credential(ISSUER, SUBJECT)).await;
    let first = caller.delete(&credentials("fic")).await;
    let second = caller.delete(&credentials("fic")).await;
    assert_eq!((first.status, &first.body), (StatusCode::OK, &Value::Null));
    assert_eq!((second.status, &second.body), (StatusCode::NO_CONTENT, &Value::Null));
}

#[tokio::test]
async fn v13_deleting_an_identity_takes_its_credentials_along_and_its_ids_never_come_back() {
    let (_world, caller) = with_identity().await;
    let before = caller.get(&identity(FIRST)).await;
    caller.put(&credentials("fic"), &credential(ISSUER, SUBJECT)).await;
    assert_eq!(caller.delete(&identity(FIRST)).await.status, StatusCode::OK);
    assert_eq!(caller.delete(&identity(FIRST)).await.status, StatusCode::NO_CONTENT);
    let after = caller.put(&identity(FIRST), &identity_body()).await;
    assert_eq!(after.status, StatusCode::CREATED);
    assert_ne!(after.body["properties"]["clientId"], before.body["properties"]["clientId"]);
    assert_eq!(caller.get(&credentials("fic")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn v14_an_issuer_and_subject_stand_on_an_identity_once() {
    let (world, caller) = with_identity().await;
    caller.put(&credentials("first"), &credential(ISSUER, SUBJECT)).await;
    let text = "Issuer and subject combination already exists for this Managed Identity.";
    let documented = caller.put(&credentials("second"), &credential(ISSUER, SUBJECT)).await;
    assert_eq!(documented.status, StatusCode::BAD_REQUEST);
    assert_eq!(documented.message(), text);
    let unverified = Unverified { duplicate_pair_status: 409, ..Unverified::default() };
    world.set_faults(Faults { unverified, ..Faults::default() });
    let in_the_wild = caller.put(&credentials("second"), &credential(ISSUER, SUBJECT)).await;
    assert_eq!(in_the_wild.status, StatusCode::CONFLICT);
    assert_eq!((in_the_wild.code(), in_the_wild.message()), ("Conflict", text));
}

#[tokio::test]
async fn v15_two_credential_writes_at_once_on_one_identity_are_refused_and_on_two_are_not() {
    let (world, caller) = with_identity().await;
    world.grow_identity(SUBSCRIPTION, "rgName", "other", "eastus");
    let latency = Latency { write_ms: 20, ..Latency::default() };
    world.set_faults(Faults { latency, ..Faults::default() });
    let (one, two) = (credentials("one"), credentials("two"));
    let elsewhere = one.replace("/resourceName/", "/other/");
    let (first, second) = (credential(ISSUER, "a"), credential(ISSUER, "b"));
    let (first, second, third) = tokio::join!(
        caller.put(&one, &first),
        caller.put(&two, &second),
        caller.put(&elsewhere, &first)
    );
    assert_eq!(first.status, StatusCode::CREATED);
    assert_eq!(third.status, StatusCode::CREATED);
    assert_eq!(second.status, StatusCode::CONFLICT);
    assert_eq!(
        second.code(),
        "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity"
    );
    assert!(second.message().contains(&IDENTITY.to_lowercase()), "{}", second.message());
    let later = caller.put(&two, &credential(ISSUER, "b")).await;
    assert_eq!(later.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_write_that_is_given_up_does_not_block_the_identity() {
    let (world, caller) = with_identity().await;
    let latency = Latency { write_ms: 60_000, ..Latency::default() };
    world.set_faults(Faults { latency, ..Faults::default() });
    let (path, body) = (credentials("one"), credential(ISSUER, "a"));
    let given_up = tokio::time::timeout(Duration::from_millis(5), caller.put(&path, &body)).await;
    assert!(given_up.is_err());
    world.set_faults(Faults::default());
    assert_eq!(caller.put(&path, &body).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn v16_a_credential_has_exactly_one_audience() {
    let (_world, caller) = with_identity().await;
    for audiences in [json!([]), json!(["a", "b"])] {
        let mut body = credential(ISSUER, SUBJECT);
        body["properties"]["audiences"] = audiences;
        let refused = caller.put(&credentials("fic"), &body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        let text = "Federated identity credentials must have exactly one audience.";
        assert_eq!(refused.message(), text);
    }
}

#[tokio::test]
async fn v17_a_credential_needs_an_issuer() {
    let (_world, caller) = with_identity().await;
    let refused = caller.put(&credentials("fic"), &credential("", SUBJECT)).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, "BadRequest"));
    assert_eq!(
        refused.message(),
        "The request format was unexpected. Federated Identity Credential must specify 'issuer', 'subject' and 'audience'."
    );
}

#[tokio::test]
async fn v18_the_name_of_a_credential_has_3_to_120_signs_of_the_right_kind() {
    let (_world, caller) = with_identity().await;
    for name in ["ab", "-abc", &"a".repeat(121)] {
        let refused = caller.put(&credentials(name), &credential(ISSUER, name)).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{name}");
        let text = format!("Federated Identity Credential name '{name}' is invalid.");
        assert_eq!(refused.message(), text);
    }
    for name in ["abc", &"a".repeat(120)] {
        let made = caller.put(&credentials(name), &credential(ISSUER, name)).await;
        assert_eq!(made.status, StatusCode::CREATED, "{name}");
    }
}

#[tokio::test]
async fn v19_a_credential_needs_an_identity_to_stand_on() {
    let (_world, caller) = world().await;
    let refused = caller.put(&credentials("fic"), &credential(ISSUER, SUBJECT)).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    assert!(refused.message().contains("parent user-assigned identity"), "{}", refused.message());
}

#[tokio::test]
async fn v20_the_21st_credential_is_refused_with_the_answer_asked_for() {
    let (world, caller) = with_identity().await;
    for at in 0..20 {
        let body = credential(ISSUER, &format!("subject-{at}"));
        let made = caller.put(&credentials(&format!("fic-{at:02}")), &body).await;
        assert_eq!(made.status, StatusCode::CREATED);
    }
    let unverified = Unverified {
        credential_limit_status: 409,
        credential_limit_code: "QuotaExceeded".to_owned(),
        ..Unverified::default()
    };
    world.set_faults(Faults { unverified, ..Faults::default() });
    let one_more = caller.put(&credentials("fic-20"), &credential(ISSUER, "subject-20")).await;
    assert_eq!((one_more.status, one_more.code()), (StatusCode::CONFLICT, "QuotaExceeded"));
    let list = format!("{IDENTITY}/federatedIdentityCredentials?api-version={FIRST}");
    assert_eq!(caller.get(&list).await.body["value"].as_array().unwrap().len(), 20);
    let replaced = caller.put(&credentials("fic-19"), &credential(ISSUER, "subject-new")).await;
    assert_eq!(replaced.status, StatusCode::OK);
}

#[tokio::test]
async fn v21_what_is_missing_is_named() {
    let (_world, caller) = world().await;
    let identity = caller.get(&identity(FIRST)).await;
    assert_eq!((identity.status, identity.code()), (StatusCode::NOT_FOUND, "ResourceNotFound"));
    assert_eq!(
        identity.message(),
        "The Resource 'Microsoft.ManagedIdentity/userAssignedIdentities/resourceName' under resource group 'rgName' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix"
    );
    let elsewhere = IDENTITY.replace("rgName", "rg-missing");
    let path = format!("{elsewhere}?api-version={FIRST}");
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let group = caller.call(method, &path, Some(&identity_body())).await;
        assert_eq!((group.status, group.code()), (StatusCode::NOT_FOUND, "ResourceGroupNotFound"));
        assert_eq!(group.message(), "Resource group 'rg-missing' could not be found.");
    }
    let nowhere = path.replace(SUBSCRIPTION, "00000000-0000-0000-0000-000000000000");
    let subscription = caller.get(&nowhere).await;
    assert_eq!(subscription.code(), "SubscriptionNotFound");
}

#[tokio::test]
async fn v22_writes_beyond_the_documented_rate_are_told_when_to_come_back() {
    let (world, caller) = with_identity().await;
    world.set_faults(Faults { throttling: Throttling::Documented, ..Faults::default() });
    let first = caller.put(&credentials("one"), &credential(ISSUER, "a")).await;
    assert_eq!(first.status, StatusCode::CREATED);
    for _ in 0..2 {
        let second = caller.put(&credentials("two"), &credential(ISSUER, "b")).await;
        assert_eq!(second.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(second.header("retry-after"), Some("4"));
        let text = format!(
            "Request is temporarily throttled because resource {}/federatedidentitycredentials/two has issued too many requests. Retry after 4 seconds.",
            IDENTITY.to_lowercase()
        );
        assert_eq!(second.message(), text);
    }
    assert_eq!(caller.get(&credentials("two")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_identity_cannot_move_to_another_location() {
    let (_world, caller) = with_identity().await;
    let same = caller.put(&identity(FIRST), &json!({ "location": "East US" })).await;
    assert_eq!(same.status, StatusCode::OK);
    let moved = caller.put(&identity(FIRST), &json!({ "location": "westeurope" })).await;
    assert_eq!((moved.status, moved.code()), (StatusCode::CONFLICT, "InvalidResourceLocation"));
    assert!(moved.message().contains("already exists in location 'eastus'"), "{}", moved.message());
}

#[tokio::test]
async fn an_api_version_is_needed_and_has_to_be_one_of_the_type() {
    let (_world, caller) = with_identity().await;
    let none = caller.get(IDENTITY).await;
    assert_eq!((none.status, none.code()), (StatusCode::BAD_REQUEST, "MissingApiVersionParameter"));
    let other = caller.get(&identity("2099-01-01")).await;
    assert_eq!(
        (other.status, other.code()),
        (StatusCode::BAD_REQUEST, "NoRegisteredProviderFound")
    );
    assert!(other.message().contains("2024-11-30"), "{}", other.message());
    let malformed = caller.get(&identity("latest")).await;
    assert_eq!(malformed.code(), "InvalidApiVersionParameter");
    let too_early = format!("{IDENTITY}/federatedIdentityCredentials?api-version=2018-11-30");
    assert_eq!(caller.get(&too_early).await.code(), "NoRegisteredProviderFound");
}

#[tokio::test]
async fn a_flexible_credential_has_no_subject_for_readers_of_a_stable_version() {
    let (_world, caller) = with_identity().await;
    let preview = "2025-01-31-preview";
    let path = format!("{IDENTITY}/federatedIdentityCredentials/flexible?api-version={preview}");
    let body = json!({ "properties": {
        "issuer": ISSUER,
        "audiences": ["api://AzureADTokenExchange"],
        "claimsMatchingExpression": { "value": "claims['sub'] matches 'a:*'", "languageVersion": 1 },
    }});
    assert_eq!(caller.put(&path, &body).await.status, StatusCode::CREATED);
    let stable = caller.get(&credentials("flexible")).await;
    assert_eq!(stable.status, StatusCode::OK);
    let properties = stable.body["properties"].as_object().unwrap();
    assert_eq!(properties.keys().collect::<Vec<_>>(), ["issuer", "audiences", "subject"]);
    assert_eq!(properties["subject"], Value::Null);
}

#[tokio::test]
async fn resource_groups_subscriptions_and_tenants_can_be_read() {
    let (world, caller) = world().await;
    let group =
        format!("/subscriptions/{SUBSCRIPTION}/resourcegroups/RGNAME?api-version=2021-04-01");
    let found = caller.get(&group).await;
    assert_eq!((found.status, &found.body["name"]), (StatusCode::OK, &json!("rgName")));
    assert_eq!(found.body["location"], "eastus");
    let head = caller.call(Method::HEAD, &group, None).await;
    assert_eq!(head.status, StatusCode::NO_CONTENT);
    let missing = caller.call(Method::HEAD, &group.replace("RGNAME", "nope"), None).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    let groups = format!("/subscriptions/{SUBSCRIPTION}/resourcegroups?api-version=2021-04-01");
    assert_eq!(caller.get(&groups).await.body["value"].as_array().unwrap().len(), 1);
    let subscription = format!("/subscriptions/{SUBSCRIPTION}?api-version=2022-12-01");
    assert_eq!(caller.get(&subscription).await.body["tenantId"], world.tenant());
    let tenants = caller.get("/tenants?api-version=2022-12-01").await;
    assert_eq!(tenants.body["value"][0]["tenantId"], world.tenant());
}

#[tokio::test]
async fn subscriptions_come_in_pages() {
    let (world, caller) = world().await;
    let ids = ["a", "b", "c"].map(|start| format!("{start}0000000-0000-4000-8000-000000000000"));
    for id in &ids {
        world.grow_subscription(id);
    }
    world.set_faults(toml::from_str("unverified = { page_size = 2 }").unwrap());
    let mut next = Some("/subscriptions?api-version=2022-12-01".to_owned());
    let mut found = Vec::new();
    let mut pages = 0;
    while let Some(page) = next {
        let page = caller.get(&page).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        let value = page.body["value"].as_array().unwrap().iter();
        found.extend(value.map(|one| one["subscriptionId"].as_str().unwrap().to_owned()));
        next = page.body["nextLink"].as_str().map(str::to_owned);
        pages += 1;
    }
    let all = [&[SUBSCRIPTION.to_owned()], &ids[..]].concat();
    assert_eq!((found, pages), (all, 2));
}
