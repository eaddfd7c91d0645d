//! What takes messages to persons.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::outbox::Outbox;
use super::webhook::Webhook;
use super::{Message, MessageSettings};

/// An answer to come.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<(), SendError>> + Send + 'a>>;

/// A message that did not go out: it is tried again.
#[derive(Debug, thiserror::Error)]
#[error("the message did not go out: {0}")]
pub struct SendError(pub String);

/// Sends messages. The same message may come again after a crash: its id says that it is the same.
pub trait Sender: Send + Sync {
    /// Hands a message over.
    fn send<'a>(&'a self, message: &'a Message) -> Sending<'a>;
}

/// The sender that the settings ask for.
///
/// # Errors
/// When a file of the settings cannot be read.
pub fn configured(settings: &MessageSettings) -> Result<Arc<dyn Sender>, SendError> {
    match (&settings.url, &settings.key_file) {
        (Some(url), Some(key_file)) => Ok(Arc::new(Webhook::new(url, key_file)?)),
        _ => Ok(Arc::new(Outbox)),
    }
}
