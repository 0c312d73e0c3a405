use super::*;
use crate::fixture::{MANIFEST, component, house};

const HANDLER: &str = "house:on-event/handler@1.0.0";

/// One drop: its folder's name, and what lies in it.
struct Files(&'static str, Vec<(&'static str, Vec<u8>)>);

/// A drop with a manifest and a component.
fn files(folder: &'static str, manifest: impl Into<Vec<u8>>, wasm: impl Into<Vec<u8>>) -> Files {
    Files(folder, vec![(MANIFEST_FILE, manifest.into()), ("guard.wasm", wasm.into())])
}

fn good() -> Vec<u8> {
    component(&["house:kv/store@1.1.0", "house:events/types@1.0.0", "wasi:io/streams@0.2.0"], &[HANDLER])
}

/// A drop folder with these drops, and what is found there.
fn drops(drops: &[Files]) -> (tempfile::TempDir, Vec<Dropped>) {
    let root = tempfile::tempdir().expect("a folder");
    for Files(folder, files) in drops {
        let folder = root.path().join(folder);
        fs::create_dir_all(&folder).expect("a folder");
        for (name, bytes) in files {
            fs::write(folder.join(name), bytes).expect("a file");
        }
    }
    let found = scan(&[root.path().to_owned()], &house());
    (root, found)
}

#[test]
fn each_bad_drop_is_named_with_its_next_step_and_stops_nobody() {
    let manifest = |was: &str, now: &str| MANIFEST.replacen(was, now, 1);
    let wasm = |import: &str, export: &str| component(&[import], &[export]);
    let (kv, no_kv) =
        ("house:kv/store@1.0.0", MANIFEST.replace("bytes_max = \"1 MiB\"\n", "").replace(".kv]", ".log]"));
    let cut = good()[..good().len() - 4].to_vec();
    let alien = component(&["wasi:sockets/tcp@0.2.0", "f"], &[HANDLER]);
    let twice = component(&[], &[HANDLER, "house:on-job/handler@1.0.0"]);
    let cases = [
        (Files("empty", vec![]), "there is no extension.toml", "add an extension.toml"),
        (files("not-text", b"\xff", good()), "not UTF-8", "as UTF-8"),
        (files("not-toml", "[", good()), "not TOML: line 1", "mend line 1"),
        (files("newer", manifest("manifest = 1", "manifest = 2\nnovel = 3"), good()), "is of 2", "on a newer host"),
        (files("key", manifest("priority", "prio"), good()), "line 11: unknown key `prio`", "correct these lines"),
        (Files("unbuilt", vec![(MANIFEST_FILE, MANIFEST.into())]), "there is no guard.wasm", "build the extension"),
        (files("not-wasm", MANIFEST, "MZ, and more"), "is not WebAssembly", "build the component again"),
        (files("module", MANIFEST, b"\0asm\x01\0\0\0"), "a WebAssembly module", "for wasm32-wasip2"),
        (files("cut", MANIFEST, cut), "ends too early", "copy the file again"),
        (files("undeclared", no_kv, good()), "it uses kv without asking", "add [capabilities.kv] with a reason"),
        (
            files("unknown", MANIFEST, alien),
            "f, wasi:sockets/tcp@0.2.0",
            "disableFeatures, componentize-py: --stub-wasi",
        ),
        (files("no-version", MANIFEST, wasm("house:kv/store", HANDLER)), "not have: house:kv/store", "without these"),
        (files("no-handler", MANIFEST, wasm(kv, "house:other/x@1.0.0")), "exports no handler", "export a handler"),
        (files("missing", MANIFEST, wasm(kv, "house:on-job/handler@1.0.0")), "not export: on-event", "export on-event"),
        (files("unnamed", MANIFEST, twice), "does not name: on-job", "add [handlers.on-job]"),
        (files("major", MANIFEST, wasm("house:kv/store@2.0.0", HANDLER)), "and this host has 1.2.0", "1 of house:kv"),
        (files("old", MANIFEST, wasm(kv, "house:on-event/handler@2.0.0")), "has 1.2.0", "1 of house:on-event"),
    ];
    let mut folders: Vec<_> = cases.iter().map(|(Files(folder, files), ..)| Files(folder, files.clone())).collect();
    folders.extend([
        files("good", manifest("acme.guard\"", "acme.good\"\ncomponent = \"guard.wasm\""), good()),
        Files(".hidden", vec![]),
    ]);
    let (root, found) = drops(&folders);

    let of = |name: &str| found.iter().find(|dropped| dropped.folder == root.path().join(name)).expect(name);
    for (Files(name, _), told, step) in &cases {
        let fault = of(name).found.as_ref().expect_err(name);
        assert!(fault.to_string().contains(told), "{name}: {fault}");
        assert!(fault.next_step().contains(step), "{name}: {}", fault.next_step());
    }
    assert!(of("good").found.is_ok(), "{:?}", of("good").found);
    assert_eq!(of("key").id.as_ref().map(ToString::to_string).as_deref(), Some("acme.guard"), "it says so");
    assert_eq!(found.len(), cases.len() + 1);
}

#[test]
fn two_folders_with_one_id_are_both_refused_and_name_each_other() {
    let (root, found) = drops(&[files("a", MANIFEST, good()), files("b", MANIFEST, good())]);
    for (dropped, other) in found.iter().zip(["b", "a"]) {
        let fault = dropped.found.as_ref().expect_err("shared");
        assert!(matches!(fault, DropFault::SharedId { others, .. } if *others == [root.path().join(other)]), "{fault}");
    }
    assert_eq!(found.len(), 2);
}

#[test]
fn many_folders_with_one_id_do_not_each_name_all_the_others() {
    let (_root, found) = drops(&["a", "b", "c", "d", "e", "f"].map(|name| files(name, MANIFEST, good())));
    for dropped in found {
        let fault = dropped.found.expect_err("shared").to_string();
        assert!(fault.ends_with(" and 2 more") && fault.matches(", ").count() == 2, "{fault}");
    }
}

#[test]
fn a_root_may_be_a_drop_itself_and_a_root_that_is_not_there_is_empty() {
    let (root, _) = drops(&[files("a", MANIFEST, good())]);
    let found = scan(&[root.path().join("a"), root.path().join("none")], &house());
    assert_eq!(found.len(), 1);
    let candidate = found[0].found.as_ref().expect("it is good");
    assert_eq!(candidate.digest, Digest::of_extension(MANIFEST.as_bytes(), &good()));
}

#[test]
fn a_folder_that_is_found_on_two_ways_counts_once() {
    let (root, _) = drops(&[files("a", MANIFEST, good())]);
    std::os::unix::fs::symlink(root.path().join("a"), root.path().join("b")).expect("a link");
    let roots = [root.path().to_owned(), root.path().join("a"), root.path().join("../").join(root.path())];
    let found = scan(&roots, &house());
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].found.is_ok() && found[0].folder == root.path().join("a"), "{found:?}");
}

#[test]
fn what_is_not_a_plain_file_of_a_usual_size_is_not_read() {
    let (root, _) = drops(&[Files("pipe", vec![]), Files("long", vec![]), Files("folder", vec![])]);
    let at = |name: &str| root.path().join(name).join(MANIFEST_FILE);
    rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), rustix::fs::Mode::RWXU).expect("a pipe");
    fs::create_dir(at("folder")).expect("a folder");
    fs::File::create(at("long"))
        .and_then(|file| file.set_len(EXTENSION_MANIFEST_BYTES_MAX as u64 + 1))
        .expect("a file");
    for dropped in scan(&[root.path().to_owned()], &house()) {
        assert!(matches!(dropped.found, Err(DropFault::Unreadable { .. })), "{dropped:?}");
    }
    let (big, _) = drops(&[Files("big", vec![(MANIFEST_FILE, MANIFEST.into())])]);
    let file = fs::File::create(big.path().join("big/guard.wasm"));
    file.and_then(|file| file.set_len(EXTENSION_COMPONENT_BYTES_MAX as u64 + 1)).expect("a file");
    let told = scan(&[big.path().to_owned()], &house()).remove(0).found.expect_err("too long").to_string();
    assert_eq!(told, "guard.wasm cannot be read: longer than 32 MiB");
}

#[test]
fn of_a_root_with_too_many_entries_no_more_than_so_many_are_looked_at() {
    let root = tempfile::tempdir().expect("a folder");
    for number in 0..ENTRIES_MAX {
        fs::write(root.path().join(number.to_string()), "").expect("a file");
    }
    assert_eq!(scan(&[root.path().to_owned()], &house()), []);
    fs::write(root.path().join("one more"), "").expect("a file");
    let found = scan(&[root.path().to_owned()], &house());
    assert!(matches!(&found[..], [Dropped { found: Err(DropFault::TooMany { .. }), .. }]), "{found:?}");
}

#[test]
fn what_is_to_be_said_about_a_root_is_said_whatever_way_leads_to_it() {
    let (root, _) = drops(&[files("a", MANIFEST, good())]);
    for number in 0..EXTENSION_DROPS_MAX {
        fs::create_dir(root.path().join(format!("b{number}"))).expect("a folder");
    }
    let is_told = |found: &[Dropped]| {
        found.iter().filter(|dropped| matches!(dropped.found, Err(DropFault::TooMany { .. }))).count()
    };
    assert_eq!(is_told(&scan(&[root.path().to_owned()], &house())), 1);
    std::os::unix::fs::symlink(root.path(), root.path().join("a-loop")).expect("a link");
    let roots = [root.path().to_owned(), root.path().join("a-loop")];
    for roots in [&roots[..1], &roots[..]] {
        assert_eq!(is_told(&scan(roots, &house())), 1, "{roots:?}");
        assert_eq!(is_told(&Drops::new(roots.to_vec(), house().into()).scan()), 1, "{roots:?}");
    }
}

#[test]
fn what_was_dropped_where_nobody_looks_is_named() {
    let (root, _) = drops(&[files("a", MANIFEST, good())]);
    for name in ["x.wasm", "guard.wasm", "README.md", ".y.wasm"] {
        fs::write(root.path().join(name), good()).expect("a file");
    }
    std::os::unix::fs::symlink(root.path().join("gone"), root.path().join("b")).expect("a link");
    let found = scan(&[root.path().to_owned()], &house());
    let [a, b, astray] = &found[..] else { panic!("{found:?}") };
    assert!(a.found.is_ok(), "{a:?}");
    assert_eq!(
        (&b.folder, &b.found),
        (&root.path().join("b"), &Err(DropFault::NoManifest)),
        "a link that leads nowhere"
    );
    let fault = astray.found.as_ref().expect_err("no folder");
    assert!(fault.to_string().ends_with("lies: guard.wasm, x.wasm"), "{fault}");
    assert!(fault.next_step().contains("a folder of its own"), "{}", fault.next_step());
    assert_eq!(astray.folder, root.path());
}
