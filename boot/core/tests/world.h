// SPDX-License-Identifier: Apache-2.0
// A device in memory for boot's tests: storage with a write cache, power cuts and tear models, ideal crypto,
// images. The crypto is ideal in the protocol sense (no collisions, no forgeries without the key) and fast,
// so that hundreds of thousands of power-ups fit into a test; the host port's tests use the real one.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "aseptic/boot/core/boot.h"
#include "aseptic/boot/core/cell_store.h"
#include "aseptic/boot/format/manifest.h"
#include "aseptic/boot/format/provisioning.h"
#include "aseptic/boot/journal/journal.h"
#include "aseptic/boot/journal/requests.h"

namespace aseptic::boot::testing {

using Bytes = std::vector<std::uint8_t>;

class IdealHasher final : public Hasher {
 public:
  IdealHasher() { reset(); }
  void reset() override;
  void update(ByteView bytes) override;
  void finish(Digest& out) override;
  void mark() override { mark_ = lanes_; }
  void rewind() override { lanes_ = mark_; }
  // From now on the digest of exactly `message`.
  void answer(ByteView message, const Digest& digest) { answers_[hash_of(*this, message)] = digest; }

 private:
  std::map<Digest, Digest> answers_;
  std::array<std::uint64_t, 4> lanes_{};
  std::array<std::uint64_t, 4> mark_{};
};

// A signature is the hash of (private key, message digest); the public key is the hash of the private one.
class IdealSigner final : public SignatureVerifier {
 public:
  std::array<std::uint8_t, kP256PublicKeySize> add_key(std::uint8_t seed);
  std::array<std::uint8_t, kP256SignatureSize> sign(std::uint8_t seed, const Digest& message) const;
  Status verify_p256(std::span<const std::uint8_t, kP256PublicKeySize> public_key, const Digest& message,
                     std::span<const std::uint8_t, kP256SignatureSize> signature) override;

  PostQuantumKey add_post_quantum_key(std::uint8_t seed,
                                      PostQuantumAlgorithm algorithm = PostQuantumAlgorithm::kSlhDsaSha2_128s);
  Bytes sign_post_quantum(std::uint8_t seed, const SignedMessage& message) const;
  Status verify_post_quantum(const PostQuantumKey& key, const SignedMessage& message,
                             SignatureSource& signature) override;

 private:
  std::map<Bytes, std::uint8_t> keys_;
  std::map<Bytes, std::uint8_t> post_quantum_keys_;
};

// What of the writes that were not synced is on the medium after a cut.
enum class Tear {
  kLost,           // nothing since the last sync
  kDone,           // everything, although the call never returned
  kFirstHalf,      // the last write's first half
  kSecondHalf,     // ... second half
  kRandomBytes,    // each byte old or new
  kUnstable,       // reads as garbage now and as written from the second boot on
  kUnstableBlank,  // reads as if never written now; what is programmed over it reads right at once and spoilt
                   // later
  kFading,         // reads as written now and as garbage from the second boot on
};
inline constexpr Tear kAllTears[] = {Tear::kLost,          Tear::kDone,        Tear::kFirstHalf,
                                     Tear::kSecondHalf,    Tear::kRandomBytes, Tear::kUnstable,
                                     Tear::kUnstableBlank, Tear::kFading};

// Erased value 0xFF. Bytes are visible at once and durable at `sync`. After `cut_at` operations the power is
// off: every call fails and changes nothing.
class MemoryStorage final : public Storage {
 public:
  MemoryStorage();
  std::uint64_t size(Area area) override { return bytes(area).size(); }
  Status read(Area area, std::uint64_t offset, MutableBytes out) override;
  Status program(Area area, std::uint64_t offset, ByteView bytes) override;
  Status erase(Area area, std::uint64_t offset, std::uint64_t length) override;
  Status sync(Area area) override;
  std::uint8_t erased_value() const override { return 0xFF; }

  Bytes& bytes(Area area) { return areas_[static_cast<std::size_t>(area)]; }
  void cut_after(std::uint64_t operations) { cut_at_ = operations_ + operations; }
  void keep_power() { cut_at_ = ~0ULL; }
  bool is_cut() const { return cut_; }
  std::uint64_t operations() const { return operations_; }
  // Power returns: what the cut left is decided now.
  void power_returns(Tear tear, std::mt19937_64& random);
  // A medium that fails: reads of this area return an error.
  std::optional<Area> unreadable;
  std::optional<Area> unwritable;

 private:
  struct Write {
    Area area;
    std::uint64_t offset;
    Bytes before;
    Bytes after;
    bool half_programmed = false;  // cells that read blank although charge was moved
  };
  enum class Kind { kProgram, kErase };
  bool step();
  Status write(Area area, std::uint64_t offset, Bytes after, Kind kind);
  void disturb(const Write& write, Kind kind);
  void put(Area area, std::uint64_t offset, const Bytes& content);

  Bytes areas_[kAreaCount];
  std::vector<Write> pending_;  // not synced
  std::vector<Write>
      unstable_;  // becomes `after` when the power returns once more, unless erased or written over
  std::uint64_t operations_ = 0;
  std::uint64_t cut_at_ = ~0ULL;
  bool cut_ = false;
};

class CollectedEvents final : public EventSink {
 public:
  void event(const Event& event) override { events.push_back(event); }
  bool has(EventCode code) const;
  std::optional<Event> find(EventCode code) const;
  std::string text() const;
  std::vector<Event> events;
};

class BufferExec final : public ExecMemory {
 public:
  Status begin(std::uint64_t size) override;
  Status write(std::uint64_t offset, ByteView bytes) override;
  Status seal(ByteView& sealed) override;
  Bytes content;
};

class CountingEntropy final : public Entropy {
 public:
  Status fill(Digest& out) override;

 private:
  std::uint8_t next_ = 1;
};

struct ImageSpec {
  std::uint64_t sequence = 1;
  std::uint32_t epoch = 1;
  std::uint8_t key = 1;  // seed of the signing key; key slot = seed - 1
  std::uint32_t revokes = 0;
  std::uint32_t policy_flags = 0;
  bool with_tree = false;
  std::uint64_t exec_size = 100;
};

inline constexpr std::uint64_t kSlotSize = 32768;
inline constexpr std::size_t kJournalArea = 2 * kJournalHalfMin;

struct WorldConfig {
  bool nv_port = true;
  bool device_secret = true;
  bool recovery = true;
  bool recovery_writable = true;
  std::uint16_t policy_delay = 16;
  std::uint8_t interrupted_max = 8;
  LifeCycle life_cycle = LifeCycle::kDevelopment;
  std::size_t journal_area = kJournalArea;
  std::uint64_t slot_size = kSlotSize;
  Hasher* hasher = nullptr;  // instead of the ideal one; must outlive the world
};

class World {
 public:
  explicit World(WorldConfig config = {});

  // Images.
  Manifest manifest_for(const ImageSpec& spec, Bytes* slot = nullptr);
  Bytes image(const ImageSpec& spec);  // a whole slot
  Bytes sign(const Manifest& manifest, Bytes slot,
             std::uint8_t key);  // region and signature into the slot's head
  Digest digest_of(const Bytes& slot);
  void install(Area area, const Bytes& image) { storage.bytes(area) = image; }
  // Factory state: this image confirmed, in both slots and recovery.
  void provision(const ImageSpec& spec);

  // The application's side.
  void request(const Request& request);
  void request_stage(SlotId slot, const Bytes& image, std::uint16_t attempt = 1);
  void request_arm() { request_kind(RequestKind::kArm); }
  void request_revert() { request_kind(RequestKind::kRevert); }
  void request_synced() { request_kind(RequestKind::kSynced); }
  void request_confirm();  // with the token of the mailbox
  void request_kind(RequestKind kind);
  void permit();  // the therapy side
  // Stage, arm, permit and boot by commanded reset: returns what boots.
  Status trial(SlotId slot, const Bytes& image, std::uint16_t attempt = 1);

  Status boot(ResetCause cause);
  BootReport mailbox();
  JournalState journal();
  MonotonicState monotonic();
  std::uint32_t boot_count() { return journal().boot_count; }
  RecordSealer sealer();

  WorldConfig config;
  MemoryStorage storage;
  IdealHasher ideal_hasher;
  Hasher& hasher;
  IdealSigner signer;
  CollectedEvents events;
  BufferExec memory;
  CountingEntropy entropy;
  CellStore store{storage};
  Provisioning provisioning;
  Decision decision;
  std::uint32_t boot_version = 1;
};

}  // namespace aseptic::boot::testing
