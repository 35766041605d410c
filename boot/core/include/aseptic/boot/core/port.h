// SPDX-License-Identifier: Apache-2.0
// What a target gives to boot: everything outside the decision itself. One implementation per port, one for
// tests and the simulator.
#pragma once
#include "aseptic/boot/core/events.h"
#include "aseptic/boot/format/hash.h"
#include "aseptic/boot/format/mailbox.h"
#include "aseptic/boot/format/manifest.h"
#include "aseptic/boot/format/monotonic.h"
#include "aseptic/boot/format/signature_source.h"
#include "aseptic/boot/journal/storage.h"

namespace aseptic::boot {

class SignatureVerifier {
 public:
  // kOk only for a valid ECDSA P-256 signature r‖s of `message_digest`; any malformed key or signature is an
  // error.
  virtual Status verify_p256(std::span<const std::uint8_t, kP256PublicKeySize> public_key,
                             const Digest& message_digest,
                             std::span<const std::uint8_t, kP256SignatureSize> signature) = 0;

  // kOk only for a valid signature of `message` under `key`, by the key's algorithm (boot/signatures). Reads exactly
  // the signature's bytes. A port that does not have the algorithm answers kBadAlgorithm.
  virtual Status verify_post_quantum(const PostQuantumKey& key, const SignedMessage& message,
                                     SignatureSource& signature) = 0;

 protected:
  ~SignatureVerifier() = default;
};

// Contract: `burn` is atomic per field and never lets a value fall, whatever it is asked; it returns kOk only
// when the new state was read back. On fuse ports confirmed digest and quarantine are ignored.
class MonotonicStore {
 public:
  virtual Status load(MonotonicState& out) = 0;
  virtual Status burn(const MonotonicState& state) = 0;
  // The last generation that the store can count (fuse ports: the budget).
  virtual std::uint32_t generation_max() const = 0;

 protected:
  ~MonotonicStore() = default;
};

// The memory that an executable region is copied to, verified in, and run from.
// SECURITY(T-30): after `seal` nothing but the running image can change it, and the view is what will run.
class ExecMemory {
 public:
  // Whether an image that was linked for `load_address` can run from this memory.
  virtual Status check_placement(std::uint64_t /*load_address*/, AreaOffset /*size*/) { return Status::kOk; }
  virtual Status begin(AreaOffset size) = 0;  // discards what was there
  virtual Status write(AreaOffset offset, ByteView bytes) = 0;
  virtual Status seal(ByteView& sealed) = 0;

 protected:
  ~ExecMemory() = default;
};

class Entropy {
 public:
  virtual Status fill(Digest& out) = 0;  // used on ports without a device secret, for tokens

 protected:
  ~Entropy() = default;
};

// Signs the boot report with the key that boot derived for it.
class ReportSigner {
 public:
  // ECDSA P-256, r‖s, of `digest`; `nonce` is secret and belongs to this digest alone.
  // False when there is none with this key and nonce.
  virtual bool sign(const Digest& key, const Digest& nonce, const Digest& digest,
                    std::span<std::uint8_t, kP256SignatureSize> signature) = 0;
  // The public half of alias key `key`, as the report has it: 0x02, x, the rest zero. The first byte is 0 for a key that
  // has none (one in 2^32).
  virtual void publish(const Digest& key, std::span<std::uint8_t, kAliasKeySize> out) = 0;

 protected:
  ~ReportSigner() = default;
};

// What the fuses of a device say about an open debug port in production (rule 11).
// SECURITY(T-55): no value that memory has after one faulty fill (0, 1, a single bit, all ones) degrades.
enum class DebugPolicy : std::uint8_t { kRefuse = 0, kDegraded = 0x5A };

// One reading of fuses and debug status.
struct HardwareReading {
  DebugPort debug = DebugPort::kUnknown;
  // From fuses, never from an image. Production here makes a device a production device whatever its record says.
  LifeCycle fused_life_cycle = LifeCycle::kDevelopment;
  DebugPolicy debug_policy = DebugPolicy::kRefuse;
};

struct Port {
  Storage& storage;
  MonotonicStore& store;
  Hasher& hasher;
  SignatureVerifier& verifier;
  ExecMemory& memory;
  Entropy& entropy;
  EventSink& events;
  ResetCause cause = ResetCause::kUnknown;
  std::uint32_t cause_doubt = 0;  // not 0: judged once more, the cause is another one, and no arm holds
  // SECURITY(T-55): two readings that have nothing in common; the second is judged in the last pass before a start.
  // A port that has no such hardware leaves the second alone.
  HardwareReading hardware, hardware_again;
  std::uint32_t boot_version = 1;
  Digest boot_digest{};
  ReportSigner* report_signer = nullptr;  // none: reports carry no signature
};

}  // namespace aseptic::boot
