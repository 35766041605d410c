// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/signatures/lms.h"

namespace aseptic::boot {
namespace {

// RFC 8554 section 7.1: what keeps the uses of the hash apart. Big-endian, behind I and a number.
constexpr std::uint16_t kPublic = 0x8080;        // D_PBLC
constexpr std::uint16_t kMessage = 0x8181;       // D_MESG
constexpr std::uint16_t kLeaf = 0x8282;          // D_LEAF
constexpr std::uint16_t kInterior = 0x8383;      // D_INTR

std::uint32_t big_endian(ByteView bytes) {
  std::uint32_t value = 0;
  __builtin_memcpy(&value, bytes.data(), sizeof value);
  return __builtin_bswap32(value);
}

// Every hash of LMS begins I ‖ u32str(number) ‖ u16str(what).
struct Prefix {
  std::array<std::uint8_t, 23> bytes{};  // I, number, what, and the chains' step

  void set(std::uint32_t number, std::uint16_t what) {
    const std::uint32_t swapped = __builtin_bswap32(number);
    __builtin_memcpy(&bytes[16], &swapped, sizeof swapped);
    bytes[20] = static_cast<std::uint8_t>(what >> 8U);
    bytes[21] = static_cast<std::uint8_t>(what);
  }
  ByteView view() const { return ByteView(bytes).first(22); }
  ByteView with_step(unsigned step) {
    bytes[22] = static_cast<std::uint8_t>(step);
    return bytes;
  }
};

// coef(Q ‖ Cksm(Q), i, w), sections 3.1.3 and 4.4. `text` has the 32 bytes of Q and two of the checksum.
unsigned coefficient(ByteView text, unsigned index, unsigned width) {
  return width == 8 ? text[index] : (text[index / 2] >> (index % 2 == 0 ? 4U : 0U)) & 15U;
}

// Cksm, algorithm 2. ls is 4 for w = 4 and 0 for w = 8 (section 4.1).
void append_checksum(std::array<std::uint8_t, 34>& text, unsigned width) {
  unsigned sum = 0;
  for (unsigned i = 0; i < 256 / width; ++i)
    sum += (1U << width) - 1U - coefficient(text, i, width);
  sum <<= width == 4 ? 4U : 0U;
  text[32] = static_cast<std::uint8_t>(sum >> 8U);
  text[33] = static_cast<std::uint8_t>(sum);
}

// Algorithm 4b: the candidate for the LM-OTS public key. The long hash over the ends of the chains lives in the
// hasher's mark while each chain is hashed.
Status one_time_key(Hasher& hasher, Prefix& prefix, std::uint32_t q, const LmsParameters& parameters,
                    const SignedMessage& message, SignatureSource& signature, Digest& out) {
  Digest value{};
  ASEPTIC_BOOT_TRY(signature.next(value));  // C
  std::array<std::uint8_t, 34> text{};
  prefix.set(q, kMessage);
  hasher.reset();
  hasher.update(prefix.view());
  hasher.update(value);
  hasher.update(message.domain);
  hasher.update(message.body);
  hasher.finish(value);
  copy_bytes(text, value);
  append_checksum(text, parameters.width);

  prefix.set(q, kPublic);
  hasher.reset();
  hasher.update(prefix.view());
  hasher.mark();
  for (unsigned chain = 0; chain < parameters.chains; ++chain) {
    ASEPTIC_BOOT_TRY(signature.next(value));  // y[chain]
    prefix.set(q, static_cast<std::uint16_t>(chain));
    for (unsigned step = coefficient(text, chain, parameters.width); step < (1U << parameters.width) - 1U; ++step) {
      hasher.reset();
      hasher.update(prefix.with_step(step));
      hasher.update(value);
      hasher.finish(value);
    }
    hasher.rewind();
    hasher.update(value);
    hasher.mark();
  }
  hasher.rewind();
  hasher.finish(out);
  return Status::kOk;
}

Status next_number(SignatureSource& signature, std::uint32_t& out) {
  std::array<std::uint8_t, 4> bytes{};
  ASEPTIC_BOOT_TRY(signature.next(bytes));
  out = big_endian(bytes);
  return Status::kOk;
}

Status expect(SignatureSource& signature, std::uint32_t wanted) {
  std::uint32_t number = 0;
  ASEPTIC_BOOT_TRY(next_number(signature, number));
  return number == wanted ? Status::kOk : Status::kBadPostQuantumSignature;
}

}  // namespace

Status lms_parameters(LmsPublicKey key, LmsParameters& out) {
  if (big_endian(key) != 1) return Status::kBadAlgorithm;  // L
  LmsParameters parameters;
  switch (big_endian(key.subspan<4>())) {
    case 6: parameters.height = 10; break;
    case 7: parameters.height = 15; break;
    case 8: parameters.height = 20; break;
    default: return Status::kBadAlgorithm;
  }
  switch (big_endian(key.subspan<8>())) {
    case 3: parameters.width = 4; parameters.chains = 67; break;
    case 4: parameters.width = 8; parameters.chains = 34; break;
    default: return Status::kBadAlgorithm;
  }
  out = parameters;
  return Status::kOk;
}

// Algorithm 6a, for the single level of algorithm 8 of section 6.3 (Nspk = 0).
Status lms_root(Hasher& hasher, LmsPublicKey key, const SignedMessage& message, SignatureSource& signature, Digest& root) {
  LmsParameters parameters;
  ASEPTIC_BOOT_TRY(lms_parameters(key, parameters));
  Prefix prefix;
  copy_bytes(MutableBytes(prefix.bytes).first(16), key.subspan<12, 16>());

  ASEPTIC_BOOT_TRY(expect(signature, 0));  // Nspk = L - 1
  std::uint32_t q = 0;
  ASEPTIC_BOOT_TRY(next_number(signature, q));
  if ((q >> parameters.height) != 0) return Status::kBadPostQuantumSignature;
  ASEPTIC_BOOT_TRY(expect(signature, big_endian(key.subspan<8>())));  // LM-OTS type
  Digest node{};
  ASEPTIC_BOOT_TRY(one_time_key(hasher, prefix, q, parameters, message, signature, node));
  ASEPTIC_BOOT_TRY(expect(signature, big_endian(key.subspan<4>())));  // LMS type

  std::uint32_t number = (1U << parameters.height) + q;
  prefix.set(number, kLeaf);
  node = hash_of(hasher, prefix.view(), node);
  for (; number > 1; number >>= 1U) {
    Digest sibling{};
    ASEPTIC_BOOT_TRY(signature.next(sibling));
    prefix.set(number >> 1U, kInterior);
    const bool right = (number & 1U) != 0;
    node = hash_of(hasher, prefix.view(), right ? sibling : node, right ? node : sibling);
  }
  root = node;
  return Status::kOk;
}

Status verify_lms(Hasher& hasher, LmsPublicKey key, const SignedMessage& message, SignatureSource& signature) {
  Digest root{};
  ASEPTIC_BOOT_TRY(lms_root(hasher, key, message, signature, root));
  return equal(root, key.last<kDigestSize>()) ? Status::kOk : Status::kBadPostQuantumSignature;
}

}  // namespace aseptic::boot
