// Command controlplane runs a Kubernetes control plane for tests: etcd, kube-apiserver and the
// controllers that tests rely on, in one process and on loopback ports of its own.
//
// It prints one line of JSON on standard output as soon as the cluster answers and ends when
// standard input is closed, so that it never outlives the test run that started it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// startTimeout bounds the way from the start to a cluster that answers.
const startTimeout = 3 * time.Minute

// ready is what a test needs to know of the running control plane; every file goes away with it.
type ready struct {
	// Version of the API server, such as v1.36.3.
	Version string `json:"version"`
	// Kubeconfig of a member of system:masters.
	Kubeconfig string `json:"kubeconfig"`
	// RestrictedKubeconfig of a user whom RBAC grants nothing until a test binds something to it.
	RestrictedKubeconfig string `json:"restricted_kubeconfig"`
	// RestrictedUser is that user's name in a RoleBinding.
	RestrictedUser string `json:"restricted_user"`
	// Issuer of the ServiceAccount tokens; its discovery document is public, as a cloud's is.
	Issuer string `json:"issuer"`
	// CertificateAuthority is the PEM file that signs the server's certificate.
	CertificateAuthority string `json:"certificate_authority"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "controlplane:", err)
		os.Exit(1)
	}
}

func run() (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	directory, err := os.MkdirTemp("", "widctl-controlplane-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(directory)) }()

	ended := make(chan error, 3)
	plane, err := start(ctx, directory, ended)
	if err != nil {
		return err
	}
	defer plane.stop()
	if err := json.NewEncoder(os.Stdout).Encode(plane.ready); err != nil {
		return err
	}

	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		ended <- nil
	}()
	select {
	case <-ctx.Done():
		return nil
	case err := <-ended:
		return err
	}
}

// plane is the running whole.
type plane struct {
	ready ready
	stop  func()
}

// start brings up etcd, the API server and the controllers, in this order; ended receives the error
// of a part that ends by itself.
func start(ctx context.Context, directory string, ended chan<- error) (*plane, error) {
	ctx, cancel := context.WithCancel(ctx)
	files, err := writeCredentials(directory)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("credentials: %w", err)
	}
	store, err := startEtcd(filepath.Join(directory, "etcd"))
	if err != nil {
		cancel()
		return nil, fmt.Errorf("etcd: %w", err)
	}
	stop := func() {
		cancel()
		store.Close()
	}
	server, err := startServer(ctx, files, store.Clients[0].Addr().String(), ended)
	if err != nil {
		stop()
		return nil, fmt.Errorf("kube-apiserver: %w", err)
	}
	described, err := server.describe(ctx, files)
	if err != nil {
		stop()
		return nil, fmt.Errorf("kube-apiserver: %w", err)
	}
	if err := startControllers(ctx, files, described.Kubeconfig, ended); err != nil {
		stop()
		return nil, fmt.Errorf("kube-controller-manager: %w", err)
	}
	return &plane{ready: *described, stop: stop}, nil
}
