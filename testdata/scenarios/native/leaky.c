/*
 * A program without JavaScript that leaks in three ways, keeps what it needs, and has free memory that malloc does not give back:
 * its core ships, as the kernel wrote it. It writes what it has into the file that is its argument, and aborts.
 *
 *   cc -O1 -pthread leaky.c -o leaky && ./leaky native.process.json
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FORGOTTEN = 250, ORPHANS = 60, RINGS = 12, KEPT = 500, BURST = 800 };

struct session {
    struct session *next;
    char *user;
    char state[16];
};

struct session *volatile sessions;
__thread void *volatile scratch;

__attribute__((noinline)) static char *name(const char *what, int number) {
    char text[64];
    snprintf(text, sizeof text, "%s %d", what, number);
    return strdup(text);
}

__attribute__((noinline)) static struct session *session(const char *what, int number) {
    struct session *session = calloc(1, sizeof *session);
    session->user = name(what, number);
    strcpy(session->state, "logged in");
    return session;
}

__attribute__((noinline)) static void leak(void) {
    /* A session that was taken off the list and not freed; its user hangs on it. */
    for (int index = 0; index < FORGOTTEN; index++) {
        session("user of a forgotten session", index);
    }
    /* A string on its own. */
    for (int index = 0; index < ORPHANS; index++) {
        char *text = calloc(1, 200);
        snprintf(text, 200, "GET /orders/%d HTTP/1.1", index);
    }
    /* Two that hold each other. */
    for (int index = 0; index < RINGS; index++) {
        void *volatile *one = calloc(1, 120), *volatile *other = calloc(1, 120);
        one[2] = (void *)other;
        other[2] = (void *)one;
    }
}

__attribute__((noinline)) static void keep(void) {
    for (int index = 0; index < KEPT; index++) {
        struct session *kept = session("user", index);
        kept->next = sessions;
        sessions = kept;
    }
}

/* Much at once, all freed but for every hundredth: the pages between stay with malloc. */
__attribute__((noinline)) static void burst(void) {
    static void *blocks[BURST];
    for (int index = 0; index < BURST; index++) {
        blocks[index] = calloc(1, 3000);
    }
    for (int index = 0; index < BURST; index++) {
        if (index % 100) {
            free(blocks[index]);
            blocks[index] = 0;
        }
    }
}

/* What is left on the stack would lead to what was leaked. */
__attribute__((noinline)) static void forget(void) {
    volatile char old[1 << 15];
    for (unsigned index = 0; index < sizeof old; index++) {
        old[index] = 0;
    }
}

static pthread_barrier_t barrier;

static void *work(void *unused) {
    scratch = malloc(4000);
    memset(scratch, 0, 4000);
    forget();
    pthread_barrier_wait(&barrier);
    for (;;) {
        pause();
    }
    return unused;
}

int main(int count, char **arguments) {
    if (count < 2) {
        return 2;
    }
    pthread_t thread;
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 256 << 10);
    pthread_barrier_init(&barrier, 0, 2);
    pthread_create(&thread, &small, work, 0);
    pthread_barrier_wait(&barrier);
    keep();
    burst();
    leak();
    forget();
    FILE *file = fopen(arguments[1], "w");
    static char buffer[1 << 12];
    setvbuf(file, buffer, _IOFBF, sizeof buffer);
    struct mallinfo2 info = mallinfo2();
    fprintf(file,
            "{\n  \"arenas\": %zu,\n  \"free\": %zu,\n  \"mappings\": %zu,\n  \"heads\": %d,\n  \"leaked\": %d\n}\n",
            info.arena, info.fordblks, info.hblks, FORGOTTEN + ORPHANS + RINGS,
            2 * FORGOTTEN + ORPHANS + 2 * RINGS);
    fflush(file);
    abort();
}
