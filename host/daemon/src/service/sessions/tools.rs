//! Tools that a client offers to Codex. They are fixed when the thread is started.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::service::Error;

/// How many tools a session may be given.
const TOOLS_MAX: usize = 128;

/// What is said of tools that come too late.
pub(super) const TOO_LATE: &str =
    "dynamicTools are fixed when a session is created; Codex offers those that it was created with";

/// A tool that the client itself runs.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DynamicTool {
    /// What the model calls it by.
    #[schema(min_length = 1)]
    name: String,
    /// What it is for, told to the model.
    #[schema(min_length = 1)]
    description: String,
    /// A JSON schema of its arguments.
    #[schema(value_type = Object)]
    input_schema: Map<String, Value>,
    /// Whatever else Codex knows of tools; passed on as it is.
    #[serde(flatten)]
    #[schema(ignore)]
    more: Map<String, Value>,
}

/// That no more tools are offered than may be, and each can be called and told of.
pub(super) fn check(tools: &[DynamicTool]) -> Result<(), Error> {
    if tools.len() > TOOLS_MAX {
        return Err(Error::invalid("dynamicTools", &format!("must be at most {TOOLS_MAX}")));
    }
    if tools.iter().all(|tool| !tool.name.is_empty() && !tool.description.is_empty()) {
        return Ok(());
    }
    Err(Error::invalid("dynamicTools", "must each have a name and a description"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_tool_is_whole_or_refused_and_passed_on_as_it_came() {
        let whole = json!({ "name": "n", "description": "d", "inputSchema": {}, "more": 1 });
        let tool: DynamicTool = serde_json::from_value(whole.clone()).unwrap();
        assert_eq!(json!(tool), whole);
        assert!(check(std::slice::from_ref(&tool)).is_ok());
        assert!(check(&vec![tool.clone(); TOOLS_MAX + 1]).is_err());
        assert!(check(&[DynamicTool { name: String::new(), ..tool }]).is_err());
        for (member, value) in [("name", json!(7)), ("description", json!(null)), ("inputSchema", json!([]))] {
            let mut broken = whole.clone();
            broken[member] = value;
            assert!(serde_json::from_value::<DynamicTool>(broken).is_err(), "{member}");
        }
    }
}
