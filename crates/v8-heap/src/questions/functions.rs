//! Functions by their definition and by their code.

use crate::heap::Heap;
use crate::index::MapSet;
use crate::index::parallel::in_order;
use crate::layout::Kind;
use crate::objects::machine_code::Tier;
use crate::objects::shared_function_info::Maker;
use crate::objects::value::HeapObject;
use crate::{Error, Monitor, Result, Tagged};

impl Heap<'_> {
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
        let maps = MapSet::of_kind(self, kind);
        for page in 0..table.page_count() {
            if monitor.cancelled() {
                return Err(Error::Interrupted);
            }
            if !maps.on_page(self, table, page).all(|(_, object)| visit(object)) {
                break;
            }
        }
        Ok(())
    }

    /// What `look` makes of every object of a kind, in the order of addresses; all processors look.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub(crate) fn map_each_of<T: Send>(
        &self,
        kind: Kind,
        monitor: &dyn Monitor,
        look: impl Fn(HeapObject<'_>) -> Option<T> + Sync,
    ) -> Result<Vec<T>> {
        let mut found = Vec::new();
        self.for_each_made_of(kind, monitor, look, |one| {
            found.push(one);
            true
        })?;
        Ok(found)
    }

    /// As [`Heap::map_each_of`], but hands each to `visit`, in that order, until it returns false: few are held at a time.
    ///
    /// # Errors
    /// [`Error::Interrupted`] if the monitor says so.
    pub(crate) fn for_each_made_of<T: Send>(
        &self,
        kind: Kind,
        monitor: &dyn Monitor,
        look: impl Fn(HeapObject<'_>) -> Option<T> + Sync,
        mut visit: impl FnMut(T) -> bool,
    ) -> Result<()> {
        let table = self.objects(monitor)?;
        let maps = MapSet::of_kind(self, kind);
        let of_page =
            |page: usize| maps.on_page(self, table, page).filter_map(|(_, object)| look(object)).collect();
        let mut is_over = false;
        let ended = in_order(table.page_count(), monitor, of_page, &mut |_, part: Vec<T>| {
            is_over |= !part.into_iter().all(&mut visit);
            if is_over { Err(Error::Interrupted) } else { Ok(()) }
        });
        if is_over { Ok(()) } else { ended }
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
            _ if self.layout().is_machine_code(object.map.instance_type) => {
                // Where no field says how long it is, only what comes behind it does.
                let fields = self.fields();
                if let Some(at) = fields.instruction_stream_body_size {
                    let body = self.words().word32(start + at, "size of an InstructionStream")?;
                    if address >= start + fields.machine_instructions + u64::from(body) {
                        return Ok(Vec::new());
                    }
                }
                let code = self.code_of_instructions(object)?;
                match self.maker_of_code(code.value())? {
                    Maker::Function(shared) => return Ok(vec![shared]),
                    Maker::Bytecode(bytecode) => bytecode,
                    Maker::Unknown => return self.functions_with_baseline_code(code, monitor),
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

    /// The functions that have this code without optimisations; none of other code.
    fn functions_with_baseline_code(
        &self,
        code: HeapObject<'_>,
        monitor: &dyn Monitor,
    ) -> Result<Vec<Tagged>> {
        let mut found = Vec::new();
        if self.machine_code(code).is_none_or(|code| code.tier != Tier::Baseline) {
            return Ok(found);
        }
        self.for_each_definition(monitor, |shared| {
            if matches!(self.baseline_code(shared), Ok(Some(own)) if own == code.value()) {
                found.push(shared.value());
            }
            true
        })?;
        Ok(found)
    }
}
