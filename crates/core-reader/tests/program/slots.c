/*
 * Memory as musl's allocator (mallocng) lays it out, made by hand: a context, two pages of metas, groups with slots in every state, one
 * group in a slot of another, and a mapping with one block. Says which blocks there are. It never calls the allocator of its own
 * C library, which would be found instead.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct meta {
    struct meta *prev, *next;
    char *mem;
    uint32_t avail_mask, freed_mask;
    /* last slot: 5 bits, freeable: 1, size class: 6, pages: the rest */
    uint64_t shape;
};

struct meta_area {
    uint64_t check;
    struct meta_area *next;
    int count;
    struct meta slots[];
};

/* `struct malloc_context` where the size of a page is a constant. */
static struct {
    uint64_t secret;
    int init_done;
    unsigned mmap_counter;
    struct meta *free_meta_head, *avail_meta;
    uint64_t avail_meta_count, avail_meta_area_count, meta_alloc_shift;
    struct meta_area *meta_area_head, *meta_area_tail;
    unsigned char *avail_meta_areas;
    struct meta *active[48];
} context;

static void say(const char *word, const char *start, unsigned long size) {
    char line[80];
    int length = snprintf(line, sizeof line, "%s %lx %lx\n", word, (long)start, size);
    if (write(1, line, length) != length) {
        _exit(3);
    }
}

static char *pages(int count) {
    return mmap(0, count * 4096L, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static struct meta_area *area(void) {
    struct meta_area *area = (struct meta_area *)pages(1);
    area->check = context.secret;
    if (context.meta_area_tail) {
        context.meta_area_tail->next = area;
    } else {
        context.meta_area_head = area;
    }
    return context.meta_area_tail = area;
}

static void group(struct meta_area *area, char *mem, int slots, int class, int pages, uint32_t avail, uint32_t freed) {
    struct meta *meta = &area->slots[area->count++];
    meta->mem = mem;
    meta->avail_mask = avail;
    meta->freed_mask = freed;
    meta->shape = (slots - 1) | class << 6 | (uint64_t)pages << 12;
    memcpy(mem, &meta, sizeof meta);
}

/* A slot that the program has, `size` bytes of it, `offset` units behind its start. */
static char *use(char *mem, int index, int stride, int offset, int size) {
    char *slot = mem + 16 + index * stride, *start = slot + 16 * offset, *end = slot + stride - 4;
    if (offset) {
        *(uint16_t *)(slot - 2) = offset;
        slot[-3] = 7 << 5;
    }
    int spare = end - start - size;
    *(uint16_t *)(start - 2) = (start - mem - 16) / 16;
    if (spare >= 5) {
        *(uint32_t *)(end - 4) = spare;
    }
    start[-3] = index | (spare >= 5 ? 5 : spare) << 5;
    say("BLOCK", start, size);
    return start;
}

__attribute__((noinline)) static void lay_out(void) {
    context.secret = 0x5ec12e75ec12e700;
    context.init_done = 1;
    struct meta_area *first = area();
    struct meta_area *second = area();

    /* Eight slots of 16 * 31 bytes: three used, two freed, two never used, one with a group of its own. */
    char *large = pages(1);
    int stride = 16 * 31;
    group(first, large, 8, 15, 1, 0xc0, 0x12);
    use(large, 0, stride, 0, stride - 4);
    say("FREE", large + 16 + stride, stride);
    use(large, 2, stride, 3, 400);
    char *inner = large + 16 + 3 * stride;
    use(large, 5, stride, 1, 1);

    /* Six slots of 16 * 5 bytes in the fourth of these. */
    group(second, inner, 6, 4, 0, 0, 0x20);
    for (int index = 0; index < 5; index++) {
        use(inner, index, 80, index == 2 ? 1 : 0, 76 - 16 - 3 * index);
    }
    say("FREE", inner + 16 + 5 * 80, 80);

    /* A block with three pages of its own. */
    char *mapped = pages(3);
    group(second, mapped, 1, 63, 3, 0, 0);
    use(mapped, 0, 3 * 4096 - 16, 0, 12000);

    /* A meta that is not used. */
    second->count++;
    say("SYSTEM", 0, 4096 * (2 + 1 + 3));
}

/* What is left on the stack would lead to the blocks. */
__attribute__((noinline)) static void forget(void) {
    volatile char old[1 << 14];
    for (unsigned index = 0; index < sizeof old; index++) {
        old[index] = 0;
    }
}

int main(void) {
    lay_out();
    forget();
    if (write(1, "READY\n", 6) != 6) {
        return 3;
    }
    for (;;) {
        pause();
    }
}
