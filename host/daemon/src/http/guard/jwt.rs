//! JSON web tokens that somebody else has signed with a secret that is shared with us: HMAC with SHA-2, nothing else.
//!
//! The family of algorithms is fixed, and which member it is decides nothing but the hash. A token without an end is none.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde_json::{Map, Value};
use sha2::{Sha256, Sha384, Sha512};

/// The shortest secret that nobody finds by trying, in bytes: as long as the shortest of the hashes.
const SECRET_BYTES_MIN: usize = 32;
/// The longest name of an actor, in characters.
const ACTOR_CHARS_MAX: usize = 120;

/// What a JSON web token must be to be believed.
#[derive(Clone)]
pub struct JwtRules {
    /// What it is signed with; 32 bytes at least.
    pub secret: String,
    /// The `iss` that it must have, if one is asked for.
    pub issuer: Option<String>,
    /// The `aud` that it must have among its own, if one is asked for.
    pub audience: Option<String>,
    /// The claim that names its role: `role`, usually.
    pub role_claim: String,
    /// The claim that names its bearer: `sub`, usually.
    pub actor_claim: String,
}

/// All but the secret.
impl fmt::Debug for JwtRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { secret: _, issuer, audience, role_claim, actor_claim } = self;
        let mut shown = f.debug_struct("JwtRules");
        shown.field("issuer", issuer).field("audience", audience);
        shown.field("role_claim", role_claim).field("actor_claim", actor_claim).finish_non_exhaustive()
    }
}

/// What a token that is believed says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Claims {
    /// Its role, in whatever words; `None` when that is no text.
    pub(super) role: Option<String>,
    /// Whose it is.
    pub(super) actor: String,
    /// When it ends.
    pub(super) ends_at: Timestamp,
}

impl JwtRules {
    /// Whether these rules keep anybody out.
    pub(super) fn are_sound(&self) -> bool {
        self.secret.len() >= SECRET_BYTES_MIN && !self.role_claim.is_empty() && !self.actor_claim.is_empty()
    }

    /// What the token says, if it is one and all of it holds at `now`. Nobody is told what was wrong.
    pub(super) fn verify(&self, text: &str, now: Timestamp) -> Option<Claims> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let header = object(header)?;
        let plain = header.get("typ").is_none_or(|kind| kind.as_str().is_some_and(|k| k.eq_ignore_ascii_case("jwt")));
        if !plain || header.contains_key("crit") {
            return None;
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let same = match header.get("alg")?.as_str()? {
            "HS256" => is_mac::<Hmac<Sha256>>(&self.secret, signed, &signature),
            "HS384" => is_mac::<Hmac<Sha384>>(&self.secret, signed, &signature),
            "HS512" => is_mac::<Hmac<Sha512>>(&self.secret, signed, &signature),
            _ => false,
        };
        if same { self.believe(&object(claims)?, now) } else { None }
    }

    fn believe(&self, claims: &Map<String, Value>, now: Timestamp) -> Option<Claims> {
        let ends_at = moment(claims.get("exp")?)?;
        let begun = claims.get("nbf").map_or(Some(true), |begin| Some(moment(begin)? <= now))?;
        let issued_by = |wanted: &String| claims.get("iss").and_then(Value::as_str) == Some(wanted);
        let meant_for = |wanted: &String| match claims.get("aud") {
            Some(Value::Array(all)) => all.iter().any(|one| one.as_str() == Some(wanted)),
            one => one.and_then(Value::as_str) == Some(wanted),
        };
        let holds = now < ends_at
            && begun
            && self.issuer.as_ref().is_none_or(issued_by)
            && self.audience.as_ref().is_none_or(meant_for);
        let actor = claims.get(&self.actor_claim)?.as_str().filter(|actor| is_name(actor))?.to_owned();
        let role = claims.get(&self.role_claim).and_then(Value::as_str).map(ToOwned::to_owned);
        holds.then_some(Claims { role, actor, ends_at })
    }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

/// Compares in constant time.
fn is_mac<M: Mac + KeyInit>(secret: &str, signed: &str, signature: &[u8]) -> bool {
    let Ok(mac) = <M as KeyInit>::new_from_slice(secret.as_bytes()) else { return false };
    mac.chain_update(signed).verify_slice(signature).is_ok()
}

/// Seconds since 1970; parts of one are left out.
fn moment(claim: &Value) -> Option<Timestamp> {
    let seconds = claim.as_i64().or_else(|| claim.as_f64().map(|seconds| seconds.floor() as i64))?;
    Timestamp::from_second(seconds).ok()
}

/// Whether it can stand in logs and lists.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= ACTOR_CHARS_MAX && !text.chars().any(char::is_control)
}

#[cfg(test)]
pub(in crate::http) mod tests;
