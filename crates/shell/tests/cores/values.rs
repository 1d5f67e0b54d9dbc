//! What `::jsprint` prints, against what the programs wrote.

use test_support::scenarios::shipped;
use test_support::scenarios::verdict;

use crate::debugger;

#[test]
fn every_value_is_as_the_programs_wrote_it() {
    for core in shipped::all() {
        let mut failures = Vec::new();
        let groups = debugger(core).groups().unwrap();
        let right =
            verdict::check_values(&debugger(core), &core.facts().unwrap(), &groups, &mut failures).unwrap();
        assert!(failures.is_empty(), "{core}: {failures:#?}");
        assert!(right > 0, "{core}: nothing to compare");
    }
}
