//! What nobody asks for any more: answers that could be asked for again, sign-ins, phones that were signed in, pictures that no seal
//! was applied for with.

use tracing::info;

use yinqiao_lifecycle::user::DeviceSession;

use crate::identity::sign_in::SignIn;
use crate::records::seals::{SealPictureRecord, unused_seal_pictures};
use crate::records::{IdempotentAnswer, Index, IndexPrefix, Repository};
use crate::store::StoreError;

const DAY_SECONDS: u32 = 86_400;
/// How long a request may be repeated under its idempotency key.
const ANSWER_SECONDS: u32 = DAY_SECONDS;
/// How long after its end the code of a sign-in brings the same session again.
const SIGN_IN_SECONDS: u32 = DAY_SECONDS;
/// How long after its end it is known which phone was signed in; the audit log knows it longer.
const DEVICE_SESSION_SECONDS: u32 = 30 * DAY_SECONDS;
/// How long a picture waits for an application.
const SEAL_PICTURE_SECONDS: u32 = DAY_SECONDS;

/// Removes it.
///
/// # Errors
/// When the store fails.
pub async fn forget(repository: &Repository) -> Result<(), StoreError> {
    let now = repository.clock().now();
    let answers = repository
        .remove_first_while(&IndexPrefix::new(Index::AnswerByTime, &[]), |answer: &IdempotentAnswer| {
            answer.at.plus_seconds(ANSWER_SECONDS) <= now
        })
        .await?;
    let sign_ins = repository
        .remove_first_while(&IndexPrefix::new(Index::SessionByExpiry, b"sign-in"), |sign_in: &SignIn| {
            sign_in.expires_at.plus_seconds(SIGN_IN_SECONDS) <= now
        })
        .await?;
    let device_sessions = repository
        .remove_first_while(
            &IndexPrefix::new(Index::SessionByExpiry, b"device"),
            |session: &DeviceSession| session.idle_ends_at().plus_seconds(DEVICE_SESSION_SECONDS) <= now,
        )
        .await?;
    let seal_pictures = repository
        .remove_first_while(&unused_seal_pictures(), |picture: &SealPictureRecord| {
            !picture.in_use && picture.uploaded_at.plus_seconds(SEAL_PICTURE_SECONDS) <= now
        })
        .await?;
    if answers + sign_ins + device_sessions + seal_pictures > 0 {
        info!(answers, sign_ins, device_sessions, seal_pictures, "removed what nobody asks for any more");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use yinqiao_protocol::{Sm3Hex, Timestamp};

    use super::*;
    use crate::clock::Clock;
    use crate::store::conformance::Heard;
    use crate::store::sled::SledStore;

    async fn answer(repository: &Repository, number: u32) {
        let answer = IdempotentAnswer {
            key: Sm3Hex::of(&number.to_be_bytes()),
            request_sm3: Sm3Hex::of(b"request"),
            status: 200,
            version: None,
            body: serde_json::Value::Null,
            at: repository.clock().now(),
        };
        repository.transact(async |transaction| transaction.put(None, &answer)).await.unwrap();
    }

    #[tokio::test]
    async fn answers_are_given_again_for_a_day_and_no_longer() {
        let folder = tempfile::tempdir().unwrap();
        let store = SledStore::open(folder.path(), Arc::new(Heard::default())).unwrap();
        let repository =
            Repository::new(Arc::new(store), Clock::simulated(Timestamp::from_millis(1_000_000)));
        for number in 0..250 {
            answer(&repository, number).await;
        }
        repository.clock().advance(3600);
        answer(&repository, 250).await;
        let kept = async || {
            let prefix = IndexPrefix::new(Index::AnswerByTime, &[]);
            repository.all::<IdempotentAnswer>(&prefix).await.unwrap().len()
        };

        repository.clock().advance(ANSWER_SECONDS - 3601);
        forget(&repository).await.unwrap();
        assert_eq!(kept().await, 251);
        repository.clock().advance(1);
        forget(&repository).await.unwrap();
        assert_eq!(kept().await, 1);
        repository.clock().advance(3600);
        forget(&repository).await.unwrap();
        assert_eq!(kept().await, 0);
    }
}
