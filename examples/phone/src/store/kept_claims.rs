//! Claims of sessions that are not over, so that a session outlives a crash or a lost network.
//!
//! A file holds a nonce of 12 bytes and the claim's JSON under SM4-GCM, bound to the file's name. The key follows from
//! the device key: a file that is copied away alone opens nothing, and none of another phone is taken up.

use std::fs;
use std::io;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use yinqiao_gm::{sm3, sm4};
use yinqiao_protocol::phone::{ClaimRequest, Claimed};
use yinqiao_protocol::{Sm3Hex, Timestamp};

use super::{KeyStore, StoreError, atomic_file};

const SUFFIX: &str = ".claim.sealed";
const DOMAIN: &[u8] = b"YINQIAO KEPT CLAIM 1\n";

/// A claim with what is needed to go on with it. It holds the claim token: it has no `Debug`.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KeptClaim {
    /// Where the broker is reached.
    pub broker: String,
    /// SM3 of the signing certificate that answers.
    pub certificate_sm3: Sm3Hex,
    /// When it was made, by the phone's clock.
    pub claimed_at: Timestamp,
    /// The claim: sent again it gets the same answer.
    pub request: ClaimRequest,
    /// The answer, where it has come.
    pub claimed: Option<Claimed>,
}

impl KeptClaim {
    fn file(&self) -> String {
        format!("{}{SUFFIX}", &Sm3Hex::of(self.request.claim.as_slice()).to_string()[..16])
    }
}

impl KeyStore {
    /// Keeps a claim; one that was kept before is replaced. When this returns it is on the disk.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep_claim(&self, claim: &KeptClaim) -> Result<(), StoreError> {
        let file = claim.file();
        let json = serde_json::to_vec(claim).map(Zeroizing::new);
        let json = json.map_err(|_| StoreError::Content("a claim cannot be written as JSON"))?;
        let mut nonce = [0; sm4::GCM_NONCE_LENGTH];
        getrandom::fill(&mut nonce)?;
        let sealed = sm4::gcm_seal(&self.claim_key()?, &nonce, &context(&file), &json);
        atomic_file::replace(&self.folder, &file, &[nonce.as_slice(), &sealed].concat())
            .map_err(|source| StoreError::Io { path: self.folder.join(&file), source })
    }

    /// The claims of sessions that are not known to be over, the oldest first.
    ///
    /// # Errors
    /// [`StoreError::Claim`] for one that cannot be opened, and what the system says.
    pub fn kept_claims(&self) -> Result<Vec<KeptClaim>, StoreError> {
        let io = |source| StoreError::Io { path: self.folder.to_path_buf(), source };
        let mut claims = Vec::new();
        for entry in fs::read_dir(&*self.folder).map_err(io)? {
            let name = entry.map_err(io)?.file_name();
            if let Some(file) = name.to_str().filter(|file| file.ends_with(SUFFIX) && !file.starts_with('.'))
            {
                claims.push(self.kept_claim(file)?);
            }
        }
        claims.sort_by_key(|claim| claim.claimed_at);
        Ok(claims)
    }

    /// Removes a claim whose session is over; nothing happens where it is not kept.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn forget_claim(&self, claim: &KeptClaim) -> Result<(), StoreError> {
        let path = self.folder.join(claim.file());
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(StoreError::Io { path, source }),
            _ => Ok(()),
        }
    }

    fn kept_claim(&self, file: &str) -> Result<KeptClaim, StoreError> {
        let path = self.folder.join(file);
        let bytes = atomic_file::require_private(&path).and_then(|()| fs::read(&path));
        let bytes = bytes.map_err(|source| StoreError::Io { path: path.clone(), source })?;
        let opened = bytes.split_first_chunk::<{ sm4::GCM_NONCE_LENGTH }>();
        let key = self.claim_key()?;
        let json = opened.and_then(|(nonce, sealed)| sm4::gcm_open(&key, nonce, &context(file), sealed).ok());
        json.and_then(|json| serde_json::from_slice(&json).ok()).ok_or(StoreError::Claim { path })
    }

    fn claim_key(&self) -> Result<sm4::Key, StoreError> {
        let derived = sm3::hmac(&*self.device.to_bytes(), &[DOMAIN]);
        Ok(sm4::Key::from_slice(&derived.as_bytes()[..sm4::KEY_LENGTH])?)
    }
}

fn context(file: &str) -> Vec<u8> {
    [DOMAIN, file.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;
    use crate::store::KdfParameters;

    fn store(folder: &Path) -> KeyStore {
        KeyStore::open(folder, KdfParameters::new(8, 1).unwrap()).unwrap()
    }

    fn claim(bytes: &[u8]) -> KeptClaim {
        KeptClaim {
            broker: "http://broker.example".into(),
            certificate_sm3: Sm3Hex::of(b"certificate"),
            claimed_at: Timestamp::from_millis(0),
            request: ClaimRequest { claim: bytes.into(), signature: b"signature".as_slice().into() },
            claimed: None,
        }
    }

    fn answer() -> Claimed {
        serde_json::from_value(serde_json::json!({
            "session": "00000000-0000-0000-0000-000000000000", "claim_token": "s3cr3t-token",
            "match_code": "4711", "purpose": "login", "items_awaited": false,
            "relying_party": { "id": "portal", "name": "交易平台", "domain": "portal.example" },
            "display": { "title": "登录", "text": "" }, "confirm_until": "2027-01-15T08:00:00Z",
        }))
        .unwrap()
    }

    #[test]
    fn a_kept_claim_is_there_after_a_reopen_until_it_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = claim(b"claim");
        store(folder.path()).keep_claim(&kept).unwrap();
        kept.claimed = Some(answer());
        store(folder.path()).keep_claim(&kept).unwrap();
        let found = store(folder.path()).kept_claims().unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].claimed.as_ref().unwrap().claim_token.expose(), "s3cr3t-token");
        store(folder.path()).forget_claim(&kept).unwrap();
        store(folder.path()).forget_claim(&kept).unwrap();
        assert!(store(folder.path()).kept_claims().unwrap().is_empty());
    }

    #[test]
    fn a_kept_claim_shows_no_token_and_is_its_owners_only() {
        let folder = tempfile::tempdir().unwrap();
        let kept = KeptClaim { claimed: Some(answer()), ..claim(b"claim") };
        store(folder.path()).keep_claim(&kept).unwrap();
        let path = folder.path().join(kept.file());
        let bytes = fs::read(&path).unwrap();
        assert!(!bytes.windows(6).any(|six| six == b"s3cr3t" || six == b"broker"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_claim_that_was_altered_renamed_or_is_of_another_phone_is_refused() {
        let [folder, other] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let kept = claim(b"claim");
        store(folder.path()).keep_claim(&kept).unwrap();
        let path = folder.path().join(kept.file());
        let other_store = store(other.path());
        fs::copy(&path, other.path().join(kept.file())).unwrap();
        assert!(matches!(other_store.kept_claims(), Err(StoreError::Claim { .. })));
        let renamed = folder.path().join(claim(b"another").file());
        fs::rename(&path, &renamed).unwrap();
        assert!(matches!(store(folder.path()).kept_claims(), Err(StoreError::Claim { .. })));
        fs::rename(&renamed, &path).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        bytes[20] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert!(matches!(store(folder.path()).kept_claims(), Err(StoreError::Claim { .. })));
    }
}
