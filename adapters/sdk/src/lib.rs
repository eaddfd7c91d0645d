//! Write a plugin for a certificate authority in safe Rust, and speak to one from the broker's side.
//!
//! A plugin implements [`Adapter`] and [`Instance`], says `export_adapter!(MyAdapter);` once, and is built as a `cdylib`.
//! The macro emits the one symbol of `ca_adapter.h`; a panic becomes an error class and never crosses the boundary.
//!
//! [`messages`] holds the documents that cross it, as types. Host and plugin share them.
//!
//! [`LocalHost`] runs an adapter inside a test, through the same C functions as the real host.

mod adapter;
mod bridge;
mod host;
mod local;
pub mod messages;

pub use adapter::{
    Adapter, Capability, Description, Instance, Outcome, Product, SecretDescription, Threading,
};
pub use host::{Call, Host, LogLevel};
pub use local::{LocalError, LocalHost, LocalInstance};
pub use messages::{AdapterError, ErrorClass, Operation, Reply, Request};

/// What [`export_adapter!`] needs; not for use by hand.
#[doc(hidden)]
pub mod export {
    pub use yinqiao_ca_abi::{ca_adapter, ca_host};

    pub use crate::bridge::fill_table;
}

/// Emits the plugin's one exported symbol, `ca_adapter_get`, for a type that implements [`Adapter`].
///
/// ```
/// use yinqiao_ca_sdk::{Adapter, AdapterError, Call, Description, Host, Instance, Outcome, Request, Threading};
///
/// struct MyCa;
/// struct Connection;
///
/// impl Adapter for MyCa {
///     const VENDOR: &'static str = "Example";
///     const NAME: &'static str = "my-ca";
///     const VERSION: &'static str = "1.0.0";
///     const CAPABILITIES: u64 = 0;
///     const THREADING: Threading = Threading::Serial;
///     type Instance = Connection;
///     fn describe() -> Description {
///         Description::default()
///     }
///     fn open(_: &serde_json::Value, _: &Host<'_>) -> Result<Connection, AdapterError> {
///         Ok(Connection)
///     }
/// }
///
/// impl Instance for Connection {
///     fn health(&self, _: &Call<'_>) -> Result<Option<String>, AdapterError> {
///         Ok(None)
///     }
///     fn submit(&self, _: &Call<'_>, request: Request) -> Result<Outcome, AdapterError> {
///         Err(AdapterError::not_supported(request.operation()))
///     }
/// }
///
/// yinqiao_ca_sdk::export_adapter!(MyCa);
/// ```
#[macro_export]
macro_rules! export_adapter {
    ($adapter:ty) => {
        /// The entry of `ca_adapter.h`.
        ///
        /// # Safety
        /// As the header says: `host` stays valid, `out` is zeroed and its `struct_size` is the room there is.
        #[allow(unsafe_code, reason = "the symbol of the C contract; the body is the SDK's")]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn ca_adapter_get(
            host: *const $crate::export::ca_host,
            out: *mut $crate::export::ca_adapter,
        ) -> i32 {
            // SAFETY: both pointers come from the host, which promises what fill_table asks for.
            unsafe { $crate::export::fill_table::<$adapter>(host, out) }
        }
    };
}
