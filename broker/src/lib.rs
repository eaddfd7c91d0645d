//! Yinqiao (印桥): a broker between a bid system that shows a QR code, the phone that scans it, and the certificate
//! authorities whose certificates make the answer worth something. `docs/architecture.md` draws the picture.

pub mod adapter;
pub mod broker;
pub mod cli;
pub mod clock;
pub mod config;
pub mod crypto_pool;
pub mod directory;
pub mod event;
pub mod failpoint;
pub mod gateway;
pub mod http;
pub mod identity;
pub mod invoice;
pub mod lifecycle;
pub mod message;
pub mod metrics;
pub mod operator;
pub mod payment;
pub mod picture;
pub mod records;
pub mod secrets;
pub mod server;
pub mod session;
pub mod socket;
pub mod store;
