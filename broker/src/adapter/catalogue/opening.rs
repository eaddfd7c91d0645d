//! The catalogue as a starting broker takes it.

use tracing::{error, info, warn};

use yinqiao_protocol::Timestamp;

use super::agreement::{Agreement, Standing};
use super::carry_out::{self, CarryOutError};
use super::edit::Editor;
use super::entry::{Entry, State};
use super::file::Catalogue;
use super::lock::{ChangeLock, FileLock};
use super::site::Site;

impl Catalogue {
    /// Reads it, takes up its policy, and says in the log what an operator must not overlook.
    ///
    /// # Errors
    /// When it cannot be read, or the agreed policy not be written.
    pub async fn open(site: &Site, now: Timestamp) -> Result<Self, CarryOutError> {
        // A change that is being tried is waited for, so that the broker takes what came of it.
        let _change = ChangeLock::take(site).await?;
        let lock = FileLock::take(site).await?;
        let mut catalogue = Self::read(site)?;
        carry_out::begin_agreement(site, &lock, &mut catalogue, now)?;
        if let Err(reason) = catalogue.settle(site, &lock) {
            warn!(%reason, "what is good for one start only could not be taken out of the catalogue");
        }
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
        if catalogue.routes_changed_by_hand {
            warn!("the routes in the catalogue are not those that its operators agreed upon, which count");
        }
        for entry in &catalogue.entries {
            if let Some(refusal) = &entry.refusal {
                error!(adapter = %entry.name, %refusal, "the adapter is not started");
            }
        }
        Ok(catalogue)
    }

    /// What was broken off in the middle is settled by what the file says; and another root is accepted by this start, not
    /// by the next one.
    fn settle(&self, site: &Site, lock: &FileLock) -> Result<(), CarryOutError> {
        let starting = |entry: &&Entry| entry.refusal.is_none() && entry.state == State::Enabled;
        let once: Vec<&Entry> =
            self.entries.iter().filter(starting).filter(|entry| entry.accept_new_root).collect();
        let agreement = Agreement::read(site)?;
        if let Some(before) = &agreement {
            let mut agreement = before.clone();
            self.entries.iter().for_each(|entry| agreement.settle(entry));
            once.iter().for_each(|entry| agreement.accept_once(entry));
            if agreement != *before {
                agreement.write(site)?;
            }
        }
        if !once.is_empty() {
            let mut editor = Editor::open(site, lock)?;
            for entry in once {
                editor.put(&entry.settled())?;
            }
            editor.save(true)?;
        }
        Ok(())
    }
}
