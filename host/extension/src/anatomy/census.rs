//! What comes to life each time a component is instantiated, counted from its file: a component that needs more than
//! any invocation may have can never run.

use codex_manager_model::limits;
use wasmparser::{
    BinaryReaderError, ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    ComponentTypeRef, Instance, Payload,
};

use super::AnatomyError;

/// The bytes of a page of memory, as a power of two, unless it says otherwise.
const PAGE_LOG2: u32 = 16;

/// What one instance of a module or component has.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    instances: u64,
    memories: u64,
    /// How large all memories are at the beginning.
    memory_bytes: u64,
    tables: u64,
    /// How long the longest table is at the beginning.
    elements: u64,
}

/// A module or component that is being read, with what was defined in it so far.
#[derive(Default)]
struct Scope {
    modules: Vec<Tally>,
    components: Vec<Tally>,
    total: Tally,
    is_module: bool,
}

/// The count, while the file is read. What is imported counts as nothing: no host gives modules.
pub(super) struct Census(Vec<Scope>);

impl Census {
    pub(super) fn new() -> Self {
        Self(vec![Scope::default()])
    }

    /// Whether what is read belongs to the component itself and to none within it.
    pub(super) fn is_outermost(&self) -> bool {
        self.0.len() == 1
    }

    /// Reads the next part of a valid component.
    pub(super) fn read(&mut self, payload: &Payload<'_>) -> Result<(), BinaryReaderError> {
        match payload {
            Payload::ModuleSection { .. } => self.0.push(Scope { is_module: true, ..Scope::default() }),
            Payload::ComponentSection { .. } => self.0.push(Scope::default()),
            Payload::End(_) => self.end(),
            Payload::MemorySection(memories) => {
                for memory in memories.clone() {
                    let memory = memory?;
                    let page = 1_u64.checked_shl(memory.page_size_log2.unwrap_or(PAGE_LOG2)).unwrap_or(u64::MAX);
                    self.top().total.add(&Tally {
                        memories: 1,
                        memory_bytes: memory.initial.saturating_mul(page),
                        ..Tally::default()
                    });
                }
            }
            Payload::TableSection(tables) => {
                for table in tables.clone() {
                    let elements = table?.ty.initial;
                    self.top().total.add(&Tally { tables: 1, elements, ..Tally::default() });
                }
            }
            Payload::InstanceSection(instances) => {
                for instance in instances.clone() {
                    if let Instance::Instantiate { module_index, .. } = instance? {
                        let module = at(&self.top().modules, module_index);
                        self.top().total.add(&Tally { instances: 1, ..module });
                    }
                }
            }
            Payload::ComponentInstanceSection(instances) => {
                for instance in instances.clone() {
                    if let ComponentInstance::Instantiate { component_index, .. } = instance? {
                        let component = at(&self.top().components, component_index);
                        self.top().total.add(&component);
                    }
                }
            }
            names => self.name(names)?,
        }
        Ok(())
    }

    /// What the component needs, now that all of it was read.
    pub(super) fn tally(self) -> Tally {
        self.0.first().map(|scope| scope.total).unwrap_or_default()
    }

    /// Reads what gives modules and components further names.
    fn name(&mut self, payload: &Payload<'_>) -> Result<(), BinaryReaderError> {
        match payload {
            Payload::ComponentImportSection(imports) => {
                for import in imports.clone() {
                    match import?.ty {
                        ComponentTypeRef::Module(_) => self.top().modules.push(Tally::default()),
                        ComponentTypeRef::Component(_) => self.top().components.push(Tally::default()),
                        _ => {}
                    }
                }
            }
            Payload::ComponentExportSection(exports) => {
                for export in exports.clone() {
                    let export = export?;
                    self.again(export.kind, |scope, list| at(list(scope), export.index));
                }
            }
            Payload::ComponentAliasSection(aliases) => {
                for alias in aliases.clone() {
                    match alias? {
                        // Whoever made the instance of it has counted what lives in it.
                        ComponentAlias::InstanceExport { kind, .. } => self.again(kind, |_, _| Tally::default()),
                        ComponentAlias::Outer { kind, count, index } => self.outer(kind, count, index),
                        ComponentAlias::CoreInstanceExport { .. } => {}
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn again(&mut self, kind: ComponentExternalKind, what: impl Fn(&Scope, fn(&Scope) -> &[Tally]) -> Tally) {
        let scope = self.top();
        match kind {
            ComponentExternalKind::Module => scope.modules.push(what(scope, |scope| &scope.modules)),
            ComponentExternalKind::Component => scope.components.push(what(scope, |scope| &scope.components)),
            _ => {}
        }
    }

    fn outer(&mut self, kind: ComponentOuterAliasKind, count: u32, index: u32) {
        let from = self.0.iter().rev().nth(count as usize);
        match kind {
            ComponentOuterAliasKind::CoreModule => {
                let module = from.map(|scope| at(&scope.modules, index)).unwrap_or_default();
                self.top().modules.push(module);
            }
            ComponentOuterAliasKind::Component => {
                let component = from.map(|scope| at(&scope.components, index)).unwrap_or_default();
                self.top().components.push(component);
            }
            ComponentOuterAliasKind::CoreType | ComponentOuterAliasKind::Type => {}
        }
    }

    fn end(&mut self) {
        // The last end, the component's own, finds nothing to leave.
        if self.is_outermost() {
            return;
        }
        if let Some(scope) = self.0.pop() {
            let known = if scope.is_module { &mut self.top().modules } else { &mut self.top().components };
            known.push(scope.total);
        }
    }

    fn top(&mut self) -> &mut Scope {
        self.0.last_mut().expect("the outermost is never left")
    }
}

impl Tally {
    /// Refuses what no invocation may have.
    pub(super) fn check(&self) -> Result<(), AnatomyError> {
        let counts = [
            ("core instances", self.instances, u64::from(limits::EXTENSION_CORE_INSTANCES_MAX)),
            ("memories", self.memories, u64::from(limits::EXTENSION_MEMORIES_MAX)),
            ("bytes of memory to begin with", self.memory_bytes, limits::EXTENSION_MEMORY_BYTES_MAX as u64),
            ("tables", self.tables, u64::from(limits::EXTENSION_TABLES_MAX)),
            ("elements in one table to begin with", self.elements, limits::EXTENSION_TABLE_ELEMENTS_MAX as u64),
        ];
        match counts.into_iter().find(|(_, needed, max)| needed > max) {
            Some((what, needed, max)) => Err(AnatomyError::TooMuch { what, needed, max }),
            None => Ok(()),
        }
    }

    fn add(&mut self, other: &Self) {
        self.instances = self.instances.saturating_add(other.instances);
        self.memories = self.memories.saturating_add(other.memories);
        self.memory_bytes = self.memory_bytes.saturating_add(other.memory_bytes);
        self.tables = self.tables.saturating_add(other.tables);
        self.elements = self.elements.max(other.elements);
    }
}

fn at(known: &[Tally], index: u32) -> Tally {
    known.get(index as usize).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::{Anatomy, AnatomyError};

    fn refused(text: &str) -> Option<(&'static str, u64)> {
        match Anatomy::of(&wat::parse_str(format!("(component {text})")).expect("it is well formed")) {
            Ok(_) => None,
            Err(AnatomyError::TooMuch { what, needed, .. }) => Some((what, needed)),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn what_no_invocation_may_have_is_counted_through_every_instance() {
        let many = |what: &str, number: usize| what.repeat(number);
        let module = |what: &str| format!("(core module $m {what}) (core instance (instantiate $m))");
        assert_eq!(refused(&module("(memory 4096)")), None, "just as much as there may be");
        assert_eq!(refused(&module("(memory 4097)")), Some(("bytes of memory to begin with", 4097 << 16)));
        assert_eq!(refused(&module(&many("(memory 600)", 8))), Some(("bytes of memory to begin with", 4800 << 16)));
        assert_eq!(refused(&module("(table 100000 funcref)")), None);
        assert_eq!(refused(&module("(table 100001 funcref)")), Some(("elements in one table to begin with", 100_001)));
        assert_eq!(refused(&module(&many("(memory 1)", 17))), Some(("memories", 17)));
        assert_eq!(refused(&module(&many("(table 1 funcref)", 65))), Some(("tables", 65)));

        let instances = |number| format!("(core module $m) {}", many("(core instance (instantiate $m))", number));
        assert_eq!((refused(&instances(128)), refused(&instances(129))), (None, Some(("core instances", 129))));
        assert_eq!(refused("(core module (memory 5000))"), None, "nothing makes an instance of it");
    }

    #[test]
    fn components_within_are_counted_as_often_as_they_are_instantiated_and_by_every_name() {
        let within = "(core module $m (memory 1))
            (component $c
                (alias outer 1 $m (core module $n))
                (core instance (instantiate $n)) (core instance (instantiate $n)))";
        let times = |number: usize| format!("{within} {}", "(instance (instantiate $c))".repeat(number));
        assert_eq!((refused(&times(8)), refused(&times(9))), (None, Some(("memories", 18))));
        // Each level has two of the one below: what grows like this is counted and not followed.
        let mut levels = "(component $c0 (core module $m) (core instance (instantiate $m)))".to_owned();
        for level in 1..40 {
            let below = level - 1;
            levels += &format!(
                "(component $c{level} (alias outer 1 $c{below} (component $c))
                    (instance (instantiate $c)) (instance (instantiate $c)))"
            );
        }
        assert_eq!(refused(&format!("{levels} (instance (instantiate $c39))")), Some(("core instances", 1 << 39)));
    }
}
