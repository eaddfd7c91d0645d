//! Who signs in: an OpenID provider says who a person is, the phone's key says that it is this phone.

mod provider;
mod settings;

pub use provider::{IdentityError, IdentityProvider};
pub use settings::IdentitySettings;
