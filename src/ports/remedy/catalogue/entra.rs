//! What Entra answers to a sign-in and to the exchange of a workload's token.
//! <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>

use super::{Row, rows};

const CREDENTIALS: &str = "`az identity federated-credential list --identity-name IDENTITY --resource-group RESOURCE_GROUP` lists an identity's credentials, `az ad app federated-credential list --id CLIENT_ID` an application's";
const ISSUER: &str = "`kubectl get --raw /.well-known/openid-configuration` shows the cluster's issuer and where its keys are";
const DOCUMENTS: &str =
    "`curl --fail ISSUER/.well-known/openid-configuration` shows what Entra reads";
const APPLICATION: &str = "`az ad sp show --id CLIENT_ID` shows whether it is in this tenant";
const CERTIFICATES: &str =
    "`az ad app credential list --id CLIENT_ID --cert` lists the application's certificates";
const SECRETS: &str =
    "`az ad app credential list --id CLIENT_ID` lists its secrets with their ends";
const ACCOUNT: &str = "`az account show` shows the tenant, the subscription and who is signed in";
const BYTE_FOR_BYTE: &str = "compare the token's issuer, subject and audience with the federated credential's byte for byte, case and trailing slash included; for a workload `widctl sync` writes them, and Entra may need minutes to know a new one";
const PERSON: &str = "the sign-in needs a person: run `az login`";
const MFA: &str = "sign in with multi-factor authentication, `az login --tenant {tenant} {challenge}`, or sign in as a workload's principal (docs/sign-in.md), which is not asked for it";
const PUBLISHER: &str = "have whoever runs the issuer publish its discovery document and keys so that anybody can read them, then try again";
const CLOCK: &str = "the token or assertion has expired: check the machine's clock";
const POLICY: &str = "have an administrator of the tenant allow workload identity federation for this application or issuer";
const TENANT: &str = "AZURE_TENANT_ID is not a tenant";

pub(super) const ROWS: &[Row] = rows! {
    "AADSTS70021",
        "no federated credential matches the token",
        "the token's issuer, subject or audience is not that of any credential; the message prints all three; most often the issuer's trailing slash is missing",
        CREDENTIALS, BYTE_FOR_BYTE;
    "AADSTS700211",
        "no federated credential has the token's issuer",
        "the trailing slash differs, the cluster was created anew, or the client id is another identity's",
        ISSUER, BYTE_FOR_BYTE;
    "AADSTS700212",
        "no federated credential has the token's audience",
        "the token is for another audience than `api://AzureADTokenExchange`; a pod with an AKS identity binding has one for `api://AKSIdentityBinding`",
        CREDENTIALS, BYTE_FOR_BYTE;
    "AADSTS700213",
        "no federated credential has the token's subject",
        "the pod runs as another account or in another namespace, or GitHub sends a subject with ids (`repo:OWNER@ID/REPO@ID:…`) that the credential does not have",
        CREDENTIALS, BYTE_FOR_BYTE;
    "AADSTS7002138",
        "the token's subject differs from a federated credential's by case alone",
        "Entra compares issuer, subject and audience with regard to case",
        CREDENTIALS, BYTE_FOR_BYTE;
    "AADSTS70022",
        "the token's issuer is not one that Entra trusts at all",
        "an issuer is an https address that Entra can reach, without query or fragment, not on loopback",
        ISSUER,
        "give the cluster a public https issuer (`--service-account-issuer`), or use AKS's own";
    "AADSTS70023",
        "the token lives too long",
        "Entra limits how long a token that somebody else issued may live",
        "`kubectl get pod POD --output yaml` shows `expirationSeconds` of the projected token",
        "write `token_expiration` from \"1h\" to \"24h\"; tokens of Secrets, which never end, cannot be used";
    "AADSTS70024",
        "the issuer's discovery document lacks a field",
        "it must name `issuer`, `jwks_uri`, `response_types_supported`, `subject_types_supported` and `id_token_signing_alg_values_supported`",
        DOCUMENTS, PUBLISHER;
    "AADSTS70025",
        "the application or identity has no federated credential",
        "the client id is another identity's, or its credentials were deleted",
        CREDENTIALS,
        "run `widctl sync` to write the credential, or correct the client id: the account's annotation `azure.workload.identity/client-id`, or AZURE_CLIENT_ID";
    "AADSTS700221",
        "the issuer in the token is not the one in the discovery document",
        "they must be equal byte for byte; a document that was copied to another place still names the old one",
        ISSUER,
        "let the API server's `--service-account-issuer` and the discovery document name one issuer, equal byte for byte";
    "AADSTS700222",
        "a token of Entra was used as an assertion",
        "tokens that Entra itself issued are not taken from a federated credential of this kind",
        CREDENTIALS,
        "sign in with the token of the workload's own issuer, the file in AZURE_FEDERATED_TOKEN_FILE for one";
    "AADSTS700223",
        "workload identity federation is blocked by the tenant",
        "a policy of the tenant does not allow federated credentials for this application or issuer",
        CREDENTIALS, POLICY;
    "AADSTS700238",
        "workload identity federation is blocked by the tenant",
        "a policy of the tenant does not allow this issuer",
        CREDENTIALS, POLICY;
    "AADSTS700024",
        "the assertion is not within its time",
        "the clock of whoever signed it is wrong, or a token was kept that had expired; a pod's token is renewed in its file",
        "`date --utc` shows this machine's clock",
        CLOCK;
    "AADSTS700027",
        "the assertion's signature is wrong",
        "a certificate signed it that is not the application's, or a cluster with keys that its issuer does not publish",
        CERTIFICATES,
        "the certificate is not one of the application's; for a workload: its token is not signed by a key that its issuer publishes";
    "AADSTS700016",
        "the application is not in this tenant",
        "the client id or the tenant is another one, or the identity is so new that Entra does not know it everywhere",
        APPLICATION,
        "AZURE_CLIENT_ID is not an application of this tenant: compare AZURE_TENANT_ID";
    "AADSTS7000215",
        "the client secret is wrong",
        "it is the secret's id instead of its value, or of another application",
        SECRETS,
        "AZURE_CLIENT_SECRET is wrong; it must be the secret's value, not the secret's id";
    "AADSTS7000222",
        "the client secret has expired",
        "secrets end; a federated credential does not",
        SECRETS,
        "the client secret has expired: make a new one";
    "AADSTS7000226",
        "no federated credential matches a managed identity's token",
        "an application that trusts a managed identity has its tenant's issuer, its object id as subject, and the audience of the cloud",
        CREDENTIALS, BYTE_FOR_BYTE;
    "AADSTS7000227",
        "no federated credential matches a managed identity's token",
        "an application that trusts a managed identity has its tenant's issuer, its object id as subject, and the audience of the cloud",
        CREDENTIALS, BYTE_FOR_BYTE;
    "AADSTS7000229",
        "the application has no service principal in this tenant",
        "an application signs in as its service principal, which a tenant may lack",
        APPLICATION,
        "make it with `az ad sp create --id CLIENT_ID`, or sign in to the application's own tenant";
    "AADSTS90002", "the tenant does not exist",
        "its id or domain is misspelt, or it is in another cloud",
        ACCOUNT, TENANT;
    "AADSTS900023", "the tenant's id is not one",
        "it is neither a GUID nor a domain",
        ACCOUNT, TENANT;
    "AADSTS90061", "Entra cannot reach the issuer",
        "its discovery document or keys do not answer from the internet",
        DOCUMENTS, PUBLISHER;
    "AADSTS900610", "Entra cannot read the issuer's documents",
        "the answer is an error that another try does not change",
        DOCUMENTS, PUBLISHER;
    "AADSTS900611", "the issuer's discovery document is not acceptable",
        "it is not JSON, or fields are missing or wrong",
        DOCUMENTS, PUBLISHER;
    "AADSTS900612", "the issuer's keys are not acceptable",
        "they are not a JSON Web Key Set with RSA keys for RS256",
        DOCUMENTS, PUBLISHER;
    "AADSTS900439", "the application belongs to another cloud",
        "it is one of Azure for US Government, and the sign-in is to the public cloud",
        "`az cloud show --query name` shows the cloud",
        "write `cloud = \"usgovernment\"` in `[azure]`, or set AZURE_AUTHORITY_HOST for the workload";
    "AADSTS500011", "the resource is not in this tenant",
        "the scope names a service that nobody has made known to the tenant, or is misspelt",
        "`az ad sp list --filter \"servicePrincipalNames/any(n:n eq 'RESOURCE')\"` finds it where it is there",
        "correct the scope; for another cloud name its own services, `https://management.usgovcloudapi.net/.default` for one";
    "AADSTS50146", "the resource needs a signing key of its own",
        "the application that is asked for maps claims, and has no key for that",
        APPLICATION,
        "have the owner of that application give it a signing key, or let it accept mapped claims";
    "AADSTS70011", "the scope is not one",
        "the client credentials flow takes one resource with `/.default` behind it",
        ACCOUNT,
        "ask for `RESOURCE/.default`, `https://management.azure.com/.default` for one";
    "AADSTS50076", "multi-factor authentication is asked for",
        "Azure wants people to prove twice who they are before they create, change or delete (https://learn.microsoft.com/entra/identity/authentication/concept-mandatory-multifactor-authentication), or Conditional Access does",
        ACCOUNT, MFA;
    "AADSTS50079", "the user must register for multi-factor authentication",
        "it is asked for, and the user has no second factor yet",
        ACCOUNT, MFA;
    "AADSTS50078", "the multi-factor authentication has expired",
        "it is asked for again after a time that the tenant sets",
        ACCOUNT, PERSON;
    "AADSTS50173", "the sign-in was revoked",
        "the password was changed or the sessions were ended",
        ACCOUNT, PERSON;
    "AADSTS70043", "the sign-in has ended",
        "Conditional Access sets how often people sign in",
        ACCOUNT, PERSON;
    "AADSTS700082", "the sign-in has ended",
        "it was not used for too long",
        ACCOUNT, PERSON;
    "AADSTS53003", "Conditional Access forbids the sign-in",
        "a policy looks at the place, the device or the risk",
        ACCOUNT,
        "a Conditional Access policy forbids the sign-in from here";
};
