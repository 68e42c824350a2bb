/* Products of few rows by large weights, at the rate at which memory gives the weights. For x86-64 with AVX2.

   A decode step multiplies the few rows of its beams once by every weight, and by the keys and values of the
   source. A weight is read for a handful of multiplications, so its bytes are what counts: they stand in the
   order in which they are read, and each block of LANES outputs is read once for all rows. Weights of 8 bits
   become float32 in registers.

   Called by `few_rows.py`, which checks the processor, the types and the shapes. */

#include <immintrin.h>
#include <stdint.h>

#define LANES 16   /* outputs of a block: two registers */
#define MAX_ROWS 6 /* at once: their sums, the block's weights and a factor fill the 16 registers */
#define AHEAD 4096 /* bytes: by itself the processor does not read on beyond a page (28 for 39 GB/s, 5 rows) */

#define AVX2 __attribute__((target("avx2,fma")))
#define EACH_ROW _Pragma("GCC unroll 6") for (int row = 0; row < rows; row++) /* else sums go through memory */
#define INLINE static inline __attribute__((always_inline)) AVX2

struct product {
    const float *x;        /* (rows, groups, inputs) */
    const float *floats;   /* weights (groups, blocks, inputs, LANES), the last block filled up; or NULL */
    const int8_t *codes;   /* the same in 8 bits, where `floats` is NULL */
    const float *bias;     /* (groups, outputs), or NULL */
    float *out;            /* (rows, groups, outputs) */
    int64_t groups, rows, inputs, outputs, blocks;
};

INLINE void prefetch(const struct product *p, int64_t at, int in_8_bits) {
    const char *weights = in_8_bits ? (const char *)(p->codes + at) : (const char *)(p->floats + at);
    _mm_prefetch(weights + AHEAD, _MM_HINT_T0); /* past the end it does nothing */
}

/* Eight weights, of which the first is number `at`. */
INLINE __m256 eight(const struct product *p, int64_t at, int in_8_bits) {
    if (in_8_bits)
        return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(p->codes + at))));
    return _mm256_loadu_ps(p->floats + at);
}

/* One block of outputs of `rows` rows, from row `first` on; the last two arguments are constants wherever this
   is inlined, so that the sums stay in registers. */
INLINE void multiply(const struct product *p, int64_t group, int64_t block, int64_t first, int rows, int in_8_bits) {
    const int64_t inputs = p->inputs, row_width = p->groups * inputs;
    const int64_t weights = (group * p->blocks + block) * inputs * LANES;
    const float *x = p->x + first * row_width + group * inputs;
    __m256 low[MAX_ROWS], high[MAX_ROWS];
    EACH_ROW
        low[row] = high[row] = _mm256_setzero_ps();
    for (int64_t input = 0; input < inputs; input++) {
        prefetch(p, weights + input * LANES, in_8_bits);
        const __m256 left = eight(p, weights + input * LANES, in_8_bits);
        const __m256 right = eight(p, weights + input * LANES + LANES / 2, in_8_bits);
        EACH_ROW {
            const __m256 factor = _mm256_broadcast_ss(x + row * row_width + input);
            low[row] = _mm256_fmadd_ps(left, factor, low[row]);
            high[row] = _mm256_fmadd_ps(right, factor, high[row]);
        }
    }
    const int64_t output = group * p->outputs + block * LANES; /* the block's first one, of those of a row */
    const int64_t rest = p->outputs - block * LANES;
    EACH_ROW {
        float sums[LANES];
        _mm256_storeu_ps(sums, low[row]);
        _mm256_storeu_ps(sums + LANES / 2, high[row]);
        float *out = p->out + (first + row) * p->groups * p->outputs + output;
        for (int64_t lane = 0; lane < LANES && lane < rest; lane++)
            out[lane] = p->bias ? sums[lane] + p->bias[output + lane] : sums[lane];
    }
}

INLINE void multiply_rows(const struct product *p, int64_t group, int64_t block, int in_8_bits) {
    for (int64_t first = 0; first < p->rows; first += MAX_ROWS) {
        switch (p->rows - first) {
        case 1: multiply(p, group, block, first, 1, in_8_bits); break;
        case 2: multiply(p, group, block, first, 2, in_8_bits); break;
        case 3: multiply(p, group, block, first, 3, in_8_bits); break;
        case 4: multiply(p, group, block, first, 4, in_8_bits); break;
        case 5: multiply(p, group, block, first, 5, in_8_bits); break;
        default: multiply(p, group, block, first, MAX_ROWS, in_8_bits);
        }
    }
}

AVX2 static void multiply_by_floats(const struct product *p, int64_t group, int64_t block) {
    multiply_rows(p, group, block, 0);
}

AVX2 static void multiply_by_codes(const struct product *p, int64_t group, int64_t block) {
    multiply_rows(p, group, block, 1);
}

/* Multiply each group's rows by the group's weights. One of `floats` and `codes` is NULL. */
void few_rows_product(const float *x, const float *floats, const int8_t *codes, const float *bias, float *out,
                      int64_t groups, int64_t rows, int64_t inputs, int64_t outputs, int threads) {
    const int64_t blocks = (outputs + LANES - 1) / LANES;
    const struct product product = {x, floats, codes, bias, out, groups, rows, inputs, outputs, blocks};
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t at = 0; at < groups * blocks; at++) {
        if (floats)
            multiply_by_floats(&product, at / blocks, at % blocks);
        else
            multiply_by_codes(&product, at / blocks, at % blocks);
    }
}

#if __has_include(<Python.h>) /* nothing imports this as a module but what walks over all modules of a package */
#include <Python.h>

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_few_rows", NULL, -1, NULL, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__few_rows(void) {
    return PyModule_Create(&module);
}
#endif
