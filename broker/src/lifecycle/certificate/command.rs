//! Changes that people and the broker ask for.

use yinqiao_lifecycle::certificate::{CertificateRefusal, HoldReason, RevocationReason, Status};
use yinqiao_lifecycle::{Actor, Step};
use yinqiao_protocol::Sm3Hex;

use crate::directory::CertificateRecord;
use crate::http::problem::ApiError;
use crate::lifecycle::recovery;
use crate::message::{self, Notice};
use crate::records::{Transaction, Versioned};

/// What is asked of a certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CertificateCommand {
    /// To be suspended.
    Suspend(HoldReason),
    /// Not to be suspended any more.
    Resume,
    /// To be revoked.
    Revoke(RevocationReason),
    /// To have the CA asked again that would not revoke it.
    AskAgain,
    /// To be seen by nobody any more.
    Hide,
    /// To be followed by another one.
    SucceededBy(Sm3Hex),
}

/// Decides on a command, and puts what follows from it into the transaction, with a message to the holder whom it blocks.
/// Gives the record before and after.
///
/// # Errors
/// What stands against it; when the store fails.
pub async fn change(
    transaction: &mut Transaction<'_>,
    sm3: &Sm3Hex,
    by: &Actor,
    command: CertificateCommand,
) -> Result<(Versioned<CertificateRecord>, CertificateRecord), ApiError> {
    let found = transaction.get::<CertificateRecord>(sm3.as_bytes()).await?;
    let found = found.ok_or(CertificateRefusal::NotFound)?;
    let CertificateRecord { facts, standing, .. } = &found.value;
    let now = transaction.now();
    let decided = match command {
        CertificateCommand::Suspend(reason) => standing.suspend(facts, by, reason, now),
        CertificateCommand::Resume => standing.resume(facts, by, now),
        CertificateCommand::Revoke(reason) => standing.revoke(facts, by, reason, now),
        CertificateCommand::AskAgain => standing.ask_again(facts, by, now),
        CertificateCommand::Hide => standing.hide(facts, by, now),
        CertificateCommand::SucceededBy(successor) => standing.succeeded_by(facts, successor, by, now),
    };
    let step = decided?.map(|next| found.value.standing_so(next));
    tell_holder(transaction, &found.value, &step).await?;
    if step.changed && command == CertificateCommand::Hide {
        recovery::reject_open(transaction, sm3, "the certificate was deleted").await?;
    }
    let next = transaction.take(Some(&found), step)?;
    Ok((found, next))
}

/// Whoever blocks it: a holder who did not do it wants to know.
async fn tell_holder(
    transaction: &mut Transaction<'_>,
    before: &CertificateRecord,
    step: &Step<CertificateRecord>,
) -> Result<(), ApiError> {
    let (old, new) = (before.status(transaction.now()), step.next.status(transaction.now()));
    let blocked = matches!(new, Status::Held | Status::Revoked);
    if let Some(user) = before.facts.user.filter(|_| blocked && old != new) {
        let notice =
            Notice::CertificateBlocked { certificate: before.facts.sm3, revoked: new == Status::Revoked };
        let recipient = message::to_user(transaction.repository(), user).await?;
        message::write(transaction, recipient, notice)?;
    }
    Ok(())
}
