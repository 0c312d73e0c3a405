//! Whether a component fits its manifest and this host. A readable answer before an engine would give an unreadable one.

use std::collections::BTreeSet;

use crate::visible::visible;
use crate::{Anatomy, DropFault, Interface, Manifest, Package, Vocabulary};

/// Refuses a component that imports what it did not ask for or what the host has not, and one whose handlers are not
/// those that its manifest names.
pub(super) fn check(manifest: &Manifest, anatomy: &Anatomy, vocabulary: &Vocabulary) -> Result<(), DropFault> {
    imports(manifest, anatomy, vocabulary)?;
    handlers(manifest, anatomy, vocabulary)
}

fn imports(manifest: &Manifest, anatomy: &Anatomy, vocabulary: &Vocabulary) -> Result<(), DropFault> {
    let mut unknown: Vec<_> = anatomy.other_imports.iter().map(|name| visible(name)).collect();
    let mut undeclared = BTreeSet::new();
    for import in &anatomy.imports {
        let Some((capability, package)) = provider(import, vocabulary) else {
            unknown.push(import.to_string());
            continue;
        };
        same_major(import, package)?;
        undeclared.extend(capability.filter(|name| !manifest.capabilities.contains_key(*name)));
    }
    if !unknown.is_empty() {
        return Err(DropFault::Unknown { imports: unknown });
    }
    if !undeclared.is_empty() {
        return Err(DropFault::Undeclared { capabilities: undeclared.into_iter().map(str::to_owned).collect() });
    }
    Ok(())
}

/// Who gives this interface: a capability of that name, or, with no name, the host to everybody.
fn provider<'v>(import: &Interface, vocabulary: &'v Vocabulary) -> Option<(Option<&'v str>, &'v Package)> {
    import.version.as_ref()?;
    let path = import.path();
    let capability = vocabulary.capabilities.iter().find(|(_, kind)| kind.package.name == import.package);
    let ambient = || vocabulary.ambient.iter().find(|given| given.name == import.package || given.name == path);
    match capability {
        Some((name, kind)) => Some((Some(name), &kind.package)),
        None => ambient().map(|package| (None, package)),
    }
}

fn handlers(manifest: &Manifest, anatomy: &Anatomy, vocabulary: &Vocabulary) -> Result<(), DropFault> {
    let mut exported = BTreeSet::new();
    for export in &anatomy.exports {
        let handler = vocabulary.handlers.iter().find(|(_, package)| package.name == export.package);
        if let Some((name, package)) = handler {
            same_major(export, package)?;
            exported.insert(name.clone());
        }
    }
    let named: BTreeSet<_> = manifest.handlers.keys().cloned().collect();
    let without = |all: &BTreeSet<String>, known: &BTreeSet<String>| all.difference(known).cloned().collect::<Vec<_>>();
    let (missing, unnamed) = (without(&named, &exported), without(&exported, &named));
    if exported.is_empty() {
        Err(DropFault::NoHandler)
    } else if !missing.is_empty() {
        Err(DropFault::HandlerMissing { handlers: missing })
    } else if !unnamed.is_empty() {
        Err(DropFault::HandlerUnnamed { handlers: unnamed })
    } else {
        Ok(())
    }
}

/// A newer minor version is no fault here: whether a function is missing is found when it is linked.
fn same_major(asked: &Interface, package: &Package) -> Result<(), DropFault> {
    let has = &package.version;
    match &asked.version {
        Some(version) if version.major == has.major && (has.major > 0 || version.minor == has.minor) => Ok(()),
        _ => Err(DropFault::WrongMajor { asked: asked.clone(), has: has.clone() }),
    }
}
