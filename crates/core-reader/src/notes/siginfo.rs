//! `NT_SIGINFO`: what the kernel knew of the signal that ended the process.
//!
//! Source: `siginfo_t`, `include/uapi/asm-generic/siginfo.h`: `si_signo`, `si_errno`, `si_code` (32 bits each), then
//! at offset 16 a union that depends on the signal. 128 bytes.

use std::fmt;

use crate::Address;
use crate::fields::Fields;

/// The signal a core was taken on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignalInfo {
    /// Its number.
    pub number: u16,
    /// Its name, such as `SIGSEGV`; `SIG42` where it has none.
    pub name: String,
    /// What the signal means, in words.
    pub description: &'static str,
    /// `si_code`, if the core has an `NT_SIGINFO` note.
    pub code: Option<i32>,
    /// The address that was touched or the instruction that could not be executed (`si_addr`), for signals raised by
    /// the processor.
    pub fault_address: Option<Address>,
    /// The process that sent the signal (`si_pid`), if one did. After `abort()` it is the process itself.
    pub sender: Option<u32>,
    /// The user it ran as (`si_uid`).
    pub sender_user: Option<u32>,
    /// `si_errno`
    pub errno: Option<i32>,
}

impl fmt::Display for SignalInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.name, self.number, self.description)?;
        if let Some(address) = self.fault_address {
            write!(f, ", at address {address:#x}")?;
        }
        if let Some(sender) = self.sender {
            write!(f, ", sent by process {sender}")?;
        }
        Ok(())
    }
}

/// The signals of Linux on x86-64 (`arch/x86/include/uapi/asm/signal.h`) that can end a process with a core, and those
/// that a debugger leaves in one.
const SIGNALS: [(u16, &str, &str); 19] = [
    (1, "SIGHUP", "the terminal was closed"),
    (2, "SIGINT", "interrupted from the terminal"),
    (3, "SIGQUIT", "quit from the terminal"),
    (4, "SIGILL", "illegal instruction"),
    (5, "SIGTRAP", "breakpoint or trap (V8 ends on a failed check this way)"),
    (6, "SIGABRT", "aborted by the program itself"),
    (7, "SIGBUS", "access to memory with no storage behind it"),
    (8, "SIGFPE", "arithmetic fault"),
    (9, "SIGKILL", "killed"),
    (10, "SIGUSR1", "user-defined signal 1"),
    (11, "SIGSEGV", "access to memory that is not mapped or not allowed"),
    (12, "SIGUSR2", "user-defined signal 2"),
    (13, "SIGPIPE", "write to a pipe or socket that nobody reads"),
    (14, "SIGALRM", "a timer expired"),
    (15, "SIGTERM", "asked to terminate"),
    (19, "SIGSTOP", "stopped"),
    (24, "SIGXCPU", "used up its processor time"),
    (25, "SIGXFSZ", "exceeded the file size limit"),
    (31, "SIGSYS", "forbidden system call"),
];

/// Codes with their signal, 0 for any (`include/uapi/asm-generic/siginfo.h`).
const CODES: [(u16, i32, &str, &str); 44] = [
    (0, 0, "SI_USER", "sent by kill()"),
    (0, 0x80, "SI_KERNEL", "raised by the kernel"),
    (0, -1, "SI_QUEUE", "sent by sigqueue()"),
    (0, -2, "SI_TIMER", "a timer expired"),
    (0, -3, "SI_MESGQ", "a message queue changed"),
    (0, -4, "SI_ASYNCIO", "asynchronous input or output completed"),
    (0, -5, "SI_SIGIO", "input or output became possible"),
    (0, -6, "SI_TKILL", "sent to one thread, by tgkill(), as raise() and abort() do"),
    (4, 1, "ILL_ILLOPC", "illegal opcode"),
    (4, 2, "ILL_ILLOPN", "illegal operand"),
    (4, 3, "ILL_ILLADR", "illegal addressing mode"),
    (4, 4, "ILL_ILLTRP", "illegal trap"),
    (4, 5, "ILL_PRVOPC", "privileged opcode"),
    (4, 6, "ILL_PRVREG", "privileged register"),
    (4, 7, "ILL_COPROC", "coprocessor error"),
    (4, 8, "ILL_BADSTK", "internal stack error"),
    (5, 1, "TRAP_BRKPT", "breakpoint"),
    (5, 2, "TRAP_TRACE", "single step"),
    (5, 3, "TRAP_BRANCH", "branch taken"),
    (5, 4, "TRAP_HWBKPT", "hardware breakpoint"),
    (5, 5, "TRAP_UNK", "undiagnosed trap"),
    (5, 6, "TRAP_PERF", "performance event"),
    (7, 1, "BUS_ADRALN", "misaligned address"),
    (7, 2, "BUS_ADRERR", "no memory behind the address, such as a mapped file that was cut short"),
    (7, 3, "BUS_OBJERR", "error of the object behind the memory"),
    (7, 4, "BUS_MCEERR_AR", "memory error consumed"),
    (7, 5, "BUS_MCEERR_AO", "memory error found"),
    (8, 1, "FPE_INTDIV", "integer division by zero"),
    (8, 2, "FPE_INTOVF", "integer overflow"),
    (8, 3, "FPE_FLTDIV", "division by zero"),
    (8, 4, "FPE_FLTOVF", "overflow"),
    (8, 5, "FPE_FLTUND", "underflow"),
    (8, 6, "FPE_FLTRES", "inexact result"),
    (8, 7, "FPE_FLTINV", "invalid operation"),
    (8, 8, "FPE_FLTSUB", "subscript out of range"),
    (11, 1, "SEGV_MAPERR", "nothing is mapped at the address"),
    (11, 2, "SEGV_ACCERR", "the mapping does not allow the access"),
    (11, 3, "SEGV_BNDERR", "bounds check failed"),
    (11, 4, "SEGV_PKUERR", "protection key check failed"),
    (11, 5, "SEGV_ACCADI", "tag check failed"),
    (11, 8, "SEGV_MTEAERR", "asynchronous tag check failed"),
    (11, 9, "SEGV_MTESERR", "synchronous tag check failed"),
    (31, 1, "SYS_SECCOMP", "a filter forbade the system call"),
    (31, 2, "SYS_USER_DISPATCH", "the system call was given to the program"),
];

/// The name of a signal, such as `SIGSEGV`; `SIG42` where it has none.
pub fn signal_name(number: u16) -> String {
    let known = SIGNALS.iter().find(|(signal, ..)| *signal == number);
    known.map_or_else(|| format!("SIG{number}"), |(_, name, _)| (*name).to_owned())
}

/// `si_code` values from here on are from the kernel; 0 and below were sent by a process.
const FIRST_KERNEL_CODE: i32 = 1;

impl SignalInfo {
    /// What `si_code` means: its name, and in words. `None` for a code without a name, or if there is no note.
    pub fn code_name(&self) -> Option<(&'static str, &'static str)> {
        let code = self.code?;
        let own = CODES.iter().find(|(signal, known, ..)| *signal == self.number && *known == code);
        let any = || CODES.iter().find(|(signal, known, ..)| *signal == 0 && *known == code);
        own.or_else(any).map(|(.., name, text)| (*name, *text))
    }

    /// The signal that a note speaks of.
    pub(crate) fn of_note(note: &[u8]) -> Option<SignalInfo> {
        let number = u16::try_from(Fields(note).i32(0)?).ok()?;
        Some(SignalInfo::new(number, Some(note)))
    }

    /// The signal `number`, with the details of `note` if that is about the same signal.
    pub(crate) fn new(number: u16, note: Option<&[u8]>) -> SignalInfo {
        let known = SIGNALS.iter().find(|(signal, ..)| *signal == number);
        let mut info = SignalInfo {
            number,
            name: signal_name(number),
            description: known.map_or("no description known", |(.., text)| text),
            code: None,
            fault_address: None,
            sender: None,
            sender_user: None,
            errno: None,
        };
        let Some(fields) = note.map(Fields).filter(|fields| fields.i32(0) == Some(i32::from(number))) else {
            return info;
        };
        info.code = fields.i32(8);
        info.errno = fields.i32(4);
        match info.code {
            Some(code) if code < FIRST_KERNEL_CODE => {
                info.sender = fields.u32(16);
                info.sender_user = fields.u32(20);
            }
            Some(_) if matches!(number, 4 | 5 | 7 | 8 | 11) => {
                info.fault_address = fields.u64(16).map(Address);
            }
            _ => {}
        }
        info
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_has_an_address_and_a_sent_signal_a_sender() {
        let mut note = vec![0; 128];
        note[0] = 11; // si_signo
        note[8] = 1; // si_code: SEGV_MAPERR
        note[16..24].copy_from_slice(&0xdead_beef_u64.to_le_bytes()); // si_addr
        let info = SignalInfo::new(11, Some(&note));
        assert_eq!(info.fault_address, Some(Address(0xdead_beef)));
        assert_eq!(
            info.to_string(),
            "SIGSEGV (11): access to memory that is not mapped or not allowed, at address 0xdeadbeef"
        );

        note[0] = 6;
        note[8..12].copy_from_slice(&(-6_i32).to_le_bytes()); // SI_TKILL
        note[16..24].copy_from_slice(&[0x39, 5, 0, 0, 0, 0, 0, 0]); // si_pid 1337
        let info = SignalInfo::new(6, Some(&note));
        assert_eq!((info.fault_address, info.sender), (None, Some(1337)));
    }

    #[test]
    fn a_note_about_another_signal_is_not_believed() {
        let mut note = vec![0; 128];
        note[0] = 19;
        assert_eq!(SignalInfo::new(11, Some(&note)).code, None);
    }
}
