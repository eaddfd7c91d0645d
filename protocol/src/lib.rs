//! What the broker, bid systems and phones say to each other: identifiers, statements, the rotating code, REST and
//! websocket messages, and problem details. Pure data: no clock, no I/O; time and randomness come in as arguments.
//!
//! `docs/protocol.md` tells the same in prose.

pub mod account;
pub mod binary;
pub mod cause;
pub mod certificate;
pub mod code;
pub mod consent;
pub mod dpop;
pub mod enterprise;
pub mod event;
pub mod holder;
pub mod identifier;
pub mod opening_record;
pub mod order;
pub mod outcome;
pub mod page;
pub mod phone;
pub mod problem;
pub mod recovery;
pub mod relying_party;
pub mod seal;
pub mod staff;
pub mod statement;
pub mod task;
pub mod timestamp;
pub mod token;

pub use binary::{Base64, Sm3Hex};
pub use cause::Cause;
pub use identifier::{
    CascadeId, DeviceSessionId, HolderId, IdentifierError, ItemId, MessageId, OpeningId, OperatorId, OrderId,
    PaymentId, RecoveryId, RelyingPartyId, SealApplicationId, SealId, SessionId, SignInId, UserId,
};
pub use statement::Statement;
pub use task::{Purpose, Task};
pub use timestamp::Timestamp;
pub use token::Token;
