//! One handler in a contest, and what it answers.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::roster::Need;
use super::{Group, Refused};
use crate::{Claim, Grants, Verdict};

/// One handler that was told of the event.
#[derive(Debug)]
pub(super) struct Entrant {
    pub(super) decides: bool,
    /// Why its word is needed, if it is.
    pub(super) need: Option<Need>,
    /// What it is called with.
    pub(super) grants: Arc<Grants>,
    pub(super) state: State,
}

/// How far it has come.
#[derive(Debug)]
pub(super) enum State {
    Waiting,
    Answered(Answer),
    /// Handed to the host, which has not said yet whether it applied.
    Issued(BTreeSet<Claim>),
    Done,
}

/// What a handler answered.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    /// It asks for this; for nothing, if the group is empty.
    Group(Group),
    /// It asked for what it must not.
    Refused(Refused),
    /// It failed, with a sentence that says how.
    Failed(String),
    /// It was told of a question that somebody had answered.
    Expired,
    /// It is no longer there to answer.
    Withdrawn,
}

impl Entrant {
    pub(super) fn new(decides: bool, need: Option<Need>, grants: Arc<Grants>) -> Self {
        Self { decides, need, grants, state: State::Waiting }
    }

    /// What it decides. As long as its own answer may still be void, nobody else's word on that counts.
    pub(super) fn decides<'a>(&self, interaction: &'a Option<Claim>) -> Option<&'a Claim> {
        interaction.as_ref().filter(|_| self.decides)
    }

    /// Whether it has answered, and what it asks for concerns no question.
    pub(super) fn is_free(&self) -> bool {
        let claims_nothing = |answer: &Answer| answer.claims().next().is_none();
        !self.decides && matches!(&self.state, State::Answered(answer) if claims_nothing(answer))
    }

    /// Whether nothing came of it.
    pub(super) fn has_failed(&self) -> bool {
        matches!(&self.state, State::Answered(Answer::Failed(_) | Answer::Refused(_) | Answer::Withdrawn))
    }

    /// What it declines, as far as it has answered.
    pub(super) fn declined(&self) -> impl Iterator<Item = &Claim> {
        let group = match &self.state {
            State::Answered(Answer::Group(group)) => Some(group),
            _ => None,
        };
        let claims = group.into_iter().flat_map(|group| &group.claims);
        claims.filter(|(_, verdict)| **verdict == Some(Verdict::Decline)).map(|(claim, _)| claim)
    }
}

impl Answer {
    /// What it claims.
    pub(super) fn claims(&self) -> impl Iterator<Item = &Claim> {
        let group = match self {
            Self::Group(group) => Some(group),
            _ => None,
        };
        group.into_iter().flat_map(|group| group.claims.keys())
    }
}
