// SPDX-License-Identifier: Apache-2.0
#include "world.h"

#include <algorithm>
#include <cstring>

#include "aseptic/boot/format/tree_hash.h"
#include "aseptic/boot/journal/factory.h"

namespace aseptic::boot::testing {
namespace {
constexpr std::uint64_t kLaneSeeds[4] = {0x9E3779B97F4A7C15ULL, 0xC2B2AE3D27D4EB4FULL, 0x165667B19E3779F9ULL,
                                         0x27D4EB2F165667C5ULL};
constexpr std::uint64_t kLaneFactors[4] = {0xff51afd7ed558ccdULL, 0xc4ceb9fe1a85ec53ULL,
                                           0x2545F4914F6CDD1DULL, 0xD6E8FEB86659FD93ULL};
Uuid uuid(std::uint8_t first) {
  Uuid id{};
  id[0] = first;
  return id;
}
}  // namespace

void IdealHasher::reset() {
  std::copy(std::begin(kLaneSeeds), std::end(kLaneSeeds), lanes_.begin());
}
void IdealHasher::update(ByteView bytes) {
  for (const auto byte : bytes)
    for (std::size_t i = 0; i < 4; ++i) {
      lanes_[i] = (lanes_[i] ^ (byte + 1U)) * kLaneFactors[i];
      lanes_[i] ^= lanes_[i] >> 29U;
    }
}
void IdealHasher::finish(Digest& out) {
  for (std::size_t i = 0; i < 4; ++i) {
    std::uint64_t lane = (lanes_[i] ^ (lanes_[i] >> 32U)) * kLaneFactors[3 - i];
    lane ^= lane >> 31U;
    std::memcpy(out.data() + 8 * i, &lane, 8);
  }
  if (answers_.empty()) return;
  if (const auto known = answers_.find(out); known != answers_.end()) out = known->second;
}

std::array<std::uint8_t, kP256PublicKeySize> IdealSigner::add_key(std::uint8_t seed) {
  IdealHasher hasher;
  const std::uint8_t text[] = {'k', 'e', 'y', seed};
  const Digest half = hash_of(hasher, text);
  std::array<std::uint8_t, kP256PublicKeySize> key{};
  copy_bytes(key, half);
  key[40] = seed;
  keys_[Bytes(key.begin(), key.end())] = seed;
  return key;
}
std::array<std::uint8_t, kP256SignatureSize> IdealSigner::sign(std::uint8_t seed,
                                                               const Digest& message) const {
  IdealHasher hasher;
  const std::uint8_t first[] = {'s', '1', seed};
  const std::uint8_t second[] = {'s', '2', seed};
  std::array<std::uint8_t, kP256SignatureSize> signature{};
  copy_bytes(MutableBytes(signature).first(32), hash_of(hasher, first, message));
  copy_bytes(MutableBytes(signature).last(32), hash_of(hasher, second, message));
  return signature;
}
Status IdealSigner::verify_p256(std::span<const std::uint8_t, kP256PublicKeySize> public_key,
                                const Digest& message,
                                std::span<const std::uint8_t, kP256SignatureSize> signature) {
  const auto key = keys_.find(Bytes(public_key.begin(), public_key.end()));
  if (key == keys_.end()) return Status::kBadSignature;
  return equal(sign(key->second, message), signature) ? Status::kOk : Status::kBadSignature;
}

PostQuantumKey IdealSigner::add_post_quantum_key(std::uint8_t seed, PostQuantumAlgorithm algorithm) {
  IdealHasher hasher;
  const std::uint8_t text[] = {'p', 'q', seed};
  PostQuantumKey key;
  key.algorithm = algorithm;
  copy_bytes(key.bytes, hash_of(hasher, text));
  post_quantum_keys_[Bytes(key.bytes.begin(), key.bytes.end())] = seed;
  return key;
}
// As long as a real one, and every byte of it counts.
Bytes IdealSigner::sign_post_quantum(std::uint8_t seed, const SignedMessage& message) const {
  const auto text = [](ByteView bytes) {
    return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  // Asked at every power-up of a simulated device, so a library's hash of 64 bits stands in for the ideal one.
  std::uint64_t state = std::hash<std::string_view>{}(text(message.body)) ^
                        (std::hash<std::string_view>{}(text(message.domain)) * kLaneFactors[0]) ^
                        (seed * kLaneSeeds[1]);
  Bytes signature(kSlhDsaSignatureSize);
  for (std::size_t at = 0; at < signature.size(); at += sizeof state) {
    state = (state ^ (state >> 29U)) * kLaneFactors[1] + kLaneSeeds[2];
    std::memcpy(signature.data() + at, &state, sizeof state);
  }
  return signature;
}
Status IdealSigner::verify_post_quantum(const PostQuantumKey& key, const SignedMessage& message,
                                        SignatureSource& signature) {
  const auto known = post_quantum_keys_.find(Bytes(key.bytes.begin(), key.bytes.end()));
  if (known == post_quantum_keys_.end()) return Status::kBadPostQuantumSignature;
  std::array<std::uint8_t, kSlhDsaSignatureSize> given{};
  for (std::size_t at = 0; at < given.size(); at += given.size() / 4)  // in pieces, as the real one is read
    ASEPTIC_BOOT_TRY(signature.next(MutableBytes(given).subspan(at, given.size() / 4)));
  return equal(sign_post_quantum(known->second, message), given) ? Status::kOk : Status::kBadPostQuantumSignature;
}

MemoryStorage::MemoryStorage() = default;

bool MemoryStorage::step() {
  if (!cut_ && operations_ >= cut_at_) cut_ = true;
  if (!cut_) ++operations_;
  return !cut_;
}
Status MemoryStorage::read(Area area, std::uint64_t offset, MutableBytes out) {
  const Bytes& content = bytes(area);
  if (cut_ || unreadable == area) return Status::kIoError;
  if (offset > content.size() || out.size() > content.size() - offset) return Status::kOutOfRange;
  std::memcpy(out.data(), content.data() + offset, out.size());
  return Status::kOk;
}
void MemoryStorage::put(Area area, std::uint64_t offset, const Bytes& content) {
  std::copy(content.begin(), content.end(), bytes(area).begin() + static_cast<std::ptrdiff_t>(offset));
}
// What a new write does to cells that a cut left unstable.
void MemoryStorage::disturb(const Write& write, Kind kind) {
  const std::uint64_t end = write.offset + write.after.size();
  std::vector<Write> spoilt;
  std::erase_if(unstable_, [&](const Write& old) {
    if (old.area != write.area || old.offset >= end || write.offset >= old.offset + old.after.size())
      return false;
    if (kind == Kind::kProgram && old.half_programmed && old.offset == write.offset) {
      Write later = write;  // NOR: a program can only take bits away, and the half-moved charge takes its own
      for (std::size_t i = 0; i < later.after.size() && i < old.after.size(); ++i)
        later.after[i] &= old.after[i];
      spoilt.push_back(later);
    }
    return true;
  });
  unstable_.insert(unstable_.end(), spoilt.begin(), spoilt.end());
}

Status MemoryStorage::write(Area area, std::uint64_t offset, Bytes after, Kind kind) {
  Bytes& content = bytes(area);
  if (unwritable == area) return Status::kIoError;
  if (offset > content.size() || after.size() > content.size() - offset) return Status::kOutOfRange;
  const auto from = content.begin() + static_cast<std::ptrdiff_t>(offset);
  Write write{area, offset, Bytes(from, from + static_cast<std::ptrdiff_t>(after.size())), std::move(after)};
  const bool off_before = cut_;
  const bool done = step();
  if (off_before) return Status::kIoError;
  // The write under way when the power fails is pending like the others: the tear model says what is left of
  // it.
  disturb(write, kind);
  put(area, offset, write.after);
  pending_.push_back(std::move(write));
  return done ? Status::kOk : Status::kIoError;
}
Status MemoryStorage::program(Area area, std::uint64_t offset, ByteView content) {
  return write(area, offset, Bytes(content.begin(), content.end()), Kind::kProgram);
}
Status MemoryStorage::erase(Area area, std::uint64_t offset, std::uint64_t length) {
  if (offset > bytes(area).size() || length > bytes(area).size() - offset) return Status::kOutOfRange;
  return write(area, offset, Bytes(static_cast<std::size_t>(length), 0xFF), Kind::kErase);
}
Status MemoryStorage::sync(Area area) {
  if (unwritable == area) return Status::kIoError;
  if (!step()) return Status::kIoError;
  std::erase_if(pending_, [area](const Write& write) { return write.area == area; });
  return Status::kOk;
}

void MemoryStorage::power_returns(Tear tear, std::mt19937_64& random) {
  for (const Write& write : unstable_)
    put(write.area, write.offset, write.after);
  unstable_.clear();
  if (tear != Tear::kDone) {
    for (std::size_t i = pending_.size(); i-- > 0;)
      put(pending_[i].area, pending_[i].offset, pending_[i].before);
    if (tear != Tear::kLost && !pending_.empty()) {
      // All but the last write may have reached the medium before it.
      for (std::size_t i = 0; i + 1 < pending_.size(); ++i)
        put(pending_[i].area, pending_[i].offset, pending_[i].after);
      const Write last = pending_.back();
      Bytes torn = last.before;
      const std::size_t half = torn.size() / 2;
      for (std::size_t i = 0; i < torn.size(); ++i) {
        const bool done = tear == Tear::kFirstHalf     ? i < half
                          : tear == Tear::kSecondHalf  ? i >= half
                          : tear == Tear::kRandomBytes ? (random() & 1U) != 0
                                                       : false;
        if (done) torn[i] = last.after[i];
        if (tear == Tear::kUnstable && (i & 3U) == 0)
          torn[i] = static_cast<std::uint8_t>(last.after[i] ^ 0x5A);
      }
      put(last.area, last.offset, torn);
      if (tear == Tear::kFading) {
        put(last.area, last.offset, last.after);
        Write faded = last;
        for (std::size_t i = 0; i < faded.after.size(); i += 3)
          faded.after[i] ^= 0xA5U;
        unstable_.push_back(faded);
      }
      if (tear == Tear::kUnstable || tear == Tear::kUnstableBlank) {
        unstable_.push_back(last);
        unstable_.back().half_programmed = tear == Tear::kUnstableBlank;
      }
    }
  }
  pending_.clear();
  cut_ = false;
  keep_power();
}

bool CollectedEvents::has(EventCode code) const {
  return find(code).has_value();
}
std::optional<Event> CollectedEvents::find(EventCode code) const {
  for (const auto& e : events)
    if (e.code == code) return e;
  return std::nullopt;
}
std::string CollectedEvents::text() const {
  std::string out;
  for (const auto& e : events)
    out +=
        std::string(event_name(e.code)) + "/" + describe(e.status).name + "/" + std::to_string(e.value) + " ";
  return out;
}

Status BufferExec::begin(std::uint64_t size) {
  content.assign(static_cast<std::size_t>(size), 0);
  return Status::kOk;
}
Status BufferExec::write(std::uint64_t offset, ByteView bytes) {
  if (offset > content.size() || bytes.size() > content.size() - offset) return Status::kOutOfRange;
  std::copy(bytes.begin(), bytes.end(), content.begin() + static_cast<std::ptrdiff_t>(offset));
  return Status::kOk;
}
Status BufferExec::seal(ByteView& sealed) {
  sealed = content;
  return Status::kOk;
}

Status CountingEntropy::fill(Digest& out) {
  out.fill(next_++);
  return Status::kOk;
}

World::World(WorldConfig c) : config(c), hasher(c.hasher != nullptr ? *c.hasher : ideal_hasher) {
  provisioning.device_id = uuid(0xD1);
  provisioning.product = uuid(0xA0);
  provisioning.hardware = uuid(0xB0);
  provisioning.hardware_revision = 3;
  provisioning.life_cycle = c.life_cycle;
  provisioning.recovery_present = c.recovery;
  provisioning.interrupted_trials_max = c.interrupted_max;
  provisioning.policy_delay_boots = c.policy_delay;
  provisioning.port_capabilities =
      kPortKnowsResetCause | kPortWriteProtects | kPortEmulated | (c.nv_port ? kPortNvStore : 0U) |
      (c.device_secret ? kPortDeviceSecret : 0U) | (c.recovery_writable ? kPortRecoveryWritable : 0U);
  for (std::uint8_t i = 0; i < 2; ++i) {
    KeySlot& slot = provisioning.key_slots[i];
    slot.provisioned = true;
    slot.keys.p256 = signer.add_key(static_cast<std::uint8_t>(i + 1));
    slot.keys.post_quantum = signer.add_post_quantum_key(static_cast<std::uint8_t>(i + 1));
    slot.hash = key_slot_hash(hasher, slot.keys);
  }
  const auto slot = static_cast<std::size_t>(c.slot_size);
  storage.bytes(Area::kJournal).assign(c.journal_area, 0xFF);
  storage.bytes(Area::kMonotonic).assign(kMonotonicAreaSize, 0xFF);
  storage.bytes(Area::kProvisioning).assign(kProvisioningSize, 0);
  storage.bytes(Area::kSecret).assign(kDigestSize, 0x77);
  storage.bytes(Area::kRecovery).assign(c.recovery ? slot : 0, 0);
  storage.bytes(Area::kSlotA).assign(slot, 0);
  storage.bytes(Area::kSlotB).assign(slot, 0);
  storage.bytes(Area::kRequests).assign(kRequestAreaSize, 0);
  storage.bytes(Area::kPermit).assign(kPermitCellSize, 0);
  storage.bytes(Area::kMailbox).assign(kBootReportSize, 0);
}

RecordSealer World::sealer() {
  RecordSealer s;
  s.hasher = &hasher;
  s.keyed = config.device_secret;
  Digest secret{};
  copy_bytes(secret, storage.bytes(Area::kSecret));
  if (s.keyed) s.key = derive_keys(hasher, secret).journal;
  return s;
}

Manifest World::manifest_for(const ImageSpec& spec, Bytes* slot) {
  Bytes content(static_cast<std::size_t>(config.slot_size), 0);
  Manifest m;
  m.product = provisioning.product;
  m.hardware = provisioning.hardware;
  m.hardware_revision_min = 1;
  m.hardware_revision_max = 5;
  const std::string version = "1." + std::to_string(spec.sequence);
  std::copy(version.begin(), version.end(), m.version.begin());
  m.sequence = spec.sequence;
  m.epoch = spec.epoch;
  m.policy_flags = spec.policy_flags;
  m.key_revoke_mask = spec.revokes;
  m.region_count = 1;
  m.regions[0] = {RegionKind::kExecCopied, kFirstRegionOffset, spec.exec_size, {}};
  for (std::size_t i = 0; i < spec.exec_size; ++i)
    content[static_cast<std::size_t>(kFirstRegionOffset) + i] =
        static_cast<std::uint8_t>(spec.sequence * 7 + spec.epoch * 3 + i);
  m.regions[0].digest =
      hash_of(hasher, ByteView(content).subspan(static_cast<std::size_t>(kFirstRegionOffset),
                                                static_cast<std::size_t>(spec.exec_size)));
  const std::uint64_t exec_end =
      (kFirstRegionOffset + spec.exec_size + kImageBlockSize - 1) / kImageBlockSize * kImageBlockSize;
  m.image_size = exec_end;
  if (spec.with_tree) {
    m.region_count = 2;
    m.tree_hash = TreeHash::kSha256;
    m.tree_salt.fill(0x5A);
    TreeHasher tree(hasher, m.tree_salt);
    for (std::uint64_t block = 0; block < 3; ++block) {
      const auto at = static_cast<std::size_t>(exec_end + block * kImageBlockSize);
      for (std::size_t i = 0; i < kImageBlockSize; ++i)
        content[at + i] = static_cast<std::uint8_t>(i + block);
      tree.add_block(ByteView(content).subspan(at).first<kImageBlockSize>());
    }
    m.regions[1] = {RegionKind::kTreeVerified, exec_end, 3 * kImageBlockSize, {}};
    static_cast<void>(tree.root(m.regions[1].digest));
    m.image_size = exec_end + 3 * kImageBlockSize;
  }
  const KeySlot& key = provisioning.key_slots[spec.key - 1U];
  m.classic_key_id = hash_of(hasher, key.keys.p256);
  m.life_cycle = config.life_cycle;
  m.post_quantum_algorithm = key.keys.post_quantum.algorithm;
  m.post_quantum_key_id = hash_of(hasher, key.keys.post_quantum.view());
  m.set_digest.fill(static_cast<std::uint8_t>(0x50 + spec.sequence));
  m.build_id.fill(0xB1);
  m.sbom_digest.fill(0x5B);
  if (slot != nullptr) *slot = std::move(content);
  return m;
}

Bytes World::sign(const Manifest& manifest, Bytes slot, std::uint8_t key) {
  std::array<std::uint8_t, kManifestRegionSize> region{};
  if (!ok(encode_manifest(manifest, region))) return {};
  const auto signature = signer.sign(key, p256_message_digest(hasher, region));
  std::copy(region.begin(), region.end(), slot.begin());
  std::copy(signature.begin(), signature.end(), slot.begin() + kManifestRegionSize);
  const Bytes second =
      signer.sign_post_quantum(key, {post_quantum_domain(manifest.post_quantum_algorithm), region});
  std::copy(second.begin(), second.end(), slot.begin() + kManifestRegionSize + kP256SignatureSize);
  return slot;
}

Bytes World::image(const ImageSpec& spec) {
  Bytes slot;
  const Manifest m = manifest_for(spec, &slot);
  return sign(m, std::move(slot), spec.key);
}

Digest World::digest_of(const Bytes& slot) {
  return manifest_digest(hasher, ByteView(slot).first<kManifestRegionSize>());
}

void World::provision(const ImageSpec& spec) {
  const Bytes factory = image(spec);
  install(Area::kSlotA, factory);
  install(Area::kSlotB, factory);
  if (config.recovery) install(Area::kRecovery, factory);
  const FactoryImage first{ByteView(factory).first<kManifestRegionSize>()};
  static_cast<void>(make_factory_journal(hasher, sealer(), first, storage.bytes(Area::kJournal)));
  static_cast<void>(make_factory_store(hasher, provisioning, first, storage.bytes(Area::kMonotonic)));
  encode_provisioning(provisioning,
                      MutableBytes(storage.bytes(Area::kProvisioning)).first<kProvisioningSize>());
}

void World::request(const Request& r) {
  const RequestCell cell = encode_request(r);
  std::copy(cell.begin(), cell.end(),
            storage.bytes(Area::kRequests).begin() + static_cast<std::ptrdiff_t>(request_offset(r.kind)));
}
void World::request_kind(RequestKind kind) {
  Request r;
  r.kind = kind;
  r.boot_count = boot_count();
  request(r);
}
void World::request_stage(SlotId slot, const Bytes& content, std::uint16_t attempt) {
  Request r;
  r.kind = RequestKind::kStage;
  r.boot_count = boot_count();
  r.slot = slot;
  r.attempt = attempt;
  r.manifest = digest_of(content);
  request(r);
}
void World::request_confirm() {
  Request r;
  r.kind = RequestKind::kConfirm;
  r.boot_count = boot_count();
  r.token = mailbox().token;
  request(r);
}
void World::permit() {
  Permit p;
  p.boot_count = boot_count();
  p.hold_nonce.fill(0x42);
  const PermitCell cell = encode_permit(p);
  storage.bytes(Area::kPermit).assign(cell.begin(), cell.end());
}

Status World::trial(SlotId slot, const Bytes& content, std::uint16_t attempt) {
  install(slot == SlotId::kA ? Area::kSlotA : Area::kSlotB, content);
  request_stage(slot, content, attempt);
  request_arm();
  permit();
  return boot(ResetCause::kCommanded);
}

Status World::boot(ResetCause cause) {
  events.events.clear();
  decision = {};
  Port port{storage, store, hasher, signer, memory, entropy, events};
  port.cause = cause;
  port.boot_version = boot_version;
  return power_up(port, decision);
}

BootReport World::mailbox() {
  BootReport report;
  static_cast<void>(
      decode_boot_report(ByteView(storage.bytes(Area::kMailbox)).first<kBootReportSize>(), report));
  return report;
}
JournalState World::journal() {
  const RecordSealer s = sealer();
  Journal journal(storage, s);
  static_cast<void>(journal.load());
  return journal.state();
}
MonotonicState World::monotonic() {
  MonotonicState state;
  static_cast<void>(store.peek(state));
  return state;
}

}  // namespace aseptic::boot::testing
