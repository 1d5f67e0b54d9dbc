//! What a processor does to registers and memory when it runs code: followed instruction by instruction, over a copy.
//!
//! Nothing of the program is really run: an instruction is looked up, and its effect is worked out on values of ours.

use std::collections::HashSet;
use std::fmt;

use super::halt::{CallFrame, Halt};
use super::private_memory::{ByNumber, PrivateMemory};

/// Where calls stop: addresses of functions, and of words through which they are called.
pub(crate) type Stops = HashSet<u64, ByNumber>;

/// The state of a processor.
pub(crate) trait Processor: fmt::Debug {
    /// Follows code until a call, a jump or a return leads to one of `stops`, and says which. `steps` is how many instructions are left.
    ///
    /// # Errors
    /// Why it cannot go on.
    fn run(&mut self, memory: &mut PrivateMemory<'_>, stops: &Stops, steps: &mut u64) -> Result<u64, Halt>;

    /// Is about to run a function that returns to `back`.
    ///
    /// # Errors
    /// That of the stack.
    fn enter(
        &mut self,
        memory: &mut PrivateMemory<'_>,
        function: u64,
        arguments: &[u64],
        back: u64,
    ) -> Result<(), Halt>;

    /// At the start of a function: returns from it with these values.
    ///
    /// # Errors
    /// That of the stack.
    fn leave(&mut self, memory: &mut PrivateMemory<'_>, values: (u64, u64)) -> Result<(), Halt>;

    /// At the start of a function, an argument that is a number or an address: the first six.
    fn argument(&self, number: usize) -> u64;

    /// What the function that has returned gave back.
    fn result(&self) -> u64;

    /// Registers to come back to, as another function is run in between.
    fn registers(&self) -> Vec<u64>;

    /// Puts such registers back.
    fn set_registers(&mut self, registers: &[u64]);

    fn set_stack(&mut self, stack: u64);

    /// The instruction that is next.
    fn at(&self) -> u64;

    /// The calls that have not returned, outermost first.
    fn calls(&self) -> &[CallFrame];
}
