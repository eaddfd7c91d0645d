//! Proof that a request comes from the phone that a token was given to: DPoP (RFC 9449) with SM2.
//!
//! RFC 9449 leaves the signature algorithm to the parties; SM2 has no name in JOSE's registry. Here `alg` is `SM2` (the
//! signature over the signing input with SM3 and the default signer's ID of GM/T 0009, as r ‖ s, 64 octets), `crv` is
//! `SM2`, and `ath` is SM3 of the access token.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use yinqiao_gm::{sm2, sm3};

use crate::timestamp::Timestamp;
use crate::token::Token;

/// Name of the header.
pub const HEADER: &str = "DPoP";
/// The scheme in `Authorization` (RFC 9449 section 7.1).
pub const SCHEME: &str = "DPoP";
/// How far a proof's time may be from the broker's, in seconds: phones' clocks are never quite right.
pub const MOST_SKEW_SECONDS: i64 = 120;

const TYPE: &str = "dpop+jwt";
const ALGORITHM: &str = "SM2";
const CURVE: &str = "SM2";
/// Octets of a proof at most.
const LONGEST: usize = 2048;

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Header {
    typ: String,
    alg: String,
    jwk: Jwk,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Jwk {
    kty: String,
    crv: String,
    x: String,
    y: String,
}

#[derive(Deserialize, Serialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    /// Whole seconds since 1970.
    iat: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ath: Option<String>,
}

/// What a proof is about.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// HTTP method.
    pub method: &'a str,
    /// The request's address without query and fragment.
    pub url: &'a str,
    /// The access token that goes with it, where there is one.
    pub access_token: Option<&'a Token>,
}

/// A proof that verifies.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Proof {
    /// The phone's key, 65 octets of SEC1.
    pub device_key: [u8; 65],
    /// Unique for each request: a second one of the same is a replay.
    pub id: String,
}

/// Why a proof proves nothing.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProofError {
    /// It is no such JWT.
    #[error("the DPoP proof is no JWT of type dpop+jwt with alg SM2 and its key in jwk")]
    Malformed,
    /// Method, address or token are others than the request's.
    #[error("the DPoP proof was made for another request")]
    OtherRequest,
    /// Too old, or from the future.
    #[error("the DPoP proof is not of now: set the phone's clock")]
    Time,
    /// The signature is wrong.
    #[error("the DPoP proof is not signed by the key that it names")]
    Signature,
}

/// Makes the proof for one request. `id` must be new for each.
///
/// # Errors
/// When the system gives no randomness for the signature.
pub fn prove(
    key: &sm2::PrivateKey,
    request: Request<'_>,
    now: Timestamp,
    id: &str,
) -> Result<String, yinqiao_gm::Error> {
    let point = key.public_key().to_sec1();
    let (x, y) = point[1..].split_at(32);
    let header = Header {
        typ: TYPE.to_owned(),
        alg: ALGORITHM.to_owned(),
        jwk: Jwk { kty: "EC".to_owned(), crv: CURVE.to_owned(), x: encode(x), y: encode(y) },
    };
    let claims = Claims {
        jti: id.to_owned(),
        htm: request.method.to_owned(),
        htu: request.url.to_owned(),
        iat: now.seconds(),
        ath: request.access_token.map(token_hash),
    };
    let input = format!("{}.{}", part(&header), part(&claims));
    let signature = key.sign(input.as_bytes())?;
    Ok(format!("{input}.{}", encode(&signature.to_raw())))
}

/// Checks a proof against the request that it came with.
///
/// # Errors
/// See [`ProofError`].
pub fn check(proof: &str, request: Request<'_>, now: Timestamp) -> Result<Proof, ProofError> {
    if proof.len() > LONGEST {
        return Err(ProofError::Malformed);
    }
    let mut parts = proof.split('.');
    let (Some(header), Some(claims), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(ProofError::Malformed);
    };
    let device_key = key_of(read(header)?)?;
    let claims: Claims = read(claims)?;
    if claims.jti.is_empty() || claims.jti.len() > 128 {
        return Err(ProofError::Malformed);
    }
    if claims.htm != request.method
        || claims.htu != request.url
        || claims.ath != request.access_token.map(token_hash)
    {
        return Err(ProofError::OtherRequest);
    }
    if claims.iat.abs_diff(now.seconds()) > MOST_SKEW_SECONDS.unsigned_abs() {
        return Err(ProofError::Time);
    }
    let raw: [u8; 64] = decode(signature)?.try_into().map_err(|_| ProofError::Malformed)?;
    let signed = proof.rsplit_once('.').map_or("", |(signed, _)| signed);
    let signature = sm2::Signature::from_raw(raw).map_err(|_| ProofError::Signature)?;
    device_key.verify(signed.as_bytes(), &signature).map_err(|_| ProofError::Signature)?;
    Ok(Proof { device_key: device_key.to_sec1(), id: claims.jti })
}

fn key_of(header: Header) -> Result<sm2::PublicKey, ProofError> {
    let Header { typ, alg, jwk } = header;
    if typ != TYPE || alg != ALGORITHM || jwk.kty != "EC" || jwk.crv != CURVE {
        return Err(ProofError::Malformed);
    }
    let point = [&[4][..], &decode(&jwk.x)?, &decode(&jwk.y)?].concat();
    sm2::PublicKey::from_sec1(&point).map_err(|_| ProofError::Malformed)
}

fn token_hash(token: &Token) -> String {
    encode(sm3::digest(token.expose().as_bytes()).as_ref())
}

fn part(value: &impl Serialize) -> String {
    // Strings and numbers in structures: there is nothing that JSON could not write.
    encode(&serde_json::to_vec(value).unwrap_or_default())
}

fn read<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, ProofError> {
    serde_json::from_slice(&decode(part)?).map_err(|_| ProofError::Malformed)
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(text: &str) -> Result<Vec<u8>, ProofError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| ProofError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://sign.example.cn/v1/orders";

    fn now() -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000)
    }

    #[test]
    fn a_proof_holds_for_its_request_and_for_no_other() {
        let key = sm2::PrivateKey::generate().unwrap();
        let (token, other) = (Token::random().unwrap(), Token::random().unwrap());
        let request = Request { method: "POST", url: URL, access_token: Some(&token) };
        let proof = prove(&key, request, now(), "1").unwrap();
        let checked = check(&proof, request, now().plus_seconds(60)).unwrap();
        assert_eq!((checked.device_key, checked.id.as_str()), (key.public_key().to_sec1(), "1"));
        for changed in [
            Request { method: "GET", ..request },
            Request { url: "https://sign.example.cn/v1/seals", ..request },
            Request { access_token: Some(&other), ..request },
            Request { access_token: None, ..request },
        ] {
            assert_eq!(check(&proof, changed, now()), Err(ProofError::OtherRequest));
        }
        assert_eq!(check(&proof, request, now().plus_seconds(121)), Err(ProofError::Time));
    }

    #[test]
    fn a_proof_of_the_end_of_time_is_refused_like_any_old_one() {
        let key = sm2::PrivateKey::generate().unwrap();
        let request = Request { method: "GET", url: URL, access_token: None };
        for seconds in [i64::MIN, i64::MAX] {
            let proof = prove(&key, request, now(), "id").unwrap();
            let claims =
                Claims { jti: "id".into(), htm: "GET".into(), htu: URL.into(), iat: seconds, ath: None };
            let changed =
                format!("{}.{}.{}", proof.split('.').next().unwrap(), part(&claims), encode(&[1; 64]));
            assert_eq!(check(&changed, request, now()), Err(ProofError::Time));
        }
    }

    #[test]
    fn a_proof_with_any_changed_character_is_refused() {
        let key = sm2::PrivateKey::generate().unwrap();
        let request = Request { method: "GET", url: URL, access_token: None };
        let proof = prove(&key, request, now(), "id").unwrap();
        for position in 0..proof.len() {
            let mut bytes = proof.clone().into_bytes();
            bytes[position] = if bytes[position] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(check(&changed, request, now()).is_err(), "{position}");
        }
    }

    #[test]
    fn another_key_in_the_header_is_noticed() {
        let (key, other) = (sm2::PrivateKey::generate().unwrap(), sm2::PrivateKey::generate().unwrap());
        let request = Request { method: "GET", url: URL, access_token: None };
        let (mine, theirs) =
            (prove(&key, request, now(), "1").unwrap(), prove(&other, request, now(), "1").unwrap());
        let (_, rest) = mine.split_once('.').unwrap();
        let (header, _) = theirs.split_once('.').unwrap();
        assert_eq!(check(&format!("{header}.{rest}"), request, now()), Err(ProofError::Signature));
        assert_eq!(check("a.b", request, now()), Err(ProofError::Malformed));
    }
}
