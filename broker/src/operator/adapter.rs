//! Changes of the catalogue, as the running broker makes them, or the command itself where none runs. The catalogue's file
//! is all that is needed for that: neither the store nor a plugin.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tracing::info;

use yinqiao_protocol::Timestamp;
use yinqiao_protocol::consent::Consent;

use crate::adapter::Authorities;
use crate::adapter::catalogue::carry_out::{self, CarryOutError};
use crate::adapter::catalogue::change::{Action, ChangeError, ChangeRecord, Progress, Subject};
use crate::adapter::catalogue::changes::{ChangeFolder, ChangeFolderError};
use crate::adapter::catalogue::edit::EditError;
use crate::adapter::catalogue::libraries;
use crate::adapter::catalogue::lock::{ChangeLock, FileLock, LockError};
use crate::adapter::catalogue::policy::PolicyError;
use crate::adapter::catalogue::proposal::{self, Proposal, ProposalError};
use crate::adapter::catalogue::stop::{self, Stops};
use crate::adapter::catalogue::{AdapterName, Catalogue, CatalogueError, Site};
use crate::adapter::supervisor;
use crate::clock;
use crate::secrets::{self, SecretsError};
use crate::store::StoreError;

pub mod operations;

use operations::SettleError;

/// What is to be done with the catalogue.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "request", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Something that operators may have to consent to; without a policy it takes effect at once.
    Propose {
        /// What.
        proposal: Proposal,
    },
    /// An operator consents to a change; with the last one it takes effect.
    Consent {
        /// The change's id, or its beginning.
        change: String,
        /// Whose, and the signature.
        consent: Consent,
    },
    /// A change is void.
    Reject {
        /// The change's id, or its beginning.
        change: String,
    },
    /// An adapter is not started any more, at once.
    Disable {
        /// Which.
        name: AdapterName,
    },
    /// An adapter is taken out, at once.
    Remove {
        /// Which.
        name: AdapterName,
    },
    /// Lists operations that something can still come of.
    Operations {},
    /// A person's word that a CA has done nothing under a key whose outcome nobody knew.
    Settle {
        /// What the CA knows the operation by.
        key: String,
    },
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The catalogue is wrong.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// Others change it.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// It cannot be changed.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// What is wanted cannot be.
    #[error(transparent)]
    Proposal(#[from] ProposalError),
    /// The folder of changes cannot be used.
    #[error(transparent)]
    Folder(#[from] ChangeFolderError),
    /// The change takes no consent.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The policy cannot be kept.
    #[error("policy: {0}")]
    Policy(#[from] PolicyError),
    /// It did not take effect.
    #[error(transparent)]
    CarryOut(#[from] CarryOutError),
    /// The broker's own secrets cannot be made.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// A consent where none is needed.
    #[error("the policy in force needs no consents")]
    NoPolicy,
    /// The journal is the running broker's, or the command's own.
    #[error("no broker runs")]
    NoBroker,
    /// A person's word is not taken.
    #[error(transparent)]
    Settle(#[from] SettleError),
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Carries out a request of the system's user `user`. `live` are the adapters of this process, where it is the broker.
///
/// # Errors
/// See [`RequestError`].
pub async fn run(
    site: &Site,
    live: Option<&Arc<Authorities>>,
    request: Request,
    user: &str,
    now: Timestamp,
) -> Result<Value, RequestError> {
    match request {
        Request::Propose { proposal } => {
            let lock = ChangeLock::take(site).await?;
            let stops = Stops::read(site);
            let file = FileLock::take(site).await?;
            let mut catalogue = Catalogue::read(site)?;
            carry_out::begin_agreement(site, &file, &mut catalogue, now)?;
            drop(file);
            // What is tried needs the secrets that the first start of a broker makes.
            secrets::prepare(site.data_directory())?;
            let proposed = match proposal::make(site, &catalogue, proposal, user, now).await {
                Err(ProposalError::Same(name)) => {
                    return Ok(json!({ "adapter": name, "state": "nothing to change" }));
                }
                proposed => proposed?,
            };
            let mut record = ChangeRecord::new(proposed.change);
            info!(change = %record.change.id, user, "change of the catalogue proposed");
            if catalogue.policy.consents == 0 {
                carry_out::carry_out(site, &lock, live, &mut record, &stops, user, now).await?;
            } else {
                ChangeFolder::of(site).save(&record)?;
            }
            answer(&catalogue, &record, &proposed.warnings)
        }
        Request::Consent { change, consent } => {
            let lock = ChangeLock::take(site).await?;
            let stops = Stops::read(site);
            let catalogue = Catalogue::read(site)?;
            if catalogue.policy.consents == 0 {
                return Err(RequestError::NoPolicy);
            }
            let folder = ChangeFolder::of(site);
            let mut record = folder.find(&change)?;
            let operators = catalogue.policy.check()?;
            if let Subject::Adapter { entry, action, .. } = &record.change.subject
                && *action != Action::Trust
            {
                // What nobody could carry out, nobody shall consent to.
                libraries::verify(entry).await.map_err(CarryOutError::Library)?;
            }
            let operator = consent.operator.clone();
            record.consent(consent, &operators, now)?;
            info!(change = %record.change.id, %operator, user, "operator consents");
            folder.save(&record)?;
            if record.consenting(&operators)?.len() >= operators.needed() {
                carry_out::carry_out(site, &lock, live, &mut record, &stops, user, now).await?;
            }
            answer(&catalogue, &record, &[])
        }
        Request::Reject { change } => {
            let _lock = ChangeLock::take(site).await?;
            let folder = ChangeFolder::of(site);
            let mut record = folder.find(&change)?;
            record.check_open(now)?;
            record.progress = Progress::Rejected { at: now, by: user.to_owned() };
            folder.save(&record)?;
            info!(change = %record.change.id, user, "change rejected");
            Ok(json!({ "change": record.change.id, "state": "rejected" }))
        }
        Request::Disable { name } => {
            stop::disable(site, live, &name).await?;
            info!(adapter = %name, user, "adapter disabled");
            Ok(json!({ "adapter": name, "state": "disabled" }))
        }
        Request::Remove { name } => {
            let routes = stop::remove(site, live, &name).await?;
            info!(adapter = %name, user, "adapter removed");
            Ok(json!({ "adapter": name, "state": "removed", "routes_removed": routes }))
        }
        Request::Operations {} => {
            let live = live.ok_or(RequestError::NoBroker)?;
            Ok(operations::list(live.journal()).await?)
        }
        Request::Settle { key } => {
            let live = live.ok_or(RequestError::NoBroker)?;
            Ok(operations::settle(live.journal(), Some(live), key, user, now).await?)
        }
    }
}

fn answer(catalogue: &Catalogue, record: &ChangeRecord, warnings: &[String]) -> Result<Value, RequestError> {
    let operators = catalogue.policy.check()?;
    let state = match &record.progress {
        Progress::Open => "waiting for consents",
        Progress::Done { .. } => "in force",
        Progress::Rejected { .. } => "rejected",
    };
    Ok(json!({
        "change": record.change.id,
        "adapter": record.adapter(),
        "state": state,
        "consents_needed": operators.needed(),
        "consented": record.consenting(&operators)?,
        "expires_at": record.change.expires_at,
        "warnings": warnings,
    }))
}

/// Figures of all adapters of the broker; null where the plugin does not run.
pub fn statistics(authorities: &Authorities) -> Value {
    supervisor::watch_breakers(authorities, clock::now());
    let rows: Vec<Value> = authorities
        .all()
        .iter()
        .map(|authority| {
            let statistics = authority.handle().ok().map(|handle| handle.statistics());
            json!({
                "adapter": authority.name(),
                "statistics": statistics,
                "breaker_since": supervisor::calls_end_at_once_since(authority.name()),
            })
        })
        .collect();
    json!({ "adapters": rows })
}
