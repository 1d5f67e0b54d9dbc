#define _GNU_SOURCE
/* Calls a library without unwind tables, which calls back; says where each function returns to, and waits for its core to be taken. */
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>
#include <unistd.h>

extern void (*quiet_says)(void *place);
extern int quiet_enter(int (*next)(int), int size);

static void says(void *place) {
    printf("RETURNS %lx\n", (long)place);
}

__attribute__((noinline)) static int tell(int number) {
    ucontext_t here;
    getcontext(&here);
    printf("REGISTERS %llx %llx %llx %llx %llx %llx %llx %llx\n", (long long)here.uc_mcontext.gregs[REG_RIP],
           (long long)here.uc_mcontext.gregs[REG_RSP], (long long)here.uc_mcontext.gregs[REG_RBP],
           (long long)here.uc_mcontext.gregs[REG_RBX], (long long)here.uc_mcontext.gregs[REG_R12],
           (long long)here.uc_mcontext.gregs[REG_R13], (long long)here.uc_mcontext.gregs[REG_R14],
           (long long)here.uc_mcontext.gregs[REG_R15]);
    printf("READY\n");
    fflush(stdout);
    for (;;) {
        pause();
    }
    return number;
}

/* Its frame is known by a register that the library has saved. */
__attribute__((noinline)) static int between(int size) {
    volatile char *room = __builtin_alloca(size + 24);
    room[size] = 3;
    says(__builtin_return_address(0));
    return quiet_enter(tell, size) + room[size];
}

int main(int count, char **words) {
    quiet_says = says;
    return between(20 * count) + (words == 0);
}
