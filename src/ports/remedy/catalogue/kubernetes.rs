//! What API servers and kubelets say, without codes of their own.
//! <https://azure.github.io/azure-workload-identity/docs/troubleshooting.html>

use super::{Row, rows};

pub(super) const NO_ENDPOINTS: &str = "no endpoints available for service";
pub(super) const UNKNOWN_AUTHORITY: &str = "x509: certificate signed by unknown authority";
pub(super) const WEBHOOK: &str = "failed calling webhook";

const ASK_ITS_OWNER: &str = "an admission policy of the cluster refused it: have its owner allow it, or change what the policy's message \
     complains about, then run again";

pub(super) const ROWS: &[Row] = rows! {
    "no endpoints available for service",
        "no ready pod serves an admission webhook",
        "the webhook's configuration says `failurePolicy: Fail`, so nothing that it selects can be written until its service answers; the API server itself is healthy",
        "`{kubectl} get pods,endpointslices --namespace {service_namespace}` shows whether pods of the webhook are ready",
        "the webhook {webhook} has no ready pod behind its service {service}: start them, `{kubectl} get pods --namespace {service_namespace}` shows why they are not ready, then run again";
    "x509: certificate signed by unknown authority",
        "an admission webhook's certificate is not signed by the authority in its configuration",
        "the webhook's `caBundle` is older or newer than its certificate, as after a failed renewal or a second installation",
        "`{kubectl} get mutatingwebhookconfigurations,validatingwebhookconfigurations --output yaml` shows the `caBundle` of each webhook",
        "the webhook {webhook} shows a certificate that its `caBundle` does not cover: restart what renews it, one of `{kubectl} get deployments --namespace {service_namespace}`, then run again";
    "failed calling webhook",
        "the API server could not call an admission webhook",
        "the webhook's service does not answer, or not in time, and its configuration says `failurePolicy: Fail`; the API server itself is healthy",
        "`{kubectl} get mutatingwebhookconfigurations,validatingwebhookconfigurations` lists the webhooks",
        "the webhook {webhook} could not be called: see its service with `{kubectl} get pods,endpointslices --namespace {service_namespace}`, then run again";
    "denied the request",
        "an admission webhook denied the request",
        "a policy of the cluster (Kyverno, Gatekeeper, Azure Policy or a webhook of its own) does not allow the object as it is; the message names the policy",
        "`{kubectl} get mutatingwebhookconfigurations,validatingwebhookconfigurations` lists the webhooks",
        ASK_ITS_OWNER;
    "denied request",
        "a ValidatingAdmissionPolicy denied the request",
        "a policy of the cluster does not allow the object as it is; the message names the policy and its binding",
        "`{kubectl} get validatingadmissionpolicies,validatingadmissionpolicybindings` lists the policies",
        ASK_ITS_OWNER;
    "system:anonymous",
        "the API server took the request for one without credentials",
        "no token or certificate was sent, or a proxy before the API server took it off",
        "`{kubectl} auth whoami` shows who the API server takes the caller for",
        "the API server took the request for one without credentials: fetch those of {credentials} again, and look for a proxy that drops them; `{kubectl} auth whoami` shows who it takes you for";
    "error looking up service account",
        "a pod names a ServiceAccount that does not exist",
        "the pod was made before its ServiceAccount, or names another one or another namespace",
        "`kubectl get serviceaccounts --namespace NAMESPACE` lists those that exist",
        "run `widctl sync` so that the account exists, or correct `serviceAccountName` of the pod; its controller tries again by itself";
    "azure-identity-token: no such file or directory",
        "the pod has no token for Azure",
        "the webhook did not see the pod: without the label `azure.workload.identity/use: \"true\"` on the pod itself it injects nothing; from version 1.6 it mounts the token elsewhere, so that the path must be read from AZURE_FEDERATED_TOKEN_FILE",
        "`kubectl get pod POD --output yaml` shows the label, and the volume and variables that the webhook injects",
        "label the pod template `azure.workload.identity/use: \"true\"`, read the path from AZURE_FEDERATED_TOKEN_FILE, and make the pods anew";
    "service-account-token-expiration",
        "the workload identity webhook does not accept a token's life",
        "the annotation `azure.workload.identity/service-account-token-expiration` of the account or the pod is not a whole number from 3600 to 86400; the pod's is used where both have one",
        "`kubectl get serviceaccount ACCOUNT --namespace NAMESPACE --output yaml` shows the annotation",
        "write 3600 to 86400 seconds, in the profile `token_expiration` from \"1h\" to \"24h\"";
};
