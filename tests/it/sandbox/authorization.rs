//! Role assignments, role definitions and permissions.

use axum::http::StatusCode;
use serde_json::{Value, json};
use widctl::sandbox::Faults;

use super::support::{Caller, IDENTITY, SUBSCRIPTION, world};

const ROLE: &str = "0b5fe924-9a61-425c-96af-cfe6e287ca2d";
const SECRETS_USER: &str = "4633458b-17de-408a-b874-0445c86b69e6";
const PRINCIPAL: &str = "ce2ce14e-85d7-4629-bdbc-454d0519d987";
const NAME: &str = "05c5a614-a7d6-4502-b150-c2fb455033ff";
const OTHER_NAME: &str = "11111111-a7d6-4502-b150-c2fb455033ff";
const GROUP: &str = "/subscriptions/12345678-1234-5678-9012-123456789012/resourceGroups/rgName";
const ASSIGNMENTS: &str = "providers/Microsoft.Authorization/roleAssignments";
const VERSION: &str = "api-version=2022-04-01";

fn assignment(scope: &str, name: &str) -> String {
    format!("{scope}/{ASSIGNMENTS}/{name}?{VERSION}")
}

fn body(role: &str, principal: &str, kind: Option<&str>) -> Value {
    let role = format!(
        "/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    );
    let mut body = json!({ "properties": { "roleDefinitionId": role, "principalId": principal } });
    if let Some(kind) = kind {
        body["properties"]["principalType"] = json!(kind);
    }
    body
}

async fn with_role() -> Caller {
    let (world, caller) = world().await;
    let subscription = format!("/subscriptions/{SUBSCRIPTION}");
    assert!(world.grow_role_definition(&subscription, ROLE, "Our Role", &["*/read"]));
    assert!(!world.grow_role_definition(&subscription, ROLE, "Our Role", &["*/read"]));
    caller
}

async fn names(caller: &Caller, path: &str) -> Vec<String> {
    let reply = caller.get(path).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    let value = reply.body["value"].as_array().unwrap();
    value.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn v23_an_assignment_answers_with_the_tenant_level_role_id() {
    let caller = with_role().await;
    let made = caller.put(&assignment(GROUP, NAME), &body(ROLE, PRINCIPAL, Some("User"))).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    assert_eq!(
        made.body,
        json!({
            "id": format!("{GROUP}/{ASSIGNMENTS}/{NAME}"),
            "type": "Microsoft.Authorization/roleAssignments",
            "name": NAME,
            "properties": {
                "roleDefinitionId": format!("/providers/Microsoft.Authorization/roleDefinitions/{ROLE}"),
                "principalId": PRINCIPAL,
                "principalType": "User",
                "scope": GROUP,
            },
        })
    );
    let again = caller.put(&assignment(GROUP, NAME), &body(ROLE, PRINCIPAL, Some("User"))).await;
    assert_eq!((again.status, again.body), (StatusCode::OK, made.body));
}

#[tokio::test]
async fn v24_the_same_assignment_under_another_name_is_refused_with_the_id_of_the_first() {
    let caller = with_role().await;
    caller.put(&assignment(GROUP, NAME), &body(ROLE, PRINCIPAL, Some("User"))).await;
    let twin = assignment(&GROUP.to_uppercase(), OTHER_NAME);
    let twin = caller.put(&twin, &body(ROLE, PRINCIPAL, Some("User"))).await;
    assert_eq!((twin.status, twin.code()), (StatusCode::CONFLICT, "RoleAssignmentExists"));
    assert_eq!(
        twin.message(),
        "The role assignment already exists. The ID of the existing role assignment is 05c5a614a7d64502b150c2fb455033ff."
    );
}

#[tokio::test]
async fn v25_an_unknown_principal_needs_its_type_said() {
    let caller = with_role().await;
    let refused = caller.put(&assignment(GROUP, NAME), &body(ROLE, PRINCIPAL, None)).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, "PrincipalNotFound"));
    assert!(refused.message().starts_with("Principal ce2ce14e85d74629bdbc454d0519d987 does not"));
    let with_type = body(ROLE, PRINCIPAL, Some("ServicePrincipal"));
    let made = caller.put(&assignment(GROUP, NAME), &with_type).await;
    assert_eq!(made.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_new_principal_is_unknown_as_often_as_asked_even_with_its_type() {
    let (world, caller) = world().await;
    world.set_faults(Faults { principal_replication: 2, ..Faults::default() });
    let identity = format!("{IDENTITY}?api-version=2023-01-31");
    let made = caller.put(&identity, &json!({ "location": "eastus" })).await;
    let principal = made.body["properties"]["principalId"].as_str().unwrap();
    let body = body(SECRETS_USER, principal, Some("ServicePrincipal"));
    for _ in 0..2 {
        let refused = caller.put(&assignment(GROUP, NAME), &body).await;
        assert_eq!(refused.code(), "PrincipalNotFound");
    }
    let made = caller.put(&assignment(GROUP, NAME), &body).await;
    assert_eq!(made.status, StatusCode::CREATED);
}

#[tokio::test]
async fn v26_deleting_an_assignment_answers_with_what_it_was() {
    let caller = with_role().await;
    let made = caller.put(&assignment(GROUP, NAME), &body(ROLE, PRINCIPAL, Some("User"))).await;
    let deleted = caller.delete(&assignment(GROUP, NAME)).await;
    assert_eq!((deleted.status, deleted.body), (StatusCode::OK, made.body));
    let again = caller.delete(&assignment(GROUP, NAME)).await;
    assert_eq!((again.status, again.body), (StatusCode::NO_CONTENT, Value::Null));
    assert_eq!(caller.get(&assignment(GROUP, NAME)).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_assignment_cannot_get_another_role_or_an_unknown_one() {
    let caller = with_role().await;
    caller.put(&assignment(GROUP, NAME), &body(ROLE, PRINCIPAL, Some("User"))).await;
    let changed = body(SECRETS_USER, PRINCIPAL, Some("User"));
    let changed = caller.put(&assignment(GROUP, NAME), &changed).await;
    assert_eq!(changed.code(), "RoleAssignmentUpdateNotPermitted");
    let unknown = body("00000000-0000-0000-0000-000000000000", PRINCIPAL, Some("User"));
    let unknown = caller.put(&assignment(GROUP, OTHER_NAME), &unknown).await;
    assert_eq!(unknown.code(), "RoleDefinitionDoesNotExist");
    let not_a_guid = body(ROLE, PRINCIPAL, Some("User"));
    let not_a_guid = caller.put(&assignment(GROUP, "name"), &not_a_guid).await;
    assert_eq!(not_a_guid.code(), "InvalidRoleAssignmentId");
}

#[tokio::test]
async fn a_list_shows_assignments_at_above_and_below_its_scope() {
    let caller = with_role().await;
    let subscription = format!("/subscriptions/{SUBSCRIPTION}");
    let vault = format!("{GROUP}/providers/Microsoft.KeyVault/vaults/kv");
    let scopes = [(&*subscription, 1), (GROUP, 2), (&*vault, 3)];
    for (scope, number) in scopes {
        let name = format!("{number}{}", &NAME[1..]);
        let body = body(ROLE, PRINCIPAL, Some("User"));
        let made = caller.put(&assignment(scope, &name), &body).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    }
    let name = |number: u8| format!("{number}{}", &NAME[1..]);
    let everything = format!("{GROUP}/{ASSIGNMENTS}?{VERSION}");
    assert_eq!(names(&caller, &everything).await.len(), 3);
    let above = format!("{GROUP}/{ASSIGNMENTS}?{VERSION}&$filter=atScope()");
    let mut above = names(&caller, &above).await;
    above.sort();
    assert_eq!(above, [name(1), name(2)]);
    let of_one =
        |id: &str| format!("{subscription}/{ASSIGNMENTS}?{VERSION}&$filter=principalId eq '{id}'");
    assert_eq!(names(&caller, &of_one(PRINCIPAL)).await.len(), 3);
    assert_eq!(names(&caller, &of_one(NAME)).await.len(), 0);
    let unknown = format!("{subscription}/{ASSIGNMENTS}?{VERSION}&$filter=colour eq 'red'");
    assert_eq!(caller.get(&unknown).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn roles_are_found_by_name_and_quotes_are_doubled() {
    let (world, caller) = world().await;
    let subscription = format!("/subscriptions/{SUBSCRIPTION}");
    world.grow_role_definition(&subscription, ROLE, "Anna's Role", &["*/read"]);
    let roles = format!("{GROUP}/providers/Microsoft.Authorization/roleDefinitions?{VERSION}");
    let find = |name: &str| format!("{roles}&$filter=roleName eq '{name}'");
    assert_eq!(names(&caller, &find("Key Vault Secrets User")).await, [SECRETS_USER]);
    assert_eq!(names(&caller, &find("key vault secrets user")).await, [SECRETS_USER]);
    assert_eq!(names(&caller, &find("Anna''s Role")).await, [ROLE]);
    assert_eq!(names(&caller, &find("Nobody")).await, Vec::<String>::new());
    let custom = format!("{roles}&$filter=type eq 'CustomRole' and roleName eq 'Anna''s Role'");
    assert_eq!(names(&caller, &custom).await, [ROLE]);
    let one =
        format!("/providers/Microsoft.Authorization/roleDefinitions/{SECRETS_USER}?{VERSION}");
    let one = caller.get(&one).await;
    assert_eq!(one.body["properties"]["roleName"], "Key Vault Secrets User");
    assert_eq!(
        one.body["properties"]["permissions"][0]["dataActions"][0],
        "Microsoft.KeyVault/vaults/secrets/getSecret/action"
    );
}

#[tokio::test]
async fn the_built_in_principal_may_do_everything() {
    let (_world, caller) = world().await;
    let path = format!("{GROUP}/providers/Microsoft.Authorization/permissions?{VERSION}");
    let permissions = caller.get(&path).await;
    assert_eq!(permissions.body["value"][0]["actions"], json!(["*"]));
}

#[tokio::test]
async fn denied_actions_are_missing_among_the_permissions_and_refused_when_tried() {
    let (world, caller) = world().await;
    world.set_faults(Faults {
        denied_actions: vec!["Microsoft.Authorization/*/write".to_owned()],
        ..Faults::default()
    });
    let path = format!("{GROUP}/providers/Microsoft.Authorization/permissions?{VERSION}");
    let permissions = caller.get(&path).await;
    assert_eq!(
        permissions.body["value"][0]["notActions"],
        json!(["Microsoft.Authorization/*/write"])
    );
    let assignments = format!("{GROUP}/providers/Microsoft.Authorization/roleAssignments");
    let path = format!("{assignments}/{NAME}?{VERSION}");
    let refused = caller.put(&path, &body(ROLE, PRINCIPAL, None)).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (403, "AuthorizationFailed"));
    assert!(
        refused.message().contains("action 'Microsoft.Authorization/roleAssignments/write'"),
        "{refused:?}"
    );
    let listed = caller.get(&format!("{assignments}?{VERSION}")).await;
    assert_eq!(listed.status.as_u16(), 200);
}
