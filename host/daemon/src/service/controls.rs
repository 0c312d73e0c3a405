//! Controls: what a session lets Codex do, and what a new one does unless its creator says otherwise.
//!
//! Whoever changes them leaves a row in the transcript of the session that it was done in, and an event, in the same
//! transaction. Settings are a part of the controls with use cases of their own: [`Settings`](super::Settings).

mod change;
mod defaults;

use codex_manager_model::{
    Actor, ApprovalPolicy, Clock, Controls, FilesystemSandbox, NetworkAccess, Session, SessionId, limits,
};
use codex_manager_store::{Store, Tx, View};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::keyed::Keyed;
use super::sessions::admit::usable_in;
use super::{Error, settings};
pub(super) use change::{Change, Label, actor_label, nullable, source_label};
pub(crate) use defaults::DefaultControls;
pub(super) use defaults::{default_in, locked};

/// What a change is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = SessionSettingsScope)]
pub(crate) enum Scope {
    /// This session.
    #[default]
    Session,
    /// Sessions that are yet to be made.
    Default,
}

/// Controls to be had from now on. Each of them must be said, but for the settings.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WantedControls {
    /// The model; `null` for Codex's own default.
    #[serde(deserialize_with = "nullable")]
    #[schema(required = true, max_length = 200)]
    model: Option<String>,
    approval_policy: ApprovalPolicy,
    network_access: NetworkAccess,
    filesystem_sandbox: FilesystemSandbox,
    /// In the place of those that there are; without them these stay.
    #[schema(schema_with = settings::kept)]
    settings: Option<Map<String, Value>>,
}

/// A change of controls.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ApplyControls {
    scope: Scope,
    controls: WantedControls,
    #[schema(schema_with = actor_label)]
    actor: Option<String>,
    #[schema(schema_with = source_label)]
    source: Option<String>,
}

/// Another approval policy for a session.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SetApprovalPolicy {
    approval_policy: ApprovalPolicy,
}

/// The controls of a session and those of new ones.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SessionControlsState)]
pub(crate) struct Standing {
    pub(super) session_id: SessionId,
    pub(super) controls: Controls,
    pub(super) defaults: Controls,
    pub(super) defaults_editable: bool,
    /// Why the defaults cannot be changed here.
    pub(super) default_lock_reason: Option<&'static str>,
}

/// That it was done, or that there was nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ChangeStatus)]
pub(crate) enum Changed {
    Ok,
    Unchanged,
}

/// What became of a change of controls.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AppliedControls)]
pub(crate) struct Applied {
    status: Changed,
    scope: Scope,
    /// The controls of that scope, as they now are.
    applied: Controls,
    /// The same in one line.
    summary: String,
    #[serde(flatten)]
    standing: Standing,
}

/// The use cases of controls.
#[derive(Clone)]
pub(crate) struct SessionControls {
    store: Store,
    clock: Clock,
    defaults: DefaultControls,
}

impl SessionControls {
    pub(crate) fn new(store: Store, clock: Clock, defaults: DefaultControls) -> Self {
        Self { store, clock, defaults }
    }

    /// The controls of a session and those of new ones.
    ///
    /// # Errors
    /// Of a session that cannot be used.
    pub(crate) async fn get(&self, id: &SessionId) -> Result<Standing, Error> {
        let (id, defaults) = (id.clone(), self.defaults.clone());
        self.store.read(move |view| standing_in(view, &defaults, usable_in(view, &id)?)).await
    }

    /// Changes the controls of a session, or those of new ones.
    ///
    /// # Errors
    /// Of a session that cannot be used; invalid when something is too long; `defaults_locked`.
    pub(crate) async fn apply(&self, id: &SessionId, body: ApplyControls, actor: Actor) -> Result<Applied, Error> {
        let (id, defaults, now) = (id.clone(), self.defaults.clone(), self.clock.now());
        let (keyed, scope) = (Keyed::present(), body.scope);
        let label = Label::new(body.actor, body.source)?;
        let wanted = body.controls.checked()?;
        let apply = move |tx: &Tx<'_>| {
            let session = usable_in(tx, &id)?;
            let standing = standing_in(tx, &defaults, session.clone())?;
            if scope == Scope::Default && !standing.defaults_editable {
                return Err(locked(scope).with_members(&standing));
            }
            let previous = match scope {
                Scope::Session => standing.controls,
                Scope::Default => standing.defaults,
            };
            let change = Change { scope, next: wanted.over(&previous), previous, actor, now };
            let make = |tx: &Tx<'_>| change.make(tx, &session, "session_controls_updated", Some(&label));
            let status = keyed.once(tx, "controls", make)?;
            let standing = standing_in(tx, &defaults, usable_in(tx, &id)?)?;
            let applied = match scope {
                Scope::Session => standing.controls.clone(),
                Scope::Default => standing.defaults.clone(),
            };
            Ok(Applied { status, scope, summary: change::line(&applied), applied, standing })
        };
        self.store.write(apply).await
    }

    /// Changes the approval policy of a session alone. Nothing is written into its transcript.
    ///
    /// # Errors
    /// Of a session that cannot be used.
    pub(crate) async fn set_approval_policy(
        &self,
        id: &SessionId,
        body: SetApprovalPolicy,
        actor: Actor,
    ) -> Result<ApprovalPolicy, Error> {
        let (id, now, keyed) = (id.clone(), self.clock.now(), Keyed::present());
        let set = move |tx: &Tx<'_>| {
            let session = usable_in(tx, &id)?;
            let previous = session.controls.clone();
            let next = Controls { approval_policy: body.approval_policy, ..previous.clone() };
            let change = Change { scope: Scope::Session, previous, next, actor, now };
            keyed.once(tx, "approval policy", |tx| change.make(tx, &session, "session_controls_updated", None))?;
            Ok::<_, Error>(body.approval_policy)
        };
        self.store.write(set).await
    }
}

/// What there is to know of the controls of a session.
pub(super) fn standing_in(view: &View<'_>, defaults: &DefaultControls, session: Session) -> Result<Standing, Error> {
    Ok(Standing {
        session_id: session.id,
        controls: session.controls,
        defaults: defaults.present_in(view)?,
        defaults_editable: defaults.lock_reason().is_none(),
        default_lock_reason: defaults.lock_reason(),
    })
}

impl WantedControls {
    fn checked(mut self) -> Result<Self, Error> {
        self.model = self.model.map(|model| model.trim().to_owned()).filter(|model| !model.is_empty());
        if self.model.as_ref().is_some_and(|model| model.chars().count() > limits::MODEL_NAME_CHARS_MAX) {
            let message = format!("must have at most {} characters", limits::MODEL_NAME_CHARS_MAX);
            return Err(Error::invalid_at(&["controls", "model"], &message));
        }
        if let Some(wanted) = &self.settings {
            settings::check(wanted, &["controls", "settings"])?;
        }
        Ok(self)
    }

    fn over(self, previous: &Controls) -> Controls {
        Controls {
            model: self.model,
            approval_policy: self.approval_policy,
            network_access: self.network_access,
            filesystem_sandbox: self.filesystem_sandbox,
            settings: self.settings.unwrap_or_else(|| previous.settings.clone()),
        }
    }
}
