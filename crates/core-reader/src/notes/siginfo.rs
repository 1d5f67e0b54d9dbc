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
const SIGNALS: [(u16, &str, &str); 15] = [
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
    (15, "SIGTERM", "asked to terminate"),
    (19, "SIGSTOP", "stopped"),
    (24, "SIGXCPU", "used up its processor time"),
    (25, "SIGXFSZ", "exceeded the file size limit"),
    (31, "SIGSYS", "forbidden system call"),
];

/// `si_code` values from here on are from the kernel; 0 and below were sent by a process.
const FIRST_KERNEL_CODE: i32 = 1;

impl SignalInfo {
    /// The signal `number`, with the details of `note` if that is about the same signal.
    pub(crate) fn new(number: u16, note: Option<&[u8]>) -> SignalInfo {
        let known = SIGNALS.iter().find(|(signal, ..)| *signal == number);
        let mut info = SignalInfo {
            number,
            name: known.map_or_else(|| format!("SIG{number}"), |(_, name, _)| (*name).to_owned()),
            description: known.map_or("no description known", |(.., text)| text),
            code: None,
            fault_address: None,
            sender: None,
        };
        let Some(fields) = note.map(Fields).filter(|fields| fields.i32(0) == Some(i32::from(number))) else {
            return info;
        };
        info.code = fields.i32(8);
        match info.code {
            Some(code) if code < FIRST_KERNEL_CODE => info.sender = fields.u32(16),
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
