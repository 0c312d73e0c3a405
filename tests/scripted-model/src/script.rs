//! From a request to what the model does: a pure decision, made anew for every request.

use std::time::Duration;

use serde_json::{Value, json};

/// How many deltas `::slow` and `::hold` may ask for.
const DELTAS_MAX: usize = 100_000;
/// How much of the user's words is repeated, in characters.
const ECHO_CHARACTERS_MAX: usize = 400;
/// How many words `::hold` says by itself.
const HOLD_DELTAS: usize = 8;

/// What the model does in answer to one request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Act {
    /// Says these deltas, each after a pause.
    Say { deltas: Vec<String>, pause: Duration },
    /// Says these deltas, then nothing until it is released.
    Hold { deltas: Vec<String> },
    /// Calls tools, all at once.
    Call(Vec<Call>),
    /// Refuses with an HTTP status.
    Refuse(u16),
}

/// One tool call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Call {
    /// A tool that takes JSON.
    Function { name: String, arguments: Value },
    /// A tool that takes text.
    Custom { name: &'static str, input: String },
}

/// Decides what to do about a request's body.
pub(crate) fn act(request: &Value) -> Act {
    let (text, outputs) = conversation(request);
    let line = text.lines().rev().find(|line| line.starts_with("::")).unwrap_or_default();
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    match word {
        "::slow" => slow(rest),
        "::hold" => Act::Hold { deltas: words(rest.trim().parse().unwrap_or(HOLD_DELTAS)) },
        "::exec" => calls_then_outputs(vec![vec![exec(rest)]], &outputs),
        "::sequence" => calls_then_outputs(commands(rest).map(|call| vec![call]).collect(), &outputs),
        "::parallel" => calls_then_outputs(vec![commands(rest).collect()], &outputs),
        "::patch" => calls_then_outputs(vec![vec![patch(rest)]], &outputs),
        "::tool" => calls_then_outputs(vec![vec![tool(rest)]], &outputs),
        "::ask" => calls_then_outputs(vec![vec![ask(rest)]], &outputs),
        "::fail" => Act::Refuse(rest.trim().parse().unwrap_or(500)),
        _ => say(&format!("Hello from the scripted model. You said: {}", shortened(&text))),
    }
}

/// The last thing the user said, and what the tools have answered since. Codex puts context of its own into user
/// messages too; it wraps it in tags.
fn conversation(request: &Value) -> (String, Vec<String>) {
    let mut text = String::new();
    let mut outputs = Vec::new();
    for item in request["input"].as_array().into_iter().flatten() {
        let kind = item["type"].as_str().unwrap_or_default();
        if kind.ends_with("_output") {
            outputs.push(item["output"].as_str().map_or_else(|| item["output"].to_string(), str::to_owned));
        } else if item["role"] == "user"
            && let Some(said) = user_text(item)
        {
            text = said;
            outputs.clear();
        }
    }
    (text, outputs)
}

fn user_text(message: &Value) -> Option<String> {
    let parts = message["content"].as_array()?.iter().filter_map(|part| part["text"].as_str());
    let text = parts.filter(|part| !part.starts_with('<')).collect::<Vec<_>>().join("\n");
    (!text.is_empty()).then_some(text)
}

/// Makes the rounds of calls, one a request; then says what came back.
fn calls_then_outputs(rounds: Vec<Vec<Call>>, outputs: &[String]) -> Act {
    let mut answered = outputs.len();
    for round in rounds {
        if answered < round.len() {
            return Act::Call(round);
        }
        answered -= round.len();
    }
    Act::Say { deltas: vec!["tool said: ".to_owned(), outputs.join("\n")], pause: Duration::ZERO }
}

fn slow(arguments: &str) -> Act {
    let mut numbers = arguments.split_whitespace().map(|word| word.parse().unwrap_or(0));
    let (deltas, milliseconds) = (numbers.next().unwrap_or(20), numbers.next().unwrap_or(50));
    Act::Say { deltas: words(deltas), pause: Duration::from_millis(milliseconds as u64) }
}

fn words(count: usize) -> Vec<String> {
    (1..=count.min(DELTAS_MAX)).map(|n| format!("word {n} ")).collect()
}

fn say(text: &str) -> Act {
    Act::Say { deltas: text.split_inclusive(' ').map(str::to_owned).collect(), pause: Duration::ZERO }
}

fn shortened(text: &str) -> String {
    text.chars().take(ECHO_CHARACTERS_MAX).collect()
}

fn commands(line: &str) -> impl Iterator<Item = Call> {
    line.split(";;").map(exec)
}

/// Not a login shell: a person's profile would talk into the output.
fn exec(command: &str) -> Call {
    Call::Function { name: "exec_command".to_owned(), arguments: json!({"cmd": command.trim(), "login": false}) }
}

fn patch(arguments: &str) -> Call {
    let (file, text) = arguments.split_once(' ').unwrap_or((arguments, ""));
    let input = format!("*** Begin Patch\n*** Add File: {file}\n+{text}\n*** End Patch\n");
    Call::Custom { name: "apply_patch", input }
}

/// A tool of the client's, by its name and the JSON of its arguments.
fn tool(call: &str) -> Call {
    let (name, arguments) = call.split_once(' ').unwrap_or((call, "{}"));
    Call::Function { name: name.to_owned(), arguments: serde_json::from_str(arguments).unwrap_or_default() }
}

fn ask(question: &str) -> Call {
    let options =
        json!([{"label": "red", "description": "the warm one"}, {"label": "blue", "description": "the cool one"}]);
    let question = json!({"id": "colour", "header": "Pick", "question": question, "options": options});
    Call::Function { name: "request_user_input".to_owned(), arguments: json!({"questions": [question]}) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(said: &str, outputs: &[&str]) -> Value {
        let user = json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": said}]});
        let context = json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "<env/>"}]});
        let answered = outputs.iter().map(|output| json!({"type": "function_call_output", "output": output}));
        let input: Vec<_> = [context.clone(), user].into_iter().chain(answered).chain([context]).collect();
        json!({ "input": input })
    }

    fn text_of(act: Act) -> String {
        match act {
            Act::Say { deltas, .. } | Act::Hold { deltas } => deltas.concat(),
            other => panic!("expected words, got {other:?}"),
        }
    }

    #[test]
    fn plain_words_are_repeated() {
        assert_eq!(text_of(act(&request("good day", &[]))), "Hello from the scripted model. You said: good day");
    }

    #[test]
    fn the_last_line_with_colons_is_the_script() {
        assert_eq!(act(&request("please\n::exec no\n::fail 503\nthanks", &[])), Act::Refuse(503));
    }

    #[test]
    fn a_command_is_called_once_and_its_output_told() {
        assert_eq!(act(&request("::exec ls -l", &[])), Act::Call(vec![exec("ls -l")]));
        assert_eq!(text_of(act(&request("::exec ls -l", &["total 0"]))), "tool said: total 0");
    }

    #[test]
    fn a_sequence_takes_one_request_a_command_and_parallel_takes_one_for_all() {
        assert_eq!(act(&request("::sequence a ;; b", &["A"])), Act::Call(vec![exec("b")]));
        assert_eq!(text_of(act(&request("::sequence a ;; b", &["A", "B"]))), "tool said: A\nB");
        assert_eq!(act(&request("::parallel a ;; b", &[])), Act::Call(vec![exec("a"), exec("b")]));
        assert_eq!(text_of(act(&request("::parallel a ;; b", &["A", "B"]))), "tool said: A\nB");
    }

    #[test]
    fn a_tool_is_called_with_its_arguments() {
        let lookup = Call::Function { name: "lookup".to_owned(), arguments: json!({"n": 3}) };
        assert_eq!(act(&request("::tool lookup {\"n\": 3}", &[])), Act::Call(vec![lookup]));
    }

    #[test]
    fn slow_and_hold_count_their_words() {
        assert_eq!(act(&request("::slow 2 30", &[])), Act::Say { deltas: words(2), pause: Duration::from_millis(30) });
        assert_eq!(act(&request("::hold 3", &[])), Act::Hold { deltas: words(3) });
        assert_eq!(act(&request("::hold", &[])), Act::Hold { deltas: words(HOLD_DELTAS) });
    }

    #[test]
    fn a_request_that_makes_no_sense_gets_a_greeting() {
        for body in [json!(null), json!({"input": "text"}), json!({"input": [{"role": "user"}, 7]})] {
            assert!(text_of(act(&body)).starts_with("Hello"));
        }
    }
}
