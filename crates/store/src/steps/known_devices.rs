//! Steps of transactions on known devices.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ferry_protocol::UserId;

use crate::{error::Result, pool::steps, schema::known_devices, sql_types::Sql};

/// How long a device is known after its last login, in milliseconds: a year.
pub const KNOWN_LIFE_MS: i64 = 365 * 24 * 60 * 60 * 1000;

/// The most known devices of a user. With one more, the one that logged in longest ago is
/// forgotten.
const KNOWN_KEPT: i64 = 32;

steps! {
    /// Steps on known devices. The caller has locked the user.
    pub(crate) trait KnownDeviceSteps {
        /// Notes a login from the device with this token. Forgets the oldest beyond [`KNOWN_KEPT`].
        async fn note_known(conn, user: UserId, hash: Option<[u8; 32]>, now: i64) -> Result<()> {
            let Some(hash) = hash else { return Ok(()) };
            let theirs = known_devices::table.filter(known_devices::user_id.eq(Sql(user)));
            let same = theirs.clone().filter(known_devices::hash.eq(hash.to_vec()));
            diesel::delete(same).execute(conn).await?;
            let oldest = theirs
                .order((known_devices::used_at.desc(), known_devices::hash))
                .offset(KNOWN_KEPT - 1)
                .select(known_devices::hash)
                .load::<Vec<u8>>(conn)
                .await?;
            let old = known_devices::table
                .filter(known_devices::user_id.eq(Sql(user)))
                .filter(known_devices::hash.eq_any(oldest));
            diesel::delete(old).execute(conn).await?;
            diesel::insert_into(known_devices::table)
                .values((
                    known_devices::user_id.eq(Sql(user)),
                    known_devices::hash.eq(hash.to_vec()),
                    known_devices::used_at.eq(now),
                ))
                .execute(conn)
                .await?;
            Ok(())
        }

        /// Forgets all known devices of the user.
        async fn forget_known_of(conn, user: UserId) -> Result<()> {
            let theirs = known_devices::table.filter(known_devices::user_id.eq(Sql(user)));
            diesel::delete(theirs).execute(conn).await?;
            Ok(())
        }
    }
}
