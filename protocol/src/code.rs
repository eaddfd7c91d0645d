//! The rotating code: its text, its steps, and the match code.
//!
//! A code's text is `BASE/q#1.SESSION.STEP.MAC`: the session's 16 bytes and the MAC's 16 bytes in Base64url, the step in
//! decimal. All of it stands behind `#`, so a browser that opens it sends none of it to a server.
//! MAC = the first 16 bytes of HMAC-SM3(secret, session ‖ step as 4 bytes, big-endian).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

use yinqiao_gm::sm3;

use crate::identifier::SessionId;
use crate::timestamp::Timestamp;

/// Milliseconds that one code is shown.
pub const STEP_MILLIS: u64 = 2000;
/// A code is accepted while its step is the current one or one of the two before it.
pub const STEPS_ACCEPTED: u32 = 3;

/// A code as scanned. The MAC is not yet checked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ScannedCode {
    /// Whose code.
    pub session: SessionId,
    /// Counted from the session's opening, from 0.
    pub step: u32,
    mac: [u8; 16],
    base: String,
}

/// Why a text is not a code.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("this is not a Yinqiao code: scan the code that the bid system shows")]
pub struct NotACode;

impl ScannedCode {
    /// Reads a code's text.
    ///
    /// # Errors
    /// When the text has another shape.
    pub fn parse(text: &str) -> Result<Self, NotACode> {
        if text.len() > 1024 {
            return Err(NotACode);
        }
        let (base, rest) = text.split_once("/q#1.").ok_or(NotACode)?;
        let mut fields = rest.split('.');
        let (Some(session), Some(step), Some(mac), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(NotACode);
        };
        let code = Self {
            session: SessionId::from_bytes(sixteen(session)?),
            step: step.parse().map_err(|_| NotACode)?,
            mac: sixteen(mac)?,
            base: base.to_owned(),
        };
        if code.text() == text { Ok(code) } else { Err(NotACode) }
    }

    /// The broker's address, `https://host`.
    pub fn base(&self) -> &str {
        &self.base
    }

    fn text(&self) -> String {
        format!(
            "{}/q#1.{}.{}.{}",
            self.base,
            URL_SAFE_NO_PAD.encode(self.session.as_bytes()),
            self.step,
            URL_SAFE_NO_PAD.encode(self.mac)
        )
    }

    /// Whether the MAC is the one of this session and step.
    pub fn is_authentic(&self, secret: &[u8]) -> bool {
        mac(secret, &self.session, self.step).ct_eq(&self.mac).into()
    }

    /// Whether the code may still be claimed at `now`.
    pub fn is_fresh(&self, opened_at: Timestamp, now: Timestamp) -> bool {
        let current = step_at(opened_at, now);
        self.step <= current && current - self.step < STEPS_ACCEPTED
    }
}

/// The text of the code of `session` at `step`. `base` is the broker's address as phones reach it, without a final `/`.
pub fn text(base: &str, secret: &[u8], session: &SessionId, step: u32) -> String {
    ScannedCode { session: *session, step, mac: mac(secret, session, step), base: base.to_owned() }.text()
}

/// The step that is shown at `now`.
pub fn step_at(opened_at: Timestamp, now: Timestamp) -> u32 {
    u32::try_from(opened_at.millis_until(now) / STEP_MILLIS).unwrap_or(u32::MAX)
}

/// When `step` ends and the next one is shown.
pub fn step_ends(opened_at: Timestamp, step: u32) -> Timestamp {
    let millis = (u64::from(step) + 1) * STEP_MILLIS;
    Timestamp::from_millis(opened_at.millis().saturating_add(i64::try_from(millis).unwrap_or(i64::MAX)))
}

/// Four digits that both screens show after a claim: from HMAC-SM3(secret, "match" ‖ session ‖ claim's SM3).
pub fn match_code(secret: &[u8], session: &SessionId, claim_sm3: &[u8; 32]) -> String {
    let digest = sm3::hmac(secret, &[b"match", session.as_bytes(), claim_sm3]);
    let number = digest.as_bytes()[..8].iter().fold(0u64, |n, b| (n << 8) | u64::from(*b));
    format!("{:04}", number % 10_000)
}

fn mac(secret: &[u8], session: &SessionId, step: u32) -> [u8; 16] {
    let digest = sm3::hmac(secret, &[session.as_bytes(), &step.to_be_bytes()]);
    let mut mac = [0; 16];
    mac.copy_from_slice(&digest.as_bytes()[..16]);
    mac
}

fn sixteen(text: &str) -> Result<[u8; 16], NotACode> {
    URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(NotACode)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

    #[test]
    fn a_code_is_read_back_and_is_authentic_for_its_secret_only() {
        let session = SessionId::random();
        let text = text("https://broker.example", SECRET, &session, 7);
        let code = ScannedCode::parse(&text).unwrap();
        assert_eq!((code.session, code.step, code.base()), (session, 7, "https://broker.example"));
        assert!(code.is_authentic(SECRET));
        assert!(!code.is_authentic(b"another secret"));
    }

    #[test]
    fn a_code_is_accepted_for_three_steps_and_never_before_its_own() {
        let opened = Timestamp::from_millis(1_000_000);
        let at = |step: i64| Timestamp::from_millis(1_000_000 + step * 2000);
        let session = SessionId::random();
        let code = ScannedCode::parse(&text("http://b", SECRET, &session, 5)).unwrap();
        let fresh: Vec<bool> = (4..9).map(|step| code.is_fresh(opened, at(step))).collect();
        assert_eq!(fresh, [false, true, true, true, false]);
    }

    #[test]
    fn other_texts_are_not_codes() {
        for text in [
            "",
            "http://b/q#1.x.1.y",
            "http://b/q#2.AAAAAAAAAAAAAAAAAAAAAA.1.AAAAAAAAAAAAAAAAAAAAAA",
            "weixin://x",
        ] {
            assert!(ScannedCode::parse(text).is_err(), "{text}");
        }
        let good = text("http://b", SECRET, &SessionId::random(), 1);
        assert!(ScannedCode::parse(&good.replace(".1.", ".01.")).is_err());
    }
}
