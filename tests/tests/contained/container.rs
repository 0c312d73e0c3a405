//! The conditions of a container that is not let do much: no `mount`, no new namespaces, no `CAP_SYS_ADMIN`.
//!
//! A container runtime refuses these calls by a filter, so they are refused by the same filter here.

use std::env::consts::ARCH;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

const NOT_PERMITTED: u32 = 1;
const NOT_THERE: u32 = 38;
/// The flags of `clone` that ask for a new namespace.
const NEW_NAMESPACES: u32 = 0x7e02_0000;

/// The numbers of the calls that are refused.
struct Calls {
    not_permitted: [u32; 5],
    clone: u32,
    clone3: u32,
}

/// An instruction of a filter: what to do, how far to jump if so and if not, and with what.
type Instruction = (u16, u8, u8, u32);

/// Gives the words that start a program in such a container, with a `bwrap`, and a folder to lay the filter into; or why
/// they cannot be given.
pub(super) fn words() -> Result<impl Fn(&Path, &Path) -> Vec<OsString>, String> {
    // mount, umount2, unshare, setns, pivot_root.
    let calls = match ARCH {
        "x86_64" => Calls { not_permitted: [165, 166, 272, 308, 155], clone: 56, clone3: 435 },
        "aarch64" => Calls { not_permitted: [40, 39, 97, 268, 41], clone: 220, clone3: 435 },
        _ => return Err(format!("the numbers of the calls of {ARCH} are not known here")),
    };
    let filter = filter(&calls);
    Ok(move |bwrap: &Path, folder: &Path| {
        const START: &str = "exec 9<\"$0\"; bwrap=$1; shift; \
            exec \"$bwrap\" --dev-bind / / --die-with-parent --cap-drop CAP_SYS_ADMIN --seccomp 9 \"$@\"";
        let file = folder.join("container.filter");
        fs::write(&file, &filter).unwrap();
        let shell = ["/bin/sh", "-c", START].map(OsString::from);
        shell.into_iter().chain([file.into_os_string(), bwrap.as_os_str().to_owned()]).collect()
    })
}

fn filter(calls: &Calls) -> Vec<u8> {
    const LOAD: u16 = 0x20;
    const EQUALS: u16 = 0x15;
    const HAS_ANY_OF: u16 = 0x45;
    const ANSWER: u16 = 0x06;
    const ALLOW: u32 = 0x7fff_0000;
    const REFUSE: u32 = 0x0005_0000;
    const CALL: u32 = 0;
    const FIRST_ARGUMENT: u32 = 16;
    let refused = calls.not_permitted.map(|call| (call, NOT_PERMITTED)).into_iter().chain([(calls.clone3, NOT_THERE)]);
    let mut program: Vec<Instruction> = vec![(LOAD, 0, 0, CALL)];
    program.extend(refused.flat_map(|(call, error)| [(EQUALS, 0, 1, call), (ANSWER, 0, 0, REFUSE | error)]));
    program.extend([
        (EQUALS, 0, 3, calls.clone),
        (LOAD, 0, 0, FIRST_ARGUMENT),
        (HAS_ANY_OF, 0, 1, NEW_NAMESPACES),
        (ANSWER, 0, 0, REFUSE | NOT_PERMITTED),
        (ANSWER, 0, 0, ALLOW),
    ]);
    let bytes = |(code, yes, no, with): Instruction| {
        let [code, with] = [code.to_ne_bytes().to_vec(), with.to_ne_bytes().to_vec()];
        [code, vec![yes, no], with].concat()
    };
    program.into_iter().flat_map(bytes).collect()
}
