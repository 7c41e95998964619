//! Connections by user: those that a user has, and those that watch a user.

use std::sync::Arc;

use dashmap::DashMap;
use ferry_protocol::UserId;

use crate::line::Line;

/// See the module's description. The connections of a user are in the order of their ids. Ids grow,
/// so a new one comes at the end, and one that ends is found by halving. Thousands may watch one
/// user.
#[derive(Debug, Default)]
pub struct LinesByUser(DashMap<UserId, Vec<Arc<Line>>>);

impl LinesByUser {
    /// Adds a connection.
    pub fn add(&self, user: UserId, line: &Arc<Line>) {
        let mut lines = self.0.entry(user).or_default();
        if lines.len() < 4 {
            // Most users have one connection.
            lines.reserve_exact(1);
        }
        let place = lines.partition_point(|other| other.id < line.id);
        if lines.get(place).is_none_or(|other| other.id != line.id) {
            lines.insert(place, Arc::clone(line));
        }
    }

    /// Removes a connection. Does nothing if it is not there.
    pub fn remove(&self, user: UserId, line: &Line) {
        if let Some(mut lines) = self.0.get_mut(&user)
            && let Ok(place) = lines.binary_search_by_key(&line.id, |other| other.id)
        {
            lines.remove(place);
        }
        self.0.remove_if(&user, |_, lines| lines.is_empty());
    }

    /// Returns the connections of a user.
    #[must_use]
    pub fn of(&self, user: UserId) -> Vec<Arc<Line>> {
        self.0.get(&user).map(|lines| lines.clone()).unwrap_or_default()
    }

    /// Returns whether a user has any.
    #[must_use]
    pub fn has(&self, user: UserId) -> bool {
        self.0.contains_key(&user)
    }

    /// Calls `f` with each connection of every user.
    pub fn for_each(&self, f: impl Fn(&Line)) {
        for lines in &self.0 {
            lines.iter().for_each(|line| f(line));
        }
    }
}

#[cfg(test)]
mod tests {
    use ferry_protocol::DeviceId;

    use super::*;

    #[test]
    fn each_connection_is_there_once_until_it_is_removed() {
        let (index, user) = (LinesByUser::default(), UserId::new());
        let lines: Vec<_> = (0..9).map(|_| Arc::new(Line::new(UserId::new(), DeviceId::new()))).collect();
        for place in [3, 0, 8, 1, 1, 7, 2, 6, 5, 4, 3] {
            index.add(user, &lines[place]);
        }
        let ids = |lines: &[Arc<Line>]| lines.iter().map(|line| line.id).collect::<Vec<_>>();
        assert_eq!(ids(&index.of(user)), ids(&lines));
        for line in &lines {
            assert!(index.has(user));
            index.remove(user, line);
            index.remove(user, line);
        }
        assert!(!index.has(user) && index.of(user).is_empty());
    }
}
