//! What a kubeconfig asks kubelogin for, which widctl answers with a token of its own.
//! <https://azure.github.io/kubelogin/cli/get-token.html>

use std::ffi::OsStr;
use std::path::Path;

use kube::config::{AuthInfo, ExecConfig};

use super::error::clean;
use crate::ports::read::SignedIn;

/// A flag, its short form, the variables that go before it, the later ones first, and its key in the configuration
/// of the provider `azure` that was before kubelogin.
/// <https://github.com/Azure/kubelogin/blob/main/pkg/internal/token/options.go>
type Setting = (&'static str, &'static str, &'static [&'static str], &'static str);

const SERVER: Setting = ("--server-id", "", &[], "apiserver-id");
const TENANT: Setting = ("--tenant-id", "-t", &["AZURE_TENANT_ID"], "tenant-id");
const CLIENT: Setting =
    ("--client-id", "", &["AZURE_CLIENT_ID", "AAD_SERVICE_PRINCIPAL_CLIENT_ID"], "");
const LOGIN: Setting = ("--login", "-l", &["AAD_LOGIN_METHOD"], "");

/// The logins by a principal that is not the person at the keyboard, with widctl's own names of them. The client id
/// of the others is that of kubelogin itself.
const OF_PRINCIPALS: [(&str, &str); 4] = [
    ("spn", "environment"),
    ("msi", "managed-identity"),
    ("workloadidentity", "workload-identity"),
    ("azurepipelines", "azure-pipelines"),
];

/// What is asked for. Each is the value with the words that say it in the kubeconfig.
pub(super) struct Asked {
    /// The audience of the token.
    pub(super) audience: String,
    tenant: Option<(String, String)>,
    client: Option<(String, String)>,
    login: Option<(String, String)>,
}

impl Asked {
    /// What a sign-in asks for, if it is one that widctl can answer: a `kubelogin get-token --server-id …`, or the
    /// `azure` provider that was before it.
    pub(super) fn by(sign_in: &AuthInfo) -> Option<Self> {
        if let Some(provider) = &sign_in.auth_provider
            && provider.name == "azure"
        {
            let said = |(_, _, _, key): Setting| {
                let value = provider.config.get(key)?;
                Some((value.clone(), format!("{key}: {value}")))
            };
            let (audience, _) = said(SERVER)?;
            return Some(Self { audience, tenant: said(TENANT), client: None, login: None });
        }
        let exec = sign_in.exec.as_ref()?;
        let program = Path::new(exec.command.as_deref()?).file_stem();
        let args = exec.args.as_deref().unwrap_or_default();
        let kubelogin = program == Some(OsStr::new("kubelogin"));
        // A proof-of-possession token is bound to a key that only kubelogin has.
        if !kubelogin || args.iter().any(|arg| arg.starts_with("--pop-enabled")) {
            return None;
        }
        let (audience, _) = said(exec, SERVER)?;
        let [tenant, client, login] = [TENANT, CLIENT, LOGIN].map(|setting| said(exec, setting));
        Some(Self { audience, tenant, client, login })
    }

    /// What of it the sign-in of the run does not do: another tenant, another principal.
    pub(super) fn unused(&self, signed_in: &SignedIn) -> Vec<String> {
        let tenant = signed_in.tenant.to_string();
        let other = |asked: &Option<(String, String)>, own: &str| {
            asked.as_ref().filter(|(value, _)| !value.eq_ignore_ascii_case(own)).cloned()
        };
        let mut unused: Vec<_> = other(&self.tenant, &tenant).into_iter().collect();
        let principal = self.login.as_ref().and_then(|(login, _)| {
            OF_PRINCIPALS.iter().find(|(name, _)| login.eq_ignore_ascii_case(name))
        });
        if let Some((_, method)) = principal {
            let client = other(&self.client, &signed_in.principal);
            if client.is_some() || self.client.is_none() && signed_in.method != *method {
                unused.extend(client);
                unused.extend(self.login.clone());
            }
        }
        unused.into_iter().map(|(_, said)| format!("`{}`", clean(&said))).collect()
    }
}

/// A setting of a stanza: its variables go before its flag, and of two flags the last counts.
fn said(exec: &ExecConfig, (flag, short, variables, _): Setting) -> Option<(String, String)> {
    let variable = |name: &&str| {
        let mut all = exec.env.iter().flatten();
        let found = all.find(|one| one.get("name").is_some_and(|found| found == name))?;
        let value = found.get("value")?;
        Some((value.clone(), format!("{name}={value}")))
    };
    let args = exec.args.as_deref().unwrap_or_default();
    let overridden = !args.iter().any(|arg| arg.starts_with("--disable-environment-override"));
    if overridden && let Some(found) = variables.iter().find_map(variable) {
        return Some(found);
    }
    let value = args.iter().enumerate().rev().find_map(|(index, arg)| {
        let next = || args.get(index + 1).map(String::as_str);
        match arg.strip_prefix(flag) {
            Some("") => next(),
            Some(rest) => rest.strip_prefix('='),
            None if short.is_empty() => None,
            None => match arg.strip_prefix(short)? {
                "" => next(),
                rest => Some(rest.strip_prefix('=').unwrap_or(rest)),
            },
        }
    })?;
    Some((value.to_owned(), format!("{flag} {value}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed_in() -> SignedIn {
        SignedIn {
            tenant: "5a0db0c5-0000-4000-8000-0000000007e2".parse().unwrap(),
            object_id: None,
            principal: "ada".into(),
            method: "environment".into(),
        }
    }

    fn unused(args: &[&str], variables: &[(&str, &str)]) -> Vec<String> {
        let pair = |(name, value): &(&str, &str)| {
            [("name".into(), (*name).into()), ("value".into(), (*value).into())].into()
        };
        let mut all = vec!["get-token".to_owned(), "--server-id".into(), "s".into()];
        all.extend(args.iter().map(|arg| (*arg).to_owned()));
        let exec = ExecConfig {
            command: Some("/usr/bin/kubelogin".into()),
            args: Some(all),
            env: Some(variables.iter().map(pair).collect()),
            ..ExecConfig::default()
        };
        let user = AuthInfo { exec: Some(exec), ..AuthInfo::default() };
        Asked::by(&user).unwrap().unused(&signed_in())
    }

    #[test]
    fn another_tenant_is_told_however_it_is_written() {
        for args in [
            &["--tenant-id", "other"][..],
            &["--tenant-id=other"],
            &["-t", "other"],
            &["-tother"],
            &["-t", "5a0db0c5-0000-4000-8000-0000000007e2", "-t=other"],
        ] {
            assert_eq!(unused(args, &[]), ["`--tenant-id other`"], "{args:?}");
        }
        assert_eq!(unused(&[], &[("AZURE_TENANT_ID", "other")]), ["`AZURE_TENANT_ID=other`"]);
        let own = "5A0DB0C5-0000-4000-8000-0000000007E2";
        assert!(unused(&["-t", "other"], &[("AZURE_TENANT_ID", own)]).is_empty());
        let kept =
            unused(&["-t", "other", "--disable-environment-override"], &[("AZURE_TENANT_ID", own)]);
        assert_eq!(kept, ["`--tenant-id other`"]);
    }

    #[test]
    fn another_principal_is_told_and_kubelogins_own_client_is_not() {
        let of_person = ["--login", "devicecode", "--client-id", "80faf920"];
        assert!(unused(&of_person, &[]).is_empty());
        assert!(unused(&["--client-id", "80faf920"], &[]).is_empty());
        let both = ["`--client-id c`", "`--login spn`"];
        assert_eq!(unused(&["-l", "spn", "--client-id", "c"], &[]), both);
        assert!(unused(&["-l", "spn", "--client-id", "ADA"], &[]).is_empty());
        assert!(unused(&["-l", "spn"], &[]).is_empty());
        assert_eq!(unused(&["-l", "msi"], &[]), ["`--login msi`"]);
        let variables = [("AAD_LOGIN_METHOD", "msi"), ("AZURE_CLIENT_ID", "c")];
        let said = ["`AZURE_CLIENT_ID=c`", "`AAD_LOGIN_METHOD=msi`"];
        assert_eq!(unused(&of_person, &variables), said);
    }
}
