//! Whose Codex it is. Keys and tokens pass through here and are written down nowhere by us.

use codex_manager_model::Actor;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::methods::{
    ACCOUNT_LOGIN_CANCEL, ACCOUNT_LOGIN_START, ACCOUNT_LOGOUT, ACCOUNT_RATE_LIMITS_READ, ACCOUNT_READ,
};
use super::{Codex, CodexAnswer, Performed, about, text};
use crate::outbox::REDACTED;
use crate::secret::Secret;
use crate::service::{Error, code};

/// A way to log in.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "camelCase")]
pub(crate) enum Login {
    /// By a key of the API.
    #[serde(rename_all = "camelCase")]
    ApiKey {
        /// The key. It is passed to Codex and kept nowhere else.
        #[schema(value_type = String, format = Password, min_length = 1)]
        api_key: Secret,
    },
    /// By a person in a browser; the answer says where.
    Chatgpt,
    /// By a person in another machine's browser; the answer has the code to type there.
    ChatgptDeviceCode,
    /// By tokens that somebody has already.
    #[serde(rename_all = "camelCase")]
    ChatgptAuthTokens {
        /// The token. It is passed to Codex and kept nowhere else.
        #[schema(value_type = String, format = Password, min_length = 1)]
        access_token: Secret,
        /// Whose it is.
        #[serde(deserialize_with = "text")]
        #[schema(min_length = 1, pattern = r"[^\s\u0085]")]
        chatgpt_account_id: String,
        /// What was paid for.
        chatgpt_plan_type: Option<String>,
    },
}

/// A login that is no longer wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CancelLogin {
    /// Its id, as the answer to its start told it.
    #[serde(deserialize_with = "text")]
    #[schema(min_length = 1, pattern = r"[^\s\u0085]")]
    login_id: String,
}

impl Codex {
    /// Who is logged in.
    ///
    /// # Errors
    /// As [`Child::ask`](crate::service::Child::ask).
    pub(crate) async fn account(&self) -> Result<CodexAnswer, Error> {
        self.ask(ACCOUNT_READ, json!({})).await
    }

    /// What may still be used up.
    ///
    /// # Errors
    /// `auth_required` when nobody is logged in, and as [`Child::ask`](crate::service::Child::ask).
    pub(crate) async fn rate_limits(&self) -> Result<CodexAnswer, Error> {
        self.ask(ACCOUNT_RATE_LIMITS_READ, Value::Null).await
    }

    /// Begins a login, or does it.
    ///
    /// # Errors
    /// As [`Outbox::perform`](crate::outbox::Outbox::perform).
    pub(crate) async fn log_in(&self, login: Login, actor: Actor) -> Result<Performed, Error> {
        let (shown, params) = (login.params(|_| REDACTED), login.params(|secret| secret.expose()));
        let begun = self.act_secretly(ACCOUNT_LOGIN_START, shown, Secret::new(params), actor).await;
        begun.map_err(|error| about(error, "type", login.word()))
    }

    /// Gives up a login that was begun.
    ///
    /// # Errors
    /// `login_not_found`, and as [`Outbox::perform`](crate::outbox::Outbox::perform).
    pub(crate) async fn cancel_login(&self, cancel: CancelLogin, actor: Actor) -> Result<Performed, Error> {
        let unknown = || Error::not_found(code::LOGIN_NOT_FOUND, "loginId", &cancel.login_id);
        let params = json!({ "loginId": cancel.login_id });
        match self.act(ACCOUNT_LOGIN_CANCEL, params, actor).await {
            Ok(done) if done.result.0["status"] == "notFound" => Err(unknown()),
            Err(error) if error.message.contains("invalid login id") => Err(unknown()),
            answer => answer,
        }
    }

    /// Logs out.
    ///
    /// # Errors
    /// As [`Outbox::perform`](crate::outbox::Outbox::perform).
    pub(crate) async fn log_out(&self, actor: Actor) -> Result<Performed, Error> {
        self.act(ACCOUNT_LOGOUT, Value::Null, actor).await
    }
}

impl Login {
    /// As Codex takes it, each secret told as `tell` does.
    fn params<'a>(&'a self, tell: impl Fn(&'a Secret) -> &'a str) -> Value {
        match self {
            Self::ApiKey { api_key } => json!({ "type": self.word(), "apiKey": tell(api_key) }),
            Self::Chatgpt | Self::ChatgptDeviceCode => json!({ "type": self.word() }),
            Self::ChatgptAuthTokens { access_token, chatgpt_account_id, chatgpt_plan_type } => json!({
                "type": self.word(),
                "accessToken": tell(access_token),
                "chatgptAccountId": chatgpt_account_id,
                "chatgptPlanType": chatgpt_plan_type,
            }),
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::ApiKey { .. } => "apiKey",
            Self::Chatgpt => "chatgpt",
            Self::ChatgptDeviceCode => "chatgptDeviceCode",
            Self::ChatgptAuthTokens { .. } => "chatgptAuthTokens",
        }
    }
}
