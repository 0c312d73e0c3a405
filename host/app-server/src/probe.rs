//! A look from within: whether what is promised of the child's world holds there, before a child is started into it.
//!
//! That bubblewrap starts says little: it may be another program, or an older one, or the kernel may see things
//! differently. So a shell is started in the child's place and tells what the kernel says of it, and that is compared
//! with what is given. Nothing is written in order to find out whether it could be.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;

use crate::contain::Plan;
use crate::kernel::{DEVICES, User};
use crate::mount_table::{MountTable, Mounted};

/// How long bubblewrap may take to start it.
const TIMEOUT: Duration = Duration::from_secs(10);
const SHELL: &str = "/bin/sh";
/// What the shell runs, without any other program.
const SCRIPT: &str = r#"
tell() { while IFS= read -r line; do printf '%s\n' "$line"; done; }
tell </proc/self/status
for path in /sys /proc/[!0-9]* /proc/sys/*/*; do [ -L "$path" ] || [ ! -w "$path" ] || printf 'writable: %s\n' "$path"; done
printf 'mounts:\n'
tell </proc/self/mountinfo
printf 'end\n'
"#;
/// The words of a process's status for what it can do, and what a program that it starts could.
const CAPABILITIES: [&str; 4] = ["CapInh", "CapPrm", "CapEff", "CapAmb"];

impl Plan {
    /// Looks whether a child of `user` would be kept from what it is not given. The error says why not.
    pub(crate) async fn probe(&self, user: User) -> Result<(), String> {
        let mut command = Command::new(&self.bwrap);
        command.args(&self.arguments).args(["--", SHELL, "-c", SCRIPT]);
        command.stdin(Stdio::null()).current_dir("/").env_clear().kill_on_drop(true);
        let bwrap = self.bwrap.display();
        match tokio::time::timeout(TIMEOUT, command.output()).await {
            Ok(Ok(output)) => judge(&output, user).map_err(|why| format!("{bwrap} does not work here ({why})")),
            Ok(Err(error)) => Err(format!("{bwrap} could not be started ({error})")),
            Err(_) => Err(format!("{bwrap} did not come back")),
        }
    }
}

fn judge(output: &Output, user: User) -> Result<(), String> {
    if !output.status.success() {
        let said: String = String::from_utf8_lossy(&output.stderr).trim().chars().take(300).collect();
        return Err(said);
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let parts = said.strip_suffix("end\n").and_then(|said| said.split_once("mounts:\n"));
    let (status, mounts) = parts.ok_or("what it shows to a program inside cannot be told")?;
    check_status(status, user)?;
    let mounts = MountTable::parse(mounts).ok_or("its table of mounts is not understood")?;
    check_mounts(&mounts, user)
}

/// With no new privileges, a program that is started has no more than who starts it, whatever the bounding set says.
fn check_status(status: &str, user: User) -> Result<(), String> {
    let word = |name: &str| {
        let found = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        found.map(str::trim).ok_or_else(|| format!("the kernel does not tell {name}"))
    };
    for name in CAPABILITIES {
        let has = u64::from_str_radix(word(name)?, 16).map_err(|_| format!("{name} is no number"))?;
        let beyond = has & !user.capabilities();
        if beyond != 0 {
            return Err(format!("commands would have capabilities that they are not given: {name} {beyond:x}"));
        }
    }
    if word("NoNewPrivs")? != "1" {
        return Err("commands could gain privileges".to_owned());
    }
    // What the kernel lets everybody write, it guards itself.
    let writable = status.lines().find_map(|line| line.strip_prefix("writable: "));
    match writable {
        Some(path) if user == User::Root => Err(format!("commands could write the kernel's {path}")),
        _ => Ok(()),
    }
}

fn check_mounts(mounts: &MountTable, user: User) -> Result<(), String> {
    for needed in ["/dev", "/proc", "/sys"] {
        if !mounts.visible().any(|mount| mount.point == Path::new(needed)) {
            return Err(format!("{needed} is not a mount of its own"));
        }
    }
    match mounts.visible().find(|mount| !is_given(mount, user)) {
        Some(mount) => Err(format!("commands could use {} ({}) in full", mount.point.display(), mount.kind)),
        None => Ok(()),
    }
}

/// Whether the child may have a mount as it is.
fn is_given(mount: &Mounted, user: User) -> bool {
    let point = mount.point.as_path();
    let is_read_only = mount.has("ro");
    if let Ok(device) = point.strip_prefix("/dev") {
        let is_terminal = mount.kind == "devpts" && device == Path::new("pts");
        let is_device = DEVICES.iter().any(|name| device == Path::new(name));
        // That a mount is read-only keeps nobody from writing to a device on it.
        let holds_no_device = mount.has("nodev") && (mount.is_storage() || is_read_only);
        return is_terminal || is_device || holds_no_device;
    }
    if point.starts_with("/proc") {
        return point == Path::new("/proc") || is_read_only || user == User::Plain;
    }
    if point.starts_with("/sys") {
        // Beneath it a plain user may be kept from looking, and is kept from writing as well.
        return is_read_only || (user == User::Plain && point != Path::new("/sys"));
    }
    match user {
        User::Root if mount.is_storage() => mount.has("nodev"),
        User::Root => is_read_only && !mount.shows_processes(),
        User::Plain => true,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::*;

    const STATUS: &str = "CapInh:\t0\nCapPrm:\t0\nCapEff:\t0\nCapBnd:\t1ffffffffff\nCapAmb:\t0\nNoNewPrivs:\t1\n";
    const MOUNTS: &str = "\
        10 1 254:0 / / rw,nosuid,nodev - ext4 /dev/vda rw\n\
        11 10 0:20 / /dev rw,nosuid,nodev - tmpfs tmpfs rw\n\
        12 11 0:6 /null /dev/null rw,nosuid - devtmpfs devtmpfs rw\n\
        13 11 0:21 / /dev/pts rw,nosuid - devpts devpts rw\n\
        14 10 0:22 / /proc rw,nosuid,nodev - proc proc rw\n\
        15 14 0:23 /sys /proc/sys ro,nosuid,nodev - proc proc rw\n\
        16 10 0:24 / /sys ro,nosuid,nodev - sysfs sysfs rw\n";

    fn judged(status: &str, mounts: &str, user: User) -> Result<(), String> {
        let stdout = format!("{status}mounts:\n{mounts}end\n").into_bytes();
        judge(&Output { status: ExitStatus::from_raw(0), stdout, stderr: Vec::new() }, user)
    }

    #[test]
    fn a_world_as_promised_will_do_and_silence_will_not() {
        for user in [User::Root, User::Plain] {
            assert_eq!(judged(STATUS, MOUNTS, user), Ok(()));
            for (status, mounts) in [("", MOUNTS), (STATUS, ""), (STATUS, "nonsense"), ("CapEff:\tx\n", MOUNTS)] {
                assert!(judged(status, mounts, user).is_err(), "{status} {mounts}");
            }
            let silent = Output { status: ExitStatus::from_raw(0), stdout: Vec::new(), stderr: Vec::new() };
            assert!(judge(&silent, user).unwrap_err().contains("cannot be told"));
        }
    }

    #[test]
    fn a_capability_too_many_is_noticed_wherever_it_stands() {
        for name in CAPABILITIES {
            // CAP_NET_RAW.
            let status = STATUS.replace(&format!("{name}:\t0"), &format!("{name}:\t2000"));
            assert!(judged(&status, MOUNTS, User::Root).unwrap_err().contains("capabilities"), "{name}");
            let kept = STATUS.replace(&format!("{name}:\t0"), &format!("{name}:\t2"));
            assert_eq!(judged(&kept, MOUNTS, User::Root), Ok(()));
            assert!(judged(&kept, MOUNTS, User::Plain).is_err());
        }
        let gains = STATUS.replace("NoNewPrivs:\t1", "NoNewPrivs:\t0");
        assert!(judged(&gains, MOUNTS, User::Plain).unwrap_err().contains("gain"));
    }

    #[test]
    fn a_window_into_the_kernel_that_is_open_is_named() {
        let open = [
            (MOUNTS.replace("/sys ro,nosuid,nodev - sysfs", "/sys rw,nosuid,nodev - sysfs"), "/sys (sysfs)"),
            (MOUNTS.replace("/proc/sys ro", "/proc/sys rw"), "/proc/sys (proc)"),
            (MOUNTS.replace("/dev/null", "/dev/kvm"), "/dev/kvm (devtmpfs)"),
            (format!("{MOUNTS}20 10 0:9 / /debug rw,nodev - debugfs none rw\n"), "/debug (debugfs)"),
            (format!("{MOUNTS}20 10 0:9 / /srv/proc ro,nodev - proc proc rw\n"), "/srv/proc (proc)"),
            (MOUNTS.replacen("rw,nosuid,nodev - ext4", "rw,nosuid - ext4", 1), "/ (ext4)"),
        ];
        for (mounts, named) in open {
            let reason = judged(STATUS, &mounts, User::Root).unwrap_err();
            assert!(reason.contains(named), "{named}: {reason}");
        }
        let bare = MOUNTS.lines().filter(|line| !line.contains(" /dev")).map(|line| format!("{line}\n"));
        assert!(judged(STATUS, &bare.collect::<String>(), User::Plain).unwrap_err().contains("/dev is not a mount"));
        let told = format!("{STATUS}writable: /proc/sysrq-trigger\n");
        assert!(judged(&told, MOUNTS, User::Root).unwrap_err().contains("sysrq-trigger"));
    }
}
