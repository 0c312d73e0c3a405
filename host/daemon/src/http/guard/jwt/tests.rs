//! What is believed, and what is not.

use serde_json::json;

use super::*;

const SECRET: &str = "a secret of thirty-two bytes, or more";
const NOW: i64 = 1_000_000;

/// Signs claims as somebody would who knows the secret.
pub(in crate::http) fn signed(secret: &str, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    fn mac<M: Mac + KeyInit>(secret: &str, text: &str) -> Vec<u8> {
        let mac = <M as KeyInit>::new_from_slice(secret.as_bytes()).expect("any length will do");
        mac.chain_update(text).finalize().into_bytes().to_vec()
    }
    let signature = match header["alg"].as_str() {
        Some("HS384") => mac::<Hmac<Sha384>>(secret, &text),
        Some("HS512") => mac::<Hmac<Sha512>>(secret, &text),
        _ => mac::<Hmac<Sha256>>(secret, &text),
    };
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

pub(in crate::http) fn rules(secret: &str) -> JwtRules {
    JwtRules {
        secret: secret.to_owned(),
        issuer: None,
        audience: None,
        role_claim: "role".to_owned(),
        actor_claim: "sub".to_owned(),
    }
}

fn verify(rules: &JwtRules, text: &str) -> Option<Claims> {
    rules.verify(text, Timestamp::from_second(NOW).expect("a time"))
}

fn good() -> Value {
    json!({ "sub": "alice", "role": "owner", "exp": NOW + 60 })
}

#[test]
fn a_signed_token_that_has_not_ended_is_believed() {
    let expected = Claims {
        role: Some("owner".to_owned()),
        actor: "alice".to_owned(),
        ends_at: Timestamp::from_second(NOW + 60).expect("a time"),
    };
    for algorithm in ["HS256", "HS384", "HS512"] {
        let text = signed(SECRET, &json!({ "alg": algorithm, "typ": "JWT" }), &good());
        assert_eq!(verify(&rules(SECRET), &text).as_ref(), Some(&expected), "{algorithm}");
    }
    // As the makers of the format have published it (RFC 7515, A.1), with its own key.
    let published = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6\
                     Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let (signed, signature) = published.rsplit_once('.').expect("three parts");
    let key = URL_SAFE_NO_PAD
        .decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
        .expect("a key");
    let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&key).expect("a key");
    assert!(mac.chain_update(signed).verify_slice(&URL_SAFE_NO_PAD.decode(signature).expect("bytes")).is_ok());
}

#[test]
fn claims_that_do_not_hold_are_not_believed() {
    let header = json!({ "alg": "HS256" });
    let strict = JwtRules { issuer: Some("us".into()), audience: Some("here".into()), ..rules(SECRET) };
    let with = |member: &str, value: Value| {
        let mut claims = good();
        claims["iss"] = json!("us");
        claims["aud"] = json!(["there", "here"]);
        claims[member] = value;
        verify(&strict, &signed(SECRET, &header, &claims)).is_some()
    };
    assert!(with("iss", json!("us")) && with("aud", json!("here")) && with("nbf", json!(NOW)));
    assert!(with("exp", json!(NOW as f64 + 1.5)));
    for (member, value) in [
        ("exp", json!(NOW)),
        ("exp", json!(null)),
        ("exp", json!("9999999")),
        ("exp", json!(1e300)),
        ("nbf", json!(NOW + 1)),
        ("nbf", json!("now")),
        ("iss", json!("them")),
        ("iss", json!(["us"])),
        ("iss", json!(null)),
        ("aud", json!("there")),
        ("aud", json!([])),
        ("aud", json!(null)),
        ("sub", json!("")),
        ("sub", json!(7)),
        ("sub", json!("a\nb")),
        ("sub", json!("x".repeat(121))),
    ] {
        assert!(!with(member, value.clone()), "{member}: {value}");
    }
    let mut endless = good();
    endless.as_object_mut().expect("an object").remove("exp");
    assert_eq!(verify(&rules(SECRET), &signed(SECRET, &header, &endless)), None);
}

#[test]
fn what_is_signed_otherwise_is_not_believed() {
    let good_text = signed(SECRET, &json!({ "alg": "HS256" }), &good());
    let (text, signature) = good_text.rsplit_once('.').expect("three parts");
    let (header, claims) = text.split_once('.').expect("two parts");
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let other = part(json!({ "sub": "mallory", "role": "owner", "exp": NOW + 60 }));
    for forged in [
        signed("another secret of thirty-two bytes", &json!({ "alg": "HS256" }), &good()),
        signed("", &json!({ "alg": "HS256" }), &good()),
        signed(SECRET, &json!({ "alg": "none" }), &good()),
        signed(SECRET, &json!({ "alg": "RS256" }), &good()),
        signed(SECRET, &json!({ "alg": "hs256" }), &good()),
        signed(SECRET, &json!({ "typ": "JWT" }), &good()),
        signed(SECRET, &json!({ "alg": "HS256", "crit": ["exp"] }), &good()),
        signed(SECRET, &json!({ "alg": "HS256", "typ": "JWE" }), &good()),
        signed(SECRET, &json!(["HS256"]), &good()),
        signed(SECRET, &json!({ "alg": "HS256" }), &json!("claims")),
        format!("{}.{claims}.", part(json!({ "alg": "none" }))),
        format!("{}.{claims}.{signature}", part(json!({ "alg": "HS512" }))),
        format!("{header}.{other}.{signature}"),
        format!("{text}."),
        format!("{text}.{}", &signature[..signature.len() - 4]),
        format!("{good_text}="),
        format!("{good_text}.{signature}"),
        format!("{good_text} "),
        text.to_owned(),
        String::new(),
        "..".to_owned(),
    ] {
        assert_eq!(verify(&rules(SECRET), &forged), None, "{forged}");
    }
    assert!(verify(&rules(SECRET), &good_text).is_some());
}

#[test]
fn rules_with_a_short_secret_keep_nobody_out_and_none_shows_its_secret() {
    assert!(rules(SECRET).are_sound());
    assert!(!rules("short").are_sound() && !rules("").are_sound());
    assert!(!format!("{:?}", rules(SECRET)).contains(SECRET));
}
