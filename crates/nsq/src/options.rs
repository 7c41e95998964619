//! What can be set on a connection.

use std::time::Duration;

/// Options of a connection. The defaults fit the `nsq.conf` at the root of the repository.
#[derive(Clone, Debug)]
pub struct Options {
    /// TCP connect, IDENTIFY and SUB, together.
    pub connect_timeout: Duration,
    /// How long the oldest publish waits for nsqd's answer before the connection is dropped, and how long `close` waits.
    pub response_timeout: Duration,
    /// How long a publisher's `on_connect` hook may take. Keep it below two heartbeat intervals, or nsqd gives up first.
    pub on_connect_timeout: Duration,
    /// nsqd sends a heartbeat this often, and drops a client from which it hears nothing for two of them. nsqd accepts 1 s up
    /// to its `max_heartbeat_interval`.
    pub heartbeat_interval: Duration,
    /// After this long in flight a message is redelivered. `None`: nsqd's `msg_timeout`. nsqd accepts 1 s to `max_msg_timeout`.
    pub msg_timeout: Option<Duration>,
    /// Bytes of nsqd's write buffer for this connection. nsqd accepts 64 to `max_output_buffer_size`.
    pub output_buffer_size: u32,
    /// How long nsqd may hold a message back to fill that buffer. `None`: nsqd's `output_buffer_timeout`, which may be finer
    /// than the milliseconds of IDENTIFY.
    pub output_buffer_timeout: Option<Duration>,
    /// The largest frame taken from nsqd. A larger one ends the connection before memory is set aside for it.
    pub max_frame_size: usize,
    /// The largest body offered to nsqd. Keep it at nsqd's `max_msg_size`: nsqd closes the connection on a larger one, and every
    /// other publish that waits for an answer would fail with it.
    pub max_body_size: usize,
    /// Shown by nsqd's stats and nsqadmin.
    pub client_id: String,
    /// Shown by nsqd's stats and nsqadmin.
    pub user_agent: String,
    /// How many publishes may wait for their answer; one more fails with `QueueFull`.
    pub max_outstanding: usize,
    /// How many bytes of bodies may wait for their answer; more fails with `QueueFull`.
    pub max_outstanding_bytes: usize,
    /// The first pause before a publisher connects again; it doubles, with jitter, up to `max_backoff`.
    pub min_backoff: Duration,
    /// The longest pause before a publisher connects again.
    pub max_backoff: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(5),
            on_connect_timeout: Duration::from_secs(30),
            heartbeat_interval: Duration::from_secs(30),
            msg_timeout: None,
            output_buffer_size: 1024,
            output_buffer_timeout: None,
            max_frame_size: 256 * 1024,
            max_body_size: 128 * 1024,
            client_id: "ferry".to_owned(),
            user_agent: concat!("ferry-nsq/", env!("CARGO_PKG_VERSION")).to_owned(),
            max_outstanding: 4096,
            max_outstanding_bytes: 32 * 1024 * 1024,
            min_backoff: Duration::from_millis(50),
            max_backoff: Duration::from_secs(5),
        }
    }
}
