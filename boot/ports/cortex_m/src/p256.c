/* SPDX-License-Identifier: Apache-2.0
 * Why not br_ecdsa_i31_vrfy_raw: it carries three curves, numbers of any length and two multiplications, in 7 KB. Here all
 * is sized for 256 bits, in words of 32, and one multiplication serves verifying (two scalars, shared doublings) and
 * signing. The point formulas are BearSSL's programs (ec_prime_i31.c), unchanged, run over this arithmetic. Everything
 * but the range checks of public input takes the same time whatever the numbers are. */
#include "aseptic/boot/cortex_m/p256.h"

#include "inner.h"
#undef BR_MAX_EC_SIZE
#define BR_MAX_EC_SIZE 256
#include "ec/ec_prime_i31.c"

#define WORDS 8
#define BYTES 32

typedef uint32_t number[WORDS]; /* least significant word first */
typedef struct {
  number m;
  uint32_t inverse; /* -1/m modulo 2^32 */
} modulus;
typedef struct {
  number c[3]; /* X, Y, Z of X/Z^2, Y/Z^3 in Montgomery form (R = 2^256); Z = 0 is infinity */
} point;

static const modulus kField = {{0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0, 0, 0, 1, 0xFFFFFFFF}, 1};
static const modulus kOrder = {
    {0xFC632551, 0xF3B9CAC2, 0xA7179E84, 0xBCE6FAAD, 0xFFFFFFFF, 0xFFFFFFFF, 0, 0xFFFFFFFF}, 0xEE00BC4F};
/* The second operand of BearSSL's code_check: R^2, the curve's b times R, and 1; of the last the affine program has its 1. */
static const point kConstants = {{{3, 0, 0xFFFFFFFF, 0xFFFFFFFB, 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD, 4},
                                  {0x29C4BDDF, 0xD89CDF62, 0x78843090, 0xACF005CD, 0xF7212ED6, 0xE5A220AB, 0x04874834, 0xDC30061D},
                                  {1}}};
static const uint32_t *const kOne = kConstants.c[2];

/* BearSSL's code_affine without its inversion, which comes first here: P1z is the inverse of Z. */
static const uint16_t kAffine[] = {MMUL(t1, P1z, P1z), MMUL(t2, P1x, t1), MMUL(P1x, t2, P2z), MMUL(t2, t1, P1z),
                                   MMUL(t1, P1y, t2),  MMUL(P1y, t1, P2z), ENDCODE};

/* d + (a ^ flip) + (flip & 1), stored in d where `write` is all ones; returns the carry. */
static uint32_t combine(uint32_t *d, const uint32_t *a, uint32_t flip, uint32_t write) {
#if defined(__thumb2__) /* the carry stays in its flag: half of the field's time goes by here */
  const uint32_t *const end = a + WORDS;
  uint32_t carry, x, y;
  __asm__ volatile(
      "lsrs %[x], %[flip], #1\n"
      "1: ldr %[x], [%[d]]\n"
      "ldr %[y], [%[a]], #4\n"
      "eor %[y], %[y], %[flip]\n"
      "adcs %[y], %[y], %[x]\n"
      "eor %[y], %[y], %[x]\n"
      "and %[y], %[y], %[write]\n"
      "eor %[y], %[y], %[x]\n"
      "str %[y], [%[d]], #4\n"
      "teq %[a], %[end]\n"
      "bne 1b\n"
      "mov %[carry], #0\n"
      "adc %[carry], %[carry], %[carry]\n"
      : [carry] "=&r"(carry), [x] "=&r"(x), [y] "=&r"(y), [d] "+r"(d), [a] "+r"(a)
      : [flip] "r"(flip), [write] "r"(write), [end] "r"(end)
      : "cc", "memory");
  return carry;
#else
  uint32_t carry = flip & 1;
  for (int i = 0; i < WORDS; ++i) {
    const uint64_t sum = (uint64_t)d[i] + (a[i] ^ flip) + carry;
    carry = (uint32_t)(sum >> 32);
    d[i] ^= (d[i] ^ (uint32_t)sum) & write;
  }
  return carry;
#endif
}

/* 1 when d was less than a. */
static uint32_t subtract(uint32_t *d, const uint32_t *a, uint32_t write) { return combine(d, a, ~0U, write) ^ 1; }

/* d of 257 bits, carry on top, below 2m: brought below m. */
static void reduce(uint32_t *d, uint32_t carry, const modulus *m) {
  subtract(d, m->m, -(carry | (subtract(d, m->m, 0) ^ 1)));
}

static uint32_t is_zero(const uint32_t *x) {
  uint32_t any = 0;
  for (int i = 0; i < WORDS; ++i)
    any |= x[i];
  return 1 & ~((any | -any) >> 31);
}

/* a*b + *low + *high, which 64 bits always hold. */
static inline void multiply_add(uint32_t *low, uint32_t *high, uint32_t a, uint32_t b) {
#if defined(__ARM_FEATURE_DSP)
  __asm__("umaal %0, %1, %2, %3" : "+r"(*low), "+r"(*high) : "r"(a), "r"(b));
#else
  const uint64_t sum = (uint64_t)a * b + *low + *high;
  *low = (uint32_t)sum;
  *high = (uint32_t)(sum >> 32);
#endif
}

/* d := a*b/R; one of a and b is below m. d may be either. */
static void multiply(uint32_t *d, const uint32_t *a, const uint32_t *b, const modulus *m) {
  uint32_t sum[WORDS + 2]; /* the lowest word is always zero after a turn and falls out */
  memset(sum, 0, sizeof sum);
  for (int i = 0; i < WORDS; ++i) {
    const uint32_t f = (sum[1] + a[i] * b[0]) * m->inverse;
    uint32_t high = 0, low = 0; /* carries of the two products */
    uint32_t *to = sum;
    for (int j = 0; j < WORDS; ++j) {
      uint32_t t = to[1];
      multiply_add(&t, &high, a[i], b[j]);
      multiply_add(&t, &low, f, m->m[j]);
      *to++ = t;
    }
    const uint64_t top = (uint64_t)*(to + 1) + high + low;
    to[0] = (uint32_t)top;
    to[1] = (uint32_t)(top >> 32);
  }
  memcpy(d, sum + 1, sizeof(number));
  reduce(d, sum[WORDS + 1], m);
}

/* x := R^2/x: x to the power m - 2, whose lowest word does not borrow. */
static void invert(uint32_t *x, const modulus *m) {
  number base;
  memcpy(base, x, sizeof base);
  for (int i = 8 * BYTES - 2; i >= 0; --i) {
    multiply(x, x, x, m);
    if (((m->m[i / 32] - (i < 32 ? 2 : 0)) >> (i % 32)) & 1) multiply(x, x, base, m);
  }
}

static void decode(uint32_t *x, const uint8_t *bytes) {
  for (int i = 0; i < WORDS; ++i)
    x[i] = br_dec32be(bytes + BYTES - 4 - 4 * i);
}

static void encode(uint8_t *bytes, const uint32_t *x) {
  for (int i = 0; i < WORDS; ++i)
    br_enc32be(bytes + BYTES - 4 - 4 * i, x[i]);
}

static uint32_t decode_scalar(uint32_t *x, const uint8_t *bytes) {
  decode(x, bytes);
  return subtract(x, kOrder.m, 0) & ~is_zero(x);
}

/* d := s where `mask` is all ones. */
static void choose(point *d, const point *s, uint32_t mask) {
  uint32_t *to = (uint32_t *)d;
  const uint32_t *from = (const uint32_t *)s;
  for (size_t i = 0; i < sizeof *d / sizeof *to; ++i)
    to[i] ^= (to[i] ^ from[i]) & mask;
}

/* BearSSL's interpreter, without MINV. 0 when an MTZ found zero. */
static uint32_t run(point *p, const point *q, const uint16_t *code) {
  number t[13];
  uint32_t good = 1, op;
  memcpy(t[P1x], p, sizeof *p);
  memcpy(t[P2x], q, sizeof *q);
  while ((op = *code++) != 0) {
    uint32_t *const d = t[(op >> 8) & 15];
    const uint32_t *const a = t[(op >> 4) & 15];
    switch (op >> 12) {
      case 0:
        memcpy(d, a, sizeof(number));
        break;
      case 1:
        reduce(d, combine(d, a, 0, ~0U), &kField);
        break;
      case 2:
        combine(d, kField.m, 0, -subtract(d, a, ~0U));
        break;
      case 3:
        multiply(d, a, t[op & 15], &kField);
        break;
      default:
        good &= ~is_zero(d);
    }
  }
  memcpy(p, t[P1x], sizeof *p);
  return good;
}

static uint32_t decode_point(point *p, const uint8_t *key) {
  decode(p->c[0], key);
  decode(p->c[1], key + BYTES);
  return subtract(p->c[0], kField.m, 0) & subtract(p->c[1], kField.m, 0) & ~run(p, &kConstants, code_check);
}

/* a := u*G + v*Q as plain x and y. 0 when Q is no point, and when the sum is infinite or passed through a sum of equal or
 * opposite points, where the formulas do not apply: infinity then stays to the end. Nobody who does not know the private
 * key can make that happen, and who knows it needs no forgery. */
static uint32_t multiply_both(point *a, const uint32_t *u, const uint32_t *v, const uint8_t *key) {
  point table[3]; /* G, Q, G + Q */
  point t, sum;
  uint32_t started = 0;
  const uint32_t is_public = !is_zero(v); /* only signing has no second scalar, and there the first one is a secret */
  uint32_t good = decode_point(&table[1], key) & decode_point(&table[0], br_secp256r1.generator + 1);
  table[2] = table[0];
  run(&table[2], &table[1], code_add);
  memset(a, 0, sizeof *a);
  for (int i = 8 * BYTES - 1; i >= 0; --i) {
    const uint32_t bits = ((u[i / 32] >> (i % 32)) & 1) | (((v[i / 32] >> (i % 32)) & 1) << 1);
    const uint32_t any = -(uint32_t)(bits != 0);
    run(a, a, code_double);
    if (bits == 0 && is_public) continue;
    t = table[0];
    choose(&t, &table[1], -(bits >> 1));
    choose(&t, &table[2], -(bits & (bits >> 1)));
    sum = *a;
    run(&sum, &t, code_add);
    choose(&sum, &t, ~started);
    choose(a, &sum, any);
    started |= any;
  }
  good &= ~is_zero(a->c[2]);
  invert(a->c[2], &kField);
  run(a, &kConstants, kAffine);
  return good & 1;
}

__attribute__((noinline)) uint32_t aseptic_p256_verify(const uint8_t *key, const uint8_t *digest, const uint8_t *signature) {
  number r, s, u, v;
  point a;
  uint32_t good = decode_scalar(r, signature) & decode_scalar(s, signature + BYTES);
  decode(u, digest);
  invert(s, &kOrder);
  multiply(s, s, kOne, &kOrder); /* R/s */
  multiply(u, u, s, &kOrder);
  multiply(v, r, s, &kOrder);
  good &= multiply_both(&a, u, v, key);
  reduce(a.c[0], 0, &kOrder);
  subtract(r, a.c[0], ~0U);
  return good & is_zero(r);
}

__attribute__((noinline)) uint32_t aseptic_p256_sign(const uint8_t *secret, const uint8_t *nonce, const uint8_t *digest, uint8_t *signature) {
  static const number kZero = {0};
  number x, k, m;
  point a;
  uint32_t good = decode_scalar(x, secret) & decode_scalar(k, nonce);
  good &= multiply_both(&a, k, kZero, br_secp256r1.generator + 1);
  reduce(a.c[0], 0, &kOrder);
  encode(signature, a.c[0]);
  decode(m, digest);
  multiply(m, m, kOne, &kOrder);       /* (m + x*r)/R ... */
  multiply(x, x, a.c[0], &kOrder);
  reduce(m, combine(m, x, 0, ~0U), &kOrder);
  invert(k, &kOrder);                  /* ... times R^2/k, over R */
  multiply(m, m, k, &kOrder);
  encode(signature + BYTES, m);
  return good & ~is_zero(a.c[0]) & ~is_zero(m);
}

uint32_t aseptic_p256_public(const uint8_t *secret, uint8_t *key) {
  static const number kZero = {0};
  number x;
  point a;
  uint32_t good = decode_scalar(x, secret);
  good &= multiply_both(&a, x, kZero, br_secp256r1.generator + 1);
  encode(key, a.c[0]);
  encode(key + BYTES, a.c[1]);
  return good;
}

uint32_t aseptic_p256_even(const uint8_t *secret, uint8_t *even) {
  static const number kZero = {0};
  number x, negative;
  point a;
  uint32_t good = decode_scalar(x, secret);
  good &= multiply_both(&a, x, kZero, br_secp256r1.generator + 1);
  memcpy(negative, kOrder.m, sizeof negative);
  subtract(negative, x, ~0U);
  for (int i = 0; i < WORDS; ++i)
    x[i] ^= (x[i] ^ negative[i]) & -(a.c[1][0] & 1);
  encode(even, x);
  return good;
}
