//! A sign-in between its two halves: the browser is at the provider.

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use yinqiao_protocol::{Base64, DeviceSessionId, SignInId, Sm3Hex, Timestamp};

use crate::records::{Aggregate, Index, IndexEntry};
use crate::store::Collection;

/// How long the user may take at the provider, in seconds.
pub const SIGN_IN_SECONDS: u32 = 600;

/// A sign-in as it is stored, for minutes.
#[derive(Clone, Deserialize, Serialize)]
pub struct SignIn {
    /// Names it.
    pub id: SignInId,
    /// The phone that began it, 65 octets of SEC1.
    pub device_key: Base64,
    /// SM3 of `state`.
    pub state_sm3: Sm3Hex,
    /// `nonce`
    pub nonce: String,
    /// The PKCE code verifier.
    pub code_verifier: String,
    /// When it is over.
    pub expires_at: Timestamp,
    /// What it came to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened: Option<Opened>,
}

/// The session that a sign-in opened: the same code brought again gets it again.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Opened {
    /// SM3 of the authorization code.
    pub code_sm3: Sm3Hex,
    /// Which.
    pub session: DeviceSessionId,
}

impl Drop for SignIn {
    fn drop(&mut self) {
        self.code_verifier.zeroize();
    }
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignIn").field("id", &self.id).field("opened", &self.opened).finish_non_exhaustive()
    }
}

impl Aggregate for SignIn {
    const COLLECTION: Collection = Collection::SignIn;

    fn key(&self) -> Vec<u8> {
        self.id.as_bytes().to_vec()
    }

    fn index_entries(&self) -> Vec<IndexEntry> {
        vec![IndexEntry::rising(Index::SessionByExpiry, b"sign-in", self.expires_at)]
    }
}
