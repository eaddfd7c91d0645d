//! Messages to persons: codes, reminders, decisions. They are stored with the change that they tell of, and sent by a job.

mod delivery;
mod outbox;
mod record;
mod sender;
mod settings;
mod webhook;

pub use delivery::{to_user, write};
pub use record::{Message, Notice, Recipient};
pub use sender::{SendError, Sender, configured};
pub use settings::MessageSettings;
