//! All functions of the heap, by definition.
//!
//! Every time that a program comes by `function` or `=>` it makes a new closure. Those made at one place of the source share
//! one `SharedFunctionInfo`, and are told by it.

use crate::heap::Heap;
use crate::index::parallel::in_turns;
use crate::layout::Kind;
use crate::map::AddressMap;
use crate::objects::shared_function_info::Maker;
use crate::objects::value::HeapObject;
use crate::{Error, MapId, Monitor, Result, Tagged};

/// One place of the source that defines a function, and the closures made there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its `SharedFunctionInfo`.
    pub shared: Tagged,
    /// One of the closures: the one with the lowest address.
    pub representative: Tagged,
    /// How many closures there are.
    pub closures: u64,
}

/// All functions by definition.
#[derive(Debug)]
pub struct Functions {
    /// Those with most closures last.
    definitions: Vec<Definition>,
    by_shared: AddressMap<usize>,
    /// Closures whose `SharedFunctionInfo` could not be read.
    pub unreadable: u64,
}

#[derive(Default)]
struct Counts {
    by_shared: AddressMap<Definition>,
    unreadable: u64,
}

impl Counts {
    fn add(&mut self, definition: Definition) {
        let known =
            self.by_shared.entry(definition.shared.0).or_insert(Definition { closures: 0, ..definition });
        known.closures += definition.closures;
        known.representative = known.representative.min(definition.representative);
    }
}

impl Functions {
    pub(crate) fn build(heap: &Heap<'_>, monitor: &dyn Monitor) -> Result<Functions> {
        let table = heap.objects(monitor)?;
        monitor.begin("grouping functions", table.len() as u64);
        let workers = in_turns(table.page_count(), monitor, Counts::default, |counts, page| {
            let (_, maps) = table.page_maps(page);
            if maps.iter().any(|map| heap.map(*map).kind == Kind::JsFunction) {
                for (address, map) in table.page_objects(page) {
                    if heap.map(map).kind != Kind::JsFunction {
                        continue;
                    }
                    match heap.shared_function_info(heap.member(address, map)) {
                        Ok(shared) => counts.add(Definition {
                            shared: shared.value(),
                            representative: Tagged::pointer(address),
                            closures: 1,
                        }),
                        Err(_) => counts.unreadable += 1,
                    }
                }
            }
            maps.len() as u64
        })?;
        let mut all = Counts::default();
        for counts in workers {
            all.unreadable += counts.unreadable;
            counts.by_shared.into_values().for_each(|definition| all.add(definition));
        }
        let mut definitions: Vec<Definition> = all.by_shared.into_values().collect();
        definitions.sort_unstable_by_key(|definition| (definition.closures, definition.shared));
        let by_shared =
            definitions.iter().enumerate().map(|(index, definition)| (definition.shared.0, index)).collect();
        Ok(Functions { definitions, by_shared, unreadable: all.unreadable })
    }

    /// All definitions that have a closure, those with most of them last.
    pub fn definitions(&self) -> &[Definition] {
        &self.definitions
    }

    /// The definition of a `SharedFunctionInfo`; `None` if no closure was made there.
    pub fn definition(&self, shared: Tagged) -> Option<&Definition> {
        self.definitions.get(*self.by_shared.get(&shared.0)?)
    }
}

impl<'t> Heap<'t> {
    fn member(&self, address: u64, map_id: MapId) -> HeapObject<'_> {
        HeapObject { address, map_id, map: self.map(map_id) }
    }

    /// Calls `visit` with every `SharedFunctionInfo`, also those of which no closure was ever made, in the order of
    /// addresses, until it returns false.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub fn for_each_definition(
        &self,
        monitor: &dyn Monitor,
        visit: impl FnMut(HeapObject<'_>) -> bool,
    ) -> Result<()> {
        self.for_each_of(Kind::SharedFunctionInfo, monitor, visit)
    }

    /// Calls `visit` with every object of a kind, in the order of addresses, until it returns false.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub fn for_each_of(
        &self,
        kind: Kind,
        monitor: &dyn Monitor,
        mut visit: impl FnMut(HeapObject<'_>) -> bool,
    ) -> Result<()> {
        let table = self.objects(monitor)?;
        for page in 0..table.page_count() {
            if monitor.cancelled() {
                return Err(Error::Interrupted);
            }
            let (_, maps) = table.page_maps(page);
            if !maps.iter().any(|map| self.map(*map).kind == kind) {
                continue;
            }
            for (address, map) in table.page_objects(page) {
                if self.map(map).kind == kind && !visit(self.member(address, map)) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Calls `visit` with every function whose `SharedFunctionInfo` is `wanted`, or with all functions, in the order of
    /// addresses, until it returns false.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub fn for_each_function(
        &self,
        wanted: Option<Tagged>,
        monitor: &dyn Monitor,
        mut visit: impl FnMut(HeapObject<'_>) -> bool,
    ) -> Result<()> {
        self.for_each_of(Kind::JsFunction, monitor, |function| {
            let is_wanted = wanted.is_none_or(|wanted| {
                self.shared_function_info(function).is_ok_and(|shared| shared.value() == wanted)
            });
            !is_wanted || visit(function)
        })
    }

    /// The functions (`SharedFunctionInfo`s) whose code holds an address: bytecode, or machine code made from it, with or
    /// without optimisations.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub fn functions_with_code_at(&self, address: u64, monitor: &dyn Monitor) -> Result<Vec<Tagged>> {
        let table = self.objects(monitor)?;
        let Some(start) = table.start_before(self.spaces(), address) else { return Ok(Vec::new()) };
        let object = self.object(Tagged::pointer(start))?;
        let bytecode = match self.layout().type_name(object.map.instance_type) {
            "BytecodeArray" => {
                let (first, end) = self.bytecode_range(object)?;
                if !(first..end).contains(&address) {
                    return Ok(Vec::new());
                }
                object.value()
            }
            "InstructionStream" => {
                // Where no field says how long it is, only what comes behind it does.
                let fields = self.fields();
                if let Some(at) = fields.instruction_stream_body_size {
                    let body = self.words().word32(start + at, "size of an InstructionStream")?;
                    if address >= start + fields.instruction_stream_instructions + u64::from(body) {
                        return Ok(Vec::new());
                    }
                }
                let at = start + fields.instruction_stream_code;
                let code = self.words().tagged(at, "Code of an InstructionStream")?;
                match self.maker_of_code(code)? {
                    Maker::Function(shared) => return Ok(vec![shared]),
                    Maker::Bytecode(bytecode) => bytecode,
                    Maker::Unknown => return Ok(Vec::new()),
                }
            }
            _ => return Ok(Vec::new()),
        };
        let mut found = Vec::new();
        self.for_each_definition(monitor, |shared| {
            if self.bytecode_array(shared).is_ok_and(|own| own.is_some_and(|own| own.value() == bytecode)) {
                found.push(shared.value());
            }
            true
        })?;
        Ok(found)
    }
}
