/* Code as V8 generates it: it keeps a frame pointer, and no unwind tables say so. */
int without_tables(int (*next)(int), int depth) {
    int result = next(depth);
    return result + 1;
}
