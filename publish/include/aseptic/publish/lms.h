// SPDX-License-Identifier: Apache-2.0
// LMS with SHA-256 (RFC 8554, SP 800-208) as a single-level HSS: key generation, signing, and the one-time state that must
// never be used twice. Profile `cnsa2`. Verification: boot/signatures.
//
// Called by the `aseptic` command. Two signatures with the same index give the private key of that index away (T-20), so an
// index is taken from a witness that no backup restores before anything is signed with it; without a witness, signing refuses
// to start. A crash between taking and using loses an index. What is left is reported (KM-08).
// Memory and time: a key keeps the roots of its subtrees of 1,024 leaves (32 bytes each); a signature computes one subtree
// (1.1 million hashes for W4, 8.9 million for W8), a key all of them.
// Thread contract: an LmsKey may be read by several threads; LmsIndexes and LmsSigner one thread at a time.
#pragma once

#include <array>
#include <functional>

#include "aseptic/platform/entropy.h"
#include "aseptic/platform/signer.h"
#include "aseptic/platform/storage.h"

namespace aseptic::publish {

struct LmsShape {
  unsigned height = 20;  // 10, 15 or 20: 2^height signatures
  unsigned width = 4;    // 4 or 8: 2,832 or 1,776 bytes for height 20
};

class LmsKey {
 public:
  // `identifier` is I, `seed` the secret of RFC 8554 appendix A.
  static core::Result<LmsKey> make(LmsShape shape, const std::array<std::uint8_t, 16>& identifier, const std::array<std::uint8_t, 32>& seed,
                                   const std::function<void(unsigned percent)>& progress = {});
  // The key file: docs/formats/lms_key.md. The root over the stored subtrees is computed again.
  static core::Result<LmsKey> decode(core::ByteView bytes);
  [[nodiscard]] core::Bytes encode() const;

  LmsKey(const LmsKey&) = default;
  LmsKey& operator=(const LmsKey&) = default;
  ~LmsKey();

  [[nodiscard]] LmsShape shape() const { return shape_; }
  [[nodiscard]] std::uint64_t capacity() const { return std::uint64_t{1} << shape_.height; }
  [[nodiscard]] core::Bytes public_bytes() const;  // 60 bytes, HSS with L = 1

  // Only for an index that LmsIndexes has just handed out. `randomizer` is C. Refuses when the stored subtree root does not
  // come out again: a fault here would sign with another key.
  [[nodiscard]] core::Result<core::Bytes> sign(std::uint32_t index, core::ByteView message, const std::array<std::uint8_t, 32>& randomizer) const;

 private:
  LmsKey() = default;
  [[nodiscard]] std::array<std::uint8_t, 32> root() const;
  LmsShape shape_;
  std::array<std::uint8_t, 16> identifier_{};
  std::array<std::uint8_t, 32> seed_{};
  std::vector<std::array<std::uint8_t, 32>> subtrees_;  // roots of the subtrees of 2^10 leaves, in order
};

// A number that only goes up and that restoring a backup of the key does not bring back: a TPM NV counter, or a second medium
// in the custody of a second person.
class SigningWitness {
 public:
  virtual ~SigningWitness() = default;
  // Gives the next number and never gives it again: durable before it returns, and one at a time across processes.
  virtual core::Result<std::uint64_t> take() = 0;
  [[nodiscard]] virtual core::Result<std::uint64_t> taken() = 0;
};

// The second medium, as one small file in a Storage of its own. The caller keeps other processes out of that folder.
class StorageWitness final : public SigningWitness {
 public:
  StorageWitness(platform::Storage& storage, const core::Digest& key_id) : storage_(storage), key_id_(key_id) {}
  // With the key, once; refuses when there is one.
  core::Result<void> create();
  core::Result<std::uint64_t> take() override;
  core::Result<std::uint64_t> taken() override;

 private:
  platform::Storage& storage_;
  core::Digest key_id_;
};

// Hands out the indexes of one key. Two records must agree: the witness, and a state file beside the key that finds out when
// the witness was put back.
class LmsIndexes {
 public:
  // `witness` null: refused.
  static core::Result<LmsIndexes> open(platform::Storage& state, SigningWitness* witness, const core::Digest& key_id, std::uint64_t capacity);
  core::Result<std::uint32_t> take();
  [[nodiscard]] core::Result<std::uint64_t> left();
  // What the record beside the key says alone: never less than is really left. For showing only, where the witness is not at hand.
  static core::Result<std::uint64_t> left_at_most(platform::Storage& state, const core::Digest& key_id, std::uint64_t capacity);

 private:
  LmsIndexes(platform::Storage& state, SigningWitness& witness, const core::Digest& key_id, std::uint64_t capacity)
      : state_(&state), witness_(&witness), key_id_(key_id), capacity_(capacity) {}
  platform::Storage* state_;
  SigningWitness* witness_;
  core::Digest key_id_;
  std::uint64_t capacity_;
};

// The development form of a signer: key in memory, custody kDevelopmentFile.
class LmsSigner final : public platform::PostQuantumSigner {
 public:
  static core::Result<std::unique_ptr<LmsSigner>> start(LmsKey key, platform::Storage& state, SigningWitness* witness, platform::Entropy& entropy);

  [[nodiscard]] const core::PostQuantumPublicKey& public_key() const override { return public_key_; }
  [[nodiscard]] platform::KeyCustody custody() const override { return platform::KeyCustody::kDevelopmentFile; }
  core::Result<core::Bytes> sign(core::ByteView message) override;
  [[nodiscard]] core::Result<std::uint64_t> signatures_left() { return indexes_.left(); }

 private:
  LmsSigner(LmsKey key, core::PostQuantumPublicKey public_key, LmsIndexes indexes, platform::Entropy& entropy)
      : key_(std::move(key)), public_key_(std::move(public_key)), indexes_(std::move(indexes)), entropy_(entropy) {}
  LmsKey key_;
  core::PostQuantumPublicKey public_key_;
  LmsIndexes indexes_;
  platform::Entropy& entropy_;
};

}  // namespace aseptic::publish
