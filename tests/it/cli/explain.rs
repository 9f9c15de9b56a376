//! `explain`: every code, in any case, offline.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::support::{Stage, repository};

/// The codes of Entra that a token exchange or a sign-in may end with.
const ENTRA: [u32; 38] = [
    70_021, 700_211, 700_212, 700_213, 7_002_138, 70_022, 70_023, 70_024, 70_025, 700_221, 700_222,
    700_223, 700_238, 700_024, 700_027, 700_016, 7_000_226, 7_000_227, 90_061, 900_610, 900_611,
    900_612, 500_011, 50_146, 70_011, 900_439, 50_076, 50_078, 50_079, 50_173, 70_043, 700_082,
    53_003, 7_000_215, 7_000_222, 7_000_229, 90_002, 900_023,
];
/// The codes of ARM and of the providers of identities and roles.
const ARM: [&str; 27] = [
    "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity",
    "Conflict",
    "BadRequest",
    "NotFound",
    "ParentResourceNotFound",
    "MethodNotAllowed",
    "TooManyRequests",
    "ResourceNotFound",
    "ResourceGroupNotFound",
    "SubscriptionNotFound",
    "AuthorizationFailed",
    "LinkedAuthorizationFailed",
    "DenyAssignmentAuthorizationFailed",
    "RequestDisallowedByPolicy",
    "RequestDisallowedByAzure",
    "InvalidResourceLocation",
    "MissingSubscriptionRegistration",
    "InvalidAuthenticationToken",
    "ExpiredAuthenticationToken",
    "InvalidAuthenticationTokenTenant",
    "ScopeLocked",
    "ReadOnlyDisabledSubscription",
    "RoleAssignmentExists",
    "RoleAssignmentLimitExceeded",
    "PrincipalNotFound",
    "insufficient_claims",
    "499",
];

/// The codes that `explain --all` explains.
fn explained(stage: &Stage) -> BTreeSet<String> {
    let all = stage.expect(0, "explain --all --format json").json();
    let codes = all.as_array().unwrap().iter();
    codes.map(|of| of["code"].as_str().unwrap().to_owned()).collect()
}

/// The codes of widctl that its sources name.
fn of_sources(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            of_sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(path).unwrap();
            let named = source.split("\"WID-").skip(1).filter_map(|rest| rest.split_once('"'));
            found.extend(named.map(|(rest, _)| format!("WID-{rest}")));
        }
    }
}

#[test]
fn every_code_that_users_may_meet_is_explained() {
    let known = explained(&Stage::new());
    let mut wanted = BTreeSet::new();
    of_sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut wanted);
    wanted.retain(|code| code != "WID-");
    assert!(wanted.len() > 50, "{wanted:?}");
    wanted.extend(ENTRA.map(|number| format!("AADSTS{number}")));
    wanted.extend(ARM.map(str::to_owned));
    let missing: Vec<&String> = wanted.difference(&known).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_code_is_taken_in_any_case_and_out_of_a_message() {
    let stage = Stage::new();
    let text = stage.expect(0, "explain AADSTS700213").stdout;
    insta::assert_snapshot!("code_of_entra", text);
    for spelling in ["aadsts700213", "700213", "AADSTS700213: No matching record"] {
        let mut command = stage.command("explain");
        let output = command.arg(spelling).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), text, "{spelling}");
    }
    insta::assert_snapshot!("rule", stage.expect(0, "explain wid-kept").stdout);
    let one: Value = stage.expect(0, "explain ScopeLocked --format json").json();
    insta::assert_snapshot!("as_json", format!("{one:#}"));
}

#[test]
fn a_code_that_nobody_knows_is_a_usage_error_that_names_the_nearest() {
    let stage = Stage::new();
    let ran = stage.expect(64, "explain AADSTS70021399");
    insta::assert_snapshot!("unknown_code", ran.stderr);
    assert!(ran.stdout.is_empty());
    assert!(stage.expect(64, "explain ScopeLoked").stderr.contains("`ScopeLocked`"));
    stage.expect(64, "explain");
    stage.expect(64, "explain ScopeLocked --all");
}

/// `WIDCTL_BLESS=1` writes the page anew.
#[test]
fn the_page_of_codes_is_what_explain_prints() {
    let page = Stage::new().expect(0, "explain --all").stdout;
    if std::env::var_os("WIDCTL_BLESS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/codes.md");
        fs::write(path, &page).unwrap();
    }
    assert_eq!(page, repository("docs/codes.md"));
}
