//! Tokens with which strangers may make an account. SQL has only their SHA-256.
//!
//! A token is used in the transaction that makes the account. So there is nothing between: no use
//! is pending, none is lost, and two that come at once do not both get the last one.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ferry_protocol::Page;

use super::{
    Conflict, NewUser, Result, Store, StoreError, User,
    page::{after_time, one_more, page},
    pool::{query, statement, transaction},
    schema::registration_tokens,
    users::UserSteps,
};

/// A token, without its hash.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = registration_tokens)]
pub struct RegistrationToken {
    /// The name by which operators know it.
    pub id: String,
    /// How many accounts may be made with it. `None` means any number.
    pub uses_allowed: Option<i64>,
    /// How many were made.
    pub uses: i64,
    /// When it was made.
    pub created_at: i64,
    /// When it expires. `None` means never.
    pub expires_at: Option<i64>,
}

/// Selects the token with this hash, if another account may be made with it.
macro_rules! usable {
    ($hash:expr, $now:expr) => {
        registration_tokens::table
            .filter(registration_tokens::hash.eq($hash.to_vec()))
            .filter(
                registration_tokens::uses_allowed
                    .is_null()
                    .or(registration_tokens::uses_allowed.assume_not_null().gt(registration_tokens::uses)),
            )
            .filter(
                registration_tokens::expires_at
                    .is_null()
                    .or(registration_tokens::expires_at.assume_not_null().gt($now)),
            )
    };
}

impl Store {
    /// Adds a token.
    pub async fn add_registration_token(&self, token: RegistrationToken, hash: [u8; 32]) -> Result<()> {
        statement!(self, async |conn| {
            diesel::insert_into(registration_tokens::table)
                .values((
                    registration_tokens::id.eq(token.id),
                    registration_tokens::hash.eq(hash.to_vec()),
                    registration_tokens::uses_allowed.eq(token.uses_allowed),
                    registration_tokens::uses.eq(token.uses),
                    registration_tokens::created_at.eq(token.created_at),
                    registration_tokens::expires_at.eq(token.expires_at),
                ))
                .execute(conn)
                .await?;
            Ok(())
        })
    }

    /// Returns a page of the tokens, the oldest first.
    ///
    /// # Errors
    /// Fails with [`StoreError::BadCursor`].
    pub async fn registration_tokens(&self, limit: usize, cursor: Option<&str>) -> Result<Page<RegistrationToken>> {
        let (at, id) = after_time(cursor, String::new())?;
        query!(self, async |conn| {
            let tokens = registration_tokens::table
                .filter(
                    registration_tokens::created_at
                        .gt(at)
                        .or(registration_tokens::created_at.eq(at).and(registration_tokens::id.gt(&id))),
                )
                .order((registration_tokens::created_at, registration_tokens::id))
                .limit(one_more(limit))
                .select(RegistrationToken::as_select());
            let found = tokens.load(conn).await?;
            Ok(page(found, limit, |token: &RegistrationToken| format!("{}:{}", token.created_at, token.id)))
        })
    }

    /// Deletes a token. Accounts that were made with it stay. Returns false if there is none of
    /// this name.
    pub async fn revoke_registration_token(&self, id: &str) -> Result<bool> {
        let id = id.to_owned();
        statement!(self, async |conn| {
            let token = registration_tokens::table.filter(registration_tokens::id.eq(id));
            Ok(diesel::delete(token).execute(conn).await? > 0)
        })
    }

    /// Returns whether an account may be made with the token of this hash. It may be used up a
    /// moment later: [`Self::create_user_with_token`] decides.
    pub async fn is_registration_token(&self, hash: [u8; 32], now: i64) -> Result<bool> {
        query!(self, async |conn| {
            Ok(diesel::select(diesel::dsl::exists(usable!(hash, now))).get_result(conn).await?)
        })
    }

    /// Creates an account with a token, which is used once more if the account is made and not if
    /// it is not.
    ///
    /// # Errors
    /// Fails with [`Conflict::UsernameTaken`] and [`Conflict::RegistrationToken`].
    pub async fn create_user_with_token(&self, user: NewUser, hash: [u8; 32]) -> Result<User> {
        let now = user.now;
        transaction!(self, async |conn| {
            let created = conn.insert_user(user.clone()).await?;
            // Whoever comes second waits for the row, and then counts the use of the first.
            let used = diesel::update(usable!(hash, now))
                .set(registration_tokens::uses.eq(registration_tokens::uses + 1))
                .execute(conn)
                .await?;
            if used == 0 { Err(Conflict::RegistrationToken.into()) } else { Ok(created) }
        })
    }
}
