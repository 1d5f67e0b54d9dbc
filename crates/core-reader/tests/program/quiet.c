/*
 * A library as musl is compiled: no unwind tables, no frame pointers, registers used for anything. Each function says where it will
 * return to.
 */
#include <alloca.h>
#include <string.h>

void (*quiet_says)(void *place);
static volatile int sink;

/* Saves registers, and has a way out that is not taken before it. */
__attribute__((noinline)) static int saves(int (*next)(int), int a, int b, int c, int d) {
    quiet_says(__builtin_return_address(0));
    if (a == 77) {
        return 1;
    }
    char text[72];
    memset(text, a, sizeof text);
    sink = text[b & 63];
    int result = next(a + b);
    /* All of them are alive across the call. */
    return result + a * b + c * d + text[c & 63];
}

/* A frame of a size that only the registers know. */
__attribute__((noinline)) static int grows(int (*next)(int), int size) {
    quiet_says(__builtin_return_address(0));
    volatile char *room = alloca(size + 40);
    room[size] = (char)size;
    return saves(next, size, size + 1, size + 2, size + 3) + room[size];
}

/* Never returns, and has no name. */
__attribute__((noreturn, noinline)) static void never(int (*next)(int), int size) {
    quiet_says(__builtin_return_address(0));
    int kept[16];
    for (int index = 0; index < 16; index++) {
        kept[index] = index * size;
    }
    sink = grows(next, size) + kept[size & 15];
    for (;;) {
        __builtin_trap();
    }
}

/* Never returns, and is known by its name. */
__attribute__((noreturn, noinline)) void quiet_never(int (*next)(int), int size) {
    quiet_says(__builtin_return_address(0));
    sink = size;
    never(next, size + 2);
}

/* The one that is called: a jump to another, which leaves no frame of it, is none. */
int quiet_enter(int (*next)(int), int size) {
    quiet_says(__builtin_return_address(0));
    int before = size * 3;
    sink = before;
    quiet_never(next, size + 1);
}
