//! `tool-input`: what Codex, or an MCP server, asks a person, and answering it.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use codex_manager_model::Decision;
use serde_json::{Value, json};

use super::Context;
use super::failure::Failure;
use super::interactions::{Listed, object};
use super::plain::cell;
use super::words::word;

/// See and answer what Codex asks a person
#[derive(Debug, Subcommand)]
pub(super) enum ToolInput {
    /// List them
    List(Listed),
    /// Answer one
    #[command(after_help = "Example: codex-manager tool-input decide $REQUEST accept --answer colour=blue")]
    Decide(Decide),
}

#[derive(Debug, Args)]
pub(super) struct Decide {
    /// The request's id
    request: String,
    /// Whether there is an answer
    #[arg(value_parser = word::<Decision>())]
    decision: Decision,
    /// The answer to one question, by its id; several of one question are several answers
    #[arg(long, value_parser = answer, value_name = "QUESTION=ANSWER")]
    answer: Vec<(String, String)>,
    /// What an MCP server asked for, as a JSON object
    #[arg(long, value_parser = object, value_name = "JSON", conflicts_with = "answer")]
    content: Option<Value>,
    /// The whole answer to Codex, as a JSON object
    #[arg(long, value_parser = object, value_name = "JSON", conflicts_with_all = ["answer", "content"])]
    response: Option<Value>,
}

impl ToolInput {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::List(listed) => listed.run(context, "tool-input", "requestId").await,
            Self::Decide(decide) => decide.run(context).await,
        }
    }
}

impl Decide {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let mut body = json!({ "decision": self.decision });
        if !self.answer.is_empty() {
            body["answers"] = answers(self.answer);
        }
        for (member, value) in [("content", self.content), ("response", self.response)] {
            if let Some(value) = value {
                body[member] = value;
            }
        }
        let answer = context.client()?.post(&["tool-input", &self.request, "decision"], &body).await?;
        context.output.answer(&answer, |body| format!("{} answered", cell(&body["requestId"])))
    }
}

fn answer(text: &str) -> Result<(String, String), String> {
    let (question, answer) = text.split_once('=').ok_or("QUESTION=ANSWER was expected")?;
    Ok((question.to_owned(), answer.to_owned()))
}

fn answers(given: Vec<(String, String)>) -> Value {
    let mut answers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (question, answer) in given {
        answers.entry(question).or_default().push(answer);
    }
    answers.into_iter().map(|(question, answers)| (question, json!({ "answers": answers }))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_gathered_by_their_questions() {
        let given = ["a=1", "b=x=y", "a=2"].map(|text| answer(text).unwrap()).to_vec();
        assert_eq!(answers(given), json!({ "a": { "answers": ["1", "2"] }, "b": { "answers": ["x=y"] } }));
        assert!(answer("a").is_err());
    }
}
