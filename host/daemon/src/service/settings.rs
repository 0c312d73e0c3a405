//! Settings: free values that clients and extensions keep with a session, or for new ones. Codex never sees them.

use codex_manager_model::{Actor, Clock, Controls, SessionId, limits};
use codex_manager_store::{Store, Tx};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};
use utoipa::{IntoParams, ToSchema};

use super::Error;
use super::controls::{Change, Changed, DefaultControls, Label, Scope, actor_label, locked, source_label, standing_in};
use super::keyed::Keyed;
use super::names;
use super::sessions::admit::usable_in;
use crate::intake::is_nested_within;

/// Which settings to read.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
pub(crate) struct ReadSettings {
    /// Whose; the session's own unless said.
    #[serde(default)]
    #[param(inline)]
    scope: Scope,
    /// Only this one.
    key: Option<String>,
}

/// Settings to be kept: one, as `key` and `value`, or several, as `settings`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SetSessionSettingsRequest)]
pub(crate) struct SetSettings {
    scope: Scope,
    #[schema(schema_with = key)]
    key: Option<String>,
    /// Anything, also `null`. A whole number that 64 bits can hold is kept as it is, any other number as the nearest that
    /// 64 bits can hold with a fraction; the answer has what is kept.
    #[serde(default, deserialize_with = "present")]
    value: Option<Value>,
    #[schema(schema_with = kept)]
    settings: Option<Map<String, Value>>,
    /// What becomes of settings that are not among `settings`; they stay unless said.
    mode: Option<Mode>,
    #[schema(schema_with = actor_label)]
    actor: Option<String>,
    #[schema(schema_with = source_label)]
    source: Option<String>,
}

/// What becomes of the settings that are not named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = SettingsMode)]
pub(crate) enum Mode {
    /// They stay.
    Merge,
    /// They go.
    Replace,
}

/// Where a setting is removed, and by whom.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
pub(crate) struct RemoveSetting {
    /// Whose; the session's own unless said.
    #[serde(default)]
    #[param(inline)]
    scope: Scope,
    /// Who removes it, in the words of the client.
    #[param(schema_with = actor_label)]
    actor: Option<String>,
    /// Where it is removed, in the words of the client.
    #[param(schema_with = source_label)]
    source: Option<String>,
}

/// Settings as they are.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = SessionSettingsGetResponse)]
pub(crate) enum ShownSettings {
    All(AllSettings),
    One(OneSetting),
}

/// All settings of a scope.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SessionSettingsListResponse)]
pub(crate) struct AllSettings {
    #[schema(pattern = "^ok$")]
    status: &'static str,
    session_id: SessionId,
    scope: Scope,
    settings: Map<String, Value>,
}

/// One setting of a scope.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SessionSettingsKeyResponse)]
pub(crate) struct OneSetting {
    #[schema(pattern = "^ok$")]
    status: &'static str,
    session_id: SessionId,
    scope: Scope,
    key: String,
    found: bool,
    /// `null` where there is none.
    value: Value,
}

/// What became of settings to be kept.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SessionSettingsSetResponse)]
pub(crate) struct SettingsKept {
    status: Changed,
    session_id: SessionId,
    scope: Scope,
    /// The one that was set, where it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    key: Option<String>,
    settings: Map<String, Value>,
}

/// What became of a setting to be removed.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SessionSettingsDeleteResponse)]
pub(crate) struct SettingRemoved {
    status: Changed,
    session_id: SessionId,
    scope: Scope,
    key: String,
    removed: bool,
    settings: Map<String, Value>,
}

/// The use cases of settings.
#[derive(Clone)]
pub(crate) struct Settings {
    store: Store,
    clock: Clock,
    defaults: DefaultControls,
}

impl Settings {
    pub(crate) fn new(store: Store, clock: Clock, defaults: DefaultControls) -> Self {
        Self { store, clock, defaults }
    }

    /// The settings of a session or of new ones, or one of them.
    ///
    /// # Errors
    /// Of a session that cannot be used.
    pub(crate) async fn get(&self, id: &SessionId, query: ReadSettings) -> Result<ShownSettings, Error> {
        let (session_id, defaults, scope) = (id.clone(), self.defaults.clone(), query.scope);
        let read = move |view: &codex_manager_store::View<'_>| {
            let session = usable_in(view, &session_id)?;
            let mut settings = match scope {
                Scope::Session => session.controls.settings,
                Scope::Default => defaults.present_in(view)?.settings,
            };
            Ok::<_, Error>(match query.key {
                None => ShownSettings::All(AllSettings { status: "ok", session_id, scope, settings }),
                Some(key) => {
                    let value = settings.remove(&key);
                    let (found, value) = (value.is_some(), value.unwrap_or_default());
                    ShownSettings::One(OneSetting { status: "ok", session_id, scope, key, found, value })
                }
            })
        };
        self.store.read(read).await
    }

    /// Keeps settings with a session, or for new ones.
    ///
    /// # Errors
    /// Of a session that cannot be used; invalid when it is not clear what to keep, or it is too large; `defaults_locked`.
    pub(crate) async fn set(&self, id: &SessionId, body: SetSettings, actor: Actor) -> Result<SettingsKept, Error> {
        let label = Label::new(body.actor, body.source)?;
        let (key, named, mode) = match (body.key, body.value, body.settings) {
            (Some(key), Some(value), None) => {
                check_key(&key)?;
                (Some(key.clone()), Map::from_iter([(key, value)]), Mode::Merge)
            }
            (None, None | Some(Value::Null), Some(settings)) => (None, settings, body.mode.unwrap_or(Mode::Merge)),
            _ => return Err(Error::invalid("settings", "either key and value, or settings, must be there")),
        };
        let change = move |settings: &mut Map<String, Value>| {
            if mode == Mode::Replace {
                settings.clear();
            }
            settings.extend(named);
            check(settings, &["settings"])
        };
        let (session_id, scope) = (id.clone(), body.scope);
        let ((), status, settings) = self.change(id, scope, label, actor, change).await?;
        Ok(SettingsKept { status, session_id, scope, key, settings })
    }

    /// Removes one setting. That there is none is no error.
    ///
    /// # Errors
    /// Of a session that cannot be used; `defaults_locked`.
    pub(crate) async fn remove(
        &self,
        id: &SessionId,
        key: String,
        query: RemoveSetting,
        actor: Actor,
    ) -> Result<SettingRemoved, Error> {
        let label = Label::new(query.actor, query.source)?;
        let (session_id, scope, wanted) = (id.clone(), query.scope, key.clone());
        let change = move |settings: &mut Map<String, Value>| Ok(settings.remove(&wanted).is_some());
        let (removed, status, settings) = self.change(id, scope, label, actor, change).await?;
        Ok(SettingRemoved { status, session_id, scope, key, removed, settings })
    }

    /// Changes the settings of a scope in place; gives what `change` gives, whether they changed, and what they now are.
    async fn change<T: Serialize + DeserializeOwned + Send + 'static>(
        &self,
        id: &SessionId,
        scope: Scope,
        label: Label,
        actor: Actor,
        change: impl FnOnce(&mut Map<String, Value>) -> Result<T, Error> + Send + 'static,
    ) -> Result<(T, Changed, Map<String, Value>), Error> {
        let (id, defaults, now): (_, _, Timestamp) = (id.clone(), self.defaults.clone(), self.clock.now());
        let keyed = Keyed::present();
        let work = move |tx: &Tx<'_>| {
            let session = usable_in(tx, &id)?;
            let standing = standing_in(tx, &defaults, session.clone())?;
            if scope == Scope::Default && !standing.defaults_editable {
                let settings = Value::Object(standing.defaults.settings);
                return Err(locked(scope).with("sessionId", id.as_str()).with("settings", settings));
            }
            let previous = match scope {
                Scope::Session => standing.controls,
                Scope::Default => standing.defaults,
            };
            keyed.once(tx, "settings", |tx| {
                let mut settings = previous.settings.clone();
                let changed = change(&mut settings)?;
                let next = Controls { settings: settings.clone(), ..previous.clone() };
                let change = Change { scope, previous, next, actor, now };
                let status = change.make(tx, &session, "session_settings_updated", Some(&label))?;
                Ok((changed, status, settings))
            })
        };
        self.store.write(work).await
    }
}

/// That settings are bounded.
///
/// # Errors
/// Invalid at `path` when a key is empty or too long, or all of them are too large or nested too deep.
pub(super) fn check(settings: &Map<String, Value>, path: &[&str]) -> Result<(), Error> {
    if !settings.keys().all(|key| is_key(key)) {
        return Err(Error::invalid_at(path, &key_rule()));
    }
    if !settings.values().all(|value| is_nested_within(limits::SETTINGS_NESTING_MAX, value)) {
        let message = format!("must be nested at most {} deep", limits::SETTINGS_NESTING_MAX);
        return Err(Error::invalid_at(path, &message));
    }
    let bytes = serde_json::to_string(settings).map_or(usize::MAX, |text| text.len());
    if bytes > limits::SETTINGS_BYTES_MAX {
        let message = format!("must come to at most {} bytes of JSON together", limits::SETTINGS_BYTES_MAX);
        return Err(Error::invalid_at(path, &message));
    }
    Ok(())
}

/// Settings as a schema says it.
pub(super) fn kept() -> Object {
    let key = names::exact(Type::String.into(), limits::SETTING_KEY_CHARS_MAX);
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Object, Type::Null]))
        .property_names(Some(key))
        .build()
}

/// A key as a schema says it.
fn key() -> Object {
    names::exact(SchemaType::from_iter([Type::String, Type::Null]), limits::SETTING_KEY_CHARS_MAX)
}

fn check_key(key: &str) -> Result<(), Error> {
    if is_key(key) { Ok(()) } else { Err(Error::invalid("key", &key_rule())) }
}

fn is_key(key: &str) -> bool {
    (1..=limits::SETTING_KEY_CHARS_MAX).contains(&key.chars().count()) && names::hidden(key).is_none()
}

fn key_rule() -> String {
    format!("a key must have 1 to {} characters, all of which show", limits::SETTING_KEY_CHARS_MAX)
}

/// Tells a member that is `null` from one that is not there.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}
