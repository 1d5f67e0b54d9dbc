"""What gdb says of a core, as JSON: run by `cargo xtask native`, which compares it with what v8mdb says.

The environment names a file with the addresses to look up, and the file to write.
"""
import json
import os

import gdb

with open(os.environ["V8MDB_QUESTIONS"]) as file:
    questions = json.load(file)

GENERAL = "rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 rip eflags cs ss ds es fs gs fs_base gs_base"


def unsigned(value, bits=64):
    return int(value) & ((1 << bits) - 1)


def frames():
    found = []
    frame = gdb.newest_frame()
    while frame is not None and len(found) < 200:
        # Functions merged into others, and calls that replaced their caller, have no frame on the stack.
        if frame.type() not in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME):
            found.append({"pc": frame.pc(), "name": frame.name() or ""})
        try:
            frame = frame.older()
        except gdb.error:
            break
    return found


def vector_registers():
    found = []
    for number in range(16):
        try:
            words = [unsigned(gdb.parse_and_eval("$ymm%d.v4_int64[%d]" % (number, part))) for part in range(4)]
        except gdb.error:
            try:
                words = [unsigned(gdb.parse_and_eval("$xmm%d.v2_int64[%d]" % (number, part))) for part in range(2)]
            except gdb.error:
                # This gdb cannot read the note of extended registers.
                return None
            words += [0, 0]
        found.append("%016x%016x" % (words[3], words[2]) + "%016x%016x" % (words[1], words[0]))
    return found


def thread(one):
    one.switch()
    gdb.newest_frame().select()
    registers = {name: unsigned(gdb.parse_and_eval("$" + name)) for name in GENERAL.split()}
    vectors = vector_registers()
    stack = []
    for line in gdb.execute("info float", to_string=True).splitlines() if vectors else []:
        words = line.replace("=>", "  ").split()
        if words and words[0].endswith(":") and words[0][0] == "R" and words[0][1:-1].isdigit():
            stack.append([int(words[0][1:-1]), [word for word in words if word.startswith("0x")][0]])
    return {
        "id": one.ptid[1],
        "registers": registers,
        "vectors": vectors,
        "stack": stack,
        "mxcsr": unsigned(gdb.parse_and_eval("(int)$mxcsr"), 32) if vectors else None,
        "frames": frames(),
    }


gdb.execute("set print demangle off")
gdb.execute("set print asm-demangle off")
inferior = gdb.selected_inferior()
facts = {"threads": [thread(one) for one in inferior.threads()], "symbols": [], "memory": [], "code": []}
for address in questions["symbols"]:
    facts["symbols"].append([address, gdb.execute("info symbol %#x" % address, to_string=True).strip()])
for address, length in questions["memory"]:
    try:
        facts["memory"].append([address, bytes(inferior.read_memory(address, length)).hex()])
    except gdb.error as error:
        facts["memory"].append([address, None])
architecture = gdb.newest_frame().architecture()
for start, end in questions["code"]:
    lines = architecture.disassemble(start, end - 1)
    facts["code"].append([[line["addr"], line["length"], line["asm"]] for line in lines])
sections = []
for line in gdb.execute("maint info sections -all-objects", to_string=True).splitlines():
    words = line.split()
    if any(word.startswith("load") for word in words) and "->" in line:
        span = [word for word in words if "->" in word][0]
        start, end = span.split("->")
        sections.append([int(start, 16), int(end, 16)])
facts["sections"] = sections
with open(os.environ["V8MDB_FACTS"], "w") as file:
    json.dump(facts, file)
