//! Azure Resource Manager and Entra behind the ports.

mod arm;
pub mod client;
pub mod cloud;
mod error;
mod managed_identity_client;
mod pipeline;
pub mod sign_in;
pub mod transport;
