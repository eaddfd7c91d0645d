//! Claiming the session of a code, and going on with one that was claimed before a crash or without a network.

use yinqiao_protocol::phone::{ClaimRequest, Claimed, SealChoice};
use yinqiao_protocol::statement::{Claim, SignedText};
use yinqiao_protocol::{SealId, SessionId, Sm3Hex, code};

use super::{ClaimInHand, ClaimedSession};
use crate::clock;
use crate::error::PhoneError;
use crate::http::HttpError;
use crate::phone::Phone;
use crate::store::{KeptClaim, KeyName, Pair, StoreError};

/// How to claim.
#[derive(Clone, Debug, Default)]
pub struct ClaimOptions {
    /// Serial number of the signing certificate, where the phone has several for the broker.
    pub certificate: Option<String>,
    /// Which seal, where several fit.
    pub seal: Option<SealId>,
    /// Where to reach the broker, when not at the address in the code.
    pub broker: Option<String>,
}

impl Phone {
    /// Claims the session of a scanned code. The claim names the broker at which the phone has enrolled: a code of any
    /// other is refused. Until the session is over the claim is kept on the disk, for [`Phone::resume`].
    ///
    /// # Errors
    /// [`PhoneError::Code`], [`PhoneError::OtherBroker`], [`PhoneError::ChooseCertificate`]; [`StoreError::Locked`] where
    /// no pair that fits has a PIN try left, before anything is sent; and what the broker says: [`seal_choice`] reads the
    /// seals out of that.
    pub fn claim(&self, code_text: &str, options: &ClaimOptions) -> Result<ClaimedSession, PhoneError> {
        let base = code::ScannedCode::parse(code_text)?.base().to_owned();
        let (_, pair) = self.chosen(&base, options.certificate.as_deref())?;
        let certificate_sm3 = Sm3Hex::of(pair.signing_certificate.as_slice());
        let request = self.claim_request(code_text, certificate_sm3, options.seal)?;
        self.resume(KeptClaim {
            broker: options.broker.clone().unwrap_or(base),
            certificate_sm3,
            claimed_at: clock::now(),
            request,
            claimed: None,
        })
    }

    /// The unsent claim. It names the encryption certificates whose keys are at hand, so that a phone without the keys
    /// of a decryption does not take the session from the one that has them.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn claim_request(
        &self,
        code_text: &str,
        certificate_sm3: Sm3Hex,
        seal: Option<SealId>,
    ) -> Result<ClaimRequest, PhoneError> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(StoreError::from)?;
        let nonce = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let decrypts = match self.pair_with(certificate_sm3)? {
            Some((key, _)) => self.holdings(&key)?.decrypts(),
            None => Vec::new(),
        };
        let claim =
            Claim { code: code_text.to_owned(), certificate_sm3, seal, decrypts, nonce }.to_bytes()?;
        let signature = self.store.device_key().sign(&claim)?.to_der()?;
        Ok(ClaimRequest { claim: claim.into(), signature: signature.into() })
    }

    /// The claims of sessions that are not known to be over, the oldest first.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn kept_claims(&self) -> Result<Vec<KeptClaim>, PhoneError> {
        Ok(self.store.kept_claims()?)
    }

    /// Goes on with a kept claim: sends it again where its answer has not come. Where the broker refuses it, it is kept
    /// no longer.
    ///
    /// # Errors
    /// [`PhoneError::CertificateGone`], and what the broker says.
    pub fn resume(&self, mut kept: KeptClaim) -> Result<ClaimedSession, PhoneError> {
        let (key, pair) = self.pair_with(kept.certificate_sm3)?.ok_or(PhoneError::CertificateGone)?;
        let broker = self.broker(&kept.broker)?;
        let claimed = match &kept.claimed {
            Some(claimed) => claimed.clone(),
            None => {
                // Before it is sent: the answer may be lost, and then nothing but the same claim gets it again.
                self.store.keep_claim(&kept)?;
                let json = serde_json::to_vec(&kept.request)?;
                let claimed: Result<Claimed, HttpError> = broker.post("/v1/phone/claims", None, &json);
                let claimed = claimed.inspect_err(|error| {
                    if is_refusal(error) {
                        // The refusal says more than a failure to remove what is good for nothing.
                        let _ = self.store.forget_claim(&kept);
                    }
                })?;
                kept.claimed = Some(claimed.clone());
                // Without its answer the kept claim does as well, only with one request more.
                let _ = self.store.keep_claim(&kept);
                claimed
            }
        };
        let phone = self.clone();
        Ok(ClaimedSession { phone, broker, key, pair, claim: ClaimInHand { kept, claimed }, fetched: None })
    }

    fn pair_with(&self, certificate_sm3: Sm3Hex) -> Result<Option<(KeyName, Box<Pair>)>, PhoneError> {
        let found = self
            .pairs()?
            .into_iter()
            .find(|(_, pair)| Sm3Hex::of(pair.signing_certificate.as_slice()) == certificate_sm3);
        Ok(found.map(|(entry, pair)| (entry.name, pair)))
    }
}

/// Whose session a kept claim is.
///
/// # Errors
/// When the claim cannot be read.
pub fn session_of(kept: &KeptClaim) -> Result<SessionId, PhoneError> {
    let claim = Claim::from_bytes(kept.request.claim.as_slice())?;
    Ok(code::ScannedCode::parse(&claim.code)?.session)
}

/// The seals to choose among, where the broker has asked for a choice.
pub fn seal_choice(error: &PhoneError) -> Option<SealChoice> {
    match error {
        PhoneError::Http(HttpError::Problem(problem)) if problem.name() == "seal-choice-required" => {
            serde_json::from_value(problem.members.get("seals")?.clone()).ok()
        }
        _ => None,
    }
}

/// Whether the same claim would be refused again.
fn is_refusal(error: &HttpError) -> bool {
    matches!(error, HttpError::Problem(problem) if (400..500).contains(&problem.status) && problem.status != 429)
}
