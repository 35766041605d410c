/* SPDX-License-Identifier: Apache-2.0
 * Why not br_ecdsa_i31_vrfy_raw: it multiplies twice and adds, and carries three curves. Here the two multiplications
 * of a verification share their doublings (two thirds of the time), and everything is sized for 256 bits. Point
 * formulas, field and modular arithmetic are BearSSL's, unchanged. */
#include "aseptic/boot/cortex_m/p256.h"

#include "inner.h"
#undef BR_MAX_EC_SIZE
#define BR_MAX_EC_SIZE 256
#include "ec/ec_prime_i31.c"

#define COORDINATE 32

static const curve_params kP256 = {P256_P, P256_B, P256_R2, 1};

typedef struct {
  uint32_t n[I31_LEN];
  uint32_t n0i;
} order;

static void load_order(order *o) {
  br_i31_decode(o->n, br_secp256r1.order, COORDINATE);
  o->n0i = br_i31_ninv31(o->n[1]);
}

/* 32 bytes as a number below twice the order, then below it. */
static void decode_reduced(uint32_t *x, const uint8_t *bytes, const order *o) {
  br_i31_decode(x, bytes, COORDINATE);
  x[0] = o->n[0];
  br_i31_sub(x, o->n, NOT(br_i31_sub(x, o->n, 0)));
}

static uint32_t decode_scalar(uint32_t *x, const uint8_t *bytes, const order *o) {
  return br_i31_decode_mod(x, bytes, COORDINATE, o->n) & NOT(br_i31_iszero(x));
}

/* x := 1/x in the representation that one more Montgomery reduction of x gives. */
static void invert(uint32_t *x, const order *o) {
  uint32_t first[I31_LEN], second[I31_LEN];
  uint8_t e[COORDINATE];
  memcpy(e, br_secp256r1.order, COORDINATE);
  e[COORDINATE - 1] -= 2;
  br_i31_modpow(x, e, COORDINATE, o->n, o->n0i, first, second);
}

static uint32_t is_infinite(const jacobian *p) {
  return br_i31_iszero(p->c[2]);
}

static uint32_t decode_key(jacobian *p, const uint8_t *key) {
  uint8_t point[1 + 2 * COORDINATE];
  point[0] = 0x04;
  memcpy(point + 1, key, 2 * COORDINATE);
  return point_decode(p, point, sizeof point, &kP256);
}

/* a := u*G + v*Q, most significant bit first. 0 when the formulas do not apply (a sum of equal or opposite points):
 * nobody who does not know the private key can make that happen, and who knows it needs no forgery. */
static uint32_t multiply_both(jacobian *a, const uint8_t *u, const uint8_t *v, const uint8_t *key) {
  jacobian table[3]; /* G, Q, G + Q */
  uint32_t good = decode_key(&table[1], key);
  uint32_t started = 0;
  unsigned i;
  good &= decode_key(&table[0], br_secp256r1.generator + 1);
  table[2] = table[0];
  point_add(&table[2], &table[1], &kP256);
  good &= NOT(is_infinite(&table[2]));
  for (i = 0; i < 8 * COORDINATE && good; ++i) {
    const unsigned shift = 7 - (i & 7);
    const unsigned bits = ((u[i >> 3] >> shift) & 1) | (((v[i >> 3] >> shift) & 1) << 1);
    if (started) point_double(a, &kP256);
    if (bits == 0) continue;
    if (started) {
      point_add(a, &table[bits - 1], &kP256);
      good &= NOT(is_infinite(a));
    } else {
      *a = table[bits - 1];
      started = 1;
    }
  }
  return good & started;
}

/* The x coordinate of p, reduced by the order. */
static void x_of(uint32_t *x, const jacobian *p, const order *o) {
  uint8_t point[1 + 2 * COORDINATE];
  point_encode(point, p, &kP256);
  decode_reduced(x, point + 1, o);
}

uint32_t aseptic_p256_verify(const uint8_t *key, const uint8_t *digest, const uint8_t *signature) {
  order o;
  uint32_t r[I31_LEN], s[I31_LEN], t[I31_LEN], m[I31_LEN];
  uint8_t u[COORDINATE], v[COORDINATE];
  jacobian a;
  load_order(&o);
  if (!decode_scalar(r, signature, &o) || !decode_scalar(s, signature + COORDINATE, &o)) return 0;
  br_i31_from_monty(s, o.n, o.n0i);
  invert(s, &o);
  decode_reduced(t, digest, &o);
  br_i31_montymul(m, t, s, o.n, o.n0i);
  br_i31_encode(u, COORDINATE, m);
  br_i31_montymul(m, r, s, o.n, o.n0i);
  br_i31_encode(v, COORDINATE, m);
  if (!multiply_both(&a, u, v, key)) return 0;
  x_of(t, &a, &o);
  br_i31_sub(t, r, 1);
  return br_i31_iszero(t);
}

static uint32_t multiply_generator(jacobian *a, const uint8_t *scalar) {
  const uint32_t good = decode_key(a, br_secp256r1.generator + 1);
  point_mul(a, scalar, COORDINATE, &kP256);
  return good;
}

uint32_t aseptic_p256_sign(const uint8_t *secret, const uint8_t *nonce, const uint8_t *digest, uint8_t *signature) {
  order o;
  uint32_t r[I31_LEN], s[I31_LEN], x[I31_LEN], k[I31_LEN], m[I31_LEN], t[I31_LEN];
  jacobian a;
  uint32_t carry;
  load_order(&o);
  if (!decode_scalar(x, secret, &o) || !decode_scalar(k, nonce, &o) || !multiply_generator(&a, nonce)) return 0;
  x_of(r, &a, &o);
  br_i31_from_monty(k, o.n, o.n0i);
  br_i31_from_monty(k, o.n, o.n0i);
  invert(k, &o);
  decode_reduced(m, digest, &o);
  br_i31_from_monty(m, o.n, o.n0i);
  br_i31_montymul(t, x, r, o.n, o.n0i);
  carry = br_i31_add(t, m, 1);
  carry |= NOT(br_i31_sub(t, o.n, 0));
  br_i31_sub(t, o.n, carry);
  br_i31_montymul(s, t, k, o.n, o.n0i);
  br_i31_encode(signature, COORDINATE, r);
  br_i31_encode(signature + COORDINATE, COORDINATE, s);
  return NOT(br_i31_iszero(r) | br_i31_iszero(s));
}

uint32_t aseptic_p256_public(const uint8_t *secret, uint8_t *key) {
  order o;
  uint32_t x[I31_LEN];
  uint8_t point[1 + 2 * COORDINATE];
  jacobian a;
  load_order(&o);
  if (!decode_scalar(x, secret, &o) || !multiply_generator(&a, secret)) return 0;
  point_encode(point, &a, &kP256);
  memcpy(key, point + 1, 2 * COORDINATE);
  return 1;
}
