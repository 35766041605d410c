// SPDX-License-Identifier: Apache-2.0
// boot_states, continued below the model's level: long random lives of a device with an application that
// behaves and an attacker who owns the disk while it is off. He writes any bytes into the request area, puts
// any earlier journal back, swaps its halves, mixes halves of two times, wipes or scribbles on it, and
// restores whole disks; he cannot write the monotonic store and has no key. Before each power-up the state is
// read from the bytes and given to the model; what the real boot then runs and leaves must be what the model
// says. On NV and on fuse ports.
#include <gtest/gtest.h>

#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "model/boot_model.h"
#include "world.h"

namespace aseptic::boot::testing {
namespace {

constexpr std::uint64_t kSlot = 16384;
constexpr int kSteps = 120;

struct Disk {
  Bytes slot_a, slot_b, recovery, journal;
};

class Walk {
 public:
  Walk(bool nv_port, std::uint64_t seed) : world_(config(nv_port)), random_(seed) {
    model_config_.nv_port = nv_port;
    model_config_.releases[1] = {0, 1, 1, 0};
    model_config_.releases[2] = {1, 2, seed % 2 == 0 ? std::uint8_t{1} : std::uint8_t{0}, 0};
    model_config_.releases[3] = {2, 2, 1, seed % 3 == 0 ? std::uint8_t{1} : std::uint8_t{0}};
    images_[0].assign(static_cast<std::size_t>(kSlot), 0);
    for (std::uint8_t k = 1; k <= 3; ++k) {
      const Release& r = model_config_.releases[k];
      images_[k] = world_.image({k, r.epoch, r.key, r.revokes});
      digests_[k] = world_.digest_of(images_[k]);
    }
    world_.provision({1, model_config_.releases[1].epoch, 1});
    images_[1] = world_.storage.bytes(Area::kSlotA);
    digests_[1] = world_.digest_of(images_[1]);
  }

  // Empty: the real boot did what the model says, in every step.
  std::string run() {
    for (int step = 0; step < kSteps; ++step) {
      const auto cause = static_cast<Cause>(random_() % 3);
      if (random_() % 3 == 0) attack();
      ModelState before = read_state(cause);
      const BootModel model(model_config_);
      ModelState after = before;
      for (int i = 0; i < 100 && after.phase == Phase::kBoot; ++i)
        model.boot_step(after);
      const MonotonicState store = world_.monotonic();
      const Status status = world_.boot(cause == Cause::kPowerOn     ? ResetCause::kPowerOn
                                        : cause == Cause::kCommanded ? ResetCause::kCommanded
                                                                     : ResetCause::kWatchdog);
      ++power_ups;
      const std::string wrong = compare(after, status, store);
      if (!wrong.empty())
        return "step " + std::to_string(step) + " " + last_attack_ + ": " + wrong + "; " + text_of(before) +
               "; the model runs " + std::to_string(after.image) + " kind " +
               std::to_string(static_cast<int>(after.kind)) + "; " + world_.events.text();
      discards += world_.events.has(EventCode::kJournalDiscarded) ? 1 : 0;
      trials += ok(status) && world_.decision.kind == RunKind::kTrial ? 1 : 0;
      confirms += world_.events.has(EventCode::kConfirmed) ? 1 : 0;
      floors += world_.events.has(EventCode::kFloorRaised) ? 1 : 0;
      last_attack_ = "";
      if (!ok(status)) {  // a whole old disk boots nothing: the attacker puts a younger one back
        restore(disks_.back());
        continue;
      }
      remember();
      act();
    }
    return {};
  }

  std::uint64_t power_ups = 0, discards = 0, trials = 0, confirms = 0, floors = 0;

 private:
  static WorldConfig config(bool nv_port) {
    WorldConfig c;
    c.nv_port = nv_port;
    c.slot_size = kSlot;
    c.policy_delay = 60000;
    c.interrupted_max = kInterruptedMax;
    return c;
  }
  std::uint8_t number_of(const Digest& digest) const {
    for (std::uint8_t k = 0; k <= 3; ++k)
      if (digests_[k] == digest) return k;
    return 99;
  }
  std::uint8_t release_in(Area area) {
    for (std::uint8_t k = 1; k <= 3; ++k)
      if (world_.storage.bytes(area) == images_[k]) return k;
    return 0;
  }
  std::uint8_t mask_of(const std::array<Quarantined, kQuarantineMax>& list, std::size_t count) const {
    std::uint8_t mask = 0;
    for (std::size_t i = 0; i < count; ++i)
      mask = static_cast<std::uint8_t>(mask | 1U << number_of(list[i].digest));
    return mask;
  }
  Bytes& journal() { return world_.storage.bytes(Area::kJournal); }
  Disk disk() {
    return {world_.storage.bytes(Area::kSlotA), world_.storage.bytes(Area::kSlotB),
            world_.storage.bytes(Area::kRecovery), journal()};
  }
  void restore(const Disk& d) {
    world_.storage.bytes(Area::kSlotA) = d.slot_a;
    world_.storage.bytes(Area::kSlotB) = d.slot_b;
    world_.storage.bytes(Area::kRecovery) = d.recovery;
    journal() = d.journal;
  }
  void remember() {
    disks_.push_back(disk());
    if (world_.decision.kind == RunKind::kTrial) tokens_.push_back(world_.mailbox().token);
  }
  // docs/formats/boot_mailbox.md: the token of the open trial.
  Digest token_of(const JournalState& j) {
    Digest secret{};
    copy_bytes(secret, world_.storage.bytes(Area::kSecret));
    const std::uint8_t text[] = {'c', 'o', 'n', 'f', 'i', 'r', 'm'};
    Le32 count{};
    count.set(j.trial_boot_count);
    return hmac(world_.hasher, derive_keys(world_.hasher, secret).confirm, text, bytes_of(count),
                j.staged.manifest);
  }

  // The bytes on the medium as a state of the model, in which a power-up begins.
  ModelState read_state(Cause cause) {
    ModelState s{};
    const MonotonicState m = world_.monotonic();
    s.slot[0] = release_in(Area::kSlotA);
    s.slot[1] = release_in(Area::kSlotB);
    s.recovery = release_in(Area::kRecovery);
    s.gen = static_cast<std::uint8_t>(m.generation);
    s.floor = static_cast<std::uint8_t>(m.floor);
    s.revoked = static_cast<std::uint8_t>(m.revoked);
    s.nv_conf = number_of(m.confirmed);
    s.nv_quarantine = mask_of(m.quarantine, m.quarantine_count);
    s.phase = Phase::kBoot;
    s.cause = cause;
    s.replayed = 3;
    const RecordSealer sealer = world_.sealer();
    Journal journal(world_.storage, sealer);
    const bool readable = ok(journal.load());
    const JournalState& j = journal.state();
    const bool in_force = readable && (j.generation == m.generation || j.generation == m.generation + 1);
    s.j.gen = static_cast<std::uint8_t>(in_force ? j.generation : m.generation + 2U);
    if (in_force) fill(j, s.j);
    // A fuse port has no count of its own: a discarded journal's last boot_count is the one that ended.
    const bool count_is_known = in_force || !model_config_.nv_port;
    read_requests(in_force ? j : JournalState{}, count_is_known, j.boot_count, s);
    return s;
  }
  void fill(const JournalState& j, ModelJournal& out) const {
    out.gen = static_cast<std::uint8_t>(j.generation);
    out.conf = number_of(j.confirmed.manifest);
    out.prev = number_of(j.previous.manifest);
    out.staged = number_of(j.staged.manifest);
    out.trial = j.trial_open ? out.staged : std::uint8_t{0};
    out.interrupted = static_cast<std::uint8_t>(j.interrupted);
    out.quarantine = mask_of(j.quarantine, j.quarantine_count);
    out.floor_intent = static_cast<std::uint8_t>(j.floor_intent);
    out.revoke_intent = static_cast<std::uint8_t>(j.revoke_intent);
    out.synced = j.synced ? 1 : 0;
  }
  void read_requests(const JournalState& j, bool count_is_known, std::uint32_t ended, ModelState& s) {
    const Requests r = parse_request_area(world_.storage.bytes(Area::kRequests));
    Permit permit;
    const bool has_permit =
        ok(decode_permit(ByteView(world_.storage.bytes(Area::kPermit)).first<kPermitCellSize>(), permit));
    s.q.arm = count_is_known && has_permit && r.has(RequestKind::kArm) && permit.boot_count == ended &&
                      r.get(RequestKind::kArm).boot_count == ended
                  ? 1
                  : 0;
    if (r.has(RequestKind::kStage)) {
      const Request& stage = r.get(RequestKind::kStage);
      const std::uint8_t k = number_of(stage.manifest);
      if (k <= 3 && s.slot[stage.slot == SlotId::kA ? 0 : 1] == k) s.q.stage = k;
    }
    s.q.synced = r.has(RequestKind::kSynced) ? 1 : 0;
    if (!j.trial_open) return;
    if (r.has(RequestKind::kConfirm)) s.q.token = r.get(RequestKind::kConfirm).token == token_of(j) ? 1 : 2;
    s.q.revert =
        r.has(RequestKind::kRevert) && r.get(RequestKind::kRevert).boot_count == j.trial_boot_count ? 1 : 0;
  }

  std::string compare(const ModelState& model, Status status, const MonotonicState& store_before) {
    const MonotonicState m = world_.monotonic();
    if (m.floor < store_before.floor || (store_before.revoked & ~m.revoked) != 0 ||
        m.generation < store_before.generation)
      return "the store fell";
    if (ok(status) != (model.phase == Phase::kRun)) return "one side runs, the other stops";
    if (ok(status)) {
      const auto kind = static_cast<std::uint8_t>(world_.decision.kind);
      constexpr std::uint8_t kKinds[] = {
          0, static_cast<std::uint8_t>(Kind::kConfirmed), static_cast<std::uint8_t>(Kind::kTrial),
          static_cast<std::uint8_t>(Kind::kForced), static_cast<std::uint8_t>(Kind::kRecovery)};
      if (kKinds[kind] != static_cast<std::uint8_t>(model.kind)) return "another kind of run";
      const std::uint8_t k = number_of(world_.decision.image.manifest);
      if (k != model.image) return "another image runs";
      const ByteView exec = ByteView(images_[k]).subspan(static_cast<std::size_t>(kFirstRegionOffset), 100);
      if (!equal(exec, world_.memory.content)) return "what runs is not what was signed";
      if (model_config_.releases[k].epoch < m.floor) return "an image below the floor runs";
      if ((model_config_.releases[k].key & m.revoked) != 0) return "a revoked image runs";
    }
    ModelJournal left{};
    fill(world_.journal(), left);
    if (std::memcmp(&left, &model.j, sizeof left) != 0)
      return "another journal is left: " + text_of(left) + ", the model says " + text_of(model.j);
    if (m.generation != model.gen || m.floor != model.floor || m.revoked != model.revoked)
      return "another store is left";
    if (number_of(m.confirmed) != model.nv_conf) return "the store confirms another image";
    if (mask_of(m.quarantine, m.quarantine_count) != model.nv_quarantine)
      return "the store quarantines others";
    if (release_in(Area::kRecovery) != model.recovery) return "recovery holds another image";
    return {};
  }

  static std::string text_of(const ModelState& s) {
    char text[160];
    std::snprintf(text, sizeof text,
                  "slots %d %d recovery %d floor %d, requests stage %d arm %d token %d synced %d revert %d",
                  s.slot[0], s.slot[1], s.recovery, s.floor, s.q.stage, s.q.arm, s.q.token, s.q.synced,
                  s.q.revert);
    return text;
  }
  static std::string text_of(const ModelJournal& j) {
    char text[160];
    std::snprintf(text, sizeof text,
                  "gen %d conf %d prev %d staged %d trial %d int %d quar %d fi %d ri %d synced %d", j.gen,
                  j.conf, j.prev, j.staged, j.trial, j.interrupted, j.quarantine, j.floor_intent,
                  j.revoke_intent, j.synced);
    return text;
  }

  // The honest application, one step.
  void act() {
    const BootReport report = world_.mailbox();
    const std::uint8_t k = number_of(report.running_manifest);
    if (world_.decision.kind == RunKind::kTrial || world_.decision.kind == RunKind::kForcedTrial) {
      if (model_config_.releases[k].good != 0)
        world_.request_confirm();
      else
        world_.request_revert();
      return;
    }
    const bool in_a = world_.decision.place == ImagePlace::kSlotA;
    const SlotId other = in_a ? SlotId::kB : SlotId::kA;
    const Area other_area = in_a ? Area::kSlotB : Area::kSlotA;
    if (world_.decision.kind == RunKind::kConfirmed && !report.synced) {
      world_.install(other_area, images_[k]);
      world_.request_synced();
      return;
    }
    const auto next = static_cast<std::uint8_t>(1 + random_() % 3);
    world_.install(other_area, images_[next]);
    world_.request_stage(other, images_[next]);
    world_.request_arm();
    world_.permit();
  }

  void attack() {
    if (disks_.empty()) return;
    const Disk& old = disks_[random_() % disks_.size()];
    const std::size_t half = journal().size() / 2;
    const auto middle = static_cast<std::ptrdiff_t>(half);
    switch (random_() % 8) {
      case 0:
        last_attack_ = "earlier journal";
        journal() = old.journal;
        break;
      case 1:
        last_attack_ = "halves swapped";
        std::swap_ranges(journal().begin(), journal().begin() + middle, journal().begin() + middle);
        break;
      case 2:
        last_attack_ = "first half of an earlier journal";
        std::copy_n(old.journal.begin(), half, journal().begin());
        break;
      case 3:
        last_attack_ = "second half of an earlier journal";
        std::copy_n(old.journal.begin() + middle, half, journal().begin() + middle);
        break;
      case 4:
        last_attack_ = "whole earlier disk";
        restore(old);
        break;
      case 5:
        last_attack_ = "scribbled journal";
        for (int i = 0; i < 4; ++i)
          journal()[random_() % journal().size()] = static_cast<std::uint8_t>(random_());
        break;
      case 6:
        last_attack_ = "requests of any bytes";
        for (auto& byte : world_.storage.bytes(Area::kRequests))
          byte = static_cast<std::uint8_t>(random_());
        break;
      default:
        last_attack_ = "requests well formed and hostile";
        hostile_requests();
        break;
    }
  }
  void hostile_requests() {
    Request r;
    r.boot_count = world_.boot_count() - static_cast<std::uint32_t>(random_() % 2);
    for (const RequestKind kind : {RequestKind::kStage, RequestKind::kArm, RequestKind::kConfirm,
                                   RequestKind::kSynced, RequestKind::kRevert}) {
      if (random_() % 2 == 0) continue;
      Request one = r;
      one.kind = kind;
      if (kind == RequestKind::kStage) {
        one.slot = static_cast<SlotId>(random_() % 2);
        one.attempt = 1;
        one.manifest = digests_[1 + random_() % 3];
      }
      if (kind == RequestKind::kConfirm) {
        one.token.fill(0x5A);
        if (!tokens_.empty() && random_() % 4 != 0) one.token = tokens_[random_() % tokens_.size()];
      }
      world_.request(one);
    }
  }

  World world_;
  ModelConfig model_config_;
  std::mt19937_64 random_;
  Bytes images_[4];
  Digest digests_[4]{};
  std::vector<Disk> disks_;
  std::vector<Digest> tokens_;
  std::string last_attack_;
};

void walk_many(bool nv_port) {
  constexpr std::uint64_t kWalks = 40;
  std::uint64_t power_ups = 0, discards = 0, trials = 0, confirms = 0, floors = 0;
  for (std::uint64_t seed = 1; seed <= kWalks; ++seed) {
    Walk walk(nv_port, seed);
    ASSERT_EQ(walk.run(), "") << "seed=" << seed;
    power_ups += walk.power_ups;
    discards += walk.discards;
    trials += walk.trials;
    confirms += walk.confirms;
    floors += walk.floors;
  }
  std::printf("%llu power-ups: %llu journals discarded, %llu trials, %llu confirms, %llu floor rises\n",
              static_cast<unsigned long long>(power_ups), static_cast<unsigned long long>(discards),
              static_cast<unsigned long long>(trials), static_cast<unsigned long long>(confirms),
              static_cast<unsigned long long>(floors));
  EXPECT_GT(discards, 100U);
  EXPECT_GT(trials, 50U);
  EXPECT_GT(confirms, 30U);
  EXPECT_GT(floors, 5U);
}

// Answers: RC-04, RC-05, MB-01
TEST(BootStates, T58_TheDiskIsTheAttackersOnAnNvPort) {
  walk_many(true);
}
TEST(BootStates, T58_TheDiskIsTheAttackersOnAFusePort) {
  walk_many(false);
}

}  // namespace
}  // namespace aseptic::boot::testing
