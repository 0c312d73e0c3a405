//! The words of Codex Manager as pure data: ids, records, states, events and limits.
//!
//! Every other crate of the host knows this one, and it knows none of them. Nothing here does I/O, decides a policy or
//! reads the clock; what needs the time is given a [`Clock`].

mod actor;
mod approval;
mod cause;
mod clock;
mod controls;
mod event;
mod id;
mod invocation;
mod item;
pub mod limits;
mod operation;
mod session;
mod token;
mod transcript_entry;
mod turn;

pub use actor::Actor;
pub use approval::{Approval, ApprovalState, Decision, DecisionScope};
pub use cause::Cause;
pub use clock::Clock;
pub use controls::{ApprovalPolicy, Controls, FilesystemSandbox, NetworkAccess};
pub use event::{Event, NewEvent};
pub use id::{ApprovalId, Epoch, Generation, InvocationId, ItemId, OperationId, Seq, SessionId, TokenId, TurnId};
pub use invocation::{Invocation, InvocationOutcome};
pub use item::{Item, ItemStatus};
pub use operation::{Operation, OperationKind, OperationState};
pub use session::Session;
pub use token::{Role, Token};
pub use transcript_entry::{TranscriptEntry, TranscriptRole};
pub use turn::{Turn, TurnStatus};
