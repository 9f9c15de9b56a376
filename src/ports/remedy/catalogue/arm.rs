//! What Azure Resource Manager and its providers answer.
//! <https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors>

use super::{Row, rows};

const WHO: &str = "`az account show` shows the tenant, the subscription and who is signed in";
const ROLES_OF_CALLER: &str =
    "`az role assignment list --all --assignee {object_id}` lists the roles that the caller has";
const IDENTITIES: &str =
    "`az identity list {place} --output table` lists the identities with their regions";
const CREDENTIALS: &str = "`az identity federated-credential list --identity-name IDENTITY {place}` lists its credentials";
const GROUPS: &str =
    "`az group list --subscription {subscription} --output table` lists the resource groups";
const SIGN_IN_AGAIN: &str =
    "sign in again, for example with `az login`, or in another way with `--auth`";

pub(super) const ROWS: &[Row] = rows! {
    "AuthorizationFailed",
        "the caller lacks an action at a scope",
        "no role of the caller has the action there, or one was assigned minutes ago and is not known everywhere yet",
        ROLES_OF_CALLER,
        "`{action}` is missing; the smallest built-in role with it is {role_name}: `az role assignment create --assignee {object_id} --role \"{role}\" --scope \"{scope}\"`";
    "ABAC condition",
        "a condition on a role that the caller has forbids it",
        "whoever gave the caller the role limited what may be done with it, for example which roles it may assign",
        "`az role assignment list --all --assignee {object_id} --query \"[?condition]\"` lists the roles with conditions",
        "a condition on a role that you have may forbid it too: `az role assignment list --all --assignee {object_id} --query \"[?condition]\"`";
    "LinkedAuthorizationFailed",
        "the caller lacks an action at a scope that the request refers to",
        "the caller may do the thing itself, but not on a resource that it links to; the message names both",
        ROLES_OF_CALLER,
        "have somebody who may grant it allow `{action}` on the linked scope {linked_scope}, then run again";
    "DenyAssignmentAuthorizationFailed",
        "a deny assignment forbids it",
        "managed applications and deployment stacks protect what they made, whatever roles the caller has",
        "`az rest --url \"/subscriptions/SUBSCRIPTION/providers/Microsoft.Authorization/denyAssignments?api-version=2022-04-01\"` lists the deny assignments",
        "a deny assignment forbids it, as managed applications and deployment stacks make them: their owner can exclude this caller";
    "403",
        "Azure refused it, with a code that widctl does not know or without one",
        "it may be a policy, a network rule, a condition or a missing right: only the message can say",
        "`az monitor activity-log list --correlation-id {correlation}` shows what Azure logged about the request",
        "the message says why as far as Azure tells; `az monitor activity-log list --correlation-id {correlation}` shows what it logged, for whoever administers the subscription";
    "RequestDisallowedByPolicy",
        "an Azure Policy forbids it",
        "a policy with the effect deny is assigned to the subscription, the resource group or a management group above it",
        "`az policy assignment list --disable-scope-strict-match {place}` lists the policies",
        "{policies} forbids it: have its owner change it or exempt the place with `az policy exemption create --name widctl --exemption-category Waiver --policy-assignment \"{assignment}\" {place}`";
    "RequestDisallowedByAzure",
        "Azure does not let the subscription deploy to the region",
        "Azure keeps a set of regions for each subscription, by its offer, its age and what the regions can take",
        "`az policy assignment list --subscription {subscription} --query \"[].parameters.listOfAllowedLocations.value\"` shows the regions, where a policy names them",
        "set `location` to a region that the subscription may deploy to, or ask Azure's support to allow this region for subscription {subscription}";
    "insufficient_claims",
        "Azure asks for a token that shows more",
        "Conditional Access asks for more than the sign-in showed, or wants it evaluated anew",
        WHO,
        "sign in again with what Azure asks for: `az login --tenant {tenant} {challenge}`";
    "ScopeLocked",
        "a lock forbids it",
        "a `ReadOnly` lock forbids writes, deletions and most actions, a `CanNotDelete` lock deletions alone; it holds for all that is below its scope (https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources)",
        "`az lock list {place}` lists the locks",
        "a {lock} lock forbids it: find it with `az lock list {place}` and have its owner lift it with `az lock delete --ids ID`";
    "ReadOnlyDisabledSubscription",
        "the subscription is disabled",
        "its billing is not in order, or its offer has ended; it can be read, not written",
        "`az account show --subscription {subscription} --query state` shows its state",
        "the subscription is disabled, so it can only be read: `az account show --subscription {subscription} --query state` shows it; have its billing put in order";
    "MissingSubscriptionRegistration",
        "a resource provider is not registered in the subscription",
        "nobody has used the service in this subscription yet; widctl registers no providers",
        "`az provider show --subscription {subscription} --namespace {provider} --query registrationState` shows its state",
        "register it with `az provider register --subscription {subscription} --namespace {provider}`";
    "SubscriptionNotFound",
        "the subscription does not exist, or the sign-in cannot see it",
        "its id is misspelt, it is in another tenant, or the caller has no role in it",
        WHO,
        "the subscription does not exist or the sign-in cannot see it: compare it with `az account list --all`, and the tenant with `az account show`";
    "ResourceGroupNotFound",
        "the resource group does not exist",
        "its name or subscription in the profile is not the one that is meant, or somebody has to create it first; widctl creates none",
        GROUPS,
        "create it with `az group create --subscription {subscription} --name {resource_group} --location REGION`";
    "ResourceNotFound",
        "the resource does not exist",
        "its name, resource group or subscription in the profile is not the one that is meant, or somebody deleted it",
        "`az resource list {place} --output table` lists what the resource group has",
        "compare its name in the profile with what exists; if somebody deleted it meanwhile, run again";
    "ParentResourceNotFound",
        "the identity of a federated credential does not exist, or not everywhere yet",
        "it was deleted, or created seconds ago",
        IDENTITIES,
        "what it belongs to does not exist, or not everywhere yet: run again; if that does not help, compare the names in the profile with what exists";
    "NotFound",
        "what was asked for does not exist",
        "its name, resource group or subscription is not the one that is meant, or somebody deleted it",
        "`az resource list {place} --output table` lists what the resource group has",
        "compare its name in the profile with what exists; if somebody deleted it meanwhile, run again";
    "InvalidResourceLocation",
        "the resource exists in another region",
        "a resource cannot move: one of the same name in another region would be another resource",
        IDENTITIES,
        "an identity cannot move: set `location` to the region where it is, or choose another name";
    "MethodNotAllowed",
        "the region offers no federated credentials",
        "not every region has them yet (https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations)",
        IDENTITIES,
        "the identity's region does not offer federated credentials yet: set `location` to another region and `name` to another name, for an identity cannot move";
    "BadRequest",
        "the request is not acceptable as it is",
        "of a federated credential: it has exactly one audience, an issuer and a subject, and a name of 3 to 120 letters, digits, `-` and `_`; of AKS's admin credentials: local accounts are disabled",
        CREDENTIALS,
        "fix in the profile what the message names, then run again";
    "Conflict",
        "another credential of the identity has the same issuer and subject",
        "issuer and subject together are unique on an identity; the message is `Issuer and subject combination already exists for this Managed Identity`, with 400 or 409",
        CREDENTIALS,
        "another credential of this identity has the same issuer and subject: plan again to take it into account";
    "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity",
        "somebody else writes credentials of the same identity",
        "Azure takes one write at a time for each identity; widctl keeps to that, another pipeline may be at work",
        "`az monitor activity-log list {place} --offset 1h` shows who writes",
        "somebody else, another pipeline for one, keeps writing credentials of this identity: run again when that has ended";
    "RoleAssignmentExists",
        "an equal role assignment already exists under another name",
        "somebody made it by hand or with another tool; it gives the identity the same role",
        "`az role assignment list --all --assignee PRINCIPAL_ID` lists the role assignments of an identity",
        "an equal role assignment already exists under another name: run again to find it";
    "PrincipalNotFound",
        "the identity is not in the directory yet",
        "a new identity can take minutes to reach the whole directory; widctl waits for it before it gives up",
        "`az ad sp show --id PRINCIPAL_ID` finds it once it is there",
        "a new identity can take minutes to reach the whole directory: run again in some minutes";
    "RoleAssignmentLimitExceeded",
        "the subscription holds no more role assignments",
        "a subscription has a limit of 4000 (https://learn.microsoft.com/azure/role-based-access-control/troubleshoot-limits)",
        "`az role assignment list --all --subscription {subscription} --query \"length(@)\"` counts them",
        "the subscription holds no more role assignments: assign a role once at a wider scope, or remove unused ones";
    "InvalidAuthenticationToken",
        "Azure does not accept the token",
        "the sign-in has ended or was revoked, or the token is for another service",
        WHO,
        SIGN_IN_AGAIN;
    "ExpiredAuthenticationToken",
        "the token has expired",
        "the sign-in has ended, or this machine's clock is behind",
        WHO,
        SIGN_IN_AGAIN;
    "InvalidAuthenticationTokenTenant",
        "the token is for another tenant than the subscription's",
        "the sign-in is to one tenant, the subscription belongs to another",
        WHO,
        "the token is for another tenant than the subscription's: sign in with `az login --tenant {tenant}`, or pin `tenant` in the profile";
    "TooManyRequests",
        "Azure asks to wait",
        "the subscription, or one identity, gets more requests than Azure takes; also `Throttled`, `SubscriptionRequestsThrottled`",
        "`az rest --url \"/subscriptions/SUBSCRIPTION?api-version=2022-12-01\" --debug` shows what is left in `x-ms-ratelimit-remaining-subscription-reads`",
        "Azure asks to wait longer than a run may: run again later, or with a lower `--parallelism`";
    "499",
        "Azure gave up on the request by itself",
        "it took too long inside of Azure; nothing is wrong with what was asked",
        "`az rest --url \"/subscriptions/SUBSCRIPTION?api-version=2022-12-01\"` shows whether Azure answers",
        "run again: completed writes are found and not repeated";
};
