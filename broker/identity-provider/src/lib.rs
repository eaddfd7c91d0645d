//! An OpenID provider to be embedded for demonstrations and tests.
mod account;
mod check;
mod clock;
mod refusal;
mod settings;
mod sms;
mod store;
mod oidc;
mod throttle;
mod token;
