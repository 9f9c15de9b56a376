module widctl/tests/definitions

go 1.26.4

// The tests read definitions of kinds from these modules and build nothing of them, so there is no Go code here and no
// `go mod tidy`. kustomize-controller is the newest release whose own Go version is not above ours.
require (
	github.com/argoproj/argo-workflows/v4 v4.0.5
	github.com/fluxcd/kustomize-controller v1.7.3
	istio.io/api v1.32.0
)
