//! Who signs in: an OpenID provider says who a person is, the phone's key says that it is this phone.

mod account;
mod embedded;
mod provider;
mod replay;
mod settings;
pub(crate) mod sign_in;

pub use account::SignedInPhone;
pub use provider::{IdentityError, IdentityProvider};
pub use replay::SeenProofs;
pub use settings::IdentitySettings;
