//! A bidder's phone: keys under a PIN, and the flow from a scanned code to a signed answer.
//!
//! ```no_run
//! # fn main() -> Result<(), yinqiao_phone::PhoneError> {
//! # let (code_text, pin) = ("", yinqiao_phone::Pin::parse("271828").unwrap());
//! use yinqiao_phone::{ClaimOptions, Fetched, Phone};
//!
//! let phone = Phone::open("phone-of-wang".as_ref())?;
//! let mut session = phone.claim(code_text, &ClaimOptions::default())?;
//! while session.fetch(20)? == Fetched::ItemsAwaited {}
//! println!("{:#?}", session.review()?);
//! session.answer(&pin)?;
//! # Ok(())
//! # }
//! ```
//!
//! | module | what |
//! | --- | --- |
//! | [`store`] | keys on the disk, the PIN and its tries |
//! | [`enrolment`] | getting a certificate pair |
//! | [`session`] | claim, fetch, answer, decline, and going on after a crash |
//! | [`review`] | what is shown, and the checks that it is what is signed |
//! | [`account`] | signing in, and everything that a signed-in user asks for |
//! | [`recovery`] | getting back the encryption key of a lost phone |
//! | [`answer`] | signatures and rewrapped keys; no I/O |
//! | [`picture`] | a code out of a PNG |
//! | [`http`] | requests, sent again while the network is away |

pub mod account;
pub mod answer;
mod clock;
pub mod enrolment;
pub mod error;
mod holdings;
pub mod http;
mod phone;
pub mod picture;
mod pin;
pub mod recovery;
pub mod review;
pub mod session;
pub mod store;

pub use account::AccountClient;
pub use error::PhoneError;
pub use holdings::Missing;
pub use phone::{CertificateSummary, Phone};
pub use pin::{NotAPin, Pin};
pub use review::{Review, ReviewItem};
pub use session::{ClaimOptions, ClaimedSession, Fetched};
pub use store::{KdfParameters, KeptClaim};
