//! The health of the nodes.

/// The health of one nsqd, for `/readyz`.
#[derive(Debug, Clone, serde::Serialize)]
pub struct NodeHealth {
    /// Its name in the configuration.
    pub node: String,
    /// Whether it takes publishes.
    pub ready: bool,
    /// What is wrong with it: what nsqd says of itself, or why it took no publish at the last
    /// probe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Topics and channels of Ferry that somebody has paused there, at the last listing. Nothing
    /// comes out of them. 0 on relays that do not list.
    pub paused: usize,
}
