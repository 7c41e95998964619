//! Requests that may come twice.

/// The key of a request, and the request itself, as hashes. A request with a key that the user has
/// sent before is a repetition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestKey {
    /// SHA-256 of the key and of what it is for.
    pub key: [u8; 32],
    /// SHA-256 of the request, without its password.
    pub request: [u8; 32],
}
