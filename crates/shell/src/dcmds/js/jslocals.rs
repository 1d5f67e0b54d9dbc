//! `::jslocals`: print the variables of a call.
//!
//! Takes the frame pointer of a frame, as `$C` shows it and `::walk jsframe` hands it on; without one, the innermost JavaScript function of
//! the current thread. One variable a line: `this`; the arguments, by the names that the source gives them, `arg2` where a pattern, a default
//! or a rest stands in place of a name; what closures have captured, by name; then the registers of the bytecode, in which the other
//! variables are, by name as well. A variable whose declaration the call has not reached is `uninitialized`. What is left are registers
//! without a name, `r0` and so on: intermediate results, and variables of blocks in which the call is not, or is no more.
//!
//! Named, a variable is printed alone, and flows on: `::jslocals order | ::jsprint`. In a pipe all of them do that are values.
//!
//! # Limits
//!
//! V8 keeps no names of variables that no closure captures. They are found by the source of the function, if the core has it, and only
//! given where the bytecode agrees with it. Registers keep their numbers where it does not, where the place of the call is only known
//! approximately, in functions of more than 256 KiB of source, in those with `using`, in code for `eval` and at the top level of scripts that are
//! no modules, and in what gives a class its fields. A parameter that a closure captures is shown as the variable it has become; what
//! was passed for it is behind `::jsstack -v`. What optimised code no longer needs is `optimized away`.

use std::io::Write;

use core_reader::Thread;
use serde_json::json;
use v8_heap::objects::frame::{JavaScriptFrame, Tier};
use v8_heap::{Heap, Tagged};

use crate::answers::javascript_stack::{
    Known, javascript_stack, own_scopes, parameter_names, place_of, registers, text_of,
};
use crate::answers::summary::summary;
use crate::context::Context;
use crate::dcmd::{
    AddressUse, Args, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields, for_each,
};
use crate::error::DcmdError;
use crate::output::escape;
use crate::print::{Place, Printer, Style};
use crate::stage::{Flow, Out};
use crate::value::{Item, Kind};

/// What it says, on cores that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "uncaught-24",
        "::walk jsframe | ::head -2 | ::jslocals order",
        r#"
               order: 75c5b7a6291 (JSObject: Order)
"#,
    ),
    Example::on(
        "leak-24",
        "::jslocals reportFile",
        r#"
          reportFile: 1950f7e01d59 (SlicedString: "/tmp/v8mdb-stage/out/process.json")
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "jslocals",
    aliases: &[],
    summary: "print the variables of a call",
    family: Family::JavaScript,
    address: AddressUse::Optional,
    takes: Takes::Only(&[Kind::Address]),
    yields: Yields::Depends(yields),
    options: &[Opt::flag('j', "print one line of JSON for each variable, as docs/json.md describes it")],
    operands: Operands::optional("[name]").filter(),
    needs: &[Capability::V8Heap],
    manual: include_str!("jslocals.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let as_json = args.has('j');
        let name = args.operand(0).map(str::to_owned);
        Ok(for_each(move |context, item, out| {
            let heap = context.heap()?;
            let wanted = item.map(|item| item.word);
            let (pointer, frames) = frames_at(context, heap, wanted)?;
            for frame in &frames {
                if frames.len() > 1 && name.is_none() && !as_json && !out.is_pipe() {
                    writeln!(out.text(), "{}:", escape(&text_of(heap, frame)))?;
                }
                for (own, value) in variables(heap, frame) {
                    context.check_interrupt()?;
                    if name.as_ref().is_some_and(|name| *name != own) {
                        continue;
                    }
                    let variable = Variable { frame: pointer, function: frame.function, name: &own, value };
                    if variable.show(context, heap, as_json, out)? == Flow::Enough {
                        return Ok(());
                    }
                }
            }
            Ok(())
        }))
    },
};

fn yields(args: &Args) -> Yields {
    if args.has('j') { Yields::Text } else { Yields::Items(Kind::Value) }
}

/// The functions of a frame, or those of the innermost frame of the current thread that has any but builtins.
fn frames_at(
    context: &Context,
    heap: &Heap<'static>,
    wanted: Option<u64>,
) -> Result<(u64, Vec<JavaScriptFrame>), DcmdError> {
    let threads: Vec<&Thread> = match wanted {
        Some(_) => context.target()?.threads().iter().collect(),
        None => vec![context.thread()?],
    };
    for thread in threads {
        context.check_interrupt()?;
        let stack = context.stack_of(thread, usize::MAX)?;
        let javascript = javascript_stack(heap, &stack);
        for (index, native) in stack.frames.iter().enumerate() {
            let Some(pointer) = native.frame_pointer.map(|pointer| pointer.0) else { continue };
            if wanted.is_some_and(|wanted| wanted != pointer) {
                continue;
            }
            let frames = javascript.functions(index);
            if frames
                .iter()
                .any(|frame| wanted.is_some() || !matches!(frame.tier, Tier::Builtin | Tier::WebAssembly))
            {
                return Ok((pointer, frames));
            }
        }
    }
    Err(DcmdError::failed(match wanted {
        Some(wanted) => {
            format!("{wanted:x}: no thread has a frame of JavaScript there; ::walk jsframe lists them")
        }
        None => "the current thread is in no JavaScript function ($C shows its native stack)".to_owned(),
    }))
}

/// All variables of a call, by name.
fn variables(heap: &Heap<'static>, frame: &JavaScriptFrame) -> Vec<(String, Known)> {
    let mut found = vec![("this".to_owned(), place_of(&frame.receiver))];
    let captured: Vec<(String, Known)> = own_scopes(heap, frame)
        .iter()
        .flat_map(|scope| &scope.variables)
        .filter_map(|variable| {
            Some((heap.name_text(variable.name)?, Ok(Place::of_variable(heap, variable.value))))
        })
        .collect();
    let registers = registers(heap, frame);
    let names = parameter_names(heap, frame);
    for (index, value) in frame.arguments.iter().enumerate() {
        let name = names.get(index).cloned();
        if name.as_ref().is_some_and(|name| captured.iter().any(|(own, _)| own == name)) {
            continue;
        }
        // A parameter beside others that have defaults is a variable of its own, with the value that was passed.
        let name = name.filter(|name| !registers.iter().any(|(own, _)| own == name));
        found.push((name.unwrap_or_else(|| format!("arg{index}")), place_of(value)));
    }
    found.extend(captured);
    found.extend(registers);
    found
}

/// A variable that is shown.
struct Variable<'n> {
    frame: u64,
    function: Tagged,
    name: &'n str,
    value: Known,
}

impl Variable<'_> {
    fn show(
        self,
        context: &Context,
        heap: &Heap<'static>,
        as_json: bool,
        out: &mut Out<'_>,
    ) -> Result<Flow, DcmdError> {
        let check = || context.check_interrupt();
        if as_json {
            let head = json!({
                "frame": format!("0x{:x}", self.frame),
                "function": format!("0x{:x}", self.function.0),
                "name": self.name,
            });
            let head = head.to_string();
            let mut text = out.text();
            write!(text, "{},\"value\":", head.strip_suffix('}').unwrap_or(&head))?;
            match &self.value {
                Ok(place) => {
                    let style = Style { depth: 1, ..Style::default() };
                    Printer::new(heap, style, &mut *text, &check).print_json(place)?;
                }
                Err(_) => write!(text, "null")?,
            }
            writeln!(text, ",\"missing\":{}}}", json!(self.value.err()))?;
            return Ok(Flow::Continue);
        }
        if out.is_pipe() {
            return match self.value {
                Ok(Place::Value(value)) => out.emit(Item::value(value.0)),
                Ok(Place::Number(number)) => out.emit(Item::double(number)),
                _ => Ok(Flow::Continue),
            };
        }
        let mut text = out.text();
        write!(text, "{:>20}: ", escape(self.name))?;
        match &self.value {
            Ok(Place::Value(value)) if value.smi().is_none() => {
                write!(text, "{value} ({})", summary(heap, *value))?;
            }
            Ok(place) => {
                let style = Style { depth: 0, ..Style::default() };
                Printer::new(heap, style, &mut *text, &check).print(place)?;
            }
            Err(why) => write!(text, "{why}")?,
        }
        writeln!(text)?;
        Ok(Flow::Continue)
    }
}
