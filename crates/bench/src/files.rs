//! The limit on open files, which is the first limit on the number of devices.

use crate::options::{Backend, Kind, PeerName};

/// The number of files that a process has open, without those of devices.
const OTHERS: usize = 200;

/// Raises the soft limit to the hard one, for this process and those that it starts. Returns the
/// limit.
pub fn raise_limit() -> usize {
    rlimit::increase_nofile_limit(u64::MAX).map_or(1_024, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

/// Returns how many files a device needs in the process where it needs most, and which process
/// that is.
fn of_device(kind: Kind) -> (usize, &'static str) {
    match kind {
        Kind::Relay(Backend::Nsqd) => (2, "the relay: a socket, and a connection to nsqd"),
        Kind::Relay(Backend::Embedded) => (1, "the relay and the generator: a socket"),
        // The client has its consumer's configuration in tasks, and a socket.
        Kind::Peer(PeerName::Bare | PeerName::TokioNsq) => (1, "nsqd and the generator: a connection"),
        Kind::Peer(_) => (1, "the server and the generator: a connection"),
    }
}

/// Returns as many of these devices as the limit allows, and a note if these are fewer.
pub fn within_limit(kind: Kind, devices: usize, limit: usize) -> (usize, Option<String>) {
    let (each, whose) = of_device(kind);
    let most = limit.saturating_sub(OTHERS) / each;
    let note = (devices > most).then(|| {
        format!("{devices} devices do not fit: a process may open {limit} files here, {each} a device ({whose})")
    });
    (devices.min(most), note)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_over_nsqd_takes_two_files_of_the_relay() {
        assert_eq!(within_limit(Kind::Relay(Backend::Nsqd), 9_000, 20_000), (9_000, None));
        let (devices, note) = within_limit(Kind::Relay(Backend::Nsqd), 10_000, 20_000);
        assert!(devices == 9_900 && note.unwrap().contains("20000 files"));
        assert_eq!(within_limit(Kind::Relay(Backend::Embedded), 10_000, 20_000), (10_000, None));
    }
}
