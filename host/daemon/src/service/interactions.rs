//! Interactions: listing what the child asks, and answering it.

mod answer;
mod offered;
mod rows;
mod shape;

use codex_manager_app_server::AppServer;
use codex_manager_model::{
    Actor, Cause, Clock, Decision, DecisionScope, Interaction, InteractionId, InteractionKind, InteractionState,
    Operation, SessionId,
};
use codex_manager_store::{self as store, InteractionQuery, Store, Tx, View};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::code::{self, Code};
use super::{Error, Kind, require_ready};
use crate::outbox::{Outbox, reply};
use crate::secret::Secret;

pub(crate) use answer::{Answer, CallResponse, Decide, DecideInput, refusal};
pub(crate) use rows::{interaction_asked, interaction_resolved, worker_was_refused};
use shape::id_member;
pub(crate) use shape::{Answered, ApprovalPage, Decided, Page, ToolCallPage, ToolInputPage, house, is_well_formed};

/// How many interactions a page holds at most, and when nothing is said.
const PAGE_MAX: u32 = 200;
const PAGE: u32 = 100;

/// Which interactions to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListInteractions {
    /// Those of one session.
    session_id: Option<SessionId>,
    /// Those in one state, or `all`. Pending ones, the oldest first, unless it says otherwise; others come newest first.
    #[serde(default)]
    #[param(required = false, inline)]
    state: Listed,
    /// How many.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// Where the last page ended, as `nextCursor` told it.
    #[param(value_type = Option<String>, pattern = "^(apr|inp|call)_[0-9a-f]{32}$")]
    cursor: Option<InteractionId>,
}

/// In which state, as clients say it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Listed {
    /// Nobody has answered.
    #[default]
    Pending,
    /// An answer is being written.
    InFlight,
    /// It was answered.
    Resolved,
    /// It can no longer be answered.
    Expired,
    /// In whatever state.
    All,
}

impl ListInteractions {
    /// What waits in a session.
    pub(crate) fn pending_of(session: SessionId) -> Self {
        Self { session_id: Some(session), limit: Some(PAGE_MAX), ..Self::default() }
    }
}

impl Listed {
    const fn state(self) -> Option<InteractionState> {
        match self {
            Self::Pending => Some(InteractionState::Pending),
            Self::InFlight => Some(InteractionState::Decided),
            Self::Resolved => Some(InteractionState::Performed),
            Self::Expired => Some(InteractionState::Expired),
            Self::All => None,
        }
    }
}

/// The use cases of interactions.
#[derive(Clone)]
pub(crate) struct Interactions {
    store: Store,
    outbox: Outbox,
    child: AppServer,
    clock: Clock,
}

impl Interactions {
    pub(crate) fn new(store: Store, outbox: Outbox, child: AppServer, clock: Clock) -> Self {
        Self { store, outbox, child, clock }
    }

    /// A page of interactions of one kind.
    ///
    /// # Errors
    /// Invalid with a limit that will not do, or a cursor that is none; `page_gone` with one that leads nowhere.
    pub(crate) async fn list<P: Page>(&self, list: ListInteractions) -> Result<P, Error> {
        let limit = list.limit.unwrap_or(PAGE);
        if !(1..=PAGE_MAX).contains(&limit) {
            return Err(Error::invalid("limit", &format!("must be between 1 and {PAGE_MAX}")));
        }
        if list.cursor.as_ref().is_some_and(|cursor| !cursor.is_well_formed()) {
            return Err(Error::invalid("cursor", "is not one that a list has given"));
        }
        let query = InteractionQuery {
            kind: Some(P::KIND),
            session: list.session_id,
            state: list.state.state(),
            newest_first: list.state != Listed::Pending,
            after: list.cursor,
            limit: limit + 1,
        };
        let look = move |view: &View<'_>| match &query.after {
            Some(cursor) if view.interaction(cursor)?.is_none() => {
                Err(Error::new(code::PAGE_GONE, format!("there is no {cursor} to go on from, or not any more")))
            }
            _ => Ok(view.interactions(&query)?),
        };
        let mut page = self.store.read(look).await?;
        let more = page.len() > limit as usize;
        page.truncate(limit as usize);
        let next = page.last().filter(|_| more).map(|last| last.id.clone());
        Ok(P::of(&page, next))
    }

    /// Records the answer that `answer` makes of the request, and has it written to the child that asked.
    ///
    /// # Errors
    /// Not found: there is none of this kind, or it is `already_decided` or `expired`, with who and when. A conflict:
    /// `in_flight` while another answer is being written, `expired` when the child was gone before this one was. What
    /// `answer` says. Unavailable while there is no child.
    pub(crate) async fn answer<F>(
        &self,
        kind: InteractionKind,
        id: &InteractionId,
        answer: F,
        actor: Actor,
    ) -> Result<Interaction, Error>
    where
        F: FnOnce(&Interaction) -> Result<Answer, Error>,
    {
        let wanted = id.clone();
        let found: Option<Interaction> =
            self.store.read::<_, Error, _>(move |view| Ok(view.interaction(&wanted)?)).await?;
        let interaction = found.filter(|found| found.kind == kind).ok_or_else(|| unknown(kind, id))?;
        self.answer_known(&interaction, answer, actor).await.map_err(|error| about(error, &interaction))?;
        Ok(interaction)
    }

    async fn answer_known<F>(&self, interaction: &Interaction, answer: F, actor: Actor) -> Result<Operation, Error>
    where
        F: FnOnce(&Interaction) -> Result<Answer, Error>,
    {
        let mut answer = answer(interaction)?;
        // Whether one that is not pending was answered by this very request, the outbox knows.
        if interaction.state == InteractionState::Pending {
            require_ready(&self.child, &self.clock)?;
        }
        let now = self.clock.now();
        let reply = if interaction.kind == InteractionKind::ToolInput {
            let mut reply = reply(interaction, None, actor, now);
            self.outbox.seal(&mut reply, Secret::new(answer.result.take()));
            reply
        } else {
            reply(interaction, Some(&answer.result), actor, now)
        };
        let (operation, wanted) = (reply.id.clone(), interaction.id.clone());
        let record = move |tx: &Tx<'_>| {
            if record(tx, &wanted, &answer, &reply)? {
                return Ok(());
            }
            let present = tx.interaction(&wanted)?;
            Err(present.map_or_else(|| Error::new(code::EXPIRED, "the request is gone"), |present| no_longer(&present)))
        };
        self.outbox.perform_recorded(operation, record).await
    }
}

/// Records a decision about an approval inside a transaction, with the event because of which it was made; the outbox is
/// to be woken then. `false` if it is not pending any more: then nothing was done.
///
/// # Errors
/// When the store fails.
pub(crate) fn decide_in(
    tx: &Tx<'_>,
    approval: &Interaction,
    (decision, scope): (Decision, DecisionScope),
    actor: Actor,
    cause: Option<Cause>,
    now: Timestamp,
) -> Result<bool, store::Error> {
    let answer = Answer::plain(approval, decision, scope);
    let reply = Operation { cause, ..reply(approval, Some(&answer.result), actor, now) };
    record(tx, &approval.id, &answer, &reply)
}

/// The decision and its reply, together or not at all.
fn record(tx: &Tx<'_>, id: &InteractionId, answer: &Answer, reply: &Operation) -> Result<bool, store::Error> {
    let (kept, actor, now) = (answer.kept.as_ref(), &reply.actor, reply.created_at);
    if !tx.decide_interaction(id, answer.decision, answer.scope, kept, actor, now)? {
        return Ok(false);
    }
    tx.record_operation(reply)?;
    Ok(true)
}

fn unknown(kind: InteractionKind, id: &InteractionId) -> Error {
    let code: &'static Code = match kind {
        InteractionKind::Approval => code::APPROVAL_NOT_FOUND,
        InteractionKind::ToolInput => code::TOOL_INPUT_NOT_FOUND,
        InteractionKind::ToolCall => code::TOOL_CALL_NOT_FOUND,
    };
    Error::not_found(code, id_member(kind), id.as_str())
}

fn no_longer(interaction: &Interaction) -> Error {
    let id = &interaction.id;
    let error = match interaction.state {
        InteractionState::Pending | InteractionState::Decided => {
            return Error::new(code::IN_FLIGHT, format!("another answer to {id} is being written")).status("conflict");
        }
        InteractionState::Expired => Error::new(code::EXPIRED, format!("{id} has expired")).of_kind(Kind::NotFound),
        InteractionState::Performed => Error::new(code::ALREADY_DECIDED, format!("{id} has been decided already")),
    };
    error
        .status("not_found")
        .with("decision", json!(interaction.decision))
        .with("decidedBy", json!(interaction.decided_by))
        .with("at", json!(interaction.resolved_at))
}

/// The ids by which a client knows what its error is about.
fn about(error: Error, interaction: &Interaction) -> Error {
    error.with(id_member(interaction.kind), interaction.id.as_str()).with("threadId", interaction.session.as_str())
}
