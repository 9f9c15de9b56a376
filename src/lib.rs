//! widctl gives many teams on shared Kubernetes clusters their own Azure identity, and keeps it that way.

pub mod sandbox;
