//! The table: commands that the guard declines, and commands that only look as if it should.

use guard::judge;

const DELETES: &[&str] = &[
    // rm, in the ways in which it is written
    "rm -rf build",
    "rm -fr build",
    "rm -r -f build",
    "rm build -Rf",
    "rm --recursive --force build",
    "rm --force --recurs build",
    "/bin/rm -rf -- build",
    r"\rm -rf build",
    r#"r"m" '-rf' "$HOME/build""#,
    "rm -rf build 2>/dev/null",
    // as Codex sends it
    "/bin/bash -lc 'rm -rf build'",
    r#"bash -lc "cd /tmp && rm -rf build""#,
    "/usr/bin/zsh -lc 'rm -rf ~/build'",
    "sh -e -o pipefail -c 'make clean; rm -rf out' name",
    // behind other programs
    "sudo -u root rm -rf /var/lib/thing",
    "env -i HOME=/root rm -rf build",
    "env -S 'rm -rf' build",
    "sudo -- env A=1 nice -n 5 timeout -k 1s 10 rm -rf build",
    "nohup sh -c 'sudo rm -rf build' &",
    "busybox rm -rf build",
    "eval 'rm -rf build'",
    "su - root -c 'rm -rf /opt/thing'",
    "ssh -p 22 host rm -rf build",
    "timeout --signal=KILL 5 doas -u root nice rm -rf build",
    "watch -n1 'rm -rf build'",
    "trap 'rm -rf \"$tmp\"' EXIT",
    "time ! exec rm -rf build",
    "/usr/bin/env bash -c -- 'rm -rf build'",
    // in lists, pipes and blocks
    "cargo build && rm -rf target || true",
    "(cd sub; rm -rf *)",
    "if [ -d build ]; then rm -rf build; fi",
    r#"for f in a b; do rm -rf "$f"; done"#,
    "clean() { rm -rf build; }; clean",
    "case $1 in x) rm -rf build;; esac",
    "FOO=bar BAR= rm -rf build",
    "echo $(rm -rf build)",
    "echo \"`rm -rf build`\"",
    "diff <(rm -rf build) /dev/null",
    "echo 'rm -rf build' | sh",
    "bash <<EOF\nrm -rf build\nEOF",
    "cat <<EOF\n$(rm -rf build)\nEOF",
    "bash <<< 'rm -rf build'",
    "make\nrm -rf \\\n  build",
    // without -r in sight
    "find . -name '*.o' -delete",
    "find build -mindepth 1 -type f -exec rm {} +",
    r"find . -execdir sudo rm -f {} \;",
    r#"find . -exec sh -c 'rm "$1"' _ {} \;"#,
    "find . -name '*.o' -print0 | xargs -0 rm",
    "ls | xargs -I{} sh -c 'rm {}'",
    "git ls-files | xargs -n 10 sudo rm -f",
    r#"find . \( -name a -o -name b \) -execdir bash -c 'rm -r "$0"' {} \;"#,
    "parallel -j 4 rm ::: a b",
    "while read -r name; do rm -r \"$name\"; done < list",
    "git -C sub clean -fdx",
    "git -c a=b clean --force",
];

const HARMLESS: &[&str] = &[
    // one file at a time, or nothing that can be lost
    "rm build.log",
    "rm -f a.o b.o",
    "rm -- -rf",
    "rmdir build",
    "rm -i --one-file-system notes.txt",
    // text that names it
    "echo 'rm -rf /'",
    r#"git commit -m "never rm -rf again""#,
    "grep -rn 'rm -rf' scripts",
    "grep -r rm -- -rf .",
    "printf '%s\\n' rm -rf build",
    "bash -lc \"echo 'rm -rf build'\"",
    "cat > notes <<'EOF'\nrm -rf build\n$(rm -rf build)\nEOF",
    "true # rm -rf build",
    "sed -i 's/rm -rf/rm -r/' script.sh",
    "python3 -c 'print(\"rm -rf\")'",
    "args=(rm -rf build)",
    "apply_patch <<'EOF'\n*** Delete File: rm -rf\nrm -rf build\nEOF",
    "printf 'rm -rf build\\n' > clean.sh",
    "echo 'rm -rf build' | tee clean.sh",
    "alias clean='rm -rf build'",
    "case $1 in rm) echo rm -rf;; esac",
    "[[ $1 == rm ]] && echo \"$1 -rf\"",
    "for word in rm -rf build; do echo $word; done",
    // other programs with such words
    "man rm",
    "command -v rm",
    "which rm && type -a rm",
    "git rm -r --cached build",
    "docker run --rm -it image",
    "docker rm -f name",
    "npm rm -r thing",
    "cargo rm -r thing",
    "ls -rf",
    "cp -rf a b",
    "tar -rf archive.tar a",
    "rsync -r --force a b",
    // find, xargs and git clean, harmless
    "find . -name -delete",
    "find . -name '*.o' -newer rm -print",
    "find . -type f -exec grep -l rm {} +",
    "find . -name '*.o' | xargs echo rm",
    "xargs -n 1 ls -rf",
    "git clean -n",
    "git clean -nfd",
    "git log -- clean -f",
    // what only a running shell can know is left to a person
    "$CMD -rf build",
    "bash script.sh",
    "make clean",
    "echo $((1 + 2)) ${rm:--rf}",
    // what cannot be read
    "'",
    "",
];

#[test]
fn deletions_are_found() {
    for command in DELETES {
        assert!(judge(command).is_some(), "not found: {command}");
    }
}

#[test]
fn harmless_commands_are_let_be() {
    for command in HARMLESS {
        assert_eq!(judge(command), None, "{command}");
    }
}

#[test]
fn the_table_is_wide_and_even() {
    assert!(DELETES.len() >= 20 && HARMLESS.len() >= 20);
    assert!(DELETES.len() + HARMLESS.len() >= 40);
}

/// Text that is nobody's command, out of what is special in one, by a generator of small quality.
#[test]
fn any_text_is_judged() {
    let pieces = [
        "rm", " -rf ", "sh -c ", "'", "\"", "\\", "$(", "${", "$'", "`", "(", ")", "}", "<<E\n", "E\n", "|", "&", ";",
        "\n", ">", "=(", "é",
    ];
    let mut state = 1_u64;
    for _ in 0..20_000 {
        let text: String = (0..24)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                pieces[(state >> 33) as usize % pieces.len()]
            })
            .collect();
        judge(&text);
    }
}
