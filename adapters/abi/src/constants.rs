//! The numbers of `ca_adapter.h`.

/// The version of the contract.
pub mod abi {
    /// Changes when a plugin must be rebuilt.
    pub const CA_ABI_MAJOR: u16 = 1;
    /// Changes when something was added.
    pub const CA_ABI_MINOR: u16 = 0;
}

/// What every function of an adapter returns.
pub mod status {
    /// Done; the reply is in the buffer.
    pub const CA_OK: i32 = 0;
    /// Accepted, not finished; the buffer holds a token.
    pub const CA_PENDING: i32 = 1;
    /// Nothing was done; the same call may work later.
    pub const CA_RETRYABLE: i32 = 2;
    /// Nothing was done; the request will never work.
    pub const CA_PERMANENT: i32 = 3;
    /// Nothing was done; the CA or the plugin is out of order.
    pub const CA_UNHEALTHY: i32 = 4;
    /// Nothing was done; the CA refused the credentials.
    pub const CA_AUTHENTICATION: i32 = 5;
    /// The CA may have acted.
    pub const CA_UNKNOWN_OUTCOME: i32 = 6;
    /// Not offered.
    pub const CA_NOT_SUPPORTED: i32 = 7;
    /// Nothing was done; quota, rate or size.
    pub const CA_LIMIT: i32 = 8;
}

/// The operations of `submit`.
pub mod operation {
    /// A certificate pair for a new key.
    pub const CA_OP_ISSUE: u32 = 1;
    /// A further pair for the same keys.
    pub const CA_OP_RENEW: u32 = 2;
    /// A pair for new keys of the same subject.
    pub const CA_OP_REKEY: u32 = 3;
    /// Revocation with a reason.
    pub const CA_OP_REVOKE: u32 = 4;
    /// Suspension.
    pub const CA_OP_HOLD: u32 = 5;
    /// End of a suspension.
    pub const CA_OP_UNHOLD: u32 = 6;
    /// A certificate's state.
    pub const CA_OP_STATUS: u32 = 7;
    /// The current revocation list.
    pub const CA_OP_CRL: u32 = 8;
    /// An OCSP answer (RFC 6960).
    pub const CA_OP_OCSP: u32 = 9;
    /// The escrowed encryption key for another signing key.
    pub const CA_OP_RECOVER_KEY: u32 = 10;
    /// An electronic seal (GB/T 38540).
    pub const CA_OP_SEAL_ISSUE: u32 = 11;
    /// A seal's state.
    pub const CA_OP_SEAL_STATUS: u32 = 12;
    /// Revocation of a seal.
    pub const CA_OP_SEAL_REVOKE: u32 = 13;
    /// A timestamp (RFC 3161).
    pub const CA_OP_TIMESTAMP: u32 = 14;
    /// The CA's own certificates.
    pub const CA_OP_CA_CERTIFICATES: u32 = 15;
}

/// Capability bits: bit number = operation number; from bit 48 on functions and promises.
pub mod capability {
    /// `CA_CAN(op)` of the header.
    #[must_use]
    pub const fn can(operation: u32) -> u64 {
        1 << operation
    }

    /// `poll` is offered.
    pub const CA_CAN_POLL: u64 = 1 << 48;
    /// `lookup` is offered.
    pub const CA_CAN_LOOKUP: u64 = 1 << 49;
    /// `cancel` is offered.
    pub const CA_CAN_CANCEL: u64 = 1 << 50;
    /// `list` is offered.
    pub const CA_CAN_LIST: u64 = 1 << 51;
    /// The same idempotency key gives the same reply.
    pub const CA_CAN_DEDUPLICATE: u64 = 1 << 52;

    /// Every bit that this version gives a meaning.
    pub const KNOWN: u64 = {
        // Operations have the bits 1 to 15, without a gap.
        let operations =
            can(super::operation::CA_OP_CA_CERTIFICATES + 1) - can(super::operation::CA_OP_ISSUE);
        operations | CA_CAN_POLL | CA_CAN_LOOKUP | CA_CAN_CANCEL | CA_CAN_LIST | CA_CAN_DEDUPLICATE
    };
}

/// How a plugin may be called.
pub mod threading {
    /// All functions on one thread.
    pub const CA_THREADING_SERIAL: u32 = 1;
    /// Each instance on a thread of its own.
    pub const CA_THREADING_PER_INSTANCE: u32 = 2;
    /// Any function on any thread at any time.
    pub const CA_THREADING_REENTRANT: u32 = 3;
}

/// Levels of `ca_host.log`.
pub mod log_level {
    /// Somebody must act.
    pub const CA_LOG_ERROR: u32 = 1;
    /// Somebody should look.
    pub const CA_LOG_WARN: u32 = 2;
    /// What happened.
    pub const CA_LOG_INFO: u32 = 3;
    /// For the plugin's author.
    pub const CA_LOG_DEBUG: u32 = 4;
}
