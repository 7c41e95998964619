//! Keys that sign access tokens.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{
    Result, SigningKey, Store,
    pool::{query, statement},
    schema::signing_keys,
};

impl Store {
    /// Adds a key that signs from `active_at` on.
    pub async fn insert_key(&self, kid: &str, secret: &[u8], created_at: i64, active_at: i64) -> Result<()> {
        let (kid, secret) = (kid.to_owned(), secret.to_vec());
        statement!(self, async |conn| {
            diesel::insert_into(signing_keys::table)
                .values((
                    signing_keys::kid.eq(kid),
                    signing_keys::secret.eq(secret),
                    signing_keys::created_at.eq(created_at),
                    signing_keys::active_at.eq(active_at),
                ))
                .execute(conn)
                .await?;
            Ok(())
        })
    }

    /// Returns all keys, ordered by the time when they begin to sign. Keys of the same time are
    /// ordered by `kid`, so that every relay sees the same order.
    pub async fn keys(&self) -> Result<Vec<SigningKey>> {
        query!(self, async |conn| {
            let keys =
                signing_keys::table.order((signing_keys::active_at, signing_keys::kid)).select(SigningKey::as_select());
            Ok(keys.load(conn).await?)
        })
    }

    /// Deletes a key, which makes its tokens invalid. Returns false if there is no such key.
    pub async fn delete_key(&self, kid: &str) -> Result<bool> {
        let kid = kid.to_owned();
        statement!(self, async |conn| {
            let key = signing_keys::table.filter(signing_keys::kid.eq(kid));
            Ok(diesel::delete(key).execute(conn).await? > 0)
        })
    }
}
