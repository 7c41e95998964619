//! Who calls, and whether they may.

use ferry_protocol::ErrorCode;

use crate::{
    admin::{Administrator, Caller, Right, find_token},
    http::call::Call,
    refusal::Refusal,
};

/// Returns the operator who calls, if they have this right: whoever could open the Unix socket, or
/// has a token. Without a file of tokens, TCP is of this machine alone, and serves only what names
/// no user.
///
/// # Errors
/// Fails with `unauthorized` without a token that counts, with `forbidden` for one that does not
/// allow this, and with `rate_limited`.
pub(in crate::http) async fn administrator(call: &Call, right: Right) -> Result<Administrator, Refusal> {
    let address = match call.caller {
        Some(Caller::Unix(uid)) => return Ok(Administrator::Unix(uid)),
        Some(Caller::Tcp(address)) => address,
        None => return Err(Refusal::not_found()),
    };
    let Some(file) = call.app.config.now().admin.token_file.clone() else {
        if right == Right::Metrics {
            return Ok(Administrator::Local);
        }
        return Err(Refusal::new(ErrorCode::Unauthorized, "this relay has no tokens: --admin-token-file names them"));
    };
    // Before the token is looked at, so that nobody tries them as fast as they can.
    call.app.limits.operators_from.take(&address.ip().into()).map_err(Refusal::rate_limited)?;
    let token = call.bearer()?.map(str::to_owned);
    let found = match token {
        None => None,
        Some(token) => tokio::task::spawn_blocking(move || find_token(&file, &token))
            .await
            .map_err(|_| Refusal::internal())?
            .map_err(|fault| {
                tracing::error!(%fault, "the tokens of operators cannot be read");
                Refusal::unavailable("the tokens of this relay cannot be read: its log says why")
            })?,
    };
    match found {
        Some((name, has)) if has >= right => Ok(Administrator::Token(name)),
        Some(_) => Err(Refusal::forbidden("this token does not allow it")),
        None => Err(Refusal::new(ErrorCode::Unauthorized, "a token of `--admin-token-file` is needed")),
    }
}
