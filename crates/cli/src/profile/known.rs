//! The tokens by which relays know a profile after its logout. They are in a file that only its
//! owner may read, although they prove nothing.

use std::{fs, io};

use ferry_client::{Credentials, Secret};
use serde::{Deserialize, Serialize};

use super::{Profile, replace};

/// The most tokens of known devices in a profile. With one more, the oldest is dropped.
const KNOWN_KEPT: usize = 16;

/// The token by which a relay knows this profile at the next login of a user.
#[derive(Serialize, Deserialize)]
struct Known {
    server: String,
    username: String,
    known: Secret,
}

impl Profile {
    /// Stores the token by which the relay knows this profile, in the place of an earlier one.
    pub(super) fn remember(&self, credentials: &Credentials) -> io::Result<()> {
        let Credentials { server, user, known: Some(known), .. } = credentials else { return Ok(()) };
        let mut all = self.all_known();
        all.retain(|known| known.server != *server || known.username != user.username);
        all.push(Known { server: server.clone(), username: user.username.clone(), known: known.clone() });
        let oldest = all.len().saturating_sub(KNOWN_KEPT);
        replace(&self.file("known"), &serde_json::to_vec(&all[oldest..]).map_err(io::Error::other)?)
    }

    /// A file that cannot be read is as good as none: the login then counts as that of a new
    /// device.
    fn all_known(&self) -> Vec<Known> {
        fs::read(self.file("known")).ok().and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default()
    }

    /// Returns the token by which this server knows the profile, if this user has logged in with it
    /// before. It stays after a logout.
    pub fn known(&self, server: &str, username: &str) -> Option<Secret> {
        let mut all = self.all_known().into_iter();
        all.find(|known| known.server == server && known.username.eq_ignore_ascii_case(username))
            .map(|known| known.known)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::credentials, *};

    #[test]
    fn a_relay_knows_the_profile_after_a_logout() {
        let data = tempfile::tempdir().unwrap();
        let profile = Profile::at(data.path(), "alice");
        let (first, server) = (credentials(), "http://127.0.0.1:8080");
        profile.log_in(&first).unwrap();
        profile.forget().unwrap();
        assert_eq!(profile.known(server, "Alice"), Some(Secret::new("k")));
        assert_eq!((profile.known(server, "bob"), profile.known("http://other", "alice")), (None, None));
        // Another user of the same profile has a token of their own, and a later one replaces it.
        for known in ["b", "c"] {
            let mut other = credentials();
            other.user.username = "bob".into();
            other.known = Some(Secret::new(known));
            profile.log_in(&other).unwrap();
        }
        assert_eq!(profile.known(server, "bob"), Some(Secret::new("c")));
        assert_eq!(profile.known(server, "alice"), Some(Secret::new("k")));
        // There are no more than so many, and a broken file is none.
        for n in 0..KNOWN_KEPT {
            let mut other = credentials();
            other.user.username = format!("user{n}");
            profile.log_in(&other).unwrap();
        }
        assert_eq!(profile.known(server, "alice"), None);
        assert_eq!(profile.all_known().len(), KNOWN_KEPT);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(profile.file("known")).unwrap().permissions().mode() & 0o777, 0o600);
        }
        fs::write(profile.file("known"), "{").unwrap();
        assert_eq!(profile.known(server, "bob"), None);
    }
}
