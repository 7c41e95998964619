//! Who there is in a run: users, devices and rooms, all by number.

use std::ops::Range;

/// Users `0..users`, each with the same number of devices and each in exactly one room: user `u` has the devices from
/// `u * devices_per_user` on, room `r` the users from `r * room_size` on. So that any of them follows from any other without a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crowd {
    /// How many users; a multiple of `room_size`.
    pub users: usize,
    /// How many devices each of them has.
    pub devices_per_user: usize,
    /// How many users a room has.
    pub room_size: usize,
    /// How many of a room's users send, each from their first device.
    pub senders: usize,
}

impl Crowd {
    /// As many whole rooms as these users fill, one at least. Everybody sends.
    pub fn new(users: usize, devices_per_user: usize, room_size: usize) -> Self {
        let rooms = (users / room_size).max(1);
        Self { users: rooms * room_size, devices_per_user, room_size, senders: room_size }
    }

    /// How many devices in all.
    pub fn devices(&self) -> usize {
        self.users * self.devices_per_user
    }

    /// How many rooms.
    pub fn rooms(&self) -> usize {
        self.users / self.room_size
    }

    /// Whose device it is.
    pub fn user_of(&self, device: usize) -> usize {
        device / self.devices_per_user
    }

    /// The users of a room.
    pub fn users_of(&self, room: usize) -> Range<usize> {
        room * self.room_size..(room + 1) * self.room_size
    }

    /// The devices of a room's users.
    pub fn devices_of(&self, room: usize) -> Range<usize> {
        let users = self.users_of(room);
        users.start * self.devices_per_user..users.end * self.devices_per_user
    }

    /// The device that sends the room's message of this number: the users take turns.
    pub fn sender(&self, room: usize, number: u32) -> usize {
        let turn = number as usize % self.senders;
        (room * self.room_size + turn) * self.devices_per_user
    }

    /// Every device that sends anything.
    pub fn all_senders(&self) -> Vec<usize> {
        let of = |room| (0..self.senders).map(move |turn| self.sender(room, turn as u32));
        (0..self.rooms()).flat_map(of).collect()
    }

    /// How many devices get a message: all of the room but the one that sent it.
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
