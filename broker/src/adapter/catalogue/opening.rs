//! The catalogue as a starting broker takes it.

use tracing::{error, info, warn};

use yinqiao_protocol::Timestamp;

use super::agreement::Standing;
use super::carry_out::{self, CarryOutError};
use super::edit::CatalogueLock;
use super::file::Catalogue;
use super::site::Site;

impl Catalogue {
    /// Reads it, takes up its policy, and says in the log what an operator must not overlook.
    ///
    /// # Errors
    /// When it cannot be read, or the agreed policy not be written.
    pub async fn open(site: &Site, now: Timestamp) -> Result<Self, CarryOutError> {
        let lock = CatalogueLock::take(site).await?;
        let mut catalogue = Self::read(site)?;
        carry_out::begin_agreement(site, &lock, &mut catalogue, now)?;
        info!(
            catalogue = %site.catalogue().display(),
            shipped = catalogue.shipped,
            adapters = catalogue.entries.len(),
            consents = catalogue.policy.consents,
            "catalogue of adapters read"
        );
        if let Standing::ChangedByHand { since } = catalogue.standing {
            warn!(%since, "the policy in the catalogue is not the one that its operators agreed upon, which counts");
        }
        for entry in &catalogue.entries {
            if let Some(refusal) = &entry.refusal {
                error!(adapter = %entry.name, %refusal, "the adapter is not started");
            }
        }
        Ok(catalogue)
    }
}
