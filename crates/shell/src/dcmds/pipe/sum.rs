//! `::sum`: add up the value of an expression.
//!
//! Of all objects that flow in, for each expression: how many have a number there, their sum, the least, the greatest, and the
//! mean. What is no number is counted apart. `::help where` says what expressions there are.
//!
//! `-j` prints each as a line of JSON with the fields `expression`, `count`, `other`, `sum`, `min`, `max` and `mean`; the last
//! three are null where nothing was counted.

use std::io::Write;

use serde_json::json;

use super::r#where::fault;
use crate::answers::members::OfMembers;
use crate::answers::sources::values;
use crate::context::Context;
use crate::dcmd::{AddressUse, Capability, Dcmd, Example, Family, Operands, Opt, Takes, Yields};
use crate::error::DcmdError;
use crate::jsexpr::{JsExpr, JsValue};
use crate::output::{self, Column, Table, escape};
use crate::print::format_number;
use crate::stage::{Flow, Out, Stage};
use crate::value::{Item, Kind};

/// What it says, on files that ship.
const EXAMPLES: &[Example] = &[
    Example::on(
        "leak-24",
        "::findjsobjects -c UpstreamConnection | ::findjsobjects | ::sum load request.id",
        r#"
   COUNT    OTHER            SUM            MIN            MAX           MEAN EXPRESSION
     800        0           3800           0.25           9.25           4.75 load
     800        0         961200              3           2400         1201.5 request.id
"#,
    ),
    Example::on_snapshot(
        "sessions-24",
        "::findjsobjects -c Session | ::sum [[RetainedSize]] [[ShallowSize]]",
        r#"
   COUNT    OTHER            SUM            MIN            MAX           MEAN EXPRESSION
     300        0         537600           1776           1800           1792 [[RetainedSize]]
     300        0          19200             64             64             64 [[ShallowSize]]
"#,
    ),
];

pub(crate) static DCMD: Dcmd = Dcmd {
    name: "sum",
    aliases: &[],
    summary: "add up the value of an expression",
    family: Family::Pipes,
    address: AddressUse::Required,
    takes: Takes::Only(&[Kind::Value, Kind::Address]),
    yields: Yields::Text,
    options: &[Opt::flag('j', "print one JSON object for each expression")],
    operands: Operands::between("expression ...", 1, usize::MAX),
    needs: &[Capability::Graph],
    manual: include_str!("sum.rs"),
    examples: EXAMPLES,
    start: |_, args| {
        let expressions = super::r#where::expressions(args)?;
        let sums = expressions.iter().map(|_| Sum::default()).collect();
        Ok(Box::new(OfMembers(Sums { expressions, sums, json: args.has('j') })))
    },
};

static TABLE: Table = Table::new(&[
    Column::right("COUNT", 8),
    Column::right("OTHER", 8),
    Column::right("SUM", 14),
    Column::right("MIN", 14),
    Column::right("MAX", 14),
    Column::right("MEAN", 14),
    Column::left("EXPRESSION", 0),
]);

#[derive(Default)]
struct Sum {
    count: u64,
    other: u64,
    sum: f64,
    /// What rounding has taken from `sum` (Neumaier's summation).
    lost: f64,
    least: Option<f64>,
    greatest: Option<f64>,
}

impl Sum {
    fn add(&mut self, value: Option<f64>) {
        let Some(number) = value.filter(|number| !number.is_nan()) else {
            self.other += 1;
            return;
        };
        self.count += 1;
        let sum = self.sum + number;
        if sum.is_finite() {
            let (large, small) =
                if self.sum.abs() >= number.abs() { (self.sum, number) } else { (number, self.sum) };
            self.lost += large - sum + small;
        }
        self.sum = sum;
        self.least = Some(self.least.map_or(number, |least| least.min(number)));
        self.greatest = Some(self.greatest.map_or(number, |greatest| greatest.max(number)));
    }

    fn total(&self) -> f64 {
        if self.sum.is_finite() { self.sum + self.lost } else { self.sum }
    }

    fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.total() / self.count as f64)
    }
}

struct Sums {
    expressions: Vec<JsExpr>,
    sums: Vec<Sum>,
    json: bool,
}

impl Stage for Sums {
    fn run(&mut self, _: &Context, _: &mut Out<'_>) -> Result<(), DcmdError> {
        Err(DcmdError::usage(""))
    }

    fn push(&mut self, context: &Context, batch: &[Item], out: &mut Out<'_>) -> Result<Flow, DcmdError> {
        let values = values(context)?;
        context.check_interrupt()?;
        for &item in batch {
            context.set_dot(item.word);
            for (expression, sum) in self.expressions.iter().zip(&mut self.sums) {
                match expression.value(&*values, item.word) {
                    Ok(JsValue::Number(number)) => sum.add(Some(number)),
                    // Beyond 53 bits it is rounded, as Number(…) does.
                    Ok(JsValue::BigInt(digits)) => sum.add(digits.parse().ok()),
                    Ok(_) => sum.add(None),
                    Err(error) => {
                        sum.add(None);
                        fault(context, item, error, out)?;
                    }
                }
            }
        }
        Ok(Flow::Continue)
    }

    fn finish(&mut self, context: &Context, out: &mut Out<'_>) -> Result<(), DcmdError> {
        super::r#where::complain(context, &self.expressions)?;
        if !self.json {
            TABLE.heading(context.colours, &mut out.text())?;
        }
        for (expression, sum) in self.expressions.iter().zip(&self.sums) {
            if self.json {
                let line = json!({
                    "expression": expression.text(), "count": sum.count, "other": sum.other, "sum": sum.total(),
                    "min": sum.least, "max": sum.greatest, "mean": sum.mean(),
                });
                writeln!(out.text(), "{}", output::json(&line))?;
                continue;
            }
            let number = |value: Option<f64>| value.map_or("-".to_owned(), format_number);
            let cells =
                [number(Some(sum.total())), number(sum.least), number(sum.greatest), number(sum.mean())];
            TABLE.row(
                &[
                    &sum.count,
                    &sum.other,
                    &cells[0],
                    &cells[1],
                    &cells[2],
                    &cells[3],
                    &escape(expression.text()),
                ],
                &mut out.text(),
            )?;
        }
        Ok(())
    }
}
