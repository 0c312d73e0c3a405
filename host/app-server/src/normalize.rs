//! Codex's method names as parts of event kinds.
//!
//! Codex writes `item/fileChange/requestApproval`, an event's kind says `item.file_change.request_approval`. Clients match
//! on the latter, so the rule is a promise and does not depend on which methods are known.

/// The method in lower-case words: parts between slashes are joined by dots, words within a part by underscores.
///
/// A word ends where a lower-case letter or a digit meets an upper-case one, before the last of several upper-case
/// letters that a lower-case one follows, and at anything that is neither letter nor digit. An empty part is `unknown`.
pub fn normalize(method: &str) -> String {
    method.split('/').map(part).collect::<Vec<_>>().join(".")
}

fn part(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut words = String::new();
    for (index, &letter) in letters.iter().enumerate() {
        let before = index.checked_sub(1).map(|index| letters[index]);
        if !letter.is_ascii_alphanumeric() || begins_word(before, letter, letters.get(index + 1).copied()) {
            separate(&mut words);
        }
        if letter.is_ascii_alphanumeric() {
            words.push(letter.to_ascii_lowercase());
        }
    }
    match words.trim_end_matches('_') {
        "" => "unknown".to_owned(),
        words => words.to_owned(),
    }
}

fn begins_word(before: Option<char>, letter: char, after: Option<char>) -> bool {
    let Some(before) = before else { return false };
    let after_lower = before.is_ascii_lowercase() || before.is_ascii_digit();
    let ends_capitals = before.is_ascii_uppercase() && after.is_some_and(|after| after.is_ascii_lowercase());
    letter.is_ascii_uppercase() && (after_lower || ends_capitals)
}

fn separate(words: &mut String) {
    if !words.is_empty() && !words.ends_with('_') {
        words.push('_');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_become_kinds() {
        let table = [
            ("item/started", "item.started"),
            ("item/fileChange/requestApproval", "item.file_change.request_approval"),
            ("item/tool/requestUserInput", "item.tool.request_user_input"),
            ("execCommandApproval", "exec_command_approval"),
            ("item/agentMessage/delta", "item.agent_message.delta"),
            ("codex/event/agent_message", "codex.event.agent_message"),
            ("account/gatewayOAuth/changed", "account.gateway_o_auth.changed"),
            ("mcpServer/oauthLogin/completed", "mcp_server.oauth_login.completed"),
            ("a/HTTPServer", "a.http_server"),
            ("a/ABC", "a.abc"),
            ("v2Item/x", "v2_item.x"),
            (" item / started ", "item.started"),
            ("item//x", "item.unknown.x"),
            ("__a--b__", "a_b"),
            ("/", "unknown.unknown"),
            ("", "unknown"),
            ("é/aéb", "unknown.a_b"),
        ];
        for (method, kind) in table {
            assert_eq!(normalize(method), kind, "{method}");
        }
    }

    #[test]
    fn every_known_method_has_a_kind_of_its_own() {
        let methods = crate::classify::TABLE.iter().map(|(method, _)| *method).chain(crate::classify::REQUESTS);
        let kinds: Vec<String> = methods.map(normalize).collect();
        for kind in &kinds {
            let words = kind.split(['.', '_']);
            assert!(
                words.clone().all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase())),
                "{kind}"
            );
        }
        let different: std::collections::HashSet<&String> = kinds.iter().collect();
        assert_eq!((kinds.len(), different.len()), (97, 97));
    }
}
