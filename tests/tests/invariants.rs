//! The tests that `host/README.md` names beside its invariants are there.

use std::path::Path;

#[test]
fn every_test_that_the_invariants_name_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = std::fs::read_to_string(root.join("host/README.md")).unwrap();
    let invariants = page.split("## Invariants").nth(1).unwrap().split("\n## ").next().unwrap();
    // `*` opens and closes what is named; backticks set the names apart.
    let named: Vec<&str> = invariants
        .split("*`")
        .skip(1)
        .flat_map(|rest| rest.split("`*").next().unwrap().split('`'))
        .filter(|name| name.chars().all(|c| c.is_ascii_lowercase() || "_-/".contains(c)))
        .collect();
    assert!(named.len() > 8, "{named:?}");
    for name in named {
        let module = root.join("tests/tests").join(format!("{name}.rs"));
        assert!(module.is_file() || root.join("host").join(name).exists(), "{name} is no test");
    }
}
