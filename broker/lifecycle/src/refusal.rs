//! Why a command is refused, in classes that an interface can tell apart.

/// The class of a refusal. Each aggregate's own error says what stands against the command and what to do.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum RefusalKind {
    /// This one may not do it, whatever the state.
    NotAllowed,
    /// The identity provider does not know this person well enough.
    AssuranceTooLow,
    /// The state does not allow it (any more).
    Conflict,
    /// What was given does not fit.
    Invalid,
    /// There is no such thing, or it is not the caller's to see.
    NotFound,
}
