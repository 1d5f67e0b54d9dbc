#define _GNU_SOURCE
/* A program with a stack of every kind of frame: it says where its frames are, and waits for its core to be taken. */
#include <execinfo.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

/* In a file of its own, compiled without unwind tables. */
extern int without_tables(int (*next)(int), int depth);

static char alternate[1 << 16] __attribute__((aligned(16)));
static volatile int sink;

__attribute__((noinline)) static void tell(void) {
    ucontext_t here;
    getcontext(&here);
    void *frames[64];
    int count = backtrace(frames, 64);
    printf("REGISTERS %llx %llx %llx %llx %llx %llx %llx %llx\n", (long long)here.uc_mcontext.gregs[REG_RIP],
           (long long)here.uc_mcontext.gregs[REG_RSP], (long long)here.uc_mcontext.gregs[REG_RBP],
           (long long)here.uc_mcontext.gregs[REG_RBX], (long long)here.uc_mcontext.gregs[REG_R12],
           (long long)here.uc_mcontext.gregs[REG_R13], (long long)here.uc_mcontext.gregs[REG_R14],
           (long long)here.uc_mcontext.gregs[REG_R15]);
    for (int index = 0; index < count; index++) {
        printf("FRAME %lx\n", (long)frames[index]);
    }
    printf("READY\n");
    fflush(stdout);
    for (;;) {
        pause();
    }
}

__attribute__((noinline)) static void handler(int signal) {
    sink = signal;
    tell();
    sink = 0;
}

__attribute__((noinline)) static int leaf(int depth) {
    /* A frame of unknown size, so that it needs its frame pointer. */
    volatile char *room = alloca(16 + depth);
    room[depth] = 1;
    raise(SIGUSR1);
    return room[depth];
}

__attribute__((noinline)) static int deep(int depth) {
    int result = depth == 0 ? leaf(40) : deep(depth - 1);
    sink = result;
    return result + 1;
}

/* Reads where nothing is mapped: the signal interrupts it in the middle, with nothing on its stack but what it called. */
__attribute__((noinline)) static int fault(int depth) {
    return *(volatile int *)(long)(depth + 16);
}

int main(int count, char **words) {
    stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
    sigaltstack(&stack, 0);
    struct sigaction action = {.sa_handler = handler, .sa_flags = count > 1 && words[1][0] == 'a' ? SA_ONSTACK : 0};
    sigaction(SIGUSR1, &action, 0);
    sigaction(SIGSEGV, &action, 0);
    if (count > 2 && words[2][0] == 'f') {
        return fault(count) + 1;
    }
    return without_tables(deep, 5) + 1;
}
