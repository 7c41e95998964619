//! The options of a connection.

use std::time::Duration;

/// Options of a connection. The defaults fit the `nsq.conf` at the root of the repository.
#[derive(Clone, Debug)]
pub struct Options {
    /// The longest time for TCP connect, IDENTIFY and SUB together.
    pub connect_timeout: Duration,
    /// The time that the oldest publish waits for nsqd's answer before the connection is dropped.
    /// `close` waits as long.
    pub response_timeout: Duration,
    /// The longest time for a publisher's `on_connect` hook. Keep it below two heartbeat
    /// intervals, or nsqd gives up first.
    pub on_connect_timeout: Duration,
    /// The interval of nsqd's heartbeats. nsqd drops a client from which it hears nothing for two
    /// intervals. nsqd accepts 1 s up to its `max_heartbeat_interval`.
    pub heartbeat_interval: Duration,
    /// The time in flight after which a message is redelivered. `None` means nsqd's `msg_timeout`.
    /// nsqd accepts 1 s to `max_msg_timeout`.
    pub msg_timeout: Option<Duration>,
    /// The size of nsqd's write buffer for this connection, in bytes. nsqd accepts 64 to
    /// `max_output_buffer_size`.
    pub output_buffer_size: u32,
    /// The time that nsqd may hold a message back to fill that buffer. `None` means nsqd's
    /// `output_buffer_timeout`, which may be shorter than the milliseconds of IDENTIFY.
    pub output_buffer_timeout: Option<Duration>,
    /// The largest frame accepted from nsqd, in bytes. A larger one ends the connection before
    /// memory is reserved for it.
    pub max_frame_size: usize,
    /// The largest body that is sent to nsqd, in bytes. Keep it at nsqd's `max_msg_size`: on a
    /// larger one nsqd closes the connection, and every other publish that waits for an answer
    /// fails with it.
    pub max_body_size: usize,
    /// The client id that nsqd's statistics and nsqadmin show.
    pub client_id: String,
    /// The user agent that nsqd's statistics and nsqadmin show.
    pub user_agent: String,
    /// The number of publishes that may wait for their answer. One more fails with `QueueFull`.
    pub max_outstanding: usize,
    /// The number of bytes of bodies that may wait for their answer. More fail with `QueueFull`.
    pub max_outstanding_bytes: usize,
    /// The first pause before a publisher connects again. It doubles, with jitter, up to
    /// `max_backoff`.
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
