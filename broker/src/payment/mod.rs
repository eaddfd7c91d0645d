//! The payment provider: what its picture says, its signed word, and what it is asked to give back.

mod callback;
mod provider;
mod settings;

pub use callback::{CallbackError, PaymentEvent, PaymentNotice};
pub use provider::{PaymentError, PaymentProvider};
pub use settings::PaymentSettings;
