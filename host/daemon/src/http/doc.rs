//! What the document of the API says about one operation. It stands beside the route, in the same table, so that the
//! two cannot part: path, method and security are the route's own, and the statuses of refusals are those of their codes.

use serde_json::Value;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::{AllOfBuilder, RefOr, Schema};
use utoipa::{IntoParams, ToSchema};

use crate::service::code::{self, Code};

/// Refusals of whatever concerns one session.
pub(super) const OF_SESSION: &[&Code] = &[code::SESSION_DELETED, code::SYSTEM_SESSION, code::SESSION_NOT_FOUND];

/// Refusals of whatever the child has to do or to know.
pub(super) const OF_CHILD: &[&Code] = &[
    code::CODEX_STARTING,
    code::CODEX_RESTARTING,
    code::CODEX_UNUSABLE,
    code::CODEX_STOPPED,
    code::METHOD_NOT_SUPPORTED,
    code::INVALID_PARAMS,
    code::INVALID_STATE,
    code::AUTH_REQUIRED,
    code::CODEX_TIMEOUT,
    code::CODEX_ERROR,
];

/// Refusals of whatever is recorded first and then done by the child.
pub(super) const OF_OUTBOX: &[&Code] = &[code::OPERATION_PENDING, code::OUTCOME_UNKNOWN];

/// A schema, by name where it has one.
pub(super) type Described = RefOr<Schema>;

/// What one operation takes, answers and refuses.
pub(crate) struct Doc {
    /// Its `operationId`.
    pub(super) id: &'static str,
    /// The chapter that it stands in.
    pub(super) tag: &'static str,
    /// One sentence.
    pub(super) summary: &'static str,
    /// What else there is to say.
    pub(super) description: Option<&'static str>,
    /// What the query may hold.
    pub(super) query: Vec<Parameter>,
    /// What the body holds.
    pub(super) body: Option<Content>,
    /// What it answers when it is done, by status.
    pub(super) answers: Vec<(u16, &'static str, Option<Content>)>,
    /// What it may refuse with, beyond what every route may.
    pub(super) refusals: Vec<&'static Code>,
    /// The named schemas that all of these refer to.
    pub(super) schemas: Vec<(String, Described)>,
}

/// A body, one way or the other.
pub(super) struct Content {
    /// What it is.
    pub(super) schema: Described,
    /// One that is whole.
    pub(super) example: Value,
    /// `application/json`, nearly always.
    pub(super) media: &'static str,
    /// A body that may be left out counts as `{}`.
    pub(super) required: bool,
}

impl Doc {
    /// An operation in a chapter, in one sentence.
    pub(super) fn new(id: &'static str, tag: &'static str, summary: &'static str) -> Self {
        Self {
            id,
            tag,
            summary,
            description: None,
            query: Vec::new(),
            body: None,
            answers: Vec::new(),
            refusals: Vec::new(),
            schemas: Vec::new(),
        }
    }

    /// Says more than the one sentence.
    pub(super) fn says(mut self, description: &'static str) -> Self {
        self.description = Some(description);
        self
    }

    /// The query it takes.
    pub(super) fn query<Q: IntoParams>(mut self) -> Self {
        self.query.extend(Q::into_params(|| Some(ParameterIn::Query)));
        self
    }

    /// The body it takes.
    pub(super) fn body<B: ToSchema>(self, example: Value) -> Self {
        self.taken::<B>(example, true)
    }

    /// The body it takes, if one comes.
    pub(super) fn optional_body<B: ToSchema>(self, example: Value) -> Self {
        self.taken::<B>(example, false)
    }

    /// What holds for the whole body, beyond what it says of each member.
    pub(super) fn body_is(mut self, condition: Value) -> Self {
        let condition: Schema = serde_json::from_value(condition).expect("conditions are written here, as schemas");
        if let Some(body) = &mut self.body {
            body.schema = AllOfBuilder::new().item(body.schema.clone()).item(condition).into();
        }
        self
    }

    /// What it answers when it is done.
    pub(super) fn answer<A: ToSchema>(self, status: u16, says: &'static str, example: Value) -> Self {
        self.answer_as::<A>(status, says, "application/json", example)
    }

    /// The same of another kind than JSON.
    pub(super) fn answer_as<A: ToSchema>(
        mut self,
        status: u16,
        says: &'static str,
        media: &'static str,
        example: Value,
    ) -> Self {
        let schema = self.learn::<A>();
        self.answers.push((status, says, Some(Content { schema, example, media, required: true })));
        self
    }

    /// An answer without a body.
    pub(super) fn empty_answer(mut self, status: u16, says: &'static str) -> Self {
        self.answers.push((status, says, None));
        self
    }

    /// The codes it may refuse with.
    pub(super) fn refuses(mut self, codes: &[&'static Code]) -> Self {
        self.refusals.extend_from_slice(codes);
        self
    }

    fn taken<B: ToSchema>(mut self, example: Value, required: bool) -> Self {
        let schema = self.learn::<B>();
        self.body = Some(Content { schema, example, media: "application/json", required });
        self
    }

    fn learn<T: ToSchema>(&mut self) -> Described {
        T::schemas(&mut self.schemas);
        let name = T::name().into_owned();
        self.schemas.push((name.clone(), T::schema()));
        utoipa::openapi::Ref::from_schema_name(name).into()
    }
}
