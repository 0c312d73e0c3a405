//! The real Codex runs whole turns against the scripted model, without a daemon between them.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use codex_manager_scripted_model::{ScriptedModel, codex_config};
use codex_manager_tests::PATIENCE;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::offline::real_codex;

/// A `codex app-server` with one thread, spoken to line by line.
struct Codex {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<Value>,
    thread: String,
    folder: TempDir,
}

impl Codex {
    /// `approvals` as in `thread/start`.
    fn start(program: &Path, model: &ScriptedModel, approvals: &str) -> Self {
        let folder = TempDir::with_prefix_in("codex-", env!("CARGO_TARGET_TMPDIR")).unwrap();
        let home = folder.path().join("home");
        std::fs::create_dir(&home).unwrap();
        std::fs::write(home.join("config.toml"), codex_config(&model.base_url(), "danger-full-access")).unwrap();
        let mut child = Command::new(program)
            .arg("app-server")
            .env("CODEX_HOME", &home)
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(serde_json::from_str(&line).unwrap()))
        });
        let stdin = child.stdin.take().unwrap();
        let mut codex = Self { child, stdin, lines, thread: String::new(), folder };
        codex.call(1, "initialize", json!({"clientInfo": {"name": "test", "version": "1"}}));
        codex.send(json!({"method": "initialized"}));
        let started = codex.call(2, "thread/start", json!({"cwd": codex.folder.path(), "approvalPolicy": approvals}));
        codex.thread = started["result"]["thread"]["id"].as_str().unwrap().to_owned();
        codex
    }

    fn send(&mut self, message: Value) {
        writeln!(self.stdin, "{message}").unwrap();
    }

    fn until(&self, what: &str, mut found: impl FnMut(&Value) -> bool) -> Value {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("codex never said {what}"));
            if found(&line) {
                return line;
            }
        }
    }

    fn call(&mut self, id: u64, method: &str, params: Value) -> Value {
        self.send(json!({"id": id, "method": method, "params": params}));
        self.until(method, |line| line["id"] == id && line.get("method").is_none())
    }

    fn say(&mut self, text: &str) -> Value {
        let input = json!([{"type": "text", "text": text, "text_elements": []}]);
        self.call(3, "turn/start", json!({"threadId": self.thread, "input": input}))["result"]["turn"]["id"].clone()
    }

    /// The status of the turn that ends next and its last answer.
    fn end(&self) -> (String, String) {
        let mut answer = String::new();
        let end = self.until("turn/completed", |line| {
            if line["method"] == "item/completed" && line["params"]["item"]["type"] == "agentMessage" {
                answer = line["params"]["item"]["text"].as_str().unwrap().to_owned();
            }
            line["method"] == "turn/completed"
        });
        (end["params"]["turn"]["status"].as_str().unwrap().to_owned(), answer)
    }
}

impl Drop for Codex {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn words_commands_and_patches() {
    let program = real_codex!();
    let model = ScriptedModel::start().await.unwrap();
    let mut codex = Codex::start(&program, &model, "never");

    codex.say("good day");
    assert_eq!(codex.end(), ("completed".into(), "Hello from the scripted model. You said: good day".into()));

    codex.say("::slow 3 20");
    assert_eq!(codex.end(), ("completed".into(), "word 1 word 2 word 3 ".into()));

    codex.say("::exec echo $((6 * 7)) > answer && cat answer");
    let (status, answer) = codex.end();
    assert_eq!(status, "completed");
    assert!(answer.starts_with("tool said: ") && answer.ends_with("\n42\n"), "{answer}");
    assert_eq!(std::fs::read_to_string(codex.folder.path().join("answer")).unwrap(), "42\n");

    for script in ["::sequence echo one ;; echo two", "::parallel echo one ;; echo two"] {
        codex.say(script);
        let (_, answer) = codex.end();
        assert!(answer.contains("\none\n") && answer.contains("\ntwo\n"), "{script}: {answer}");
    }

    codex.say("::patch new.txt some words");
    assert_eq!(codex.end().0, "completed");
    assert_eq!(std::fs::read_to_string(codex.folder.path().join("new.txt")).unwrap(), "some words\n");

    codex.say("::fail 500");
    assert_eq!(codex.end().0, "failed");
    assert!(model.requests().len() >= 10);
    drop(codex);
    model.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_and_a_question_wait_for_their_answers() {
    let program = real_codex!();
    let model = ScriptedModel::start().await.unwrap();
    let mut codex = Codex::start(&program, &model, "untrusted");

    codex.say("::exec touch made");
    let asked = codex.until("a request for approval", |line| line["method"] == "item/commandExecution/requestApproval");
    assert!(asked["params"]["command"].as_str().unwrap().contains("touch made"));
    codex.send(json!({"id": asked["id"], "result": {"decision": "decline"}}));
    let (status, answer) = codex.end();
    assert_eq!(status, "completed");
    assert!(answer.contains("rejected by user"), "{answer}");
    assert!(!codex.folder.path().join("made").exists());

    codex.say("::ask Which colour?");
    let asked = codex.until("a question", |line| line["method"] == "item/tool/requestUserInput");
    assert_eq!(asked["params"]["questions"][0]["question"], "Which colour?");
    codex.send(json!({"id": asked["id"], "result": {"answers": {"colour": {"answers": ["blue"]}}}}));
    assert!(codex.end().1.contains("blue"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_answer_ends_when_it_is_released() {
    let program = real_codex!();
    let model = ScriptedModel::start().await.unwrap();
    let mut codex = Codex::start(&program, &model, "never");

    codex.say("::hold 2");
    codex.until("the second word", |line| line["params"]["delta"] == "word 2 ");
    model.release();
    assert_eq!(codex.end(), ("completed".into(), "word 1 word 2 released.".into()));

    let turn = codex.say("::hold 2");
    codex.until("the second word", |line| line["params"]["delta"] == "word 2 ");
    codex.call(4, "turn/interrupt", json!({"threadId": codex.thread, "turnId": turn}));
    // The model notices that nobody listens: stopping does not wait for the held answer.
    tokio::time::timeout(PATIENCE, model.stop()).await.unwrap();
}
