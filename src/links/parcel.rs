//! What the two relays of a link post to each other's inboxes.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use ferry_protocol::{DeviceId, LinkEnd};
use uuid::Uuid;

/// A payload of an inbox. The broker may hand one out twice, so repeating each must do no harm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Parcel {
    /// This device accepts, and its inbox is open.
    Accept(DeviceId),
    /// The link stands. The answer to `Accept`.
    Open,
    /// This device does not want the link.
    Decline(DeviceId),
    /// A frame of the device, with its number from 0 on.
    Chunk(u32, Bytes),
    /// How many frames the other side has taken since the link opened.
    Credit(u32),
    /// The link is over.
    Close(LinkEnd),
}

impl Parcel {
    pub(super) fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        match self {
            Self::Accept(device) => {
                out.put_u8(0);
                out.put_slice(device.0.as_bytes());
            }
            Self::Open => out.put_u8(1),
            Self::Decline(device) => {
                out.put_u8(2);
                out.put_slice(device.0.as_bytes());
            }
            Self::Chunk(number, chunk) => {
                out.reserve(5 + chunk.len());
                out.put_u8(3);
                out.put_u32(*number);
                out.put_slice(chunk);
            }
            Self::Credit(count) => {
                out.put_u8(4);
                out.put_u32(*count);
            }
            Self::Close(end) => {
                out.put_u8(5);
                out.put_slice(end.as_str().as_bytes());
            }
        }
        out.freeze()
    }

    /// Reads a parcel. `None` for what this version does not know.
    pub(super) fn decode(mut bytes: Bytes) -> Option<Self> {
        let device = |bytes: &Bytes| Uuid::from_slice(bytes).ok().map(DeviceId);
        match bytes.try_get_u8().ok()? {
            0 => device(&bytes).map(Self::Accept),
            1 => Some(Self::Open),
            2 => device(&bytes).map(Self::Decline),
            3 => Some(Self::Chunk(bytes.try_get_u32().ok()?, bytes)),
            4 => Some(Self::Credit(bytes.try_get_u32().ok()?)),
            5 => {
                let known = LinkEnd::ALL.into_iter().find(|end| end.as_str().as_bytes() == &bytes[..]);
                Some(Self::Close(known.unwrap_or(LinkEnd::Closed)))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parcel_comes_out_as_it_went_in() {
        let device = DeviceId::new();
        for parcel in [
            Parcel::Accept(device),
            Parcel::Open,
            Parcel::Decline(device),
            Parcel::Chunk(7, Bytes::from_static(b"\0\xff")),
            Parcel::Chunk(0, Bytes::new()),
            Parcel::Credit(u32::MAX),
            Parcel::Close(LinkEnd::Overflow),
        ] {
            assert_eq!(Parcel::decode(parcel.encode()), Some(parcel));
        }
        for wrong in [&[][..], &[0, 1], &[3, 0], &[4], &[9]] {
            assert_eq!(Parcel::decode(Bytes::copy_from_slice(wrong)), None, "{wrong:?}");
        }
    }
}
