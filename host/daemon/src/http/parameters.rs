//! Which members a query may have. What the document of the API says of a route is what the route takes, once each unless
//! it is a list: a member that nobody would look at, or of which nobody could say which counts, is refused.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::extract::{clip, issue};
use super::{Access, Doc, Problem, Route};

/// The members that the query of a route may have; whatever it likes, where the route is open or has no document.
#[derive(Debug, Default)]
pub(super) struct Parameters(Option<Vec<Parameter>>);

#[derive(Debug)]
struct Parameter {
    name: String,
    is_list: bool,
}

impl Parameters {
    pub(super) fn of<S>(route: &Route<S>) -> Self {
        let doc = route.doc.as_ref().filter(|_| route.access != Access::Open);
        Self(doc.map(|Doc { query, .. }| {
            let of =
                |name: &String, explode: Option<bool>| Parameter { name: name.clone(), is_list: explode == Some(true) };
            query.iter().map(|parameter| of(&parameter.name, parameter.explode)).collect()
        }))
    }

    /// That a query has no other members.
    ///
    /// # Errors
    /// Invalid when it has.
    pub(super) fn check(&self, query: Option<&str>) -> Result<(), Problem> {
        let (Some(known), Some(query)) = (&self.0, query) else { return Ok(()) };
        let mut seen = vec![false; known.len()];
        for name in query.split('&').filter(|pair| !pair.is_empty()).map(name) {
            let Some(at) = known.iter().position(|parameter| parameter.name == name) else {
                return Err(issue(vec![clip(&name).into()], &format!("unknown field `{name}`, {}", expected(known))));
            };
            if std::mem::replace(&mut seen[at], true) && !known[at].is_list {
                return Err(issue(vec![name.as_ref().into()], &format!("duplicate field `{name}`")));
            }
        }
        Ok(())
    }
}

/// What a pair of a query begins with.
fn name(pair: &str) -> Cow<'_, str> {
    let name = pair.split('=').next().unwrap_or_default();
    if name.contains('+') {
        return Cow::Owned(percent_decode_str(&name.replace('+', " ")).decode_utf8_lossy().into_owned());
    }
    percent_decode_str(name).decode_utf8_lossy()
}

fn expected(known: &[Parameter]) -> String {
    let names: Vec<_> = known.iter().map(|parameter| format!("`{}`", parameter.name)).collect();
    if names.is_empty() { "there are none here".to_owned() } else { format!("expected one of {}", names.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_has_members_that_are_known_and_each_once_unless_it_is_a_list() {
        let of = |name: &str, is_list| Parameter { name: name.to_owned(), is_list };
        let known = Parameters(Some(vec![of("limit", false), of("threadId", true)]));
        for good in ["", "limit=1", "li%6dit=", "threadId=a&threadId=b&limit=3", "&&limit=1&"] {
            assert!(known.check(Some(good)).is_ok(), "{good}");
        }
        for bad in ["limit=1&limit=1", "limit=1&li%6dit=2", "cursor=1", "Limit=1", "=1", "limit&x", "a+b=1", "%ff=1"] {
            assert!(known.check(Some(bad)).is_err(), "{bad}");
        }
        assert!(Parameters::default().check(Some("anything=1&anything=2")).is_ok());
        assert!(Parameters(Some(Vec::new())).check(Some("a=1")).is_err() && known.check(None).is_ok());
    }
}
