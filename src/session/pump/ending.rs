//! How a connection ends: what happens then, and in which order.

use std::time::Duration;

use ferry_protocol::{CloseCode, RelayFrame};

use super::{Pump, say};
use crate::identity::Authenticated;

/// How long the sends under way may take when the connection ends.
const LAST_SEND: Duration = Duration::from_secs(2);
/// How long SQL may take to say why a subscription ended. After that, the device is told that the
/// broker is unavailable.
const WHY_ENDED: Duration = Duration::from_secs(2);

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// With a close frame of the relay: its code and reason.
    Close(u16, &'static str),
    /// The other side has sent its close frame.
    Closed,
    /// The connection is lost.
    Gone,
}

impl End {
    /// Returns the label in the metrics: the close code, or 1006 for a connection that was lost
    /// without one (RFC 6455 §7.4.1).
    fn label(self) -> String {
        match self {
            Self::Close(code, _) => code.to_string(),
            Self::Closed => "device".to_owned(),
            Self::Gone => "1006".to_owned(),
        }
    }
}

impl From<CloseCode> for End {
    fn from(code: CloseCode) -> Self {
        Self::Close(code.as_u16(), code.reason())
    }
}

impl Pump {
    /// Returns how to end after the subscription has ended. The channel was deleted, or the broker
    /// is lost: only SQL knows which.
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

    /// Gives up the channel and says goodbye. The device's next connection then gets at once what
    /// this one did not ack.
    ///
    /// Frees the place in the hub only afterwards. A logout or a newer connection that waits for
    /// it may rely on this: no frame follows.
    pub(super) async fn finish(mut self, end: End) {
        let Authenticated { user, device, .. } = self.identity;
        tracing::debug!(%user, %device, ?end, "a session ended");
        self.sending.stop();
        let Self { app, mut socket, subscription, mut sending, registration, peer, present, links, .. } = self;
        // The other device hears of it first: it waits.
        drop(links);
        let code = match end {
            End::Close(code, reason) => Some((code, reason)),
            End::Closed | End::Gone => None,
        };
        let goodbye = async {
            match code {
                // A logged-out device must not get what is still queued. Only cutting the
                // connection prevents that.
                Some((code, _)) if is_final_logout(code) && socket.is_blocked() => return socket.abort(),
                Some((code, _)) if code == CloseCode::GoingAway.as_u16() && sending.is_busy() => {
                    let answers = async {
                        while sending.is_busy() {
                            if let (_, Ok(sent)) = sending.next(true).await {
                                say(&app, &mut socket, &RelayFrame::Sent(sent));
                                // One answer at a time, because many long ones do not fit into the
                                // buffer.
                                if !socket.flush().await {
                                    return;
                                }
                            }
                        }
                    };
                    // The device sends again what is not answered by then.
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
        app.metrics.closes.with_label_values(&[&end.label()]).inc();
        if code.is_some() {
            socket.linger().await;
        }
        // Sends under way are completed: a send that is cut in half reaches some members and not
        // the others.
        let rest = async {
            while sending.is_busy() {
                let _ = sending.next(true).await;
            }
        };
        let _ = tokio::time::timeout(LAST_SEND, rest).await;
        drop(peer);
    }
}

fn is_final_logout(code: u16) -> bool {
    code == CloseCode::LoggedOut.as_u16() || code == CloseCode::AccountGone.as_u16()
}
