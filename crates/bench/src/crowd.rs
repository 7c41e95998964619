//! The users, devices and rooms of a run, all by number.

use std::ops::Range;

/// Users `0..users`, each with the same number of devices and in exactly one room. User `u` has
/// the devices from `u * devices_per_user` on, and room `r` has the users from `r * room_size` on.
/// So each number follows from any other without a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crowd {
    /// The number of users, a multiple of `room_size`.
    pub users: usize,
    /// The number of devices of each user.
    pub devices_per_user: usize,
    /// The number of users in a room.
    pub room_size: usize,
    /// The number of users in a room who send, each from their first device.
    pub senders: usize,
}

impl Crowd {
    /// Creates as many complete rooms as these users fill, and at least one. Everybody sends.
    pub fn new(users: usize, devices_per_user: usize, room_size: usize) -> Self {
        let rooms = (users / room_size).max(1);
        Self { users: rooms * room_size, devices_per_user, room_size, senders: room_size }
    }

    /// Returns the number of all devices.
    pub fn devices(&self) -> usize {
        self.users * self.devices_per_user
    }

    /// Returns the number of rooms.
    pub fn rooms(&self) -> usize {
        self.users / self.room_size
    }

    /// Returns the user of a device.
    pub fn user_of(&self, device: usize) -> usize {
        device / self.devices_per_user
    }

    /// Returns the users of a room.
    pub fn users_of(&self, room: usize) -> Range<usize> {
        room * self.room_size..(room + 1) * self.room_size
    }

    /// Returns the devices of a room's users.
    pub fn devices_of(&self, room: usize) -> Range<usize> {
        let users = self.users_of(room);
        users.start * self.devices_per_user..users.end * self.devices_per_user
    }

    /// Returns the device that sends the room's message with this number. The users take turns.
    pub fn sender(&self, room: usize, number: u32) -> usize {
        let turn = number as usize % self.senders;
        (room * self.room_size + turn) * self.devices_per_user
    }

    /// Returns all devices that send.
    pub fn all_senders(&self) -> Vec<usize> {
        let of = |room| (0..self.senders).map(move |turn| self.sender(room, turn as u32));
        (0..self.rooms()).flat_map(of).collect()
    }

    /// Returns the number of devices that get a message: all devices of the room except the
    /// sending one.
    pub fn copies(&self) -> usize {
        self.room_size * self.devices_per_user - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_in_the_room_that_counts_them() {
        let crowd = Crowd::new(11, 3, 5);
        assert_eq!((crowd.users, crowd.rooms(), crowd.devices(), crowd.copies()), (10, 2, 30, 14));
        for room in 0..crowd.rooms() {
            assert!(crowd.devices_of(room).all(|device| crowd.users_of(room).contains(&crowd.user_of(device))));
            assert!((0..7).all(|number| crowd.devices_of(room).contains(&crowd.sender(room, number))));
        }
        assert_eq!(crowd.all_senders(), [0, 3, 6, 9, 12, 15, 18, 21, 24, 27]);
    }
}
