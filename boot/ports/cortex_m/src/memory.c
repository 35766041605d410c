/* SPDX-License-Identifier: Apache-2.0
 * The four functions that a compiler may call by itself in freestanding code. Compiled without loop idiom recognition:
 * otherwise they would call themselves. */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size) {
  uint8_t *out = to;
  const uint8_t *in = from;
  for (; size >= 4; size -= 4, in += 4, out += 4)
    *(uint32_t __attribute__((may_alias, aligned(1))) *)out = *(const uint32_t __attribute__((may_alias, aligned(1))) *)in;
  for (; size != 0; --size)
    *out++ = *in++;
  return to;
}

void *memmove(void *to, const void *from, size_t size) {
  uint8_t *out = to;
  const uint8_t *in = from;
  if ((uintptr_t)out - (uintptr_t)in >= size) return memcpy(to, from, size);
  while (size-- != 0)
    out[size] = in[size];
  return to;
}

void *memset(void *to, int value, size_t size) {
  uint8_t *out = to;
  const uint32_t word = (uint8_t)value * 0x01010101U;
  for (; size >= 4; size -= 4, out += 4)
    *(uint32_t __attribute__((may_alias, aligned(1))) *)out = word;
  for (; size != 0; --size)
    *out++ = (uint8_t)value;
  return to;
}

int memcmp(const void *a, const void *b, size_t size) {
  const uint8_t *left = a, *right = b;
  for (; size != 0; --size, ++left, ++right)
    if (*left != *right) return *left - *right;
  return 0;
}
