/*
 * Preloaded into a process: keeps of every block of malloc that is in use who asked for it: the addresses of the calls on the stack, in
 * the file that TRACED names, a row of ROW words for each block, those of free rows 0. It names no C library.
 *
 *   cc -O1 -shared -fPIC -fno-omit-frame-pointer traced.c -o traced.so
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <unwind.h>

/* Block (its bits flipped, so that it leads nowhere), bytes, calls. */
enum { ROW = 16, CALLS = ROW - 2, ROWS = 1 << 20 };

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static uint64_t (*rows)[ROW];
static __thread int busy __attribute__((tls_model("initial-exec")));
static char lock;

static void take(void) { while (__atomic_test_and_set(&lock, __ATOMIC_ACQUIRE)) {} }
static void leave(void) { __atomic_clear(&lock, __ATOMIC_RELEASE); }

struct calls { int count; uint64_t at[CALLS]; };

static _Unwind_Reason_Code step(struct _Unwind_Context *context, void *argument) {
    struct calls *calls = argument;
    if (calls->count == CALLS + 2) return _URC_END_OF_STACK;
    int index = calls->count++ - 2;
    if (index >= 0) calls->at[index] = _Unwind_GetIP(context);
    return _URC_NO_REASON;
}

#define FLIP 0xffffffffffffffffull
static uint64_t slot(uint64_t block) { return (block >> 4) * 0x9e3779b97f4a7c15ull >> 44; }

static void __attribute__((noinline)) keep(void *block, size_t bytes) {
    if (!rows || !block || busy) return;
    busy = 1;
    struct calls calls = {0};
    _Unwind_Backtrace(step, &calls);
    take();
    for (uint64_t at = slot((uint64_t)block), n = 0; n < ROWS; n++, at = (at + 1) % ROWS) {
        if (rows[at][0] == 0 || rows[at][0] == 1) {
            rows[at][1] = bytes;
            memcpy(&rows[at][2], calls.at, sizeof calls.at);
            rows[at][0] = (uint64_t)block ^ FLIP;
            break;
        }
    }
    leave();
    busy = 0;
}

static void forget(void *block) {
    if (!rows || !block) return;
    uint64_t key = (uint64_t)block ^ FLIP;
    take();
    for (uint64_t at = slot((uint64_t)block), n = 0; n < ROWS && rows[at][0]; n++, at = (at + 1) % ROWS) {
        if (rows[at][0] == key) { rows[at][0] = 1; break; }
    }
    leave();
}

void *malloc(size_t bytes) { void *b = __libc_malloc(bytes); keep(b, bytes); return b; }
void *calloc(size_t n, size_t bytes) { void *b = __libc_calloc(n, bytes); keep(b, n * bytes); return b; }
void free(void *b) { forget(b); __libc_free(b); }
void *realloc(void *old, size_t bytes) { forget(old); void *b = __libc_realloc(old, bytes); keep(b, bytes); return b; }
void *memalign(size_t a, size_t bytes) { void *b = __libc_memalign(a, bytes); keep(b, bytes); return b; }
void *aligned_alloc(size_t a, size_t bytes) { void *b = __libc_memalign(a, bytes); keep(b, bytes); return b; }
int posix_memalign(void **to, size_t a, size_t bytes) {
    void *b = __libc_memalign(a, bytes);
    if (!b) return ENOMEM;
    keep(b, bytes);
    *to = b;
    return 0;
}

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("TRACED");
    if (!path) return;
    unsetenv("LD_PRELOAD");
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (ftruncate(file, sizeof *rows * ROWS)) _exit(3);
    void *at = mmap(0, sizeof *rows * ROWS, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (at == MAP_FAILED) _exit(3);
    struct calls calls = {0};
    _Unwind_Backtrace(step, &calls);
    rows = at;
    close(file);
}
