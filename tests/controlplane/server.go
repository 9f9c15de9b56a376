package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"time"

	rbac "k8s.io/api/rbac/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

// server is the running kube-apiserver.
type server struct{ url string }

// startServer runs kube-apiserver with the flags that kubeadm writes, where they matter here:
// https://kubernetes.io/docs/reference/setup-tools/kubeadm/implementation-details/
func startServer(ctx context.Context, files *credentials, etcd string, ended chan<- error) (*server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := listener.Addr().(*net.TCPAddr)
	url := "https://" + address.String()
	configuration := options.NewServerRunOptions()
	// The listener is handed over, so that no other process can take the port in between.
	configuration.SecureServing.Listener = listener
	configuration.SecureServing.BindPort = address.Port
	err = parse(configuration.Flags(), []string{
		"--etcd-servers=http://" + etcd,
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		"--tls-cert-file=" + files.server.certificate,
		"--tls-private-key-file=" + files.server.key,
		"--client-ca-file=" + files.authority,
		"--authorization-mode=RBAC",
		"--service-account-issuer=" + url,
		"--service-account-jwks-uri=" + url + "/openid/v1/jwks",
		"--service-account-signing-key-file=" + files.serviceAccountKey,
		"--service-account-key-file=" + files.serviceAccountPub,
		"--service-cluster-ip-range=10.0.0.0/24",
		"--profiling=false",
	})
	if err != nil {
		return nil, err
	}
	if err := configuration.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
		return nil, err
	}
	completed, err := configuration.Complete(ctx)
	if err != nil {
		return nil, err
	}
	if invalid := completed.Validate(); len(invalid) > 0 {
		return nil, utilerrors.NewAggregate(invalid)
	}
	go func() { ended <- wrap("kube-apiserver", app.Run(ctx, completed)) }()
	return &server{url: url}, nil
}

// describe writes the kubeconfigs, waits until the cluster answers and opens its discovery document.
func (s *server) describe(ctx context.Context, files *credentials) (*ready, error) {
	described := &ready{
		Kubeconfig:           filepath.Join(files.directory, "admin.kubeconfig"),
		RestrictedKubeconfig: filepath.Join(files.directory, "restricted.kubeconfig"),
		RestrictedUser:       restrictedUser,
		Issuer:               s.url,
		CertificateAuthority: files.authority,
	}
	if err := s.writeKubeconfig(described.Kubeconfig, adminUser, files.authority, files.admin); err != nil {
		return nil, err
	}
	if err := s.writeKubeconfig(described.RestrictedKubeconfig, restrictedUser, files.authority, files.restricted); err != nil {
		return nil, err
	}
	config, err := clientcmd.BuildConfigFromFlags("", described.Kubeconfig)
	if err != nil {
		return nil, err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	if err := waitUntilReady(ctx, client); err != nil {
		return nil, err
	}
	version, err := client.Discovery().ServerVersion()
	if err != nil {
		return nil, err
	}
	described.Version = version.GitVersion
	return described, publishIssuer(ctx, client)
}

func waitUntilReady(ctx context.Context, client kubernetes.Interface) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, startTimeout, true, func(ctx context.Context) (bool, error) {
		_, last = client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		return last == nil, nil
	})
	if err != nil {
		return errors.Join(err, last)
	}
	return nil
}

// publishIssuer lets anybody read the discovery document and the keys, as a cloud's issuer does:
// https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#service-account-issuer-discovery
func publishIssuer(ctx context.Context, client kubernetes.Interface) error {
	_, err := client.RbacV1().ClusterRoleBindings().Create(ctx, &rbac.ClusterRoleBinding{
		ObjectMeta: meta.ObjectMeta{Name: "service-account-issuer-discovery-for-everybody"},
		RoleRef:    rbac.RoleRef{APIGroup: rbac.GroupName, Kind: "ClusterRole", Name: "system:service-account-issuer-discovery"},
		Subjects:   []rbac.Subject{{APIGroup: rbac.GroupName, Kind: rbac.GroupKind, Name: "system:unauthenticated"}},
	}, meta.CreateOptions{})
	return err
}

func (s *server) writeKubeconfig(path, user, authority string, files pair) error {
	config := clientcmdapi.NewConfig()
	config.Clusters["controlplane"] = &clientcmdapi.Cluster{Server: s.url, CertificateAuthority: authority}
	config.AuthInfos[user] = &clientcmdapi.AuthInfo{ClientCertificate: files.certificate, ClientKey: files.key}
	config.Contexts["controlplane"] = &clientcmdapi.Context{Cluster: "controlplane", AuthInfo: user}
	config.CurrentContext = "controlplane"
	return clientcmd.WriteToFile(*config, path)
}

// wrap names the part whose end ends the process; nil stays nil.
func wrap(part string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", part, err)
}
