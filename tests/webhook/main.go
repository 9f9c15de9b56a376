// Command webhook serves the published pod mutator of the workload identity webhook for tests, on a
// loopback port of its own, and registers it with a cluster as its Helm chart does:
// https://azure.github.io/azure-workload-identity/docs/installation/mutating-admission-webhook.html
//
// It prints one line of JSON on standard output as soon as pods are mutated and ends when standard
// input is closed, so that it never outlives the test run that started it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	mutator "github.com/Azure/azure-workload-identity/pkg/webhook"
	"github.com/go-logr/logr"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
)

const module = "github.com/Azure/azure-workload-identity"

// ready is what a test needs to know of the running webhook.
type ready struct {
	// Version of the published module, such as v1.6.0.
	Version string `json:"version"`
	// Configuration is the name of the MutatingWebhookConfiguration.
	Configuration string `json:"configuration"`
	// Tenant that a pod is given when its ServiceAccount names none.
	Tenant string `json:"tenant"`
}

func main() {
	kubeconfig := flag.String("kubeconfig", "", "file of a user who may register webhooks and read ServiceAccounts")
	tenant := flag.String("tenant", "", "directory that the webhook is installed for, a GUID")
	flag.Parse()
	if *kubeconfig == "" || *tenant == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*kubeconfig, *tenant); err != nil {
		fmt.Fprintln(os.Stderr, "webhook:", err)
		os.Exit(1)
	}
}

func run(kubeconfig, tenant string) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()

	version, err := publishedVersion()
	if err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.QPS = -1 // the client's own limit of 5 a second would slow down tests that run side by side
	cluster, err := client.New(config, client.Options{})
	if err != nil {
		return err
	}
	handler, err := newHandler(cluster, config, tenant)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	server, err := startServer(handler, ended)
	if err != nil {
		return err
	}
	defer server.stop()

	if err := register(ctx, cluster, server); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unregister(ctx, cluster)) }()
	if err := waitUntilMutating(ctx, cluster); err != nil {
		return err
	}
	described := ready{Version: version, Configuration: configurationName, Tenant: tenant}
	if err := json.NewEncoder(os.Stdout).Encode(described); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-ended:
		return err
	}
}

// newHandler is the published mutator with the settings of a chart installed with nothing but a
// tenant. The published command reads ServiceAccounts from a cache that may be some milliseconds
// old; here each one is read from the API server, so that a pod may follow its account at once.
func newHandler(cluster client.Client, config *rest.Config, tenant string) (http.Handler, error) {
	log.SetLogger(logr.FromSlogHandler(slog.Default().Handler())) // without one, it complains of that
	// The mutator takes its settings from the environment alone; the chart's ConfigMap sets these two.
	for name, value := range map[string]string{"AZURE_TENANT_ID": tenant, "AZURE_ENVIRONMENT": "AzurePublicCloud"} {
		if err := os.Setenv(name, value); err != nil {
			return nil, err
		}
	}
	handler, err := mutator.NewPodMutator(cluster, cluster, "", scheme.Scheme, config, "", "")
	if err != nil {
		return nil, err
	}
	return &webhook.Admission{Handler: handler}, nil
}

// publishedVersion is the version that go.mod asks for; a replaced module would not be the published one.
func publishedVersion() (string, error) {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return "", errors.New("built without module information")
	}
	for _, dependency := range build.Deps {
		if dependency.Path == module && dependency.Replace == nil {
			return dependency.Version, nil
		}
	}
	return "", errors.New("not built from the published " + module)
}
