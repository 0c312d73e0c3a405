//! What the actions of a group come to: each read and checked first, all of them done after that.
//!
//! Whether a kind was granted has been checked before, and who may have a claim was decided. What is known only to the
//! store is checked here, in the transaction in which it is done.

use codex_manager_extension::dispatch::{CheckedAction, Group};
use codex_manager_model::limits::{EXTENSION_ROW_TEXT_BYTES_MAX, EXTENSION_ROWS_BYTES_MAX};
use codex_manager_model::{
    Actor, Cause, Decision, DecisionScope, Interaction, InteractionId, InteractionKind, InteractionState, ItemId,
    SessionId, TranscriptEntry, TranscriptRole,
};
use codex_manager_store::{Error, Tx, View};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::registry::{ACCEPT, DECLINE, UPSERT, is_decided_by_extensions};
use crate::service::{decide_in, transcripts};

/// One thing to be done.
pub(super) struct Effect {
    what: What,
    /// Under which name it is done once.
    key: Option<String>,
}

enum What {
    Decide(Box<Interaction>, Decision, DecisionScope),
    Upsert(SessionId, Box<TranscriptEntry>),
}

/// Why nothing of a group is done.
pub(super) enum Stop {
    /// What it claims is gone.
    Gone(String),
    /// It cannot be done as it is.
    Refused(String),
    /// Whoever asks for it does not run any more.
    Withdrawn,
    /// The store failed.
    Store(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

/// On whose behalf effects are done, and why.
pub(super) struct Author {
    pub(super) extension: String,
    pub(super) cause: Cause,
    pub(super) at: Timestamp,
}

/// Reads and checks a group. Nothing is changed.
pub(super) fn plan(view: &View<'_>, group: &Group, session: Option<&SessionId>) -> Result<Vec<Effect>, Stop> {
    let mut effects: Vec<Effect> = Vec::new();
    let mut rows_bytes = 0;
    for action in &group.actions {
        let what = match action.kind.as_str() {
            DECLINE => decision(view, action, Decision::Decline, session)?,
            ACCEPT => decision(view, action, Decision::Accept, session)?,
            UPSERT => upsert(view, action, session)?,
            other => return Err(Stop::Refused(format!("nobody here performs `{other}`"))),
        };
        if let Some(twice) = effects.iter().find_map(|earlier| twice(&earlier.what, &what)) {
            return Err(Stop::Refused(twice));
        }
        rows_bytes += told_bytes(view, &what)?;
        if rows_bytes > EXTENSION_ROWS_BYTES_MAX {
            return Err(Stop::Refused("its rows have more than 512 KiB, with the details that they keep".to_owned()));
        }
        effects.push(Effect { what, key: action.idempotency_key.clone() });
    }
    Ok(effects)
}

/// Why one action cannot be done beside another.
fn twice(earlier: &What, what: &What) -> Option<String> {
    match (earlier, what) {
        (What::Decide(a, ..), What::Decide(b, ..)) if a.id == b.id => Some(format!("it decides {} twice", a.id)),
        (What::Upsert(s, a), What::Upsert(t, b)) if s == t && a.message_id == b.message_id => {
            Some(format!("it writes the row {} twice", a.message_id))
        }
        _ => None,
    }
}

/// How much the log will tell of it beyond names.
fn told_bytes(view: &View<'_>, what: &What) -> Result<usize, Error> {
    let What::Upsert(session, entry) = what else { return Ok(0) };
    let row = transcripts::merged(view, session, (**entry).clone())?;
    Ok(row.content.len() + row.details.map_or(0, |details| details.len()))
}

impl Effect {
    /// Does it, unless it was done under its name before.
    pub(super) fn apply(&self, tx: &Tx<'_>, author: &Author) -> Result<(), Error> {
        if let Some(key) = &self.key
            && !tx.take_action_key(&author.extension, key, author.at)?
        {
            return Ok(());
        }
        let (actor, cause) = (Actor::Extension(author.extension.clone()), Some(author.cause));
        match &self.what {
            // It was found pending in this same transaction.
            What::Decide(approval, decision, scope) => {
                decide_in(tx, approval, (*decision, *scope), actor, cause, author.at).map(drop)
            }
            What::Upsert(session, entry) => {
                transcripts::put_in(tx, session, (**entry).clone(), actor, cause, author.at).map(drop)
            }
        }
    }

    /// Whether something is to be sent to the child.
    pub(super) const fn is_sent(&self) -> bool {
        matches!(self.what, What::Decide(..))
    }
}

/// The payload of a decision.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Decides {
    approval_id: InteractionId,
    #[serde(default)]
    scope: DecisionScope,
}

fn decision(
    view: &View<'_>,
    action: &CheckedAction,
    decision: Decision,
    session: Option<&SessionId>,
) -> Result<What, Stop> {
    // The same name for another approval would leave that one undecided, and nobody would know.
    if action.idempotency_key.is_some() {
        let kind = &action.kind;
        return Err(Stop::Refused(format!("`{kind}` takes no idempotency key: an approval is decided once anyway")));
    }
    let decides = Decides::deserialize(&action.payload).map_err(|error| malformed(action, &error))?;
    let id = &decides.approval_id;
    let approval = view.interaction(id)?.filter(|found| found.kind == InteractionKind::Approval);
    let approval = approval.ok_or_else(|| Stop::Refused(format!("there is no approval {id}")))?;
    if !is_decided_by_extensions(&approval.method) {
        return Err(Stop::Refused(format!(
            "approval {id} is for people: it is about more access than a sandbox gives"
        )));
    }
    own(action, &approval.session, session)?;
    match approval.state {
        InteractionState::Pending => Ok(What::Decide(Box::new(approval), decision, decides.scope)),
        InteractionState::Expired => Err(Stop::Gone(format!("approval {id} has expired"))),
        InteractionState::Decided | InteractionState::Performed => {
            Err(Stop::Gone(format!("approval {id} has been decided already")))
        }
    }
}

/// The payload of a transcript's row.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Upserts {
    session_id: SessionId,
    entry: Value,
}

fn upsert(view: &View<'_>, action: &CheckedAction, session: Option<&SessionId>) -> Result<What, Stop> {
    let mut upserts = Upserts::deserialize(&action.payload).map_err(|error| malformed(action, &error))?;
    own(action, &upserts.session_id, session)?;
    if let Some(details) = upserts.entry.get_mut("details").filter(|details| details.is_object()) {
        *details = Value::String(details.to_string());
    }
    let entry = TranscriptEntry::deserialize(upserts.entry).map_err(|error| malformed(action, &error))?;
    transcripts::check(&entry).map_err(|error| Stop::Refused(error.to_string()))?;
    check_row(view, &upserts.session_id, &entry)?;
    Ok(What::Upsert(upserts.session_id, Box::new(entry)))
}

/// What holds for rows of extensions alone: they stand beside what the person and the model say, and change none of it.
fn check_row(view: &View<'_>, session: &SessionId, entry: &TranscriptEntry) -> Result<(), Stop> {
    let refused = |why: String| Err(Stop::Refused(why));
    for (member, text) in [("content", Some(&entry.content)), ("details", entry.details.as_ref())] {
        if text.is_some_and(|text| text.len() > EXTENSION_ROW_TEXT_BYTES_MAX) {
            return refused(format!("the {member} of a row has more than 64 KiB"));
        }
    }
    if entry.role != TranscriptRole::System {
        return refused("a row of an extension has the role `system`".to_owned());
    }
    if view.session(session)?.is_none() {
        return refused(format!("there is no session {session}"));
    }
    if view.item(session, &ItemId::new(entry.message_id.clone()))?.is_some() {
        return refused(format!("{} is an item of the session, which no extension changes", entry.message_id));
    }
    Ok(())
}

/// An answer to what happened in one session is about that session.
fn own(action: &CheckedAction, about: &SessionId, session: Option<&SessionId>) -> Result<(), Stop> {
    match session {
        Some(session) if session != about => {
            let kind = &action.kind;
            Err(Stop::Refused(format!("scope_session_mismatch: `{kind}` is about another session than its event")))
        }
        _ => Ok(()),
    }
}

fn malformed(action: &CheckedAction, error: &serde_json::Error) -> Stop {
    Stop::Refused(format!("the payload of `{}` is not understood: {error}", action.kind))
}
