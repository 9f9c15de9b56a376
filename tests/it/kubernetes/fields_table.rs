//! The fields of a kubeconfig, row by row.

/// What `kubectl` makes of a row.
pub(super) enum Kubectl {
    /// The server sees the same; where widctl refuses, it refuses too.
    Same,
    /// The server sees this.
    Sees(&'static str),
    /// It refuses.
    Refuses,
    /// It is not asked: it would ask a server that is not ours.
    NotAsked,
}

/// A kubeconfig that shows one field.
pub(super) struct Row {
    /// The field, as the documentation names it.
    pub(super) field: &'static str,
    /// What widctl does with it.
    pub(super) does: &'static str,
    /// Where `kubectl` differs.
    pub(super) differs: &'static str,
    /// Lines below `cluster:`, besides the server and its authority.
    pub(super) cluster: &'static str,
    /// Lines below `user:`.
    pub(super) user: &'static str,
    /// More in the context, in YAML's flow style.
    pub(super) context: &'static str,
    /// What the server sees through widctl, or what the error says.
    pub(super) widctl: Result<&'static str, &'static str>,
    /// What `kubectl` makes of it.
    pub(super) kubectl: Kubectl,
}

const ONE: &str = "token: one";

const fn row(field: &'static str, does: &'static str) -> Row {
    Row {
        field,
        does,
        differs: "",
        cluster: "",
        user: ONE,
        context: "",
        widctl: Ok("Bearer one"),
        kubectl: Kubectl::Same,
    }
}

impl Row {
    const fn cluster(self, cluster: &'static str) -> Self {
        Self { cluster, ..self }
    }

    const fn user(self, user: &'static str) -> Self {
        Self { user, ..self }
    }

    const fn context(self, context: &'static str) -> Self {
        Self { context, ..self }
    }

    const fn sees(self, seen: &'static str) -> Self {
        Self { widctl: Ok(seen), ..self }
    }

    const fn refuses(self, why: &'static str) -> Self {
        Self { widctl: Err(why), ..self }
    }

    const fn but(self, kubectl: Kubectl, differs: &'static str) -> Self {
        Self { differs, kubectl, ..self }
    }
}

/// A plugin that prints an `ExecCredential` with this status.
macro_rules! plugin {
    ($status:literal $(, $more:literal)*) => {
        concat!(
            "exec:\n  apiVersion: client.authentication.k8s.io/v1\n  interactiveMode: Never\n  command: sh\n",
            "  args: [-c, 'printf ''%s'' \"$CREDENTIAL\"']\n",
            "  env:\n  - name: CREDENTIAL\n    value: '{\"apiVersion\":\"client.authentication.k8s.io/v1\",",
            "\"kind\":\"ExecCredential\",\"status\":", $status, "}'\n" $(, $more)*
        )
    };
}

const PLUGIN: &str = plugin!(r#"{"token":"of-plugin"}"#);
const MORE_THAN_KUBECTL: &str = "refuses it";

/// Cluster, user, context.
pub(super) const ROWS: &[Row] = &[
    row("`server`", "https, also with a path").cluster("server: https://HOST/path"),
    row("", "plain http, except on loopback")
        .cluster("server: http://10.0.0.1")
        .refuses("is not https")
        .but(Kubectl::NotAsked, "takes it, and sends no credentials"),
    row("", "no protocol before the host")
        .cluster("server: HOST")
        .refuses("its server is not a URL")
        .but(Kubectl::Refuses, "takes it for plain http"),
    row("`tls-server-name`", "the name that the server's certificate must have")
        .cluster("server: https://localhost:PORT\ntls-server-name: 127.0.0.1"),
    row("`insecure-skip-tls-verify`", "not with a token of Entra")
        .cluster("insecure-skip-tls-verify: true"),
    row("", "with a certificate authority")
        .cluster("insecure-skip-tls-verify: true\ncertificate-authority: ../ca.crt")
        .refuses("`insecure-skip-tls-verify` and a certificate authority"),
    row("`certificate-authority`", "relative to its kubeconfig")
        .cluster("certificate-authority: ../ca.crt"),
    row("`certificate-authority-data`", "on one line").cluster("certificate-authority-data: CA-LINE"),
    row("", "wrapped over lines, by `\\|`").cluster("certificate-authority-data: CA-BLOCK"),
    row("", "wrapped over lines that end in CRLF").cluster("certificate-authority-data: CA-CRLF"),
    row("", "wrapped over lines, by `>`")
        .cluster("certificate-authority-data: CA-FOLDED")
        .but(Kubectl::Refuses, MORE_THAN_KUBECTL),
    row("", "beside `certificate-authority`, before which it goes")
        .cluster("certificate-authority: ../gone.crt\ncertificate-authority-data: CA-LINE")
        .but(Kubectl::Refuses, MORE_THAN_KUBECTL),
    row("`proxy-url`", "http, https").cluster("proxy-url: http://PROXY"),
    row("", "socks5, also for a server on loopback").cluster("proxy-url: socks5://PROXY"),
    row("", "socks5 with a user name")
        .cluster("proxy-url: socks5://a:b@PROXY")
        .refuses("socks5 proxy with a user name")
        .but(Kubectl::Sees("Bearer one"), "takes it"),
    row("", "another protocol").cluster("proxy-url: ftp://PROXY").refuses("`proxy-url` is not"),
    row("`disable-compression`", "").cluster("disable-compression: true"),
    row("`extensions`", "not used, except by exec plugins")
        .cluster("extensions: [{name: a, extension: {b: c}}]"),
    row("`token`", "").user("token: one\nextensions: [{name: a, extension: {b: c}}]"),
    row("", "without the white space around it")
        .user("token: |\n  one\n")
        .but(Kubectl::Refuses, MORE_THAN_KUBECTL),
    row("`tokenFile`", "relative to its kubeconfig, read every minute, without the white space around it")
        .user("tokenFile: ../token")
        .sees("Bearer of-file"),
    row("", "goes before `token`").user("token: one\ntokenFile: ../token").sees("Bearer of-file"),
    row("", "missing, beside a `token`").user("token: one\ntokenFile: ../gone"),
    row("", "missing").user("tokenFile: ../gone").refuses("cannot be read"),
    row("", "empty").user("tokenFile: ../empty").refuses("is empty"),
    row("`client-certificate`, `client-key`", "relative to its kubeconfig")
        .user("client-certificate: ../client.crt\nclient-key: ../client.key")
        .sees("certificate"),
    row("`client-certificate-data`, `client-key-data`", "as `certificate-authority-data`")
        .user("client-certificate-data: CERT-BLOCK\nclient-key-data: KEY-BLOCK")
        .sees("certificate"),
    row("", "a certificate without a key")
        .user("client-certificate: ../client.crt")
        .refuses("client key cannot be read"),
    row("", "a key without a certificate, which counts for nothing")
        .user("token: one\nclient-key: ../client.key"),
    row("`username`, `password`", "also without a password").user("username: ada").sees("Basic YWRhOg=="),
    row("", "").user("username: ada\npassword: b").sees("Basic YWRhOmI="),
    row("", "a password without a user name").user("password: b").refuses("no `username`"),
    row("", "with a token").user("username: ada\npassword: b\ntoken: one").refuses("a token and a password"),
    row("`as`, `as-uid`, `as-groups`, `as-user-extra`", "")
        .user("token: one\nas: ada\nas-uid: '7'\nas-groups: [a, b]\nas-user-extra: {team: [x]}")
        .sees("Bearer one, extra-team=x, group=a, group=b, uid=7, user=ada"),
    row("", "without `as`").user("token: one\nas-groups: [a]").refuses("without `as`"),
    row("`auth-provider`", "`oidc`: its `id-token`, which is not renewed")
        .user("auth-provider: {name: oidc, config: {id-token: of-provider, idp-issuer-url: 'https://a.b', client-id: c}}")
        .sees("Bearer of-provider")
        .but(Kubectl::NotAsked, "renews it"),
    row("", "`azure`: a token of widctl's own")
        .user("auth-provider: {name: azure, config: {apiserver-id: 6dae42f8-4368-4678-94ff-3960e28e3630}}")
        .sees("Bearer token-of-entra")
        .but(Kubectl::Refuses, MORE_THAN_KUBECTL),
    row("", "another").user("auth-provider: {name: gcp, config: {}}").refuses("auth provider `gcp`"),
    row("`exec`", "`kubelogin`: a token of widctl's own")
        .user("exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: kubelogin, args: [get-token, --server-id, 6dae42f8-4368-4678-94ff-3960e28e3630]}")
        .sees("Bearer token-of-entra")
        .but(Kubectl::Refuses, "runs it"),
    row("", "another program, with `args` and `env`, whose token is kept until a minute before it expires")
        .user(PLUGIN)
        .sees("Bearer of-plugin"),
    row("", "a token with white space around it")
        .user(plugin!(r#"{"token":"of-plugin\n"}"#))
        .sees("Bearer of-plugin")
        .but(Kubectl::Refuses, MORE_THAN_KUBECTL),
    row("", "a client certificate; relative to its kubeconfig, where the command has a slash")
        .user("exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: ../plugin}")
        .sees("certificate"),
    row("", "beside a token, a password or a client certificate, which go before it")
        .user(plugin!(r#"{"token":"of-plugin"}"#, "token: one")),
    row("", "beside `auth-provider`")
        .user(plugin!(r#"{"token":"of-plugin"}"#, "auth-provider: {name: oidc, config: {id-token: a}}"))
        .refuses("`exec` and `auth-provider`"),
    row("`apiVersion`", "any")
        .user("exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: echo, args: ['{\"status\":{\"token\":\"a\"}}']}")
        .sees("Bearer a")
        .but(Kubectl::Refuses, "v1 and v1beta1 alone"),
    row("`interactiveMode`", "a program never gets a terminal").user(PLUGIN).sees("Bearer of-plugin"),
    row("", "`Always`")
        .user("exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Always, command: echo}")
        .refuses("it only works with a terminal"),
    row("`provideClusterInfo`", "with the extension for exec plugins")
        .cluster("extensions: [{name: client.authentication.k8s.io/exec, extension: {audience: mine}}]")
        .user("exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, provideClusterInfo: true, command: sh, args: [-c, 'echo \"$KUBERNETES_EXEC_INFO\" | grep -q ''\"audience\":\"mine\"'' && echo ''{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{\"token\":\"told\"}}''']}")
        .sees("Bearer told"),
    row("`installHint`", "a missing program, with this as the hint")
        .user("exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: gone-plugin, installHint: get it}")
        .refuses("hint: get it"),
    row("no credentials", "a user with nothing in it")
        .user("")
        .refuses("no credentials in its user")
        .but(Kubectl::Refuses, "asks for a user name"),
    row("empty fields", "as if they were not there")
        .cluster("tls-server-name: ''\nproxy-url: ''\ncertificate-authority-data: ''\ncertificate-authority: ../ca.crt")
        .user("token: one\nclient-certificate-data: ''\nclient-key-data: ''\nas: ''\nusername: ''\ntokenFile: ''"),
    row("`namespace`, `extensions` of the context", "not used")
        .context(", namespace: a, extensions: [{name: a, extension: {b: c}}]"),
];
