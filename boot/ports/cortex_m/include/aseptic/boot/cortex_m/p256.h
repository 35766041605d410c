/* SPDX-License-Identifier: Apache-2.0
 * ECDSA P-256 over BearSSL's integers and point formulas (ec_prime_i31.c), for one curve only. Private to this port and
 * to its test on the host. All numbers are big-endian, 32 bytes. Functions return 1, or 0 on any malformed input. */
#pragma once
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
/* Public data only: the time depends on it. key = x||y, signature = r||s. */
uint32_t aseptic_p256_verify(const uint8_t *key, const uint8_t *digest, const uint8_t *signature);
/* In constant time. `nonce` is a secret that is never used for another digest. */
uint32_t aseptic_p256_sign(const uint8_t *secret, const uint8_t *nonce, const uint8_t *digest, uint8_t *signature);
uint32_t aseptic_p256_public(const uint8_t *secret, uint8_t *key);
/* even := the secret, or the order less the secret, whichever has a public key with an even y (the same x). In constant time. */
uint32_t aseptic_p256_even(const uint8_t *secret, uint8_t *even);
/* x of the public key as the r of a signature, which needs no code of its own (of one key in 2^32, r is not x: nobody then
 * takes what it signs). With secret, nonce and digest one and the same, s is r + 1: `out` (64 bytes) tells nothing but x. */
static inline uint32_t aseptic_p256_public_x(const uint8_t *secret, uint8_t *out) {
  return aseptic_p256_sign(secret, secret, secret, out);
}
#ifdef __cplusplus
}
#endif
