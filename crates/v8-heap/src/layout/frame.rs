//! Where a JavaScript function that runs keeps what it is, counted from its frame pointer.
//!
//! The stack of V8 on x86-64 grows downwards: context, function and number of arguments are pushed below the saved frame pointer, then
//! what the interpreter needs; the receiver is the first word above the return address (V8: `src/execution/frame-constants.h`,
//! `StandardFrameConstants`, `InterpreterFrameConstants`, `BaselineFrameConstants`; the same from 11.3 to 14.6).

/// Bytes below the frame pointer at which the `Context` is.
pub(crate) const CONTEXT_BELOW: u64 = 8;
/// Bytes below the frame pointer at which the `JSFunction` is.
pub(crate) const FUNCTION_BELOW: u64 = 16;
/// Bytes below the frame pointer at which the interpreter keeps the `BytecodeArray`.
pub(crate) const BYTECODE_BELOW: u64 = 32;
/// Bytes below the frame pointer at which the interpreter keeps how far it is, as a small integer that counts from the tagged pointer to
/// the `BytecodeArray`.
pub(crate) const BYTECODE_OFFSET_BELOW: u64 = 40;
/// Bytes above the frame pointer at which the receiver is.
pub(crate) const RECEIVER_ABOVE: u64 = 16;
