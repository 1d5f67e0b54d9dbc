/*
 * Preloaded into a process: leaks blocks of malloc and keeps others, at its start and while it runs, and writes into the file that
 * FACTS names where they are, and what malloc says of itself, five times a second: glibc's, musl's says nothing. Where there is a file
 * FACTS.trim, malloc_trim is called, and how much that gave back is written as well. It names no C library, so that it can be loaded
 * beside each.
 *
 *   cc -O1 -shared -fPIC -nodefaultlibs planted.c -o planted.so
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct node {
    struct node *next;
    char text[24];
};

/* Not in glibc up to 2.32, whose counts are smaller. */
#pragma weak mallinfo2
#pragma weak mallinfo
#pragma weak malloc_trim

struct node *volatile planted_kept;
static int facts = -1;
/* A file that asks for it. */
static char asked_to_trim[4096];

static void say(const char *line, int length) {
    if (write(facts, line, length) != length) {
        _exit(3);
    }
}

static void say_block(const char *what, void *block) {
    char line[64];
    say(line, snprintf(line, sizeof line, "%s %lx\n", what, (unsigned long)block));
}

static void say_counts(size_t arenas, size_t free, size_t mappings, size_t mapped) {
    char line[128];
    say(line, snprintf(line, sizeof line, "INFO %zx %zx %zx %zx\n", arenas, free, mappings, mapped));
}

__attribute__((noinline)) static void plant(void) {
    for (int round = 0; round < 250; round++) {
        struct node *leaked = calloc(1, sizeof *leaked + round), *hanging = calloc(1, 200);
        leaked->next = hanging;
        strcpy(leaked->text, "planted leak");
        say_block("LEAK", leaked);
        say_block("HANGS", hanging);
        struct node *kept = calloc(1, sizeof *kept + round % 200);
        kept->next = planted_kept;
        planted_kept = kept;
        say_block("KEPT", kept);
    }
}

/* Bytes of anonymous memory that are in memory. */
static long resident(void) {
    char text[4096], *line;
    int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    int length = file < 0 ? 0 : read(file, text, sizeof text - 1);
    close(file);
    text[length > 0 ? length : 0] = 0;
    line = strstr(text, "RssAnon:");
    return line ? atol(line + 8) * 1024 : 0;
}

/* Gives back what malloc keeps, once it is asked to, and says how much that was. */
static void trim(const char *asked) {
    char line[64];
    long before = resident();
    if (before && malloc_trim && access(asked, F_OK) == 0) {
        malloc_trim(0);
        say(line, snprintf(line, sizeof line, "TRIM %lx\n", before - resident()));
        unlink(asked);
    }
}

/* What is left on the stack would lead to what was leaked. */
__attribute__((noinline)) static void forget(void) {
    volatile char old[1 << 16];
    for (unsigned index = 0; index < sizeof old; index++) {
        old[index] = 0;
    }
}

static void *watch(void *unused) {
    for (int round = 0;; round++) {
        usleep(200000);
        if (asked_to_trim[0]) {
            trim(asked_to_trim);
        }
        if (round == 5) {
            plant();
            forget();
        }
        if (mallinfo2) {
            struct mallinfo2 info = mallinfo2();
            say_counts(info.arena, info.fordblks, info.hblks, info.hblkhd);
        } else if (mallinfo) {
            struct mallinfo info = mallinfo();
            say_counts(info.arena, info.fordblks, info.hblks, info.hblkhd);
        }
    }
    return unused;
}

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("FACTS");
    if (!path) {
        return;
    }
    unsetenv("LD_PRELOAD");
    snprintf(asked_to_trim, sizeof asked_to_trim, "%s.trim", path);
    facts = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    plant();
    forget();
    pthread_t thread;
    pthread_create(&thread, 0, watch, 0);
}
