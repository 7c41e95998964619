//! Steps of transactions on the second factor of an account.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use ferry_protocol::UserId;

use crate::{
    error::{Conflict, Result},
    models::{CodeProof, CodePurpose},
    pool::steps,
    schema::{recovery_codes, second_factors},
    sql_types::Sql,
};

/// The most wrong codes of a user at once, for each purpose. After that, one each [`CODE_PAUSE`].
///
/// Six digits, of which three codes are valid at a time, are guessed with a chance of 3 in a
/// million for each try.
pub const CODE_TRIES: i64 = 10;

/// The time after which one more wrong code is allowed, milliseconds.
pub const CODE_PAUSE: i64 = 3_600_000;

steps! {
    /// Steps on second factors.
    pub(crate) trait SecondFactorSteps {
        /// Uses up the code of a login, as [`Self::use_code`] does. The repetition of a login whose
        /// answer was lost may come with the very code that was used last: the code of the first
        /// one. A recovery code is gone, and nothing tells it from an invented one.
        async fn use_code_once(conn, user: UserId, code: Option<CodeProof>, is_repeated: bool) -> Result<()> {
            if is_repeated && let Some(CodeProof::Step { secret, step, purpose: CodePurpose::Login }) = &code {
                let same = second_factors::table
                    .filter(second_factors::user_id.eq(Sql(user)))
                    .filter(second_factors::active_since.is_not_null())
                    .filter(second_factors::secret.eq(secret.clone()))
                    .filter(second_factors::last_step.eq(*step));
                // The try was no wrong one.
                let tries = second_factors::login_tries.eq(second_factors::login_tries - CODE_PAUSE);
                if diesel::update(same).set(tries).execute(conn).await? > 0 {
                    return Ok(());
                }
            }
            conn.use_code(user, code).await
        }

        /// Uses up a code, if the user has a second factor. Fails with `CodeNeeded` without one,
        /// and with `CodeWrong` if the code was used before. The error rolls the transaction back.
        async fn use_code(conn, user: UserId, code: Option<CodeProof>) -> Result<()> {
            let active = second_factors::table
                .filter(second_factors::user_id.eq(Sql(user)))
                .filter(second_factors::active_since.is_not_null());
            if !diesel::select(diesel::dsl::exists(active.clone())).get_result::<bool>(conn).await? {
                return Ok(());
            }
            let used = match code {
                None => return Err(Conflict::CodeNeeded.into()),
                Some(CodeProof::Step { secret, step, purpose }) => {
                    // Compared and set at once: of two logins with one code, one wins.
                    let newer = active.filter(second_factors::secret.eq(secret)).filter(second_factors::last_step.lt(step));
                    let step = second_factors::last_step.eq(step);
                    // The try was no wrong one.
                    match purpose {
                        CodePurpose::Login => {
                            let tries = second_factors::login_tries.eq(second_factors::login_tries - CODE_PAUSE);
                            diesel::update(newer).set((step, tries)).execute(conn).await?
                        }
                        CodePurpose::Proof => {
                            let tries = second_factors::device_tries.eq(second_factors::device_tries - CODE_PAUSE);
                            diesel::update(newer).set((step, tries)).execute(conn).await?
                        }
                    }
                }
                Some(CodeProof::Recovery(hash)) => {
                    let code = recovery_codes::table
                        .filter(recovery_codes::user_id.eq(Sql(user)))
                        .filter(recovery_codes::hash.eq(hash.to_vec()));
                    diesel::delete(code).execute(conn).await?
                }
            };
            if used == 0 { Err(Conflict::CodeWrong.into()) } else { Ok(()) }
        }
    }
}
