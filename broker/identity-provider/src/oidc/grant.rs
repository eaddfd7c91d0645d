//! Authorization codes and access tokens.

use std::collections::{BTreeSet, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use yinqiao_protocol::Timestamp;

use super::authorization::Scope;
use super::token_request::TokenError;
use crate::token::TokenDigest;

/// How a user proved who they are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// By password.
    Password,
    /// By a code to their phone.
    SmsCode,
}

impl Method {
    /// `amr` (RFC 8176).
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "pwd",
            Self::SmsCode => "sms",
        }
    }
}

/// What a code stands for.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Who may redeem it.
    pub client_id: String,
    /// Where it was sent.
    pub redirect_uri: String,
    /// What its redeemer has to know the origin of.
    pub challenge: String,
    /// For the ID token.
    pub nonce: Option<String>,
    /// What may be told.
    pub scopes: BTreeSet<Scope>,
    /// Of whom.
    pub subject: String,
    /// When they proved who they are.
    pub auth_time: Timestamp,
    /// How.
    pub method: Method,
}

/// What an access token stands for.
#[derive(Clone, Debug)]
pub struct Access {
    /// Of whom.
    pub subject: String,
    /// What may be told.
    pub scopes: BTreeSet<Scope>,
    until: Timestamp,
}

#[derive(Debug)]
enum Code {
    Open {
        grant: Box<Grant>,
        until: Timestamp,
    },
    /// Redeemed; remembered as long as its token lives, for a second try to end that.
    Used {
        access: TokenDigest,
        until: Timestamp,
    },
}

/// The open codes and tokens, by the digests of their texts.
#[derive(Debug, Default)]
pub struct Grants {
    codes: HashMap<TokenDigest, Code>,
    accesses: HashMap<TokenDigest, Access>,
}

impl Grants {
    /// Opens a code.
    pub fn issue(&mut self, code: TokenDigest, grant: Grant, until: Timestamp, now: Timestamp) {
        self.codes.retain(|_, code| match code {
            Code::Open { until, .. } | Code::Used { until, .. } => now < *until,
        });
        self.accesses.retain(|_, access| now < access.until);
        self.codes.insert(code, Code::Open { grant: Box::new(grant), until });
    }

    /// Gives `access` for a code. A code is good for one try: one with a wrong verifier, client or address voids it, and a
    /// second one ends the token that the first one got (RFC 6749 section 4.1.2).
    ///
    /// # Errors
    /// [`TokenError::InvalidGrant`]
    pub fn redeem(&mut self, try_of: &Redemption<'_>, now: Timestamp) -> Result<Grant, TokenError> {
        let refused = |reason| Err(TokenError::InvalidGrant(reason));
        let digest = TokenDigest::of(try_of.code);
        let (grant, until) = match self.codes.remove(&digest) {
            None => return refused("the code is not known: it was used, has expired, or was never given"),
            Some(Code::Used { access, .. }) => {
                self.accesses.remove(&access);
                return refused("the code was used before; the token that was given for it is void now");
            }
            Some(Code::Open { grant, until }) => (*grant, until),
        };
        if until <= now {
            return refused("the code has expired");
        }
        if grant.client_id != try_of.client_id {
            return refused("the code was given to another client");
        }
        if Some(grant.redirect_uri.as_str()) != try_of.redirect_uri {
            return refused("redirect_uri is not the one of the authorization request");
        }
        if !verifies(&grant.challenge, try_of.verifier) {
            return refused("code_verifier does not fit the code_challenge");
        }
        let access = Access {
            subject: grant.subject.clone(),
            scopes: grant.scopes.clone(),
            until: try_of.access_until,
        };
        self.codes.insert(digest, Code::Used { access: try_of.access, until: access.until });
        self.accesses.insert(try_of.access, access);
        Ok(grant)
    }

    /// What a token stands for.
    #[must_use]
    pub fn access(&self, token: &str, now: Timestamp) -> Option<&Access> {
        self.accesses.get(&TokenDigest::of(token)).filter(|access| now < access.until)
    }
}

/// One try to redeem a code.
#[derive(Debug)]
pub struct Redemption<'a> {
    /// The code.
    pub code: &'a str,
    /// Who tries.
    pub client_id: &'a str,
    /// What they say was the address.
    pub redirect_uri: Option<&'a str>,
    /// `code_verifier`
    pub verifier: &'a str,
    /// The token that they get.
    pub access: TokenDigest,
    /// As long as it lives.
    pub access_until: Timestamp,
}

/// RFC 7636 section 4.6: BASE64URL(SHA256(verifier)) = challenge, and the verifier's form is that of section 4.1.
fn verifies(challenge: &str, verifier: &str) -> bool {
    let fits = (43..=128).contains(&verifier.len())
        && verifier.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    fits && bool::from(digest.as_bytes().ct_eq(challenge.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn grants() -> Grants {
        let grant = Grant {
            client_id: "app".to_owned(),
            redirect_uri: "https://bid.example/".to_owned(),
            challenge: CHALLENGE.to_owned(),
            nonce: None,
            scopes: [Scope::OpenId].into(),
            subject: "user".to_owned(),
            auth_time: at(0),
            method: Method::Password,
        };
        let mut grants = Grants::default();
        grants.issue(TokenDigest::of("code"), grant, at(60), at(0));
        grants
    }

    fn good() -> Redemption<'static> {
        Redemption {
            code: "code",
            client_id: "app",
            redirect_uri: Some("https://bid.example/"),
            verifier: VERIFIER,
            access: TokenDigest::of("access"),
            access_until: at(300),
        }
    }

    #[test]
    fn the_verifier_of_the_standards_example_gets_a_token_that_lives_its_time() {
        let mut grants = grants();
        assert!(grants.redeem(&good(), at(59)).is_ok());
        assert!(grants.access("access", at(299)).is_some());
        assert!(grants.access("access", at(300)).is_none());
        assert!(grants.access("code", at(1)).is_none());
    }

    #[test]
    fn a_second_try_ends_the_token_of_the_first() {
        let mut grants = grants();
        grants.redeem(&good(), at(1)).unwrap();
        assert!(grants.redeem(&Redemption { access: TokenDigest::of("second"), ..good() }, at(2)).is_err());
        assert!(grants.access("access", at(2)).is_none());
        assert!(grants.access("second", at(2)).is_none());
    }

    #[test]
    fn a_wrong_try_fails_and_voids_the_code() {
        let other_verifier = VERIFIER.replace('d', "e");
        let wrong = [
            Redemption { client_id: "other", ..good() },
            Redemption { redirect_uri: None, ..good() },
            Redemption { redirect_uri: Some("https://bid.example"), ..good() },
            Redemption { verifier: &other_verifier, ..good() },
            Redemption { verifier: "", ..good() },
        ];
        for wrong in wrong {
            let mut grants = grants();
            assert!(grants.redeem(&wrong, at(1)).is_err(), "{wrong:?}");
            assert!(grants.redeem(&good(), at(1)).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_code_is_good_for_a_minute() {
        assert!(grants().redeem(&good(), at(60)).is_err());
    }
}
