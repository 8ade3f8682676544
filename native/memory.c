// How the static binary copies and compares memory.
//
// musl does both in very few bytes of code: `rep movs` with a start-up of dozens of cycles, single
// bytes where ends are not aligned, a comparison byte by byte. A proxy moves small pieces all day
// (names and values of headers, parsed fields), and spent an eighth of its time there. These take
// two overlapping loads for anything small, as other C libraries do. `build.rs` links them for
// x86-64 and musl alone: musl's own for aarch64 are good.

#include <emmintrin.h>
#include <stddef.h>
#include <stdint.h>

// From here on the processor's own string instruction is faster than a loop.
#define LARGE 2048

typedef __m128i piece;

static inline piece load(const unsigned char *from) { return _mm_loadu_si128((const piece *)from); }

static inline void store(unsigned char *to, piece bytes) { _mm_storeu_si128((piece *)to, bytes); }

// Pieces shorter than 17 bytes: both ends, which overlap in the middle.
static inline void copy_short(unsigned char *to, const unsigned char *from, size_t n) {
    if (n >= 8) {
        uint64_t first, last;
        __builtin_memcpy(&first, from, 8);
        __builtin_memcpy(&last, from + n - 8, 8);
        __builtin_memcpy(to, &first, 8);
        __builtin_memcpy(to + n - 8, &last, 8);
    } else if (n >= 4) {
        uint32_t first, last;
        __builtin_memcpy(&first, from, 4);
        __builtin_memcpy(&last, from + n - 4, 4);
        __builtin_memcpy(to, &first, 4);
        __builtin_memcpy(to + n - 4, &last, 4);
    } else if (n >= 2) {
        uint16_t first, last;
        __builtin_memcpy(&first, from, 2);
        __builtin_memcpy(&last, from + n - 2, 2);
        __builtin_memcpy(to, &first, 2);
        __builtin_memcpy(to + n - 2, &last, 2);
    } else if (n) {
        *to = *from;
    }
}

// From the front, for ranges that are apart or whose copy lies before the original. The end is read
// before anything is written, for it may be overwritten by then.
static void copy_forward(unsigned char *to, const unsigned char *from, size_t n) {
    const piece a = load(from + n - 64), b = load(from + n - 48);
    const piece c = load(from + n - 32), d = load(from + n - 16);
    unsigned char *const end = to + n;
    const size_t distance = to > from ? (size_t)(to - from) : (size_t)(from - to);
    if (n >= LARGE && distance >= n) {
        size_t words = n / 8;
        __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
        store(end - 16, d);
        return;
    }
    for (; n > 64; n -= 64, from += 64, to += 64) {
        const piece e = load(from), f = load(from + 16), g = load(from + 32), h = load(from + 48);
        store(to, e);
        store(to + 16, f);
        store(to + 32, g);
        store(to + 48, h);
    }
    store(end - 64, a);
    store(end - 48, b);
    store(end - 32, c);
    store(end - 16, d);
}

// From the end, for a copy that begins within the original.
static void copy_backward(unsigned char *to, const unsigned char *from, size_t n) {
    const piece a = load(from), b = load(from + 16), c = load(from + 32), d = load(from + 48);
    for (size_t left = n; left > 64; left -= 64) {
        const unsigned char *source = from + left - 64;
        unsigned char *target = to + left - 64;
        const piece e = load(source), f = load(source + 16);
        const piece g = load(source + 32), h = load(source + 48);
        store(target, e);
        store(target + 16, f);
        store(target + 32, g);
        store(target + 48, h);
    }
    store(to, a);
    store(to + 16, b);
    store(to + 32, c);
    store(to + 48, d);
}

void *memmove(void *target, const void *source, size_t n) {
    unsigned char *to = target;
    const unsigned char *from = source;
    if (n <= 16) {
        copy_short(to, from, n);
    } else if (n <= 32) {
        const piece a = load(from), b = load(from + n - 16);
        store(to, a);
        store(to + n - 16, b);
    } else if (n <= 64) {
        const piece a = load(from), b = load(from + 16);
        const piece c = load(from + n - 32), d = load(from + n - 16);
        store(to, a);
        store(to + 16, b);
        store(to + n - 32, c);
        store(to + n - 16, d);
    } else if ((size_t)(to - from) >= n) {
        copy_forward(to, from, n);
    } else {
        copy_backward(to, from, n);
    }
    return target;
}

// The same code serves both: a caller that promises no overlap loses one comparison.
void *memcpy(void *restrict target, const void *restrict source, size_t n)
    __attribute__((alias("memmove")));

int memcmp(const void *left, const void *right, size_t n) {
    const unsigned char *a = left, *b = right;
    for (; n >= 16; n -= 16, a += 16, b += 16) {
        const unsigned same = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(load(a), load(b)));
        if (same != 0xffff) {
            const int at = __builtin_ctz(~same);
            return a[at] - b[at];
        }
    }
    if (n >= 8) {
        uint64_t x, y;
        __builtin_memcpy(&x, a, 8);
        __builtin_memcpy(&y, b, 8);
        if (x != y) {
            return __builtin_bswap64(x) < __builtin_bswap64(y) ? -1 : 1;
        }
        n -= 8, a += 8, b += 8;
    }
    for (; n; n--, a++, b++) {
        if (*a != *b) {
            return *a - *b;
        }
    }
    return 0;
}

int bcmp(const void *left, const void *right, size_t n) __attribute__((alias("memcmp")));
