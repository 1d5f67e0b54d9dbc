/* Allocates memory of many sizes in two threads, frees some of it, says what it has, and waits. */
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define COUNT 400

static void *kept[2][COUNT];

static void *fill(void *which) {
    void **mine = kept[(long)which];
    for (int index = 0; index < COUNT; index++) {
        mine[index] = malloc(1 + 37 * index % 3000);
    }
    /* Neighbours that are free are merged, and no cache keeps such large ones. */
    for (int index = 0; index < COUNT; index++) {
        if (index % 10 < 4 && malloc_usable_size(mine[index]) > 1100) {
            free(mine[index]);
            mine[index] = 0;
        }
    }
    return 0;
}

int main(void) {
    pthread_t thread;
    fill((void *)0);
    pthread_create(&thread, 0, fill, (void *)1);
    pthread_join(thread, 0);
    for (int which = 0; which < 2; which++) {
        for (int index = 0; index < COUNT; index++) {
            if (kept[which][index]) {
                printf("CHUNK %x %lx %lx\n", which, (long)kept[which][index], (long)malloc_usable_size(kept[which][index]));
            }
        }
    }
    printf("BREAK %lx\n", (long)sbrk(0));
    printf("READY\n");
    fflush(stdout);
    for (;;) {
        pause();
    }
}
