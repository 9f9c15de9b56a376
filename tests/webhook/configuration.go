package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	mutator "github.com/Azure/azure-workload-identity/pkg/webhook"
	admission "k8s.io/api/admissionregistration/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	configurationName = "azure-wi-webhook-mutating-webhook-configuration"
	// chart is its name, and the release's in its installation instructions.
	chart = "workload-identity-webhook"
	path  = "/mutate-v1-pod"
	// startTimeout bounds the way from the registration to the first mutated pod.
	startTimeout = time.Minute
	// stopTimeout is short: a cluster that ends at the same moment may accept the request and never answer.
	stopTimeout = 5 * time.Second
)

// configuration is what the chart registers with its default values, but for the address: there is no
// Service before the webhook here, so the API server is given a URL and the certificate's authority.
func configuration(server *server) *admission.MutatingWebhookConfiguration {
	return &admission.MutatingWebhookConfiguration{
		ObjectMeta: meta.ObjectMeta{
			Name: configurationName,
			Labels: map[string]string{
				"app":                               chart,
				"azure-workload-identity.io/system": "true",
				"chart":                             chart,
				"release":                           chart,
			},
		},
		Webhooks: []admission.MutatingWebhook{{
			Name:                    "mutation.azure-workload-identity.io",
			AdmissionReviewVersions: []string{"v1", "v1beta1"},
			ClientConfig:            admission.WebhookClientConfig{URL: &server.url, CABundle: server.authority},
			FailurePolicy:           new(admission.Fail),
			MatchPolicy:             new(admission.Equivalent),
			NamespaceSelector:       &meta.LabelSelector{},
			ObjectSelector: &meta.LabelSelector{
				MatchLabels: map[string]string{mutator.UseWorkloadIdentityLabel: "true"},
			},
			ReinvocationPolicy: new(admission.IfNeededReinvocationPolicy),
			Rules: []admission.RuleWithOperations{{
				Operations: []admission.OperationType{admission.Create},
				Rule: admission.Rule{
					APIGroups:   []string{""},
					APIVersions: []string{"v1"},
					Resources:   []string{"pods"},
				},
			}},
			SideEffects: new(admission.SideEffectClassNone),
		}},
	}
}

// register fails where a configuration exists: replacing it would take a webhook from its cluster.
func register(ctx context.Context, cluster client.Client, server *server) error {
	if err := cluster.Create(ctx, configuration(server)); err != nil {
		return fmt.Errorf("register: %w", err)
	}
	return nil
}

// unregister also runs after ctx has ended: with failurePolicy Fail, a configuration whose webhook is
// gone keeps every labelled pod from being created.
func unregister(ctx context.Context, cluster client.Client) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	err := cluster.Delete(ctx, &admission.MutatingWebhookConfiguration{ObjectMeta: meta.ObjectMeta{Name: configurationName}})
	// A cluster that went first took the configuration along.
	if err == nil || net.IsConnectionRefused(err) || net.IsConnectionReset(err) || net.IsProbableEOF(err) {
		return nil
	}
	return fmt.Errorf("unregister: %w", err)
}

// waitUntilMutating returns when the API server calls the webhook, which is a moment after the
// registration: it learns of configurations by a watch. The pod is a rehearsal and never stored.
func waitUntilMutating(ctx context.Context, cluster client.Client) error {
	var last error
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, startTimeout, true, func(ctx context.Context) (bool, error) {
		pod := &core.Pod{
			ObjectMeta: meta.ObjectMeta{
				GenerateName: "webhook-rehearsal-",
				Namespace:    meta.NamespaceDefault,
				Labels:       map[string]string{mutator.UseWorkloadIdentityLabel: "true"},
			},
			Spec: core.PodSpec{Containers: []core.Container{{Name: "main", Image: "none"}}},
		}
		last = cluster.Create(ctx, pod, client.DryRunAll)
		return last == nil && mutated(pod), nil
	})
	if err != nil {
		return fmt.Errorf("no pod was mutated: %w", errors.Join(err, last))
	}
	return nil
}

func mutated(pod *core.Pod) bool {
	for _, volume := range pod.Spec.Volumes {
		if strings.HasPrefix(volume.Name, mutator.ProjectedVolumeNamePrefix) {
			return true
		}
	}
	return false
}
