//! How the nodes do.

/// How one nsqd does, for `/readyz`.
#[derive(Debug, Clone, serde::Serialize)]
pub struct NodeHealth {
    /// Its name in the configuration.
    pub node: String,
    /// Whether it takes publishes.
    pub ready: bool,
}
