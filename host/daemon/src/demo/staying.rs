//! After the story: the daemon stays up, and this is where to look.

use super::fault::Fault;
use super::stage::Stage;
use super::tell::say;
use crate::paths::DataFolder;
use crate::shell::word;

pub(super) fn tell(stage: &Stage) -> Result<(), Fault> {
    let (api, _) = stage.live()?;
    let data = stage.folders().data();
    let token = DataFolder::new(&data).token();
    let command = std::env::current_exe().unwrap_or_else(|_| "codex-manager".into());
    let command = format!("{} --data-dir {}", word(&command), word(&data));
    say(&format!("\nThe daemon stays up until Ctrl-C; then its folders go.\n   API      {}/api", api.address()));
    say(&format!("   token    {}\n   log      {}", token.display(), stage.folders().log().display()));
    say(&format!("\nTry, in another terminal:\n   {command} sessions list"));
    say(&format!("   {command} stream --after 0"));
    say(&format!("   {command} sessions create --approval-policy untrusted"));
    say(&format!("   {command} sessions send <session> '::exec uname -a'"));
    say(&format!("   {command} approvals list"));
    say(&format!("   curl -H \"Authorization: Bearer $(cat {})\" {}/api/sessions", word(&token), api.address()));
    Ok(())
}
