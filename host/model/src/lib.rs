//! The words of Codex Manager as pure data: ids, records, states, events and limits.
//!
//! Every other crate of the host knows this one, and it knows none of them. Nothing here does I/O, decides a policy or
//! reads the clock; what needs the time is given a [`Clock`].

mod actor;
mod audit;
mod cause;
mod clock;
mod controls;
mod event;
mod id;
mod interaction;
mod invocation;
mod item;
pub mod limits;
mod operation;
mod project;
mod request_key;
mod session;
mod suggestion;
mod token;
mod tombstone;
mod transcript_entry;
mod turn;
pub mod whole;

pub use actor::Actor;
pub use audit::Act;
pub use cause::Cause;
pub use clock::Clock;
pub use controls::{ApprovalPolicy, Controls, FilesystemSandbox, NetworkAccess};
pub use event::{Event, NewEvent};
pub use id::{
    Epoch, Generation, InteractionId, InvocationId, ItemId, OperationId, ProjectId, Seq, SessionId, TokenId, TurnId,
};
pub use interaction::{Decision, DecisionScope, Interaction, InteractionKind, InteractionState};
pub use invocation::{Invocation, InvocationOutcome};
pub use item::{Item, ItemStatus};
pub use operation::{Operation, OperationKind, OperationState};
pub use project::Project;
pub use request_key::RequestKey;
pub use session::{Session, Worker};
pub use suggestion::Suggestion;
pub use token::{Role, Token};
pub use tombstone::Tombstone;
pub use transcript_entry::{TranscriptEntry, TranscriptRole};
pub use turn::{Turn, TurnStatus};
