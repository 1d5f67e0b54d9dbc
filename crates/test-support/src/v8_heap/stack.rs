//! The stack of a thread in which V8 and native code have called each other.

use core_reader::{Thread, X86_64};

/// Puts a stack together, from the outermost frame inwards: frames are pushed downwards, as calls do it.
#[derive(Debug)]
pub struct StackBuilder {
    /// Address above the first word.
    top: u64,
    /// In the order of pushing.
    words: Vec<u64>,
    /// The frame pointer.
    fp: u64,
    /// That of the last exit frame.
    last_exit: u64,
}

/// Stands for any return address.
const RETURN: u64 = 0x40_1234;
/// Twice `StackFrame::ENTRY`, and twice `StackFrame::EXIT`.
const ENTRY: u64 = 2;
const EXIT: u64 = 6;

impl StackBuilder {
    /// An empty stack that ends at an address.
    pub fn new(top: u64) -> StackBuilder {
        StackBuilder { top, words: Vec::new(), fp: 0, last_exit: 0 }
    }

    /// Address of the word pushed last.
    pub fn sp(&self) -> u64 {
        self.top - 8 * self.words.len() as u64
    }

    /// The frame pointer.
    pub fn fp(&self) -> u64 {
        self.fp
    }

    fn push(&mut self, word: u64) -> u64 {
        self.words.push(word);
        self.sp()
    }

    fn frame(&mut self, saved: u64) {
        self.push(RETURN);
        self.fp = self.push(saved);
    }

    /// A frame of a native function without a frame pointer of its own, with these words in it.
    pub fn native(&mut self, words: &[u64]) {
        self.push(RETURN);
        for word in words {
            self.push(*word);
        }
    }

    /// An entry frame: native code calls JavaScript.
    pub fn entry(&mut self) {
        // The saved frame pointer is whatever C++ had in that register.
        self.frame(0x7777);
        self.push(ENTRY);
        for _ in 0..6 {
            self.push(0x1111);
        }
        self.push(self.last_exit);
    }

    /// A frame of a function of JavaScript, with these words in it.
    pub fn function(&mut self, function: u64, context: u64, words: &[u64]) {
        self.frame(self.fp);
        self.push(context);
        self.push(function);
        self.push(1);
        for word in words {
            self.push(*word);
        }
    }

    /// A frame of a builtin, of some type, with these words in it.
    pub fn typed(&mut self, kind: u64, words: &[u64]) {
        self.frame(self.fp);
        self.push(2 * kind);
        for word in words {
            self.push(*word);
        }
    }

    /// An exit frame: JavaScript calls native code.
    pub fn exit(&mut self) {
        self.frame(self.fp);
        self.push(EXIT);
        let sp = self.sp() - 8;
        self.push(sp);
        self.last_exit = self.fp;
    }

    /// Frame pointer of the last exit frame, 0 if there is none: what the isolate says of it.
    pub fn last_exit(&self) -> u64 {
        self.last_exit
    }

    /// All calls of JavaScript have returned; their frames are still where they were.
    pub fn is_done(&mut self) {
        self.is_done_to(0);
    }

    /// All calls have returned that were made after this frame was the last of V8.
    pub fn is_done_to(&mut self, exit: u64) {
        self.last_exit = exit;
        self.fp = 0x7777;
    }

    /// Address of the lowest word, the bytes, and a thread that stands there.
    pub fn build(self, id: u32, rax: u64) -> (u64, Vec<u8>, Thread) {
        let values = [("rsp", self.sp()), ("rbp", self.fp), ("rax", rax), ("rip", RETURN)];
        let registers = X86_64.registers_of(&values);
        let bytes = self.words.iter().rev().flat_map(|word| word.to_le_bytes()).collect();
        (self.sp(), bytes, Thread { id, signal: 0, registers })
    }
}
