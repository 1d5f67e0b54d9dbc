//! Functions that are followed over a core, instruction by instruction: against arithmetic of Rust's, and code that was written by hand
//! from the processor's manual (Intel, volume 2).
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation)] // a test may panic

use core_reader::{Core, Emulator, Halt, Host, Limits, OpenOptions, Reply};
use proptest::prelude::*;
use test_support::elf_core::ElfCore;

const CODE: u64 = 0x40_0000;
const DATA: u64 = 0x60_0000;
const LIMITS: Limits = Limits { steps: 200_000, bytes: 1 << 20 };

/// A process with this code and 8 KB of data.
fn process(code: &[u8]) -> Core {
    let mut page = code.to_vec();
    page.resize(page.len().next_multiple_of(4096), 0xcc);
    let data: Vec<u8> = (0..8192_u32).map(|index| index as u8).collect();
    let built = ElfCore::new().dumped("code", CODE, "r-x", &page).dumped("data", DATA, "rw-", &data).build();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("core");
    std::fs::write(&path, built.bytes).unwrap();
    Core::open(&OpenOptions { core: path, ..OpenOptions::default() }).unwrap()
}

fn emulator(core: &Core) -> Emulator<'_> {
    Emulator::new(core.memory(), core.symbols(), 0, LIMITS).unwrap()
}

/// Answers nothing.
struct Nobody;

impl Host for Nobody {
    fn called(&mut self, _: &mut Emulator<'_>, _: u64) -> Result<Reply, Halt> {
        Err(Halt::Interrupted)
    }
}

fn result_of(code: &[u8], arguments: &[u64]) -> Result<u64, Halt> {
    let core = process(code);
    emulator(&core).call(CODE, arguments, &mut Nobody)
}

/// `rax`, `rdx`, and carry, overflow, sign, zero and parity behind some code that does not touch `r9`.
fn outcome(code: &[u8], arguments: [u64; 4]) -> (u64, u64, [bool; 5]) {
    let mut whole = code.to_vec();
    whole.extend([0x49, 0x89, 0x01]); // mov [r9], rax
    whole.extend([0x49, 0x89, 0x51, 16]); // mov [r9 + 16], rdx
    for (number, condition) in [0x92, 0x90, 0x98, 0x94, 0x9a].into_iter().enumerate() {
        whole.extend([0x41, 0x0f, condition, 0x41, 8 + number as u8]); // setcc [r9 + 8 + number]
    }
    whole.push(0xc3);
    let core = process(&whole);
    let mut emulator = emulator(&core);
    let [one, two, three, four] = arguments;
    emulator.call(CODE, &[one, two, three, four, 0, DATA], &mut Nobody).unwrap();
    let [rax, flags, rdx] = [0, 8, 16].map(|at| emulator.word(DATA + at).unwrap());
    (rax, rdx, [0, 8, 16, 24, 32].map(|shift| flags >> shift & 0xff == 1))
}

/// `OP rax, rsi` in a size, by the opcode for larger ones.
fn with_size(opcode: u8, size: u32) -> Vec<u8> {
    match size {
        1 => vec![0x40, opcode - 1, 0xf0],
        2 => vec![0x66, opcode, 0xf0],
        4 => vec![opcode, 0xf0],
        _ => vec![0x48, opcode, 0xf0],
    }
}

fn mask(size: u32) -> u64 {
    u64::MAX >> (64 - 8 * size)
}

fn signed(value: u64, size: u32) -> i128 {
    let unused = 64 - 8 * size;
    i128::from((value << unused) as i64 >> unused)
}

/// What is left in a register of which a part was set.
fn merged(old: u64, new: u64, size: u32) -> u64 {
    match size {
        8 => new,
        4 => new & mask(4),
        _ => old & !mask(size) | new & mask(size),
    }
}

fn of_result(value: u64, size: u32) -> [bool; 3] {
    [signed(value, size) < 0, value & mask(size) == 0, (value as u8).count_ones().is_multiple_of(2)]
}

fn sizes() -> impl Strategy<Value = u32> {
    prop_oneof![Just(1_u32), Just(2), Just(4), Just(8)]
}

/// Numbers at whose borders things happen.
fn numbers() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        (0..64_u32, -2..3_i64).prop_map(|(bit, by)| (1_u64 << bit).wrapping_add(by as u64)),
        (-3..4_i64).prop_map(|small| small as u64),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn sums_and_differences(
        one in numbers(), other in numbers(), size in sizes(), kind in 0..5_usize, carry in any::<bool>(),
    ) {
        // add, adc, sub, sbb, cmp
        let opcode = [0x01, 0x11, 0x29, 0x19, 0x39][kind];
        let mut code = vec![0x48, 0x89, 0xf8, if carry { 0xf9 } else { 0xf8 }]; // mov rax, rdi; stc or clc
        code.extend(with_size(opcode, size));
        let (rax, _, flags) = outcome(&code, [one, other, 0, 0]);
        let with = u64::from(carry && matches!(kind, 1 | 3));
        let (a, b) = (one & mask(size), other & mask(size));
        let (result, carries, exact) = if kind < 2 {
            let whole = u128::from(a) + u128::from(b) + u128::from(with);
            (whole as u64, whole > u128::from(mask(size)), signed(a, size) + signed(b, size) + i128::from(with))
        } else {
            let borrows = u128::from(a) < u128::from(b) + u128::from(with);
            let exact = signed(a, size) - signed(b, size) - i128::from(with);
            (a.wrapping_sub(b).wrapping_sub(with), borrows, exact)
        };
        let result = result & mask(size);
        let [sign, zero, parity] = of_result(result, size);
        let overflows = signed(result, size) != exact;
        prop_assert_eq!(flags, [carries, overflows, sign, zero, parity]);
        prop_assert_eq!(rax, if kind == 4 { one } else { merged(one, result, size) });
    }

    #[test]
    fn bits(one in numbers(), other in numbers(), size in sizes(), kind in 0..4_usize) {
        // and, or, xor, test
        let opcode = [0x21, 0x09, 0x31, 0x85][kind];
        let mut code = vec![0x48, 0x89, 0xf8];
        code.extend(with_size(opcode, size));
        let (rax, _, flags) = outcome(&code, [one, other, 0, 0]);
        let result = [one & other, one | other, one ^ other, one & other][kind] & mask(size);
        let [sign, zero, parity] = of_result(result, size);
        prop_assert_eq!(flags, [false, false, sign, zero, parity]);
        prop_assert_eq!(rax, if kind == 3 { one } else { merged(one, result, size) });
    }

    #[test]
    fn shifts(value in numbers(), count in 0..64_u64, is_long in any::<bool>(), kind in 0..5_usize) {
        // shl, shr, sar, rol, ror by cl
        let form = [0xe0, 0xe8, 0xf8, 0xc0, 0xc8][kind];
        let mut code = vec![0x48, 0x89, 0xf8, 0x89, 0xf1]; // mov rax, rdi; mov ecx, esi
        code.extend(if is_long { vec![0x48, 0xd3, form] } else { vec![0xd3, form] });
        let (rax, _, flags) = outcome(&code, [value, count, 0, 0]);
        let expected = if is_long {
            let by = count as u32;
            [value << by, value >> by, (value as i64 >> by) as u64, value.rotate_left(by), value.rotate_right(by)]
        } else {
            let (value, by) = (value as u32, count as u32 & 31);
            let all = [value << by, value >> by, (value as i32 >> by) as u32, value.rotate_left(by), value.rotate_right(by)];
            all.map(u64::from)
        }[kind];
        prop_assert_eq!(rax, expected);
        let (size, by) = if is_long { (8, count as u32) } else { (4, count as u32 & 31) };
        if by > 0 {
            let a = value & mask(size);
            let carry = match kind {
                0 => a >> (8 * size - by) & 1 == 1,
                1 => a >> (by - 1) & 1 == 1,
                2 => signed(a, size) >> (by - 1) & 1 == 1,
                3 => rax & 1 == 1,
                _ => signed(rax, size) < 0,
            };
            prop_assert_eq!(flags[0], carry);
        }
    }

    #[test]
    fn products_and_quotients(one in numbers(), other in numbers(), high in numbers()) {
        // mov rax, rdi; mul rsi
        let (rax, rdx, flags) = outcome(&[0x48, 0x89, 0xf8, 0x48, 0xf7, 0xe6], [one, other, high, 0]);
        let whole = u128::from(one) * u128::from(other);
        prop_assert_eq!((rax, rdx, flags[0]), (whole as u64, (whole >> 64) as u64, whole >> 64 != 0));
        // mov rax, rdi; imul rsi
        let (rax, rdx, flags) = outcome(&[0x48, 0x89, 0xf8, 0x48, 0xf7, 0xee], [one, other, high, 0]);
        let whole = i128::from(one as i64) * i128::from(other as i64);
        prop_assert_eq!((rax, rdx), (whole as u64, (whole >> 64) as u64));
        prop_assert_eq!(flags[1], i128::from(whole as i64) != whole);
        // imul eax, esi, -7
        let (rax, ..) = outcome(&[0x6b, 0xc6, 0xf9], [one, other, 0, 0]);
        prop_assert_eq!(rax, u64::from((other as u32).wrapping_mul(7).wrapping_neg()));
        // mov rax, rdi; div rsi: of rdx:rax
        let dividend = u128::from(high) << 64 | u128::from(one);
        let divided = result_of(&[0x48, 0x89, 0xf8, 0x48, 0xf7, 0xf6, 0xc3], &[one, other, high]);
        match dividend.checked_div(u128::from(other)).filter(|quotient| *quotient <= u128::from(u64::MAX)) {
            Some(quotient) => prop_assert_eq!(divided, Ok(quotient as u64)),
            None => prop_assert!(matches!(divided, Err(Halt::Trap(_)))),
        }
        // mov eax, edi; cdq; idiv esi; mov eax, edx
        let rest = result_of(&[0x89, 0xf8, 0x99, 0xf7, 0xfe, 0x89, 0xd0, 0xc3], &[one, other]);
        match (one as i32).checked_rem(other as i32) {
            Some(expected) => prop_assert_eq!(rest, Ok(u64::from(expected as u32))),
            None => prop_assert!(matches!(rest, Err(Halt::Trap(_)))),
        }
    }

    #[test]
    fn conditions(one in numbers(), other in numbers()) {
        // mov eax, 1; cmp rdi, rsi; cmovcc rax, rdx
        let taken = |condition: u8| {
            let code = [0xb8, 1, 0, 0, 0, 0x48, 0x39, 0xf7, 0x48, 0x0f, 0x40 | condition, 0xc2, 0xc3];
            result_of(&code, &[one, other, 2]) == Ok(2)
        };
        let (a, b) = (one as i64, other as i64);
        let expected = [
            (2, one < other), (3, one >= other), (4, one == other), (5, one != other), (6, one <= other),
            (7, one > other), (12, a < b), (13, a >= b), (14, a <= b), (15, a > b),
        ];
        for (condition, is_taken) in expected {
            prop_assert_eq!(taken(condition), is_taken, "condition {}", condition);
        }
    }

    #[test]
    fn bits_that_are_counted_and_tested(value in numbers(), place in numbers()) {
        // bsf, bsr, popcnt: rax, rdi
        if value != 0 {
            prop_assert_eq!(result_of(&[0x48, 0x0f, 0xbc, 0xc7, 0xc3], &[value]), Ok(u64::from(value.trailing_zeros())));
            prop_assert_eq!(result_of(&[0x48, 0x0f, 0xbd, 0xc7, 0xc3], &[value]), Ok(u64::from(value.ilog2())));
        }
        prop_assert_eq!(
            result_of(&[0xf3, 0x48, 0x0f, 0xb8, 0xc7, 0xc3], &[value]),
            Ok(u64::from(value.count_ones()))
        );
        // mov rax, rdi; bswap rax
        prop_assert_eq!(result_of(&[0x48, 0x89, 0xf8, 0x48, 0x0f, 0xc8, 0xc3], &[value]), Ok(value.swap_bytes()));
        // mov rax, rdi; btc rax, rsi
        let (rax, _, flags) = outcome(&[0x48, 0x89, 0xf8, 0x48, 0x0f, 0xbb, 0xf0], [value, place, 0, 0]);
        prop_assert_eq!((rax, flags[0]), (value ^ 1 << (place % 64), value >> (place % 64) & 1 == 1));
        // movsx rax, dil; movzx eax, di; movsxd rax, edi
        prop_assert_eq!(result_of(&[0x48, 0x0f, 0xbe, 0xc7, 0xc3], &[value]), Ok(value as i8 as u64));
        prop_assert_eq!(result_of(&[0x0f, 0xb7, 0xc7, 0xc3], &[value]), Ok(u64::from(value as u16)));
        prop_assert_eq!(result_of(&[0x48, 0x63, 0xc7, 0xc3], &[value]), Ok(value as i32 as u64));
        // mov rax, rdi; shld rax, rsi, 13
        let (rax, ..) = outcome(&[0x48, 0x89, 0xf8, 0x48, 0x0f, 0xa4, 0xf0, 13], [value, place, 0, 0]);
        prop_assert_eq!(rax, value << 13 | place >> 51);
    }

    #[test]
    fn vectors(one in numbers(), other in numbers()) {
        // movq xmm0, rdi; movq xmm1, rsi; OP xmm0, xmm1; movq rax, xmm0
        let both = |operation: &[u8]| {
            let mut code = vec![0x66, 0x48, 0x0f, 0x6e, 0xc7, 0x66, 0x48, 0x0f, 0x6e, 0xce];
            code.extend(operation);
            code.extend([0x66, 0x48, 0x0f, 0x7e, 0xc0, 0xc3]);
            result_of(&code, &[one, other]).unwrap()
        };
        let bytes = |with: fn(u8, u8) -> u8| {
            let (one, other) = (one.to_le_bytes(), other.to_le_bytes());
            u64::from_le_bytes(std::array::from_fn(|index| with(one[index], other[index])))
        };
        prop_assert_eq!(both(&[0x66, 0x0f, 0xfc, 0xc1]), bytes(u8::wrapping_add)); // paddb
        prop_assert_eq!(both(&[0x66, 0x0f, 0xf8, 0xc1]), bytes(u8::wrapping_sub)); // psubb
        prop_assert_eq!(both(&[0x66, 0x0f, 0xda, 0xc1]), bytes(u8::min)); // pminub
        let equal = |one, other| if one == other { 255 } else { 0 };
        prop_assert_eq!(both(&[0x66, 0x0f, 0x74, 0xc1]), bytes(equal)); // pcmpeqb
        prop_assert_eq!(both(&[0x66, 0x0f, 0xef, 0xc1]), one ^ other); // pxor
        prop_assert_eq!(both(&[0x66, 0x0f, 0xdf, 0xc1]), !one & other); // pandn
        prop_assert_eq!(both(&[0x66, 0x0f, 0xd4, 0xc1]), one.wrapping_add(other)); // paddq
        let halves = u64::from(one as u32) * u64::from(other as u32);
        prop_assert_eq!(both(&[0x66, 0x0f, 0xf4, 0xc1]), halves); // pmuludq
        // punpckldq: the lower halves, alternating
        prop_assert_eq!(both(&[0x66, 0x0f, 0x62, 0xc1]), one & 0xffff_ffff | other << 32);
        // pshufd 0b00_00_00_01: the second lane, then the first
        prop_assert_eq!(both(&[0x66, 0x0f, 0x70, 0xc1, 1]), other.rotate_left(32));
        prop_assert_eq!(both(&[0x66, 0x0f, 0x73, 0xf0, 9]), one << 9); // psllq xmm0, 9
        prop_assert_eq!(both(&[0x66, 0x0f, 0x73, 0xd8, 3]), one >> 24); // psrldq xmm0, 3
        // pmovmskb eax, xmm0 behind: movq xmm0, rdi
        let highest = one.to_le_bytes().iter().rev().fold(0, |all, byte| all << 1 | u64::from(byte >> 7));
        let code = [0x66, 0x48, 0x0f, 0x6e, 0xc7, 0x66, 0x0f, 0xd7, 0xc0, 0xc3];
        prop_assert_eq!(result_of(&code, &[one]), Ok(highest));
    }

    #[test]
    fn floating_point_numbers(one in any::<f64>(), other in any::<f64>(), whole in numbers()) {
        let both = |operation: &[u8]| {
            let mut code = vec![0x66, 0x48, 0x0f, 0x6e, 0xc7, 0x66, 0x48, 0x0f, 0x6e, 0xce];
            code.extend(operation);
            code.extend([0x66, 0x48, 0x0f, 0x7e, 0xc0, 0xc3]);
            f64::from_bits(result_of(&code, &[one.to_bits(), other.to_bits()]).unwrap())
        };
        let same = |one: f64, other: f64| one == other || one.is_nan() && other.is_nan();
        prop_assert!(same(both(&[0xf2, 0x0f, 0x58, 0xc1]), one + other));
        prop_assert!(same(both(&[0xf2, 0x0f, 0x5c, 0xc1]), one - other));
        prop_assert!(same(both(&[0xf2, 0x0f, 0x59, 0xc1]), one * other));
        prop_assert!(same(both(&[0xf2, 0x0f, 0x5e, 0xc1]), one / other));
        prop_assert!(same(both(&[0xf2, 0x0f, 0x51, 0xc1]), other.sqrt()));
        // ucomisd xmm0, xmm1; seta al; movzx eax, al
        let code = [
            0x66, 0x48, 0x0f, 0x6e, 0xc7, 0x66, 0x48, 0x0f, 0x6e, 0xce, 0x66, 0x0f, 0x2e, 0xc1, 0x0f, 0x97, 0xc0,
            0x0f, 0xb6, 0xc0, 0xc3,
        ];
        prop_assert_eq!(result_of(&code, &[one.to_bits(), other.to_bits()]), Ok(u64::from(one > other)));
        // cvtsi2sd xmm0, rdi; cvttsd2si rax, xmm0
        let there_and_back = result_of(&[0xf2, 0x48, 0x0f, 0x2a, 0xc7, 0xf2, 0x48, 0x0f, 0x2c, 0xc0, 0xc3], &[whole]);
        let number = whole as i64 as f64;
        let inside = number < 9_223_372_036_854_775_808.0;
        prop_assert_eq!(there_and_back, Ok(if inside { number as i64 as u64 } else { 1 << 63 }));
    }

    #[test]
    fn any_bytes_end(code in prop::collection::vec(any::<u8>(), 1..200), arguments in prop::array::uniform4(numbers())) {
        let core = process(&code);
        let limits = Limits { steps: 5000, bytes: 1 << 16 };
        let mut emulator = Emulator::new(core.memory(), core.symbols(), 0, limits).unwrap();
        let _ = emulator.call(CODE, &arguments, &mut Nobody);
        let steps = emulator.steps_left();
        emulator.abandon();
        let _ = emulator.call(CODE + 1, &[DATA, DATA + 64, 16, DATA], &mut Nobody);
        prop_assert!(emulator.steps_left() <= steps);
    }
}

/// Of `n` in `edi`: calls itself twice.
const FIBONACCI: [u8; 33] = [
    0x83, 0xff, 0x01, 0x77, 0x03, 0x89, 0xf8, 0xc3, 0x53, 0x57, 0x83, 0xef, 0x01, 0xe8, 0xee, 0xff, 0xff,
    0xff, 0x89, 0xc3, 0x5f, 0x83, 0xef, 0x02, 0xe8, 0xe3, 0xff, 0xff, 0xff, 0x01, 0xd8, 0x5b, 0xc3,
];

#[test]
fn functions_call_themselves_and_return() {
    assert_eq!(result_of(&FIBONACCI, &[15]), Ok(610));
    assert_eq!(result_of(&FIBONACCI, &[40]), Err(Halt::Steps));
}

#[test]
fn what_is_written_nobody_else_sees() {
    // mov ecx, edx; rep movsb; ret
    let core = process(&[0x89, 0xd1, 0xf3, 0xa4, 0xc3]);
    let mut first = emulator(&core);
    let before = first.word(DATA + 4096).unwrap();
    first.call(CODE, &[DATA + 4090, DATA + 7, 20], &mut Nobody).unwrap();
    let copied: Vec<u8> = (7..27).collect();
    let written = [first.word(DATA + 4090).unwrap(), first.word(DATA + 4098).unwrap()];
    assert_eq!(written.map(u64::to_le_bytes).concat(), copied[..16]);
    assert_eq!(emulator(&core).word(DATA + 4096).unwrap(), before);
}

#[test]
fn the_host_is_asked_and_can_call_back() {
    struct Doubling(u64);
    impl Host for Doubling {
        fn called(&mut self, emulator: &mut Emulator<'_>, at: u64) -> Result<Reply, Halt> {
            assert_eq!(at, self.0);
            let inner = emulator.call(CODE + 16, &[emulator.argument(0)], &mut Nobody)?;
            Ok(Reply::Value(2 * inner))
        }
    }
    // push rbx; mov rbx, rsi; call rsi; add rax, rdi; pop rbx; ret -- and at 16: lea rax, [rdi + 1]; ret
    let mut code = vec![0x53, 0x48, 0x89, 0xf3, 0xff, 0xd6, 0x48, 0x01, 0xf8, 0x5b, 0xc3];
    code.resize(16, 0xcc);
    code.extend([0x48, 0x8d, 0x47, 1, 0xc3]);
    let core = process(&code);
    let mut emulator = emulator(&core);
    let stand_in = emulator.stand_in().unwrap();
    assert_eq!(emulator.call(CODE, &[20, stand_in], &mut Doubling(stand_in)), Ok(2 * 21 + 20));
    // A function of the host by itself.
    assert_eq!(emulator.call(stand_in, &[4], &mut Doubling(stand_in)), Ok(10));
}

#[test]
fn what_cannot_go_on_says_why() {
    // jmp to itself
    assert_eq!(result_of(&[0xeb, 0xfe], &[]), Err(Halt::Steps));
    // call to itself
    assert!(matches!(result_of(&[0xe8, 0xfb, 0xff, 0xff, 0xff], &[]), Err(Halt::Room | Halt::Memory(_))));
    // push rax; jmp back
    assert!(matches!(result_of(&[0x50, 0xeb, 0xfd], &[]), Err(Halt::Room | Halt::Memory(_) | Halt::Steps)));
    // mov [rdi], rax: nowhere
    assert!(matches!(result_of(&[0x48, 0x89, 0x07, 0xc3], &[0x1234]), Err(Halt::Memory(_))));
    assert!(matches!(result_of(&[0x48, 0x89, 0x07, 0xc3], &[u64::MAX - 3]), Err(Halt::Memory(_))));
    // jmp rdi: nowhere
    assert!(matches!(result_of(&[0xff, 0xe7], &[0x1234]), Err(Halt::Memory(_))));
    // ud2, int3
    assert!(matches!(result_of(&[0x0f, 0x0b], &[]), Err(Halt::Trap(_))));
    assert!(matches!(result_of(&[0xcc], &[]), Err(Halt::Trap(_))));
    // syscall, cpuid, rdtsc, in, a far return, an instruction of AVX
    for code in [&[0x0f, 0x05][..], &[0x0f, 0xa2], &[0x0f, 0x31], &[0xec], &[0xcb], &[0xc5, 0xf8, 0x77]] {
        assert!(result_of(code, &[]).is_err(), "{code:x?}");
    }
    // mov rax, fs:[0]: the thread pointer is where the thread has it
    let core = process(&[0x64, 0x48, 0x8b, 0x04, 0x25, 8, 0, 0, 0, 0xc3]);
    let mut emulator = Emulator::new(core.memory(), core.symbols(), DATA, LIMITS).unwrap();
    assert_eq!(emulator.call(CODE, &[], &mut Nobody), Ok(0x0f0e_0d0c_0b0a_0908));
}

#[test]
fn memory_that_is_written_to_has_its_bounds() {
    // mov ecx, esi; rep stosb; ret
    let core = process(&[0x89, 0xf1, 0xf3, 0xaa, 0xc3]);
    let limits = Limits { steps: 1 << 26, bytes: 1 << 16 };
    let mut emulator = Emulator::new(core.memory(), core.symbols(), 0, limits).unwrap();
    let block = emulator.allocate(1 << 15).unwrap();
    assert_eq!(emulator.allocate(1 << 40), Err(Halt::Room));
    assert!(emulator.call(CODE, &[block, 1 << 15], &mut Nobody).is_ok());
    assert!(emulator.call(CODE, &[block, 1 << 30], &mut Nobody).is_err());
}
