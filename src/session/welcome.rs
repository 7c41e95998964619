//! The first frame of a connection.

use ferry_protocol::{FEATURE_LINKS, RelayFrame, now_ms};

use crate::{app::App, identity::Authenticated};

/// Returns the `welcome` frame for this device.
pub fn welcome(app: &App, identity: Authenticated) -> RelayFrame {
    let config = app.config.now();
    let limits = &config.limits;
    let welcome = ferry_protocol::Welcome {
        protocol: ferry_protocol::PROTOCOL,
        user: identity.user,
        device: identity.device,
        server_time: now_ms(),
        token_expires_at: identity.expires_at,
        window: limits.window,
        limits: ferry_protocol::Limits {
            frame: limits.frame,
            send_burst: limits.send_burst,
            send_rate: limits.send_rate,
            devices: limits.devices,
        },
        queue: Some(app.broker.queue_state(identity.user, identity.device)),
        features: app.links.are_on().then(|| FEATURE_LINKS.to_owned()).into_iter().collect(),
    };
    RelayFrame::Welcome(welcome)
}
