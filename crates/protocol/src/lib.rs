//! Everything that Ferry sends over a wire: HTTP bodies, socket frames, the envelope, error and
//! close codes.
//!
//! The crate has types only, without I/O and without a runtime. The relay, the client library and
//! other tools share it, so they agree on the format. `docs/protocol.md` describes the same in
//! words, with an example of each.

#[cfg(test)]
#[path = "../../client/vectors/cases.rs"]
mod cases;
mod clock;
mod code;
mod content_type;
mod export;
mod frame;
mod http;
mod id;
mod invitation;
mod kinds;
mod link;
mod message;
mod notice;
mod optional;
mod people;
mod presence;
mod receipt;
mod relay_frame;
mod room;
mod secret;
mod strict;
mod totp;

pub use clock::now_ms;
pub use code::{CloseCode, ErrorCode};
pub use content_type::{CONTENT_TYPE_MAX, is_valid_content_type};
pub use export::{
    Export, ExportedAccount, ExportedCount, ExportedDevice, ExportedInvitation, ExportedKey, ExportedKnown,
    ExportedMembership, ExportedMute, ExportedQueue, ExportedRoom, ExportedToken, LeftOut,
};
pub use frame::{Ack, BadFrame, DeviceFrame, Hello, PROTOCOL, SUBPROTOCOL, Send, describe};
pub use http::{
    ChangePassword, CreateAccount, CreateSession, DeleteMe, DeleteSession, Device, DeviceAnswer, Devices, Me, MeAnswer,
    MemberAnswer, PostMessage, Problem, RefreshSession, Refreshed, RenameSession, ResetPassword, RoomAnswer, Sent,
    SessionAnswer, Tokens, UpdateMe, User, UserAnswer,
};
pub use id::{DeviceId, LinkId, MessageId, NotAnId, RoomId, UserId};
pub use invitation::{Invitation, InvitationAnswer, Invite};
pub use kinds::{
    BadBody, EMOJI_MAX, Forward, ForwardOrigin, KIND_DELETE, KIND_EDIT, KIND_FORWARD, KIND_REACTION, KnownBody, Target,
};
pub use link::{FEATURE_LINKS, LINK_CHUNK_MAX, LINK_WINDOW, LinkClosed, LinkEnd, LinkWith, NameLink, OfferLink};
pub use message::{
    Body, Content, Envelope, KIND_MAX, KIND_SEALED, KIND_TEXT, MENTIONS_MAX, Message, MessageRef, NotAnEnvelope,
    Sender, Stream, is_valid_kind,
};
pub use notice::{Notice, NoticeEvent};
pub use people::{Allow, Block, BlockAnswer, Friend, FriendAnswer, FriendState, UpdateSettings, UserSettings};
pub use presence::{
    DeviceStatus, Presence, PresenceStatus, Presences, SetPresence, TYPING_EXPIRES_MS, Typing, UserTyping, Watch,
};
pub use receipt::{
    DeliveredCount, DeliveredTo, NoticesRead, READ_AUTHORS, RECEIPT_MESSAGES, Read, ReadCursor, Receipt, ReceiptEvent,
};
pub use relay_frame::{
    BadRelayFrame, Delivered, DeliveredNotice, DeliveredReceipt, ErrorFrame, Limits, QueueState, RelayFrame, Welcome,
    envelope_parts,
};
pub use room::{
    Ban, BanAnswer, CreateRoom, Member, Page, PutBan, PutMember, Role, Room, RoomKind, TransferRoom, UnknownName,
    UpdateRoom,
};
pub use secret::Secret;
pub use strict::{DEPTH_MAX, FOREVER, KEYS_MAX, NUMBER_MAX, NotStrict, check_json};
pub use totp::{ConfirmTotp, EndTotp, RecoveryCodes, StartTotp, TotpSecret, TotpStatus};
