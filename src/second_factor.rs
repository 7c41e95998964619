//! The second factor of an account: time-based codes and recovery codes. Checks them, and turns it
//! on and off.
//!
//! A code is checked after the password, and in two steps. First it is compared, and then SQL uses
//! it up, for a login in the transaction that makes the device. So of two uses of one code, one
//! wins, and a login that fails for another reason uses no code up.

use std::sync::Arc;

use ferry_protocol::{DeviceId, NoticeEvent, RecoveryCodes, Secret, TotpSecret, TotpStatus, UserId, now_ms};
use ferry_store::{CodeProof, CodePurpose, Conflict, SecondFactor as Row, Store, StoreError};

use crate::{
    audit::{self, Event},
    auth::{Code, RECOVERY_CODES, RecoveryCode, TotpKey},
    identity::Authenticated,
    network::Network,
    refusal::Refusal,
    relay::Dispatcher,
};

/// See the module's description.
#[derive(Debug, Clone)]
pub struct SecondFactor {
    /// SQL.
    pub store: Store,
    /// Notices to the user's other devices.
    pub dispatcher: Arc<Dispatcher>,
    /// The name that an app shows beside the username.
    pub issuer: String,
}

/// Who gives a code.
#[derive(Debug, Clone, Copy)]
pub struct Giver {
    /// The user, whose password is proved.
    pub user: UserId,
    /// The device. `None` at a login.
    pub device: Option<DeviceId>,
    /// Where the request comes from.
    pub network: Network,
}

/// Why a code is rejected.
#[derive(Debug)]
pub enum CodeFault {
    /// There was none, and the account has a second factor.
    Needed,
    /// It is wrong or was used before.
    Wrong,
    /// There were too many wrong ones, or SQL does not answer.
    Refused(Refusal),
}

impl<E: Into<Refusal>> From<E> for CodeFault {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

impl CodeFault {
    /// Returns the answer to a login.
    pub fn at_login(self) -> Refusal {
        match self {
            Self::Needed => Conflict::CodeNeeded.into(),
            Self::Wrong => Conflict::CodeWrong.into(),
            Self::Refused(refusal) => refusal,
        }
    }

    /// Returns the answer to a device that is logged in. It is no 401, so that a client does not
    /// take it for an expired token.
    fn at_proof(self) -> Refusal {
        match self {
            Self::Needed => Refusal::invalid("code", "this account has a second factor: send its code along"),
            Self::Wrong => Refusal::invalid("code", "the code is wrong or was used before"),
            Self::Refused(refusal) => refusal,
        }
    }
}

impl SecondFactor {
    /// Checks a code at a login. Returns what the login has to use up, or `None` if the account has
    /// no second factor.
    ///
    /// # Errors
    /// Fails if the code is missing or wrong, or if there were too many.
    pub async fn check(&self, by: Giver, code: Option<&Secret>) -> Result<Option<CodeProof>, CodeFault> {
        let Some(Row { secret, active_since: Some(_) }) = self.store.second_factor(by.user).await? else {
            return Ok(None);
        };
        let Giver { user, network, .. } = by;
        let Some(code) = code else {
            if by.device.is_none() {
                audit::record(Event::CodeNeeded { user, network });
            }
            return Err(CodeFault::Needed);
        };
        match Code::parse(code) {
            Some(Code::Recovery(code)) => Ok(Some(CodeProof::Recovery(code.hash()))),
            Some(Code::Digits(digits)) => {
                let purpose = if by.device.is_none() { CodePurpose::Login } else { CodePurpose::Proof };
                self.take_try(by, purpose).await?;
                match TotpKey::from_bytes(&secret).and_then(|key| key.matching_step(&digits, now_ms())) {
                    Some(step) => Ok(Some(CodeProof::Step { secret, step, purpose })),
                    None => Err(wrong(by)),
                }
            }
            None => Err(wrong(by)),
        }
    }

    /// Checks and uses up a code on a device that is logged in.
    ///
    /// # Errors
    /// Fails with `invalid` if the code is missing or wrong, and with `rate_limited`.
    pub async fn prove(&self, by: Giver, code: Option<&Secret>) -> Result<(), Refusal> {
        let proved = async {
            let Some(proof) = self.check(by, code).await? else { return Ok(()) };
            let used = self.store.use_code(by.user, proof.clone()).await;
            self.used(by, &proof, used)
        };
        proved.await.map_err(CodeFault::at_proof)
    }

    /// Turns what SQL said of a code that it was to use up into what the user is told, and logs it.
    ///
    /// # Errors
    /// Fails if the code was used before, and as SQL does.
    pub fn used<T>(&self, by: Giver, proof: &CodeProof, outcome: Result<T, StoreError>) -> Result<T, CodeFault> {
        match outcome {
            Ok(done) => {
                if matches!(proof, CodeProof::Recovery(_)) {
                    let Giver { user, device, network } = by;
                    audit::record(Event::RecoveryCodeUsed { user, device, network });
                }
                Ok(done)
            }
            Err(StoreError::Conflict(Conflict::CodeWrong)) => Err(wrong(by)),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes a new secret, which has no effect until a code confirms it. `proven` is the time of
    /// the password that was checked.
    ///
    /// # Errors
    /// Fails with `totp_active`.
    pub async fn start(&self, user: &ferry_store::User, proven: i64) -> Result<TotpSecret, Refusal> {
        let key = TotpKey::generate();
        self.store.start_second_factor(user.id, proven, key.as_bytes()).await?;
        Ok(TotpSecret { secret: key.to_secret(), uri: key.to_uri(&self.issuer, &user.username) })
    }

    /// Turns the second factor on, if this is a code of the secret that was made last. Returns the
    /// recovery codes.
    ///
    /// # Errors
    /// Fails with `not_found` if there is no secret to confirm, with `totp_active`, with `invalid`
    /// if the code is wrong, and with `rate_limited`.
    pub async fn confirm(&self, who: Authenticated, network: Network, code: &Secret) -> Result<RecoveryCodes, Refusal> {
        let by = Giver { user: who.user, device: Some(who.device), network };
        let Row { secret, active_since } = self.store.second_factor(who.user).await?.ok_or_else(Refusal::not_found)?;
        if active_since.is_some() {
            return Err(Conflict::TotpActive.into());
        }
        self.take_try(by, CodePurpose::Proof).await.map_err(CodeFault::at_proof)?;
        let step = match (Code::parse(code), TotpKey::from_bytes(&secret)) {
            (Some(Code::Digits(digits)), Some(key)) => key.matching_step(&digits, now_ms()),
            _ => None,
        };
        let step = step.ok_or_else(|| wrong(by).at_proof())?;
        let codes: Vec<RecoveryCode> = (0..RECOVERY_CODES).map(|_| RecoveryCode::generate()).collect();
        let hashes: Vec<[u8; 32]> = codes.iter().map(RecoveryCode::hash).collect();
        self.store.confirm_second_factor(who.user, &secret, step, &hashes, now_ms()).await?;
        audit::record(Event::TotpOn { by: who.into(), network });
        self.tell(who, true).await;
        Ok(RecoveryCodes { recovery_codes: codes.iter().map(RecoveryCode::to_secret).collect() })
    }

    /// Turns the second factor off. The caller has proved the password.
    ///
    /// # Errors
    /// Fails with `not_found` if it is off, with `invalid` if the code is wrong, and with
    /// `rate_limited`.
    pub async fn end(&self, who: Authenticated, network: Network, code: &Secret) -> Result<(), Refusal> {
        let by = Giver { user: who.user, device: Some(who.device), network };
        let proof = self.check(by, Some(code)).await.map_err(CodeFault::at_proof)?.ok_or_else(Refusal::not_found)?;
        let ended = self.store.end_second_factor(who.user, proof.clone()).await;
        self.used(by, &proof, ended).map_err(CodeFault::at_proof)?;
        audit::record(Event::TotpOff { by: who.into(), network });
        self.tell(who, false).await;
        Ok(())
    }

    /// Returns whether the second factor is on, and how many recovery codes are left.
    ///
    /// # Errors
    /// Fails as SQL does.
    pub async fn status(&self, user: UserId) -> Result<TotpStatus, Refusal> {
        let Some(Row { active_since: Some(since), .. }) = self.store.second_factor(user).await? else {
            return Ok(TotpStatus { active: false, since: None, recovery_codes: 0 });
        };
        let left = self.store.recovery_codes_left(user).await?;
        Ok(TotpStatus { active: true, since: Some(since), recovery_codes: u32::try_from(left).unwrap_or(0) })
    }

    async fn take_try(&self, by: Giver, purpose: CodePurpose) -> Result<(), CodeFault> {
        let Giver { user, device, network } = by;
        self.store.take_code_try(user, purpose, now_ms()).await?.map_err(|wait| {
            audit::record(Event::CodeLocked { user, device, network });
            let wait = std::time::Duration::from_millis(u64::try_from(wait).unwrap_or(0));
            CodeFault::Refused(Refusal {
                detail: "there were too many wrong codes: wait, or use a recovery code".into(),
                ..Refusal::rate_limited(wait)
            })
        })
    }

    /// Tells the user's other devices.
    async fn tell(&self, who: Authenticated, active: bool) {
        self.dispatcher.tell(who, vec![who.user], NoticeEvent::SecondFactorChanged { active }).await;
    }
}

fn wrong(Giver { user, device, network }: Giver) -> CodeFault {
    audit::record(Event::CodeFailed { user, device, network });
    CodeFault::Wrong
}
