//! Local stand-ins of Azure Resource Manager, Entra and Kubernetes.
