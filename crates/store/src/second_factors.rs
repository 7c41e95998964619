//! The second factor of an account: time-based codes, and recovery codes.

use diesel::{IntoSql, dsl::case_when, prelude::*, sql_types::BigInt};
use diesel_async::RunQueryDsl;
use ferry_protocol::UserId;

use super::{
    CodeProof, CodePurpose, Conflict, Result, SecondFactor, Store, StoreError,
    pool::{query, transaction},
    row_locks::RowLocks,
    schema::{idempotency_keys, recovery_codes, second_factors},
    sql_types::Sql,
    steps::{AccountSteps, CODE_PAUSE, SecondFactorSteps},
};

/// Counts a try in one column, if it may be made. Returns the number of rows that changed.
macro_rules! count_try {
    ($conn:ident, $user:ident, $column:ident, $now:ident, $latest:ident) => {{
        let next = case_when(second_factors::$column.gt($now), second_factors::$column + CODE_PAUSE)
            .otherwise(($now + CODE_PAUSE).into_sql::<BigInt>());
        let allowed = second_factors::table
            .filter(second_factors::user_id.eq(Sql($user)))
            .filter(second_factors::$column.le($latest));
        diesel::update(allowed).set(second_factors::$column.eq(next)).execute($conn).await?
    }};
}

impl Store {
    /// Returns the user's second factor, on or not yet confirmed.
    pub async fn second_factor(&self, user: UserId) -> Result<Option<SecondFactor>> {
        query!(self, async |conn| {
            let factor = second_factors::table.filter(second_factors::user_id.eq(Sql(user)));
            Ok(factor.select(SecondFactor::as_select()).first(conn).await.optional()?)
        })
    }

    /// Returns how many recovery codes the user has not used yet.
    pub async fn recovery_codes_left(&self, user: UserId) -> Result<i64> {
        query!(self, async |conn| {
            Ok(recovery_codes::table.filter(recovery_codes::user_id.eq(Sql(user))).count().get_result(conn).await?)
        })
    }

    /// Stores a new secret, which has no effect until [`Self::confirm_second_factor`]. Replaces one
    /// that was not confirmed. `proven` is the time of the password that was checked.
    ///
    /// # Errors
    /// Fails with [`Conflict::TotpActive`], with [`Conflict::PasswordChanged`], and with
    /// [`StoreError::NotFound`] if the user does not exist.
    pub async fn start_second_factor(&self, user: UserId, proven: i64, secret: &[u8]) -> Result<()> {
        let secret = secret.to_vec();
        transaction!(self, async |conn| {
            conn.lock_user(user).await?;
            conn.check_password(user, proven).await?;
            let theirs = second_factors::table.filter(second_factors::user_id.eq(Sql(user)));
            diesel::delete(theirs.clone().filter(second_factors::active_since.is_null())).execute(conn).await?;
            if diesel::select(diesel::dsl::exists(theirs)).get_result::<bool>(conn).await? {
                return Err(Conflict::TotpActive.into());
            }
            diesel::insert_into(second_factors::table)
                .values((second_factors::user_id.eq(Sql(user)), second_factors::secret.eq(&secret)))
                .execute(conn)
                .await?;
            Ok(())
        })
    }

    /// Turns the second factor with this secret on, and stores the hashes of its recovery codes.
    /// The code of `step` confirmed it, and is used up.
    ///
    /// # Errors
    /// Fails with [`StoreError::NotFound`] if the user has no such secret to confirm.
    pub async fn confirm_second_factor(
        &self,
        user: UserId,
        secret: &[u8],
        step: i64,
        recovery: &[[u8; 32]],
        now: i64,
    ) -> Result<()> {
        let (secret, recovery) = (secret.to_vec(), recovery.to_vec());
        transaction!(self, async |conn| {
            conn.lock_user(user).await?;
            let pending = second_factors::table
                .filter(second_factors::user_id.eq(Sql(user)))
                .filter(second_factors::secret.eq(&secret))
                .filter(second_factors::active_since.is_null());
            let confirmed = (
                second_factors::active_since.eq(Some(now)),
                second_factors::last_step.eq(step),
                second_factors::device_tries.eq(0),
            );
            if diesel::update(pending).set(confirmed).execute(conn).await? == 0 {
                return Err(StoreError::NotFound);
            }
            // A login from before needed no code, and must not be repeated without one.
            diesel::delete(idempotency_keys::table.filter(idempotency_keys::user_id.eq(Sql(user))))
                .execute(conn)
                .await?;
            let hashes: Vec<_> = recovery
                .iter()
                .map(|hash| (recovery_codes::user_id.eq(Sql(user)), recovery_codes::hash.eq(hash.to_vec())))
                .collect();
            for hash in hashes {
                diesel::insert_into(recovery_codes::table).values(hash).execute(conn).await?;
            }
            Ok(())
        })
    }

    /// Turns the second factor off, with a code that was checked. The recovery codes go with it.
    ///
    /// # Errors
    /// Fails with [`Conflict::CodeWrong`] if the code was used before, and with
    /// [`StoreError::NotFound`] if there is nothing to turn off.
    pub async fn end_second_factor(&self, user: UserId, code: CodeProof) -> Result<()> {
        transaction!(self, async |conn| {
            conn.lock_user(user).await?;
            conn.use_code(user, Some(code)).await?;
            let active = second_factors::table
                .filter(second_factors::user_id.eq(Sql(user)))
                .filter(second_factors::active_since.is_not_null());
            if diesel::delete(active).execute(conn).await? == 0 {
                return Err(StoreError::NotFound);
            }
            Ok(())
        })
    }

    /// Uses up a code that was checked. Does nothing if the second factor is off by now.
    ///
    /// # Errors
    /// Fails with [`Conflict::CodeWrong`] if the code was used before.
    pub async fn use_code(&self, user: UserId, code: CodeProof) -> Result<()> {
        transaction!(self, async |conn| conn.use_code(user, Some(code)).await)
    }

    /// Counts a try of a time-based code, before it is checked. A code that is right and not used
    /// yet takes the try back when it is used up. Does nothing if the user has no second factor.
    ///
    /// In SQL, because an attacker has the choice of relays.
    ///
    /// # Errors
    /// The inner result has the time to wait, in milliseconds, if there were too many wrong codes.
    pub async fn take_code_try(&self, user: UserId, purpose: CodePurpose, now: i64) -> Result<Result<(), i64>> {
        // Each try moves the column on by a pause. It may be ahead of the clock by so many pauses.
        let ahead = (self.quotas().code_tries - 1).saturating_mul(CODE_PAUSE);
        let latest = now.saturating_add(ahead);
        transaction!(self, async |conn| {
            let counted = match purpose {
                CodePurpose::Login => count_try!(conn, user, login_tries, now, latest),
                CodePurpose::Proof => count_try!(conn, user, device_tries, now, latest),
            };
            if counted > 0 {
                return Ok(Ok(()));
            }
            let tries = second_factors::table
                .filter(second_factors::user_id.eq(Sql(user)))
                .select((second_factors::login_tries, second_factors::device_tries));
            let tries = tries.first::<(i64, i64)>(conn).await.optional()?;
            Ok(tries.map_or(Ok(()), |(login, device)| {
                let at = if purpose == CodePurpose::Login { login } else { device };
                Err(at.saturating_sub(latest).max(1))
            }))
        })
    }
}
