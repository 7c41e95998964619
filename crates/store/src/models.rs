//! The rows as the rest of the relay sees them. Times are in milliseconds since the Unix epoch.
//! `Debug` shows no secret.

mod accounts;
mod friends;
mod requests;
mod rooms;
mod second_factors;

pub(super) use self::rooms::{RoomRow, direct_key, peer_of};
pub use self::{
    accounts::{
        Created, Credentials, DeletedUser, Device, LeftRoom, NewDevice, NewUser, NextToken, ProfileChange, Rotation,
        SigningKey, User,
    },
    friends::{Befriended, Blocked, FriendshipStep},
    requests::RequestKey,
    rooms::{
        AudienceMember, DeletedRoom, Membership, MembershipChange, NewRoom, Room, RoomAudience, RoomChange, RoomView,
        Standing,
    },
    second_factors::{CodeProof, CodePurpose, SecondFactor},
};
