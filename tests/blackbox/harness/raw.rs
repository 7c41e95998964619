//! A socket without the client library, for what the library never does.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest, http::HeaderValue},
};

use super::{Relay, interface::assert_frame_of_relay, within};

/// How a socket ended: the code of the close frame, or `None` without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed(pub Option<u16>);

pub struct RawSocket {
    pub stream: WebSocketStream<TcpStream>,
}

impl RawSocket {
    /// Opens a socket with a bearer token.
    pub async fn open(relay: &Relay, token: &str) -> Self {
        Self::try_open(relay, &[("authorization", &format!("Bearer {token}"))]).await.unwrap()
    }

    /// Opens a socket with these headers. Fails with the HTTP status if there is no upgrade.
    pub async fn try_open(relay: &Relay, headers: &[(&str, &str)]) -> Result<Self, u16> {
        let mut request = format!("ws://{}/v1/socket", relay.address).into_client_request().unwrap();
        for (name, value) in headers {
            let name: tokio_tungstenite::tungstenite::http::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
        }
        let stream = TcpStream::connect(&relay.address).await.unwrap();
        match client_async(request, stream).await {
            Ok((stream, _)) => Ok(Self { stream }),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    pub async fn send(&mut self, frame: &Value) {
        self.send_text(&frame.to_string()).await;
    }

    pub async fn send_text(&mut self, text: &str) {
        let _ = self.stream.send(Message::text(text)).await;
    }

    pub async fn send_raw(&mut self, message: Message) {
        let _ = self.stream.send(message).await;
    }

    /// Returns the next text frame. Acks and skips notices and receipts.
    pub async fn frame(&mut self) -> Result<Value, Closed> {
        loop {
            let frame = self.any_frame().await?;
            if frame["type"] != "notice" && frame["type"] != "receipt" {
                return Ok(frame);
            }
            self.send(&json!({ "type": "ack", "deliveries": [frame["delivery"]] })).await;
        }
    }

    /// Returns the next text frame, even a notice or a receipt.
    pub async fn any_frame(&mut self) -> Result<Value, Closed> {
        within(async {
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Text(text))) => {
                        let frame = serde_json::from_str(&text).unwrap();
                        assert_frame_of_relay(&frame);
                        return Ok(frame);
                    }
                    Some(Ok(Message::Close(frame))) => return Err(Closed(frame.map(|frame| frame.code.into()))),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Err(Closed(None)),
                }
            }
        })
        .await
    }

    /// Returns the next frame of this type, and skips others.
    pub async fn frame_of(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.frame().await.unwrap_or_else(|closed| panic!("{closed:?} before a frame `{kind}`"));
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// Reads until the end, and returns how it came.
    pub async fn closed(&mut self) -> Closed {
        loop {
            if let Err(closed) = self.frame().await {
                return closed;
            }
        }
    }

    /// Returns whether nothing comes for this time. Use it only if something wrong would come at
    /// once.
    pub async fn is_silent_for(&mut self, moment: Duration) -> bool {
        tokio::time::timeout(moment, self.stream.next()).await.is_err()
    }
}
