//! Steps of transactions that may come twice.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ferry_protocol::{RoomId, UserId};

use crate::{
    error::{Conflict, Result},
    models::RequestKey,
    pool::steps,
    schema::idempotency_keys,
    sql_types::{MadeId, Sql},
};

/// How long a key is known, in milliseconds. After that, its request counts as a new one.
pub const KEY_LIFE_MS: i64 = 24 * 60 * 60 * 1000;

/// The most keys of a user that are known. With one more, the oldest is forgotten.
const KEYS_KEPT: i64 = 256;

/// Selects the row of a key.
macro_rules! row {
    ($user:expr, $key:expr) => {
        idempotency_keys::table
            .filter(idempotency_keys::user_id.eq(Sql($user)))
            .filter(idempotency_keys::key.eq($key.key.to_vec()))
    };
}

steps! {
    /// Steps on the keys of requests. The caller holds the user, or only reads: so of two requests
    /// with one key, the later one finds what the earlier one made.
    pub(crate) trait IdempotencySteps {
        /// Returns what the request with this key made, and whether it was new. Returns `None` for
        /// a key that is not known, or was forgotten. Fails with `KeyReused` if the key was used
        /// for another request.
        async fn made_before(conn, user: UserId, key: RequestKey, now: i64) -> Result<Option<(MadeId, bool)>> {
            let known = row!(user, key)
                .filter(idempotency_keys::created_at.gt(now - KEY_LIFE_MS))
                .select((idempotency_keys::request, idempotency_keys::made, idempotency_keys::is_new))
                .first::<(Vec<u8>, MadeId, bool)>(conn)
                .await
                .optional()?;
            match known {
                None => Ok(None),
                Some((request, made, is_new)) if request == key.request => Ok(Some((made, is_new))),
                Some(_) => Err(Conflict::KeyReused.into()),
            }
        }

        /// Checks that no room was made with this key. Fails with `Repeated` if one was, and with
        /// `KeyReused` if the key was used for another request.
        async fn require_first(conn, user: UserId, key: Option<RequestKey>, now: i64) -> Result<()> {
            let Some(key) = key else { return Ok(()) };
            match conn.made_before(user, key, now).await? {
                None => Ok(()),
                Some((MadeId(room), is_new)) => Err(Conflict::Repeated { room: RoomId(room), is_new }.into()),
            }
        }

        /// Notes what the request with this key made, in the place of what it made before. Forgets
        /// the oldest keys beyond [`KEYS_KEPT`].
        async fn note_made(conn, user: UserId, key: Option<RequestKey>, made: MadeId, is_new: bool, now: i64) -> Result<()> {
            let Some(key) = key else { return Ok(()) };
            diesel::delete(row!(user, key)).execute(conn).await?;
            let newest_to_go = idempotency_keys::table
                .filter(idempotency_keys::user_id.eq(Sql(user)))
                .order(idempotency_keys::created_at.desc())
                .offset(KEYS_KEPT - 1)
                .select(idempotency_keys::created_at)
                .first::<i64>(conn)
                .await
                .optional()?;
            if let Some(newest_to_go) = newest_to_go {
                let old = idempotency_keys::table
                    .filter(idempotency_keys::user_id.eq(Sql(user)))
                    .filter(idempotency_keys::created_at.le(newest_to_go));
                diesel::delete(old).execute(conn).await?;
            }
            diesel::insert_into(idempotency_keys::table)
                .values((
                    idempotency_keys::user_id.eq(Sql(user)),
                    idempotency_keys::key.eq(key.key.to_vec()),
                    idempotency_keys::request.eq(key.request.to_vec()),
                    idempotency_keys::made.eq(Sql(made)),
                    idempotency_keys::is_new.eq(is_new),
                    idempotency_keys::created_at.eq(now),
                ))
                .execute(conn)
                .await?;
            Ok(())
        }
    }
}
