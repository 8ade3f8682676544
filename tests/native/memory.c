// Holds native/memory.c, its functions renamed to our_*, to the plainest way of doing the same:
// every small size at every alignment, every overlap around the seams, and large pieces.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *our_memmove(void *, const void *, size_t);
void *our_memcpy(void *, const void *, size_t);
int our_memcmp(const void *, const void *, size_t);
int our_bcmp(const void *, const void *, size_t);

enum { ROOM = 1 << 16 };
static unsigned char original[ROOM], ours[ROOM], plain[ROOM];

static void check(int holds, const char *what, size_t n, size_t to, size_t from) {
    if (!holds) {
        printf("%s: %zu bytes, to %zu, from %zu\n", what, n, to, from);
        exit(1);
    }
}

static void moves(size_t n, size_t to, size_t from) {
    memcpy(ours, original, ROOM);
    memcpy(plain, original, ROOM);
    for (size_t at = 0; at < n; at++) {
        plain[to + at] = original[from + at];
    }
    check(our_memmove(ours + to, ours + from, n) == ours + to, "memmove returns its target", n, to, from);
    check(memcmp(ours, plain, ROOM) == 0, "memmove", n, to, from);
    if (to >= from + n || from >= to + n) {
        memcpy(ours, original, ROOM);
        check(our_memcpy(ours + to, ours + from, n) == ours + to, "memcpy returns its target", n, to, from);
        check(memcmp(ours, plain, ROOM) == 0, "memcpy", n, to, from);
    }
}

static int sign(int value) { return (value > 0) - (value < 0); }

static void compares(size_t n, size_t left, size_t right) {
    memcpy(ours + left, original, n);
    memcpy(plain + right, original, n);
    check(our_memcmp(ours + left, plain + right, n) == 0, "memcmp of the same", n, left, right);
    check(our_bcmp(ours + left, plain + right, n) == 0, "bcmp of the same", n, left, right);
    for (size_t at = 0; at < n; at++) {
        for (int by = -1; by <= 128; by += 129) {
            const unsigned char was = plain[right + at];
            plain[right + at] = (unsigned char)(was + by);
            // What follows the first difference does not count.
            const int expected = was < plain[right + at] ? -1 : 1;
            check(sign(our_memcmp(ours + left, plain + right, n)) == expected, "memcmp", n, left, at);
            check(our_bcmp(ours + left, plain + right, n) != 0, "bcmp", n, left, at);
            plain[right + at] = was;
        }
    }
}

int main(void) {
    unsigned state = 1;
    for (size_t at = 0; at < ROOM; at++) {
        state = state * 1103515245 + 12345;
        original[at] = (unsigned char)(state >> 16);
    }
    for (size_t n = 0; n <= 200; n++) {
        for (size_t to = 1024; to < 1040; to += 5) {
            for (size_t from = 1024 - n - 2; from <= 1024 + n + 2; from += n < 40 ? 1 : 7) {
                moves(n, to, from);
            }
        }
    }
    const size_t large[] = {255, 256, 257, 1000, 2047, 2048, 2049, 2055, 4096, 5001, 20000};
    for (size_t at = 0; at < sizeof large / sizeof *large; at++) {
        const size_t n = large[at];
        const size_t steps[] = {0, 1, 7, 15, 16, 17, 63, 64, 65, 100, n - 1, n, n + 1};
        for (size_t step = 0; step < sizeof steps / sizeof *steps; step++) {
            moves(n, 3, 3 + steps[step]);
            moves(n, 3 + steps[step], 3);
        }
    }
    for (size_t n = 0; n <= 70; n++) {
        for (size_t left = 0; left < 16; left += 3) {
            compares(n, left, 16 - left);
        }
    }
    puts("as it should be");
    return 0;
}
