//! Writing a message with a change, and handing it over afterwards.

use yinqiao_lifecycle::user::User;
use yinqiao_lifecycle::{Job, JobKind};
use yinqiao_protocol::{MessageId, UserId};

use super::{Message, Notice, Recipient};
use crate::broker::Broker;
use crate::http::problem::{ApiError, Kind};
use crate::lifecycle::job::Attempt;
use crate::records::{Repository, Transaction};
use crate::store::StoreError;

/// Writes a message; it goes out once the transaction is stored.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn write(transaction: &mut Transaction<'_>, to: Recipient, notice: Notice) -> Result<(), StoreError> {
    let now = transaction.now();
    let message = Message { id: MessageId::random(), to, notice, at: now, sent_at: None };
    transaction.put(None, &message)?;
    transaction.job(Job::new(JobKind::Message(message.id), now));
    Ok(())
}

/// The address of a user, as far as the identity provider knows it.
///
/// # Errors
/// When the store fails.
pub async fn to_user(repository: &Repository, user: UserId) -> Result<Recipient, StoreError> {
    let found = repository.get::<User>(user.as_bytes()).await?;
    Ok(Recipient { user, phone: found.and_then(|found| found.value.phone) })
}

impl Broker {
    /// Hands a message over.
    ///
    /// # Errors
    /// When the gateway does not take it, or the store fails.
    pub(crate) async fn deliver(&self, id: MessageId) -> Result<Attempt, ApiError> {
        if let Some(found) = self.repository.get::<Message>(id.as_bytes()).await?
            && found.value.sent_at.is_none()
        {
            self.sender
                .send(&found.value)
                .await
                .map_err(|error| ApiError::new(Kind::GatewayUnavailable, error.to_string()))?;
        }
        self.repository
            .transact(async |transaction| {
                if let Some(found) = transaction.get::<Message>(id.as_bytes()).await? {
                    let sent = Message { sent_at: Some(transaction.now()), ..found.value.clone() };
                    transaction.put(Some(&found), &sent)?;
                }
                transaction.finish(&JobKind::Message(id));
                Ok(Attempt::Finished)
            })
            .await
    }
}
