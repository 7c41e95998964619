//! Parts of transactions that several calls share, one file for each kind of row. Calls use steps,
//! and steps use no calls.

mod accounts;
mod bans;
mod blocks;
mod departures;
mod devices;
mod friendships;
mod idempotency;
mod invitations;
mod known_devices;
mod memberships;
mod mutes;
mod quotas;
mod second_factors;

pub(super) use self::{
    accounts::AccountSteps,
    bans::BanSteps,
    blocks::BlockSteps,
    departures::DepartureSteps,
    devices::DeviceSteps,
    friendships::{Friendship, FriendshipSteps},
    idempotency::IdempotencySteps,
    invitations::InvitationSteps,
    known_devices::KnownDeviceSteps,
    memberships::MembershipSteps,
    mutes::MuteSteps,
    quotas::QuotaSteps,
    second_factors::SecondFactorSteps,
};
pub use self::{
    idempotency::KEY_LIFE_MS,
    known_devices::KNOWN_LIFE_MS,
    quotas::DailyLimits,
    second_factors::{CODE_PAUSE, CODE_TRIES},
};
