/*
 * Allocates memory of many sizes in two threads, frees some of it, leaks some, says what it has and what malloc says, and waits.
 * `blocked`: the program break cannot go on. `fragmented`: there are free blocks of every size that malloc has a list for. `broken`: a
 * free block has been written to, so that the list it is in is none. `pieces`: blocks lead to blocks by way of other memory. `long`: the
 * main arena is so large that it is walked from several places at once, and its blocks are full of what looks like chunks. `chance`: a
 * number leads into the middle of a list. `zlib`: in the window of a stream is what was there before. `vectors`: vectors use a part of their memory, and words of others are left behind it.
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define COUNT 400

struct node {
    struct node *next;
    void *block;
};

static void *kept[2][COUNT];
struct node *volatile list;
__thread void *volatile of_thread;
void *volatile inside;

static void say(const char *word, int which, void *block) {
    printf("%s %x %lx %lx\n", word, which, (long)block, (long)malloc_usable_size(block));
}

__attribute__((noinline)) static void fill(int which) {
    void **mine = kept[which];
    for (int index = 0; index < COUNT; index++) {
        mine[index] = malloc(1 + 37 * index % 3000);
        memset(mine[index], 0, 1 + 37 * index % 3000);
    }
    /* Neighbours that are free are merged, and no cache keeps such large ones. */
    for (int index = 0; index < COUNT; index++) {
        if (index % 10 < 4 && malloc_usable_size(mine[index]) > 1100) {
            free(mine[index]);
            mine[index] = 0;
        }
    }
    /* Caches and fast bins take these. */
    void *small[40];
    for (int index = 0; index < 40; index++) {
        small[index] = malloc(24 + 16 * (index % 4));
    }
    for (int index = 0; index < 40; index++) {
        free(small[index]);
    }
}

__attribute__((noinline)) static void leak(int which) {
    for (int index = 0; index < 100; index++) {
        struct node *head = calloc(1, sizeof *head), *hanging = calloc(1, 200);
        head->next = hanging;
        say("LEAK", which, head);
        say("HANGS", which, hanging);
    }
    for (int index = 0; index < 20; index++) {
        struct node *one = calloc(1, 40), *other = calloc(1, 40);
        one->next = other;
        other->next = one;
        say("RING", which, one < other ? one : other);
        say("OTHER", which, one < other ? other : one);
    }
    for (int index = 0; index < 100; index++) {
        struct node *node = calloc(1, 48);
        node->next = list;
        node->block = calloc(1, 64);
        list = node;
        say("CHUNK", which, node);
        say("CHUNK", which, node->block);
    }
    /* Only to their middle, and from a variable of the thread. */
    char *block = calloc(1, 5000);
    of_thread = block + 2500;
    say("CHUNK", which, block);
}

/* What is left on the stack would lead to what was leaked. */
__attribute__((noinline)) static void forget(void) {
    volatile char old[1 << 16];
    for (unsigned index = 0; index < sizeof old; index++) {
        old[index] = 0;
    }
}

/* The last of a list of free blocks. */
static void **freed;

__attribute__((noinline)) static void fragment(void) {
    static const int steps[][2] = {
        {16, 1024}, {64, 3072}, {512, 10752}, {4096, 45056}, {32768, 163840}, {262144, 1 << 20},
    };
    /* A cache of a thread takes seven, and a fast bin what is small until something large is asked for. */
    void *blocks[12];
    mallopt(M_MMAP_THRESHOLD, 1 << 25);
    int size = 24;
    for (unsigned step = 0; step < sizeof steps / sizeof *steps; step++) {
        for (; size < steps[step][1]; size += steps[step][0]) {
            for (int index = 0; index < 12; index++) {
                blocks[index] = malloc(size);
                /* Neighbours that are free are merged. */
                inside = malloc(24);
            }
            for (int index = 0; index < 12; index++) {
                free(blocks[index]);
            }
            if (size == 24 + 16 * 41) {
                freed = blocks[7];
            }
        }
    }
    inside = malloc(20000000);
}

/* Two owners, which have two pieces of other memory each, the second of which leads to a block; the third block is of both. */
__attribute__((noinline)) static void pieces(void) {
    static void **owners[2];
    char *memory = mmap(0, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *shared = calloc(1, 3000);
    for (int which = 0; which < 2; which++) {
        void **owner = calloc(1, 64), **first = (void **)(memory + 96 * which), **second = (void **)(memory + 8192 + 512 * which);
        void *block = calloc(1, 4000);
        owners[which] = owner;
        owner[5] = first;
        first[3] = second;
        second[25] = block;
        second[26] = shared;
        say("OWNER", which, owner);
        say("OWNED", which, block);
    }
    say("SHARED", 0, shared);
}

/* In every word that could be the size of a chunk stands one. */
__attribute__((noinline)) static void fill_long(void) {
    enum { BLOCKS = 60000 };
    static void *blocks[BLOCKS];
    for (int index = 0; index < BLOCKS; index++) {
        size_t size = 1500 + 37 * index % 3000;
        long *words = blocks[index] = malloc(size);
        for (size_t word = 0; word < malloc_usable_size(words) / sizeof *words; word++) {
            words[word] = word % 2 ? 0x31 : 0;
        }
    }
    for (int index = 0; index < BLOCKS; index += 3) {
        free(blocks[index]);
    }
    for (int index = 1; index < BLOCKS; index += 999) {
        say("CHUNK", 0, blocks[index]);
    }
}

/* A list that a variable has, an owner that has a block, and a number of the owner that leads to a node. */
__attribute__((noinline)) static void chance(void) {
    static struct node *nodes;
    static void **owners;
    for (int index = 0; index < 3000; index++) {
        struct node *node = calloc(1, 104);
        node->next = nodes;
        nodes = node;
        if (index == 1500 || index == 1000) {
            say("NODE", index, node);
        }
        if (index == 1500) {
            owners = calloc(1, 72);
            owners[3] = node;
            owners[6] = calloc(1, 4000);
            say("OWNER", 0, owners);
            say("OWNED", 0, owners[6]);
        }
    }
}

/* Two owners with a vector each, one with room for few and one for many elements, of which the last that is used leads to a block, and the next one too. */
__attribute__((noinline)) static void vectors(void) {
    static void **owners[2];
    for (int which = 0; which < 2; which++) {
        size_t room = which ? 300000 : 500, used = room / 2;
        void **owner = owners[which] = calloc(1, 64), **elements = calloc(room, sizeof *elements);
        owner[2] = elements;
        owner[3] = elements + used;
        owner[4] = elements + room;
        elements[used - 1] = calloc(1, 4000);
        elements[used] = calloc(1, 5000);
        say("OWNER", which, owner);
        say("OWNED", which, elements);
        say("OWNED", which, elements[used - 1]);
        say("LEFT", which, elements[used]);
    }
}

/* A stream of zlib, its state behind a word of the allocator, and the window of that. */
__attribute__((noinline)) static void zlib(void) {
    static void **volatile stream;
    void **state = (void **)calloc(1, 6008) + 1, **window = calloc(1, 65536), *old = calloc(1, 4000);
    stream = calloc(1, 112);
    stream[7] = state;
    state[0] = stream;
    state[10] = window;
    window[500] = old;
    say("WINDOW", 0, window);
    say("LEFT", 0, old);
}

/* Gives out so many bytes, in front of which it says how many it took; of what is handed on it says 0. */
static void **piece(int which, size_t bytes, int handed) {
    size_t front = which ? 16 : 8, *block = calloc(1, front + bytes);
    *block = handed ? 0 : front + bytes;
    say(handed ? "HANDED" : "PIECE", which, block);
    return (void **)((char *)block + front);
}

/* Two owners with such an allocator. The first has words of the second, left over in a table and in room for text. */
__attribute__((noinline)) static void counted(void) {
    static void **owners[2];
    void **tables[2], **entries[2], **rooms[2];
    for (int which = 0; which < 2; which++) {
        void **owner = owners[which] = calloc(1, 64), **table = tables[which] = piece(which, 1024, 0);
        void **entry = entries[which] = piece(which, 64, 0), **text = piece(which, 40, 0), **handed = piece(which, 40, 1);
        void **chain = piece(which, 40, 0), **room = rooms[which] = piece(which, 2000, 0);
        owner[3] = table;
        table[7] = entry;
        table[8] = chain;
        entry[0] = text;
        entry[1] = handed;
        text[0] = handed[0] = owner;
        chain[1] = room;
        chain[2] = (char *)room + 2000;
        say("OWNER", which, owner);
    }
    tables[0][0] = entries[1];
    rooms[0][5] = tables[1];
}

static pthread_barrier_t barrier;

static void *run(void *unused) {
    fill(1);
    leak(1);
    forget();
    pthread_barrier_wait(&barrier);
    for (;;) {
        pause();
    }
    return unused;
}

__attribute__((noinline)) static void large(void) {
    void *leaked = malloc(5000000), *held = malloc(3000000);
    say("LEAK", 2, leaked);
    say("CHUNK", 2, held);
    inside = (char *)held + 1500000;
}

int main(int count, char **arguments) {
    const char *mode = count > 1 ? arguments[1] : "";
    static char buffer[1 << 20];
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    if (!strcmp(mode, "fragmented") || !strcmp(mode, "broken")) {
        fragment();
    }
    if (!strcmp(mode, "pieces")) {
        pieces();
    }
    if (!strcmp(mode, "long")) {
        fill_long();
    }
    if (!strcmp(mode, "zlib")) {
        zlib();
        forget();
    }
    if (!strcmp(mode, "vectors")) {
        vectors();
        forget();
    }
    if (!strcmp(mode, "chance")) {
        chance();
    }
    if (!strcmp(mode, "counted")) {
        counted();
    }
    if (!strcmp(mode, "blocked")) {
        kept[0][0] = malloc(100);
        free(kept[0][0]);
        mmap(sbrk(0), 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        /* More than fits below it, and than one run of mmap has. */
        for (int index = 0; index < 100; index++) {
            void *block = calloc(1, 30000);
            inside = block;
            if (index % 3) {
                free(block);
            }
        }
    }
    pthread_t thread;
    pthread_barrier_init(&barrier, 0, 2);
    fill(0);
    leak(0);
    pthread_create(&thread, 0, run, 0);
    pthread_barrier_wait(&barrier);
    large();
    forget();
    for (int which = 0; which < 2; which++) {
        for (int index = 0; index < COUNT; index++) {
            if (kept[which][index]) {
                say("CHUNK", which, kept[which][index]);
            }
        }
    }
    printf("BREAK %lx\n", (long)sbrk(0));
    struct mallinfo2 info = mallinfo2();
    printf("INFO %zx %zx %zx %zx\n", info.arena, info.fordblks, info.hblks, info.hblkhd);
    if (!strcmp(mode, "broken")) {
        freed[0] = (void *)0x4141414141414141;
    }
    ucontext_t here;
    getcontext(&here);
    /* rip rsp rbp rbx r12 r13 r14 r15: all but the first two might hold what is leaked. */
    printf("REGISTERS %llx %llx 0 0 0 0 0 0\n", here.uc_mcontext.gregs[REG_RIP], here.uc_mcontext.gregs[REG_RSP]);
    printf("READY\n");
    fflush(stdout);
    for (;;) {
        pause();
    }
}
