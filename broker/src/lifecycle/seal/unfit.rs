//! A seal that a CA has made and that is not what was asked for: nobody ever uses it, and its CA revokes it.

use std::sync::Arc;

use tracing::{error, info};

use yinqiao_ca_sdk::messages::IssuedSeal;
use yinqiao_gm::seal::SesSeal;
use yinqiao_gm::x509::Certificate;

use super::{SealError, key_of};
use crate::adapter::{Authority, AuthorityError, Patience};
use crate::broker::Broker;
use crate::directory::SealRequestRecord;

/// What a CA is told, in words.
const REASON: &str = "it is not what was asked for";

impl Broker {
    /// Has such a seal revoked, unless it may be somebody else's. Until it succeeds the request stays, and is gone on with.
    pub(super) async fn revoke_unfit(
        &self,
        authority: &Arc<Authority>,
        request: &SealRequestRecord,
        issued: &IssuedSeal,
    ) -> Result<(), SealError> {
        let known = self.directory.seals(None).await?;
        let der = issued.seal.as_bytes();
        let (seal, seal_id, adapter) = (request.id, &issued.seal_id, authority.name());
        let is_known = known.iter().any(|known| is_named(known.der.as_slice(), seal_id));
        if is_known || is_of_others(request, der) {
            error!(%seal, seal_id, adapter, "a CA has given out a seal that may be somebody else's: it stays valid, ask the CA");
            return Ok(());
        }
        let key = key_of(request, "revoke-seal")?;
        match authority.revoke_seal(&key, seal_id, REASON, Patience::NONE).await {
            Ok(()) | Err(AuthorityError::Over) => {
                info!(%seal, seal_id, adapter, "a seal that is not what was asked for is revoked");
            }
            Err(reason) if reason.is_final() => {
                error!(%seal, seal_id, adapter, %reason, "a seal that is not what was asked for is not revoked: ask the CA to");
            }
            Err(reason) => return Err(SealError::NotYet(reason.to_string())),
        }
        authority.conclude(&key).await?;
        Ok(())
    }
}

/// Whether a seal is the one that its CA knows by this name.
fn is_named(der: &[u8], seal_id: &str) -> bool {
    SesSeal::from_der(der).is_ok_and(|seal| seal.id() == seal_id)
}

/// Whether it names others as its users, and nobody of those that it was asked for.
fn is_of_others(request: &SealRequestRecord, der: &[u8]) -> bool {
    let Ok(seal) = SesSeal::from_der(der) else { return false };
    let asked = request.request.signers.iter();
    let mut asked = asked.filter_map(|der| Certificate::from_der(der.as_bytes()).ok());
    !asked.any(|signer| seal.signers().contains(&signer))
}
