//! The health of the nodes.

/// The health of one nsqd, for `/readyz`.
#[derive(Debug, Clone, serde::Serialize)]
pub struct NodeHealth {
    /// Its name in the configuration.
    pub node: String,
    /// Whether it takes publishes.
    pub ready: bool,
}
