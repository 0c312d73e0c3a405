//! The part of the protocol that is used, in types written by hand.
//!
//! Parameters leave out what is not set. Answers and notifications hold the members that somebody reads; members and
//! variants that are not known pass unseen, because newer children have more of both. Where the whole object is passed
//! on, [`Told`] keeps it as it came.
//!
//! # What one would not expect of Codex
//!
//! Seen with 0.169, and who sees to it that it does no harm:
//!
//! | what it does | what is done |
//! | --- | --- |
//! | It runs whole turns offline against any Responses API. | The tests and the example rely on it. |
//! | What tools a model gets depends on the model's name. | Left to the configuration: the model is a parameter here. |
//! | With default features it calls home at its start. | Left to the `config.toml` of the `CODEX_HOME`; its start does not wait for it. |
//! | With a dead provider a turn waits forever unless `unbounded_connection_retries` is off. | No timeout here is about a turn; a call of `turn/interrupt` ends one. |
//! | `approval_policy = "untrusted"` in its `config.toml` makes it exit before the handshake. | Its complaint is in the reason of the exit, and the crash loop is visible. As a parameter ([`TurnStart::approval_policy`]) the word is fine. |
//! | `turn/interrupt` does not end a running command, whose news come after the turn's end. | Nothing here drops late news; a call of `thread/backgroundTerminals/clean` ends the command. |
//! | An item may have no `item/completed`, or get it late. | Whoever keeps items closes them at [`TurnCompleted`], as is said there. |
//! | `turn/start` on a busy thread is a steer: same turn id, partial answer dropped. | Said at [`TurnStart`]; whoever starts turns asks first. |
//! | `turn/completed` does not hold the turn's items. | [`Turn`] has none to be mistaken for them; [`ThreadItemsList`] pages them. |
//! | Malformed lines get no answer, a line that is not UTF-8 ends it, everything invalid is -32600. | Only encoded JSON is ever written, as one line. Refusals are told by their text; nothing is decided on -32601 or -32700. |
//! | `thread/rollback` is gone. | It is not among these types. |
//! | After `kill -9` a thread is `interrupted`, and its partial answer, running command and open request are gone. | The end is a signal, calls fail, replies to that life are void; whoever keeps turns closes them. |
//! | Two of them on one `CODEX_HOME` cannot load the same thread. | One is started at a time: the last is reaped, with its group or namespace, before the next. A lock against other hosts is the embedder's. |

mod notifications;
mod request;
mod threads;
mod told;
mod turns;

pub use notifications::{Delta, TurnCompleted, read};
pub use request::{Empty, Request};
pub use threads::{
    Page, Thread, ThreadAnswer, ThreadItemsList, ThreadRead, ThreadResume, ThreadStart, ThreadTurnsList,
};
pub use told::Told;
pub use turns::{Item, ItemEntry, Turn, TurnStart, TurnStartAnswer, UserInput};

#[cfg(test)]
mod tests;
