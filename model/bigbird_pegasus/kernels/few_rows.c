/* Products of few rows by large weights, at the rate at which memory gives the weights. For x86-64 with AVX2.

   A decode step multiplies the few rows of its beams once by every weight, and by the keys and values of the
   source. A weight is read for a handful of multiplications, so its bytes are what counts: they stand in the
   order in which they are read, and each block of LANES outputs is read once for all rows.

   Weights of 32 bits are multiplied as they are. Weights of 8 bits are multiplied by rows that are rounded to
   16: a pair of products takes one instruction, and all sums are exact. (AVX2 adds products of 8 by 8 bits in
   16, which saturate.) That rounding is 256 times as fine as the weights' own.

   Called by `few_rows.py`, which checks the processor, the types and the shapes. */

#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define LANES 16   /* outputs of a block */
#define MAX_ROWS 6 /* at once: with AVX2 their sums, the block's weights and a factor fill the 16 registers */
#define PAIR 2     /* inputs whose products by weights of 8 bits are added in one instruction */
#define AHEAD 4096 /* bytes: by itself the processor does not read on beyond a page (28 for 39 GB/s, 5 rows) */
#define MAX_CODE 32767.0f        /* of a rounded row */
#define MAX_SUM (float)(1 << 24) /* of a rounded row: times -128, the largest weight, it fits 32 bits */
#define LEAST_STEP 1e-30f        /* less is as good as nothing, and its reciprocal no number */

#define AVX2 __attribute__((target("avx2,fma")))
#define VNNI __attribute__((target("avx2,fma,avx512f,avx512bw,avx512vnni")))
#define INLINE static inline __attribute__((always_inline))
#define EACH_ROW _Pragma("GCC unroll 6") for (int row = 0; row < rows; row++) /* else sums go through memory */

/* R rows, G groups, K inputs and N outputs of each. See `_Product` in few_rows.py, which is the same. */
struct product {
    const void *x;        /* (R, G, K), in 32 bits, or bfloat16 where `halves` is set (codes only) */
    const float *x_scale; /* (G, K): x is multiplied by it first (codes only); or NULL */
    const float *floats;  /* weights (G, blocks, K, LANES), the last block filled up; or NULL */
    const int8_t *codes;  /* or the same in 8 bits: (G, blocks, ceil(K / PAIR), LANES, PAIR) */
    const float *scale;   /* (G, N): outputs are multiplied by it; or NULL */
    const float *bias;    /* (G, N), or NULL */
    float *out;           /* (R, G, N) */
    int16_t *rounded;     /* (R, G, ceil(K / PAIR), PAIR): room for x rounded (codes only) */
    float *step;          /* (R, G): room for what a number of `rounded` stands for (codes only) */
    int64_t groups, rows, inputs, outputs;
    int halves, gelu_new, vnni, threads; /* `gelu_new`: outputs go through it at last */
};

/* Eight numbers, of which the first is number `at`, or one of them and zeros. */
INLINE AVX2 __m256 numbers_at(const void *numbers, int64_t at, int halves, int count) {
    if (!halves) {
        const float *x = (const float *)numbers + at;
        return count == 8 ? _mm256_loadu_ps(x) : _mm256_zextps128_ps256(_mm_load_ss(x));
    }
    const uint16_t *x = (const uint16_t *)numbers + at;
    const __m128i some = count == 8 ? _mm_loadu_si128((const __m128i *)x) : _mm_cvtsi32_si128(*x);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(some), 16));
}

/* One block of one group of outputs. */
struct block {
    int64_t group, number, of; /* blocks of a group */
};

INLINE int64_t blocks_of(const struct product *p) {
    return (p->outputs + LANES - 1) / LANES;
}

INLINE int64_t pairs_of(const struct product *p) {
    return (p->inputs + PAIR - 1) / PAIR;
}

INLINE void prefetch(const void *weights) {
    _mm_prefetch((const char *)weights + AHEAD, _MM_HINT_T0); /* past the end it does nothing */
}

/* Two rounded inputs, from the first on, as one number. */
INLINE int32_t pair_at(const int16_t *inputs) {
    int32_t pair;
    memcpy(&pair, inputs, sizeof pair);
    return pair;
}

/* The sums of a block for `rows` rows, from row `first` on. `rows` is a constant wherever this is inlined, so
   that they stay in registers. */
INLINE AVX2 void sum_floats(const struct product *p, struct block at, int64_t first, int rows,
                            float sums[MAX_ROWS][LANES]) {
    const int64_t row_width = p->groups * p->inputs;
    const float *weights = p->floats + (at.group * at.of + at.number) * p->inputs * LANES;
    const float *x = (const float *)p->x + first * row_width + at.group * p->inputs;
    __m256 low[MAX_ROWS], high[MAX_ROWS];
    EACH_ROW
        low[row] = high[row] = _mm256_setzero_ps();
    for (int64_t input = 0; input < p->inputs; input++, weights += LANES) {
        prefetch(weights);
        const __m256 left = _mm256_loadu_ps(weights), right = _mm256_loadu_ps(weights + LANES / 2);
        EACH_ROW {
            const __m256 factor = _mm256_broadcast_ss(x + row * row_width + input);
            low[row] = _mm256_fmadd_ps(left, factor, low[row]);
            high[row] = _mm256_fmadd_ps(right, factor, high[row]);
        }
    }
    EACH_ROW {
        _mm256_storeu_ps(sums[row], low[row]);
        _mm256_storeu_ps(sums[row] + LANES / 2, high[row]);
    }
}

INLINE AVX2 void sum_codes(const struct product *p, struct block at, int64_t first, int rows,
                           float sums[MAX_ROWS][LANES]) {
    const int64_t pairs = pairs_of(p), row_width = p->groups * pairs * PAIR;
    const int8_t *weights = p->codes + (at.group * at.of + at.number) * pairs * LANES * PAIR;
    const int16_t *x = p->rounded + first * row_width + at.group * pairs * PAIR;
    __m256i low[MAX_ROWS], high[MAX_ROWS];
    EACH_ROW
        low[row] = high[row] = _mm256_setzero_si256();
    for (int64_t pair = 0; pair < pairs; pair++, weights += LANES * PAIR) {
        prefetch(weights);
        const __m256i left = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)weights));
        const __m256i right = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(weights + LANES)));
        EACH_ROW {
            const __m256i factors = _mm256_set1_epi32(pair_at(x + row * row_width + pair * PAIR));
            low[row] = _mm256_add_epi32(low[row], _mm256_madd_epi16(left, factors));
            high[row] = _mm256_add_epi32(high[row], _mm256_madd_epi16(right, factors));
        }
    }
    EACH_ROW {
        _mm256_storeu_ps(sums[row], _mm256_cvtepi32_ps(low[row]));
        _mm256_storeu_ps(sums[row] + LANES / 2, _mm256_cvtepi32_ps(high[row]));
    }
}

/* The same sums of the same codes, bit by bit, in half the time. */
INLINE VNNI void sum_codes_by_vnni(const struct product *p, struct block at, int64_t first, int rows,
                                   float sums[MAX_ROWS][LANES]) {
    const int64_t pairs = pairs_of(p), row_width = p->groups * pairs * PAIR;
    const int8_t *weights = p->codes + (at.group * at.of + at.number) * pairs * LANES * PAIR;
    const int16_t *x = p->rounded + first * row_width + at.group * pairs * PAIR;
    __m512i all[MAX_ROWS];
    EACH_ROW
        all[row] = _mm512_setzero_si512();
    for (int64_t pair = 0; pair < pairs; pair++, weights += LANES * PAIR) {
        prefetch(weights);
        const __m512i block = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)weights));
        EACH_ROW
            all[row] = _mm512_dpwssd_epi32(
                all[row], block, _mm512_set1_epi32(pair_at(x + row * row_width + pair * PAIR)));
    }
    EACH_ROW
        _mm512_storeu_ps(sums[row], _mm512_cvtepi32_ps(all[row]));
}

/* e ** x of x <= 0, to the last bit or two (Cephes' polynomial); 0 below -87. */
INLINE AVX2 __m256 power_of_e(__m256 x) {
    const __m256 above = _mm256_cmp_ps(x, _mm256_set1_ps(-87.0f), _CMP_GE_OQ);
    const __m256 whole = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(1.44269504f)),
                                         _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 rest = _mm256_fnmadd_ps(whole, _mm256_set1_ps(0.693359375f), x); /* ln 2 in two parts */
    rest = _mm256_fnmadd_ps(whole, _mm256_set1_ps(-2.12194440e-4f), rest);
    __m256 power = _mm256_set1_ps(1.9875691500e-4f);
    power = _mm256_fmadd_ps(power, rest, _mm256_set1_ps(1.3981999507e-3f));
    power = _mm256_fmadd_ps(power, rest, _mm256_set1_ps(8.3334519073e-3f));
    power = _mm256_fmadd_ps(power, rest, _mm256_set1_ps(4.1665795894e-2f));
    power = _mm256_fmadd_ps(power, rest, _mm256_set1_ps(1.6666665459e-1f));
    power = _mm256_fmadd_ps(power, rest, _mm256_set1_ps(5.0000001201e-1f));
    power = _mm256_fmadd_ps(power, _mm256_mul_ps(rest, rest), _mm256_add_ps(rest, _mm256_set1_ps(1)));
    const __m256i exponent = _mm256_slli_epi32(_mm256_cvtps_epi32(_mm256_and_ps(whole, above)), 23);
    const __m256 scaled = _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(power), exponent));
    /* What is no number stays none. */
    return _mm256_blendv_ps(_mm256_and_ps(scaled, above), x, _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
}

/* GELU's tanh approximation: x times the logistic function of z = 1.6 (x + 0.0447 x ** 3). */
INLINE AVX2 __m256 gelu_new(__m256 x) {
    const __m256 one = _mm256_set1_ps(1), slope = _mm256_set1_ps(1.59576912f);
    const __m256 cubic = _mm256_fmadd_ps(_mm256_mul_ps(x, x), _mm256_set1_ps(0.0713548163f), slope);
    const __m256 z = _mm256_mul_ps(x, cubic), negative = _mm256_or_ps(z, _mm256_set1_ps(-0.0f));
    const __m256 power = power_of_e(negative), top = _mm256_blendv_ps(one, power, z); /* by the sign of z */
    return _mm256_div_ps(_mm256_mul_ps(x, top), _mm256_add_ps(one, power));
}

/* Eight sums, or one of them, as they are handed out. */
INLINE AVX2 __m256 finished(const struct product *p, const float *sums, float step, int64_t output, int count) {
    __m256 found = _mm256_mul_ps(numbers_at(sums, 0, 0, count), _mm256_set1_ps(step));
    if (p->scale)
        found = _mm256_mul_ps(found, numbers_at(p->scale, output, 0, count));
    if (p->bias)
        found = _mm256_add_ps(found, numbers_at(p->bias, output, 0, count));
    return p->gelu_new ? gelu_new(found) : found;
}

/* Store the sums of a block, finished. */
AVX2 static void store(const struct product *p, struct block at, int64_t first, int rows,
                       float sums[MAX_ROWS][LANES]) {
    const int64_t output = at.group * p->outputs + at.number * LANES; /* the first one, of those of a row */
    const int64_t left = p->outputs - at.number * LANES, lanes = left < LANES ? left : LANES;
    for (int row = 0; row < rows; row++) {
        const float step = p->codes ? p->step[(first + row) * p->groups + at.group] : 1;
        float *out = p->out + (first + row) * p->groups * p->outputs + output;
        int64_t lane = 0;
        for (; lane + 8 <= lanes; lane += 8)
            _mm256_storeu_ps(out + lane, finished(p, sums[row] + lane, step, output + lane, 8));
        for (; lane < lanes; lane++)
            out[lane] = _mm256_cvtss_f32(finished(p, sums[row] + lane, step, output + lane, 1));
    }
}

#define MULTIPLY(name, sum, TARGET)                                                                                \
    TARGET static void name(const struct product *p, struct block at) {                                            \
        float sums[MAX_ROWS][LANES];                                                                               \
        for (int64_t first = 0; first < p->rows; first += MAX_ROWS) {                                              \
            const int rows = p->rows - first < MAX_ROWS ? p->rows - first : MAX_ROWS;                              \
            switch (rows) {                                                                                        \
            case 1: sum(p, at, first, 1, sums); break;                                                             \
            case 2: sum(p, at, first, 2, sums); break;                                                             \
            case 3: sum(p, at, first, 3, sums); break;                                                             \
            case 4: sum(p, at, first, 4, sums); break;                                                             \
            case 5: sum(p, at, first, 5, sums); break;                                                             \
            default: sum(p, at, first, MAX_ROWS, sums);                                                            \
            }                                                                                                      \
            store(p, at, first, rows, sums);                                                                       \
        }                                                                                                          \
    }

MULTIPLY(multiply_by_floats, sum_floats, AVX2)
MULTIPLY(multiply_by_codes, sum_codes, AVX2)
MULTIPLY(multiply_by_codes_by_vnni, sum_codes_by_vnni, VNNI)

/* Eight inputs, of which the first is number `at`, or one of them and zeros. */
INLINE AVX2 __m256 inputs_at(const struct product *p, int64_t at, const float *scale, int count) {
    const __m256 found = numbers_at(p->x, at, p->halves, count);
    return scale ? _mm256_mul_ps(found, numbers_at(scale, 0, 0, count)) : found;
}

INLINE AVX2 float sum_of(__m256 x) {
    float parts[8];
    _mm256_storeu_ps(parts, x);
    return ((parts[0] + parts[4]) + (parts[1] + parts[5])) + ((parts[2] + parts[6]) + (parts[3] + parts[7]));
}

INLINE AVX2 float largest_of(__m256 x) {
    float parts[8];
    _mm256_storeu_ps(parts, x);
    float largest = parts[0];
    for (int part = 1; part < 8; part++)
        largest = parts[part] > largest ? parts[part] : largest;
    return largest;
}

/* Round the inputs of one row of one group. Where one of them is not finite, all results shall be no numbers. */
INLINE AVX2 void round_scaled_inputs(const struct product *p, int64_t part, const float *scale) {
    const int64_t inputs = p->inputs, eights = inputs / 8 * 8, start = part * inputs;
    const __m256 sign = _mm256_set1_ps(-0.0f);
    int16_t *rounded = p->rounded + part * pairs_of(p) * PAIR;
    __m256 largest = _mm256_setzero_ps(), sum = _mm256_setzero_ps();
    for (int64_t input = 0; input < inputs; input += input < eights ? 8 : 1) {
        const int count = input < eights ? 8 : 1;
        const __m256 size = _mm256_andnot_ps(sign, inputs_at(p, start + input, scale + (scale ? input : 0), count));
        largest = _mm256_max_ps(largest, size);
        sum = _mm256_add_ps(sum, size);
    }
    /* Roundings add half a step each to the sum of the codes at most. */
    const float by_sum = sum_of(sum) / (MAX_SUM - inputs), by_size = largest_of(largest) / MAX_CODE;
    const float step = by_sum > by_size ? by_sum : by_size;
    const int finite = isfinite(by_sum);
    const __m256 codes = _mm256_set1_ps(finite && step > LEAST_STEP ? 1 / step : 0);
    p->step[part] = finite ? step : NAN;
    for (int64_t input = 0; input < inputs; input += input < eights ? 8 : 1) {
        const int count = input < eights ? 8 : 1;
        const __m256 x = _mm256_mul_ps(inputs_at(p, start + input, scale + (scale ? input : 0), count), codes);
        const __m256i whole = _mm256_cvtps_epi32(x);
        const __m128i shorts = _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
        if (count == 8)
            _mm_storeu_si128((__m128i *)(rounded + input), shorts);
        else
            rounded[input] = (int16_t)_mm_extract_epi16(shorts, 0);
    }
    if (inputs % PAIR)
        rounded[inputs] = 0;
}

AVX2 static void round_inputs(const struct product *p, int64_t part) {
    if (p->x_scale)
        round_scaled_inputs(p, part, p->x_scale + part % p->groups * p->inputs);
    else
        round_scaled_inputs(p, part, NULL);
}

/* Multiply one block of the outputs of all groups, by number. */
INLINE AVX2 void multiply(const struct product *p, int64_t number) {
    const int64_t blocks = blocks_of(p);
    const struct block block = {number / blocks, number % blocks, blocks};
    if (p->floats)
        multiply_by_floats(p, block);
    else if (p->vnni)
        multiply_by_codes_by_vnni(p, block);
    else
        multiply_by_codes(p, block);
}

/* Multiply each group's rows by the group's weights. All threads of a team call it, each for its share. */
AVX2 static void multiply_all(const struct product *p) {
#pragma omp for schedule(static)
    for (int64_t number = 0; number < p->groups * blocks_of(p); number++)
        multiply(p, number);
}

/* The same, after the rows for weights of 8 bits have been rounded. */
AVX2 static void round_and_multiply_all(const struct product *p) {
    if (p->codes) {
#pragma omp for schedule(static)
        for (int64_t part = 0; part < p->rows * p->groups; part++)
            round_inputs(p, part);
    }
    multiply_all(p);
}

AVX2 void few_rows_product(const struct product *p) {
#pragma omp parallel num_threads(p->threads)
    round_and_multiply_all(p);
}

#define LEAST_SCORE -3.4028234664e38f /* of padding: finite, so that padding alone gives numbers */

/* Make weights, which add up to 1, of scores; where `seen` is 0, of the least one. */
AVX2 static void soften(float *scores, int64_t count, const uint8_t *seen) {
    const int64_t eights = count / 8 * 8;
    __m256 most = _mm256_set1_ps(LEAST_SCORE), total = _mm256_setzero_ps();
    for (int64_t at = 0; seen && at < count; at++)
        scores[at] = seen[at] ? scores[at] : LEAST_SCORE;
    for (int64_t at = 0; at < eights; at += 8)
        most = _mm256_max_ps(most, _mm256_loadu_ps(scores + at));
    float largest = largest_of(most), rest = 0;
    for (int64_t at = eights; at < count; at++)
        largest = scores[at] > largest ? scores[at] : largest;
    for (int64_t at = 0; at < eights; at += 8) {
        const __m256 weights = power_of_e(_mm256_sub_ps(_mm256_loadu_ps(scores + at), _mm256_set1_ps(largest)));
        _mm256_storeu_ps(scores + at, weights);
        total = _mm256_add_ps(total, weights);
    }
    for (int64_t at = eights; at < count; at++)
        rest += scores[at] = _mm256_cvtss_f32(power_of_e(_mm256_set1_ps(scores[at] - largest)));
    const float by = 1 / (sum_of(total) + rest);
    for (int64_t at = 0; at < count; at++)
        scores[at] *= by;
}

/* Attention to keys and values that all rows share: `values` multiplies the softened results of `keys`.
   `seen` is (K of values), 0 at padding; or NULL. */
AVX2 void few_rows_shared_attention(const struct product *keys, const struct product *values, const uint8_t *seen) {
#pragma omp parallel num_threads(keys->threads)
    {
        round_and_multiply_all(keys);
#pragma omp for schedule(static)
        for (int64_t part = 0; part < keys->rows * keys->groups; part++) {
            soften(keys->out + part * keys->outputs, keys->outputs, seen);
            if (values->codes) /* here, while the row is in the cache */
                round_inputs(values, part);
        }
        multiply_all(values);
    }
}

/* Attention of one query a row and head to the tokens its row has read, which stand in slots that rows share.

   R rows, H heads, T tokens, C slots, D the width of a head. See `_Attention` in few_rows.py. */
struct attention {
    const void *query, *keys, *values; /* (R, H, D), (H, C, D), (H, C, D), in 32 bits or bfloat16 */
    const int64_t *slots;              /* (R, T) */
    const uint8_t *seen;               /* (R, T), 0 at padding; or NULL */
    float *room;                       /* (R, H, T + D) */
    void *out;                         /* (R, H, D), as the query */
    int64_t rows, heads, tokens, capacity, width;
    int halves, threads;
};

/* `eights` times eight of what a row's tokens weigh together, from number `from` of the width on. */
INLINE AVX2 void weigh(const struct attention *a, int64_t head, const int64_t *slots, const float *weights,
                       int64_t from, int eights, int count, float *found) {
    __m256 sums[4];
    for (int eight = 0; eight < eights; eight++)
        sums[eight] = _mm256_setzero_ps();
    for (int64_t token = 0; token < a->tokens; token++) {
        const int64_t start = (head * a->capacity + slots[token]) * a->width + from;
        const __m256 weight = _mm256_broadcast_ss(weights + token);
        _Pragma("GCC unroll 4") for (int eight = 0; eight < eights; eight++) {
            const __m256 value = numbers_at(a->values, start + 8 * eight, a->halves, count);
            sums[eight] = _mm256_fmadd_ps(weight, value, sums[eight]);
        }
    }
    for (int eight = 0; eight < eights; eight++)
        _mm256_storeu_ps(found + 8 * eight, sums[eight]);
}

INLINE uint16_t half_of(float number) {
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    return isnan(number) ? 0x7fc0 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16; /* to the nearest, or the even one */
}

AVX2 static void attend(const struct attention *a, int64_t row, int64_t head) {
    const int64_t width = a->width, eights = width / 8 * 8, tokens = a->tokens, part = row * a->heads + head;
    const int64_t *slots = a->slots + row * tokens;
    float *weights = a->room + part * (tokens + width);
    float *found = weights + tokens;
    const float scale = 1 / sqrtf((float)width);
    for (int64_t token = 0; token < tokens; token++) {
        const int64_t start = (head * a->capacity + slots[token]) * width;
        __m256 sum = _mm256_setzero_ps();
        for (int64_t at = 0; at < width; at += at < eights ? 8 : 1) {
            const int count = at < eights ? 8 : 1;
            sum = _mm256_fmadd_ps(numbers_at(a->query, part * width + at, a->halves, count),
                                  numbers_at(a->keys, start + at, a->halves, count), sum);
        }
        weights[token] = sum_of(sum) * scale;
    }
    soften(weights, tokens, a->seen ? a->seen + row * tokens : NULL);
    int64_t at = 0;
    for (; at + 32 <= width; at += 32)
        weigh(a, head, slots, weights, at, 4, 8, found + at);
    for (; at + 8 <= width; at += 8)
        weigh(a, head, slots, weights, at, 1, 8, found + at);
    for (; at < width; at++) {
        float last[8];
        weigh(a, head, slots, weights, at, 1, 1, last);
        found[at] = last[0];
    }
    for (at = 0; at < width; at++) {
        if (a->halves)
            ((uint16_t *)a->out)[part * width + at] = half_of(found[at]);
        else
            ((float *)a->out)[part * width + at] = found[at];
    }
}

/* Let each row's heads attend to what the row has read. */
void few_rows_attention(const struct attention *a) {
#pragma omp parallel for schedule(static) num_threads(a->threads)
    for (int64_t at = 0; at < a->heads * a->rows; at++)
        attend(a, at % a->rows, at / a->rows);
}

/* Tells a library that was compiled from another source: both structs are written down in few_rows.py, too. */
int few_rows_layout(void) {
    return 1000 * (int)sizeof(struct product) + (int)sizeof(struct attention);
}

#if __has_include(<Python.h>) /* nothing imports this as a module but what walks over all modules of a package */
#include <Python.h>

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_few_rows", NULL, -1, NULL, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__few_rows(void) {
    return PyModule_Create(&module);
}
#endif
