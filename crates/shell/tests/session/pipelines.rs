//! How stages work together, shown on small stages made for it.

use shell::arguments::Args;
use shell::context::{Context, Repeatable};
use shell::dcmd::{AddressUse, Dcmd, Family, Operands, Started, Takes, Yields, for_each, for_each_item};
use shell::error::DcmdError;
use shell::pipeline::{Call, Plan, PlanError};
use shell::stage::{Flow, Out, Stage};
use shell::value::{Item, Kind};

use crate::session::Session;

const fn dcmd(
    name: &'static str,
    takes: Takes,
    yields: Yields,
    start: fn(&Context, &Args) -> Started,
) -> Dcmd {
    Dcmd {
        name,
        aliases: &[],
        summary: "for a test",
        family: Family::Pipes,
        address: AddressUse::Optional,
        takes,
        yields,
        options: &[],
        operands: Operands::NONE,
        needs: &[],
        manual: "",
        examples: &[],
        start,
    }
}

/// Yields the addresses 1, 2, 3 ... until somebody has enough; then sets variable `made` to how many it made.
static NATURALS: Dcmd = dcmd("naturals", Takes::Nothing, Yields::Items(Kind::Address), |_, _| {
    Ok(for_each(|context, _, out| {
        let mut made = 0;
        while made < 10_000_000 {
            made += 1;
            if out.emit(Item::address(made))? == Flow::Enough {
                break;
            }
        }
        context.variables.borrow_mut().set("made", made);
        Ok(())
    }))
});

/// Yields the addresses 1 to 5.
static FIVE: Dcmd = dcmd("five", Takes::Nothing, Yields::Items(Kind::Address), |_, _| {
    Ok(for_each(|_, _, out| out.emit_all((1..=5).map(Item::address)).map(|_| ())))
});

/// Hands on all but multiples of 2, on which it fails.
static ODD: Dcmd = dcmd("odd", Takes::Only(&[Kind::Address]), Yields::Same, |_, _| {
    Ok(for_each_item(|_, item, out| {
        if item.word % 2 == 0 {
            return Err(DcmdError::Failed(format!("{item} is even")));
        }
        out.emit(item).map(|_| ())
    }))
});

/// Aborts at 3.
static ABORT: Dcmd = dcmd("abort", Takes::Only(&[Kind::Address]), Yields::Same, |_, _| {
    Ok(for_each_item(|_, item, out| match item.word {
        3 => Err(DcmdError::abort("three")),
        _ => out.emit(item).map(|_| ()),
    }))
});

/// Is pressed Ctrl-C at, at the third item.
static INTERRUPT: Dcmd = dcmd("interrupt", Takes::Anything, Yields::Same, |_, _| {
    Ok(for_each_item(|context, item, out| {
        if item.word == 3 {
            context.interrupt.set();
        }
        out.emit(item).map(|_| ())
    }))
});

static THREADS: Dcmd =
    dcmd("threads", Takes::Only(&[Kind::Thread]), Yields::Text, |_, _| Ok(for_each_item(|_, _, _| Ok(()))));

/// Finds its arguments wrong when it starts.
static PICKY: Dcmd = dcmd("picky", Takes::Anything, Yields::Text, |_, _| Err(DcmdError::usage("wrong")));

/// Counts batches and items, and says so at the end.
static SUM: Dcmd = dcmd("sum", Takes::Anything, Yields::Items(Kind::Number), |_, _| Ok(Box::new(Sum(0))));

struct Sum(u64);

impl Stage for Sum {
    fn run(&mut self, _: &Context, _: &mut Out<'_>) -> Result<(), DcmdError> {
        Ok(())
    }
    fn push(&mut self, _: &Context, batch: &[Item], _: &mut Out<'_>) -> Result<Flow, DcmdError> {
        self.0 += batch.iter().map(|item| item.word).sum::<u64>();
        Ok(Flow::Continue)
    }
    fn finish(&mut self, _: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        out.emit(Item::number(self.0)).map(|_| ())
    }
}

fn plan(dcmds: &[&'static Dcmd]) -> Result<Plan, PlanError> {
    let call = |dcmd: &&'static Dcmd| Call { dcmd, name: dcmd.name.to_owned(), args: Args::default() };
    Plan::new(dcmds.iter().map(call).collect(), false)
}

fn run(session: &Session, dcmds: &[&'static Dcmd]) -> (Result<(), DcmdError>, String, String) {
    let ended = plan(dcmds).unwrap().run(&session.context, false, None, &session.context.text);
    session.context.text.flush().unwrap();
    (ended, session.results.take(), session.messages.take())
}

fn head() -> &'static Dcmd {
    shell::dcmds::find("head").unwrap()
}

#[test]
fn a_stage_that_has_enough_stops_those_before_it() {
    let session = Session::empty();
    let (ended, results, _) = run(&session, &[&NATURALS, &SUM, head()]);
    assert!(ended.is_ok());
    assert_eq!(
        results,
        format!("{:x}\n", 10_000_000u64 * 10_000_001 / 2),
        "all flow where nobody has enough"
    );
    let (ended, results, messages) = run(&session, &[&NATURALS, head()]);
    assert!(ended.is_ok());
    assert_eq!((results.as_str(), messages.as_str()), ("1\n2\n3\n4\n5\n6\n7\n8\n9\na\n", ""));
    let made = session.context.variables.borrow().get("made").unwrap();
    assert!(made <= 4096, "{made} were made for ten");
    let (_, results, _) = run(&session, &[&NATURALS, &INTERRUPT_FREE, head()]);
    assert_eq!(results.lines().count(), 10);
    assert!(session.context.variables.borrow().get("made").unwrap() <= 4096);
}

/// Hands everything on.
static INTERRUPT_FREE: Dcmd = dcmd("pass", Takes::Anything, Yields::Same, |_, _| {
    Ok(for_each_item(|_, item, out| out.emit(item).map(|_| ())))
});

#[test]
fn an_error_in_one_item_leaves_the_others() {
    let session = Session::empty();
    let (ended, results, messages) = run(&session, &[&FIVE, &ODD, &INTERRUPT_FREE]);
    assert!(ended.is_ok());
    assert_eq!(results, "1\n3\n5\n");
    assert_eq!(messages, "v8mdb: 2 is even\nv8mdb: 4 is even\n");
    assert!(session.context.has_failed());
}

#[test]
fn an_abort_ends_the_pipe() {
    let session = Session::empty();
    let (ended, results, _) = run(&session, &[&FIVE, &ABORT]);
    assert!(matches!(ended, Err(DcmdError::Abort(reason)) if reason == "three"));
    assert_eq!(results, "1\n2\n");
}

#[test]
fn an_interrupt_ends_the_pipe_and_the_next_one_runs() {
    let session = Session::empty();
    let (ended, results, _) = run(&session, &[&FIVE, &INTERRUPT]);
    assert!(matches!(ended, Err(DcmdError::Interrupted)));
    assert_eq!(results, "1\n2\n");
    session.context.interrupt.clear();
    let (ended, results, _) = run(&session, &[&FIVE, &SUM]);
    assert!(ended.is_ok());
    assert_eq!(results, "f\n");
}

#[test]
fn stages_must_fit() {
    match plan(&[&FIVE, &INTERRUPT_FREE, &THREADS]) {
        Err(PlanError::Mismatch { stage: 2, message }) => assert_eq!(
            message,
            "cannot pipe '::pass' into '::threads': ::pass yields addresses, ::threads takes threads"
        ),
        other => panic!("{other:?}"),
    }
    assert!(plan(&[&FIVE, &SUM, &THREADS]).is_ok(), "a number may be anything");
    assert!(matches!(plan(&[&THREADS, &SUM]), Err(PlanError::Mismatch { stage: 1, .. })));
    assert!(matches!(plan(&[&FIVE, &NATURALS]), Err(PlanError::Mismatch { stage: 1, .. })));
}

#[test]
fn wrong_arguments_of_a_later_stage_stop_the_line_before_it_runs() {
    let session = Session::empty();
    let (ended, results, messages) = run(&session, &[&FIVE, &PICKY]);
    assert!(matches!(ended, Err(DcmdError::Reported)));
    assert_eq!(results, "");
    assert!(messages.starts_with("v8mdb: wrong\nUsage: [address]::picky"), "{messages}");
}

#[test]
fn a_line_without_a_target_says_so() {
    let session = Session::empty();
    let (_, messages) = session.line("::status");
    assert_eq!(messages, "v8mdb: ::status: no target is open\n");
}

#[test]
fn an_item_is_sixteen_bytes() {
    assert_eq!(size_of::<Item>(), 16);
}
