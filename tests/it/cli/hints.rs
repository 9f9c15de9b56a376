//! What people are told where a service refuses a write: advice about what was refused, and nothing else.

use super::support::Stage;

/// The hint of a sync that gets this answer to the requests of this rule.
fn hint(rule: &str, status: u16, code: &str, message: &str) -> String {
    hint_of(&Stage::quickstart(), rule, status, code, message)
}

fn hint_of(stage: &Stage, rule: &str, status: u16, code: &str, message: &str) -> String {
    stage.write(
        "faults.toml",
        format!(
            "[[rules]]\n{rule}\neffect = {{ answer = {{ status = {status}, code = \"{code}\", message = '{message}' }} }}\n"
        ),
    );
    let line = "sync teams.toml --sandbox=sandbox.json --auto-approve --sandbox-faults faults.toml";
    let ran = stage.widctl(line);
    assert!(matches!(ran.code, 4 | 5), "{ran:#?}");
    let all = ran.stdout + &ran.stderr;
    let mut hints = all.lines().filter_map(|line| line.trim_start().strip_prefix("hint: "));
    hints.next().unwrap_or_else(|| panic!("no hint: {all}")).to_owned()
}

const IDENTITIES: &str = "path = \"*/userAssignedIdentities/*\"\nmethod = \"PUT\"";
const ACCOUNT: &str = "api = \"kubernetes\"\npath = \"*/serviceaccounts/etl*\"\nmethod = \"PATCH\"";

#[test]
fn a_region_that_azure_does_not_give_is_no_missing_role() {
    let message = "Resource id-data-eng was disallowed by Azure: This policy maintains a set of best available regions where your subscription can deploy resources.";
    let hint = hint(IDENTITIES, 403, "RequestDisallowedByAzure", message);
    assert!(hint.starts_with("set `location` to a region"), "{hint}");
    assert!(!hint.contains("az role assignment"), "{hint}");
}

#[test]
fn a_refusal_that_nobody_knows_makes_no_claim_about_roles() {
    let hint = hint(IDENTITIES, 403, "SomethingNew", "No.");
    assert!(hint.contains("az monitor activity-log list --correlation-id "), "{hint}");
    assert!(!hint.contains("role"), "{hint}");
}

#[test]
fn multi_factor_authentication_is_asked_for_by_its_name_and_not_as_a_policy() {
    let message = "Resource id-data-eng was disallowed by policy. Reasons: Users must use MFA for Create operation. Users must authenticate with multi-factor authentication to create or update resources.";
    for status in [401, 403] {
        let hint = hint(IDENTITIES, status, "RequestDisallowedByPolicy", message);
        assert!(hint.starts_with("sign in with multi-factor authentication, `az login"), "{hint}");
        assert!(!hint.contains("exemption"), "{hint}");
    }
}

#[test]
fn a_webhooks_denial_is_a_policy_with_whatever_status() {
    let message = "admission webhook \"vpol.validate.kyverno.svc-fail\" denied the request: Policy restrict-sa failed: ServiceAccounts must set automountServiceAccountToken to false.";
    for status in [400, 422] {
        let hint = hint(ACCOUNT, status, "BadRequest", message);
        assert!(hint.starts_with("an admission policy of the cluster refused it"), "{hint}");
    }
}

#[test]
fn a_webhook_that_is_down_is_named_with_its_service() {
    let message = "Internal error occurred: failed calling webhook \"validate.kyverno.svc-fail\": failed to call webhook: Post \"https://kyverno-svc.kyverno.svc:443/validate?timeout=10s\": no endpoints available for service \"kyverno-svc\"";
    let hint = hint(ACCOUNT, 500, "InternalError", message);
    insta::assert_snapshot!(hint, @"the webhook validate.kyverno.svc-fail has no ready pod behind its service kyverno-svc: start them, `kubectl get pods --namespace kyverno` shows why they are not ready, then run again");
}

#[test]
fn a_scope_stands_in_a_command_as_it_is_named_and_a_group_as_one_word() {
    let stage = Stage::quickstart();
    let vault = "providers/Microsoft.KeyVault/vaults/kv-data-eng";
    stage.edit("teams.toml", vault, "providers/Microsoft.Insights/components/my app insights");
    let roles = "path = \"*/roleAssignments/*\"\nmethod = \"PUT\"";
    let hint = hint_of(&stage, roles, 403, "AuthorizationFailed", "Forbidden.");
    assert!(hint.contains("/components/my app insights\"`"), "{hint}");
    let stage = Stage::quickstart();
    stage.edit("teams.toml", "\"rg-workload-identity\"", "\"rg_wi(prod)\"");
    let hint = hint_of(&stage, IDENTITIES, 409, "ScopeLocked", "locked");
    assert!(hint.contains("--resource-group 'rg_wi(prod)'`"), "{hint}");
}

#[test]
fn a_plans_commands_name_a_group_and_a_scope_as_one_word() {
    let stage = Stage::quickstart();
    let vault = "providers/Microsoft.KeyVault/vaults/kv-data-eng";
    stage.edit("teams.toml", vault, "providers/Microsoft.Insights/components/my app insights");
    stage.expect(0, "sync teams.toml --sandbox=sandbox.json --auto-approve");
    stage.edit("teams.toml", "\"rg-workload-identity\"", "\"rg_wi(prod)\"");
    stage.edit("teams.toml", "Key Vault Secrets User", "No Such Role");
    let ran = stage.widctl("plan teams.toml --sandbox=sandbox.json --sandbox-strict");
    let all = ran.stdout + &ran.stderr;
    assert!(all.contains("az group create --subscription 00000000-0000-4000-8000-000000000001 --name 'rg_wi(prod)' --location westeurope"), "{all}");
    assert!(all.contains("components/my app insights' --custom-role-only"), "{all}");
}
