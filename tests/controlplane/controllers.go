package main

import (
	"context"
	"strings"

	"github.com/spf13/pflag"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
)

// controllers are those whose work tests look at: deletion of a namespace's contents, default
// ServiceAccounts, what goes when its owner goes, aggregated roles and the pods of Jobs.
var controllers = []string{
	"namespace-controller",
	"serviceaccount-controller",
	"garbage-collector-controller",
	"clusterrole-aggregation-controller",
	"job-controller",
	"validatingadmissionpolicy-status-controller",
}

func startControllers(ctx context.Context, files *credentials, kubeconfig string, ended chan<- error) error {
	configuration, err := options.NewKubeControllerManagerOptions()
	if err != nil {
		return err
	}
	known, disabled, aliases := app.KnownControllers(), app.ControllersDisabledByDefault(), app.ControllerAliases()
	flags := configuration.Flags(known, disabled, aliases)
	configuration.ParsedFlags = &flags
	err = parse(flags, []string{
		"--kubeconfig=" + kubeconfig,
		"--controllers=" + strings.Join(controllers, ","),
		"--leader-elect=false",
		"--secure-port=0",
		"--service-account-private-key-file=" + files.serviceAccountKey,
		"--root-ca-file=" + files.authority,
	})
	if err != nil {
		return err
	}
	config, err := configuration.Config(ctx, known, disabled, aliases)
	if err != nil {
		return err
	}
	go func() { ended <- wrap("kube-controller-manager", app.Run(ctx, config.Complete())) }()
	return nil
}

// parse sets flags as the component's own command line would.
func parse(sets cliflag.NamedFlagSets, arguments []string) error {
	all := pflag.NewFlagSet("controlplane", pflag.ContinueOnError)
	for _, set := range sets.FlagSets {
		all.AddFlagSet(set)
	}
	return all.Parse(arguments)
}
