//! How a session ends, and what is done then, in which order.

use std::time::Duration;

use ferry_protocol::{CloseCode, RelayFrame};

use super::Pump;
use crate::identity::Authenticated;

/// How long the sends under way may take to end when the session does.
const LAST_SEND: Duration = Duration::from_secs(2);
/// How long SQL may take to say why a subscription ended.
const WHY_ENDED: Duration = Duration::from_secs(2);

/// How a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// With a close frame of ours.
    Close(u16, &'static str),
    /// The other side is gone.
    Gone,
}

impl From<CloseCode> for End {
    fn from(code: CloseCode) -> Self {
        Self::Close(code.as_u16(), code.reason())
    }
}

impl Pump {
    /// The channel was deleted or the broker is lost: only SQL knows which.
    pub(super) async fn ended(&mut self, ended: &str) -> End {
        let Authenticated { user, device, .. } = self.identity;
        if let Some(code) = self.registration.line.close_reason() {
            return code.into();
        }
        tracing::info!(%user, %device, reason = ended, "a subscription ended");
        match tokio::time::timeout(WHY_ENDED, self.app.store.device(device)).await {
            Ok(Ok(None)) => CloseCode::LoggedOut.into(),
            _ => CloseCode::BrokerUnavailable.into(),
        }
    }

    /// Gives the channel up, so that what the device did not ack goes to its next connection at once, and says goodbye. Only then is the
    /// place in the hub free: whoever waits for it (a logout, a newer socket) may rely on no frame following.
    pub(super) async fn finish(mut self, end: End) {
        let Authenticated { user, device, .. } = self.identity;
        tracing::debug!(%user, %device, ?end, "a session ended");
        self.sending.stop();
        let Self { app, mut socket, subscription, mut sending, registration, peer, present, .. } = self;
        let code = match end {
            End::Close(code, reason) => Some((code, reason)),
            End::Gone => None,
        };
        let goodbye = async {
            match code {
                // What is queued for a device that is logged out must not changes it after all: only a cut keeps it from that.
                Some((code, _)) if is_final_logout(code) && socket.is_blocked() => return socket.abort(),
                Some((code, _)) if code == CloseCode::GoingAway.as_u16() && sending.is_busy() => {
                    let answers = async {
                        while sending.is_busy() {
                            if let (_, Ok(sent)) = sending.next().await {
                                socket.text(RelayFrame::Sent(sent).to_json());
                            }
                        }
                    };
                    // What is not answered by then is sent again by the device.
                    let _ = tokio::time::timeout(LAST_SEND, answers).await;
                }
                _ => {}
            }
            match code {
                Some((code, reason)) => socket.say_close(code, reason).await,
                None => socket.answer_close().await,
            }
        };
        tokio::join!(subscription.close(), goodbye);
        drop(present);
        drop(registration);
        if let Some((code, _)) = code {
            app.metrics.closes.with_label_values(&[&code.to_string()]).inc();
            socket.linger().await;
        }
        // Sends that are still going out are finished: cut in half, one would changes some of the room and not the others.
        let rest = async {
            while sending.is_busy() {
                let _ = sending.next().await;
            }
        };
        let _ = tokio::time::timeout(LAST_SEND, rest).await;
        drop(peer);
    }
}

fn is_final_logout(code: u16) -> bool {
    code == CloseCode::LoggedOut.as_u16() || code == CloseCode::AccountGone.as_u16()
}
