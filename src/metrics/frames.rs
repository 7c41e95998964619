//! The frames of sockets, by type. Each type has its counter from the start, so a frame costs no
//! look-up, and what a device calls its frames never becomes a label.

use ferry_protocol::{BadFrame, Content, DeviceFrame, RelayFrame};
use prometheus::{IntCounter, IntCounterVec};

/// Declares the types of one direction, with the names that the label `type` has.
macro_rules! types {
    ($(#[$doc:meta])* $name:ident { $($(#[$type_doc:meta])* $type:ident = $label:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$type_doc])* $type,)* }

        impl $name {
            const ALL: &[Self] = &[$(Self::$type,)*];

            fn label(self) -> &'static str {
                match self { $(Self::$type => $label,)* }
            }
        }
    };
}

types! {
    /// A frame from a device.
    Received {
        /// `hello`.
        Hello = "hello",
        /// `send`.
        Send = "send",
        /// `ack`.
        Ack = "ack",
        /// `read`.
        Read = "read",
        /// `notices_read`.
        NoticesRead = "notices_read",
        /// `ping` as a text frame.
        Ping = "ping",
        /// `typing`.
        Typing = "typing",
        /// `presence`.
        Presence = "presence",
        /// `watch`.
        Watch = "watch",
        /// `link`.
        Link = "link",
        /// `link_accept`.
        LinkAccept = "link_accept",
        /// `link_closed`.
        LinkClosed = "link_closed",
        /// A binary frame of a link.
        Binary = "binary",
        /// A ping or pong of WebSocket itself.
        Control = "control",
        /// Anything else: an unknown type, or what is no frame of the protocol.
        Other = "other",
    }
}

types! {
    /// A frame to a device.
    Written {
        /// `welcome`.
        Welcome = "welcome",
        /// `message`.
        Message = "message",
        /// `notice`.
        Notice = "notice",
        /// `receipt`.
        Receipt = "receipt",
        /// `drained`.
        Drained = "drained",
        /// `sent`.
        Sent = "sent",
        /// `renewed`.
        Renewed = "renewed",
        /// `pong`.
        Pong = "pong",
        /// `error`.
        Error = "error",
        /// `typing`.
        Typing = "typing",
        /// `presence`.
        Presence = "presence",
        /// `link_offer`.
        LinkOffer = "link_offer",
        /// `link_accept`.
        LinkAccept = "link_accept",
        /// `link_closed`.
        LinkClosed = "link_closed",
        /// A binary frame of a link.
        Binary = "binary",
        /// A delivery of a type that this version only passes on.
        Other = "other",
    }
}

impl From<&Result<DeviceFrame, BadFrame>> for Received {
    fn from(parsed: &Result<DeviceFrame, BadFrame>) -> Self {
        match parsed {
            Ok(DeviceFrame::Hello(_)) => Self::Hello,
            Ok(DeviceFrame::Send(_)) => Self::Send,
            Ok(DeviceFrame::Ack(_)) => Self::Ack,
            Ok(DeviceFrame::Read(_)) => Self::Read,
            Ok(DeviceFrame::NoticesRead(_)) => Self::NoticesRead,
            Ok(DeviceFrame::Ping) => Self::Ping,
            Ok(DeviceFrame::Typing(_)) => Self::Typing,
            Ok(DeviceFrame::Presence(_)) => Self::Presence,
            Ok(DeviceFrame::Watch(_)) => Self::Watch,
            Ok(DeviceFrame::Link(_)) => Self::Link,
            Ok(DeviceFrame::LinkAccept(_)) => Self::LinkAccept,
            Ok(DeviceFrame::LinkClosed(_)) => Self::LinkClosed,
            Err(_) => Self::Other,
        }
    }
}

impl From<&RelayFrame> for Written {
    fn from(frame: &RelayFrame) -> Self {
        match frame {
            RelayFrame::Welcome(_) => Self::Welcome,
            RelayFrame::Message(_) => Self::Message,
            RelayFrame::Notice(_) => Self::Notice,
            RelayFrame::Receipt(_) => Self::Receipt,
            RelayFrame::Drained => Self::Drained,
            RelayFrame::Sent(_) => Self::Sent,
            RelayFrame::Renewed { .. } => Self::Renewed,
            RelayFrame::Pong => Self::Pong,
            RelayFrame::Error(_) => Self::Error,
            RelayFrame::Typing(_) => Self::Typing,
            RelayFrame::Presence(_) => Self::Presence,
            RelayFrame::LinkOffer(_) => Self::LinkOffer,
            RelayFrame::LinkAccept(_) => Self::LinkAccept,
            RelayFrame::LinkClosed(_) => Self::LinkClosed,
            RelayFrame::Unknown { .. } => Self::Other,
        }
    }
}

impl From<Content> for Written {
    fn from(content: Content) -> Self {
        match content {
            Content::Message => Self::Message,
            Content::Notice => Self::Notice,
            Content::Receipt => Self::Receipt,
            Content::Group => Self::Other,
        }
    }
}

/// The counters of frames.
#[derive(Debug)]
pub struct Frames {
    received: Vec<IntCounter>,
    written: Vec<IntCounter>,
}

impl Frames {
    /// Takes the counter of each type from `frames`, which has the labels `direction` and `type`.
    pub(super) fn of(frames: &IntCounterVec) -> Self {
        let received = Received::ALL.iter().map(|frame| frames.with_label_values(&["in", frame.label()]));
        let written = Written::ALL.iter().map(|frame| frames.with_label_values(&["out", frame.label()]));
        Self { received: received.collect(), written: written.collect() }
    }

    /// Counts a frame from a device.
    pub fn received(&self, frame: impl Into<Received>) {
        // A type is its own place in `ALL`.
        self.received[frame.into() as usize].inc();
    }

    /// Counts a frame to a device.
    pub fn written(&self, frame: impl Into<Written>) {
        self.written[frame.into() as usize].inc();
    }
}

#[cfg(test)]
mod tests {
    use prometheus::Opts;

    use super::*;

    #[test]
    fn each_frame_counts_as_its_own_type() {
        let vec = IntCounterVec::new(Opts::new("frames", "frames"), &["direction", "type"]).unwrap();
        let frames = Frames::of(&vec);
        for (text, label) in [
            (r#"{"type":"ping"}"#, "ping"),
            (r#"{"type":"ack","deliveries":[]}"#, "ack"),
            (r#"{"type":"link_closed","link":"0197f1e2-0000-7000-8000-000000000000"}"#, "link_closed"),
            (r#"{"type":"send"}"#, "other"),
            (r#"{"type":"dance"}"#, "other"),
            ("[]", "other"),
        ] {
            let counter = vec.with_label_values(&["in", label]);
            let before = counter.get();
            frames.received(&DeviceFrame::parse(text));
            assert_eq!(counter.get(), before + 1, "{text}");
        }
        for (frame, label) in [(RelayFrame::Pong, "pong"), (RelayFrame::Drained, "drained")] {
            frames.written(&frame);
            assert_eq!(vec.with_label_values(&["out", label]).get(), 1);
        }
        frames.written(Content::Group);
        assert_eq!(vec.with_label_values(&["out", "other"]).get(), 1);
    }
}
