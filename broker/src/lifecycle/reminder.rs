//! Reminders that certificates end: written when they are due, with the certificate's note of it.

use tracing::info;

use yinqiao_protocol::{MessageId, Sm3Hex};

use crate::directory::CertificateRecord;
use crate::message::{self, Message, Notice};
use crate::records::{Index, IndexPrefix, Repository};
use crate::store::StoreError;

/// Certificates looked at at once.
const PAGE: usize = 200;

/// Writes all reminders that are due by the repository's clock, each once. Gives how many.
///
/// # Errors
/// When the store fails: those that are left are written the next time.
pub async fn remind(repository: &Repository) -> Result<usize, StoreError> {
    let due = IndexPrefix::new(Index::CertificateByReminder, &[]);
    let now = repository.clock().now();
    let (mut after, mut written) = (None, 0);
    loop {
        let page = repository.page::<CertificateRecord>(&due, after.as_ref(), PAGE).await?;
        for record in page.items.iter().map(|found| &found.value) {
            // The index has them by that time: the others are due later.
            let at = record.standing.next_reminder_at(&record.facts, record.facts.issued_at);
            if at.is_some_and(|at| now < at) {
                return Ok(written);
            }
            written += usize::from(remind_of(repository, &record.facts.sm3).await?);
        }
        after = page.next;
        if after.is_none() {
            return Ok(written);
        }
    }
}

async fn remind_of(repository: &Repository, sm3: &Sm3Hex) -> Result<bool, StoreError> {
    let id = MessageId::random();
    repository
        .transact(async |transaction| {
            let Some(found) = transaction.get::<CertificateRecord>(sm3.as_bytes()).await? else {
                return Ok(false);
            };
            let (record, now) = (&found.value, transaction.now());
            let Some(user) = record.facts.user else { return Ok(false) };
            let Some((reminder, step)) = record.standing.remind(&record.facts, id, now) else {
                return Ok(false);
            };
            let (days, at) = (reminder.days(), record.facts.not_after);
            let message = Message {
                id,
                to: message::to_user(repository, user).await?,
                notice: Notice::CertificateExpires { certificate: *sm3, days, at },
                at: now,
                sent_at: None,
            };
            transaction.put(None, &message)?;
            transaction.take(Some(&found), step.map(|next| record.standing_so(next)))?;
            info!(certificate = %sm3, days, "a holder is reminded of a certificate's end");
            Ok(true)
        })
        .await
}
