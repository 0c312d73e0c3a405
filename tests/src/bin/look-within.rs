//! What a command of a turn would see and could do, told as JSON: for the tests of what keeps Codex contained.
//!
//! It looks and asks, and changes nothing: whether a file could be written is asked of the kernel, and no device is
//! opened. The arguments are paths to look at.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::net::{AddressFamily, Protocol, SocketType, socket};
use serde_json::{Value, json};

/// How many paths of a kind are told.
const TOLD_MAX: usize = 50;

fn main() {
    let mut kernel = Kernel::default();
    for entry in entries(Path::new("/proc")) {
        let is_process = entry.file_name().is_some_and(|name| name.as_encoded_bytes()[0].is_ascii_digit());
        if !is_process {
            kernel.walk(&entry);
        }
    }
    kernel.walk(Path::new("/sys"));
    let named = std::env::args().skip(1).map(|path| (path.clone(), look(Path::new(&path))));
    let namespaces = BTreeMap::from(["ipc", "net", "pid", "user"].map(|name| (name, namespace(name))));
    let seen = json!({
        "capabilities": status("CapEff"),
        "noNewPrivileges": status("NoNewPrivs"),
        "namespaces": namespaces,
        "sockets": sockets(),
        "writable": kernel.writable,
        "writableByAll": kernel.writable_by_all,
        "devices": devices(Path::new("/dev")),
        "paths": named.collect::<BTreeMap<_, _>>(),
    });
    println!("{seen}");
}

/// Files of the kernel that could be written.
#[derive(Default)]
struct Kernel {
    writable: Vec<PathBuf>,
    /// Those that their mode lets everybody write.
    writable_by_all: Vec<PathBuf>,
}

impl Kernel {
    fn walk(&mut self, path: &Path) {
        let Ok(found) = fs::symlink_metadata(path) else { return };
        if found.is_symlink() {
            return;
        }
        if can_write(path) {
            let is_for_all = found.permissions().mode() & 0o002 != 0;
            let list = if is_for_all { &mut self.writable_by_all } else { &mut self.writable };
            if list.len() < TOLD_MAX {
                list.push(path.to_owned());
            }
        }
        entries(path).iter().for_each(|entry| self.walk(entry));
    }
}

/// Asks as whoever this is in effect; on what is mounted to be read only, the answer is no for root, too.
fn can_write(path: &Path) -> bool {
    accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS).is_ok()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    found.sort();
    found
}

fn status(name: &str) -> Option<String> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let word = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    word.map(|word| word.trim().to_owned())
}

fn namespace(name: &str) -> Option<PathBuf> {
    fs::read_link(format!("/proc/self/ns/{name}")).ok()
}

/// The sockets that are to be had of those that hear what others say.
fn sockets() -> Vec<&'static str> {
    let everything = Protocol::from_raw(3_u32.swap_bytes().wrapping_shr(16).try_into().expect("it is not zero"));
    let kinds = [
        ("packets", AddressFamily::PACKET, SocketType::RAW, everything),
        ("packets without heads", AddressFamily::PACKET, SocketType::DGRAM, everything),
        ("raw", AddressFamily::INET, SocketType::RAW, rustix::net::ipproto::ICMP),
    ];
    let open = kinds.into_iter().filter(|(_, family, kind, protocol)| socket(*family, *kind, Some(*protocol)).is_ok());
    open.map(|(name, ..)| name).collect()
}

/// The names of all device nodes below a folder.
fn devices(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in entries(folder) {
        match fs::symlink_metadata(&path).map(|found| found.file_type()) {
            Ok(kind) if kind.is_dir() => found.extend(devices(&path)),
            Ok(kind) if kind.is_char_device() || kind.is_block_device() => found.push(path),
            _ => {}
        }
    }
    found
}

fn look(path: &Path) -> Value {
    json!({ "isThere": path.symlink_metadata().is_ok(), "canWrite": can_write(path) })
}
