// SPDX-License-Identifier: Apache-2.0
#include "campaign.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "aseptic/boot/cortex_m/flash_map.h"
#include "aseptic/boot/cortex_m/hardware.h"
#include "aseptic/boot/format/mailbox.h"
#include "state_digest.h"

namespace aseptic::test {
using namespace boot::an505;
namespace {

constexpr std::uint64_t kBlocksMax = 400'000'000;   // of a run without fault
constexpr unsigned kMilestoneVisitsMax = 300;       // an entry that is executed more often is no milestone
constexpr std::size_t kResyncWindow = 64;
constexpr std::uint64_t kRareVisitsMax = 16;
constexpr std::size_t kPassedMax = 64;              // states remembered of one run
constexpr std::uint64_t kCyclesFrom = 1024;         // blocks
constexpr std::uint32_t kSkipBytesMax = 32;
const std::uint32_t kRunKind = kFlash.begin + boot::cortex_m::flash_area(boot::Area::kMailbox).offset + offsetof(boot::BootReportWire, run_kind);
struct ContextFree {
  void operator()(uc_context* context) const { uc_context_free(context); }
};
using Context = std::unique_ptr<uc_context, ContextFree>;

struct Milestone {
  Registers registers{};
  std::uint64_t blocks = 0;
  Bytes stack;  // from the stack pointer up
  std::shared_ptr<const SavedMemory> flash;  // all but the stack; shared while it does not change
};

struct ValueHash {
  std::size_t operator()(const StateDigest::Value& value) const { return value[0]; }
};

enum class Outcome { kUnchanged, kStopped, kTrapped, kReset, kHung, kStarted, kSpoilt, kBypass };

// Not: it did not fire. And stopped: the device did, on the slow engine.
enum class Applied { kNot, kAndStopped, kAndRuns };

std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 33U;
  x *= 0xFF51AFD7ED558CCDULL;
  x ^= x >> 33U;
  x *= 0xC4CEB9FE1A85EC53ULL;
  return x ^ (x >> 33U);
}

class Campaign {
 public:
  Campaign(const Elf& elf, const Scenario& scenario, const CampaignOptions& options)
      : elf_(elf), scenario_(scenario), options_(options), board_(elf, scenario.flash) {
    first_ = elf.find("boot_main");
    for (const char* name : functions_on_host(options.depth))
      stubs_.insert(elf.find(name));
  }

  // Ends as the scenario says? Also fills `executed`, visits and milestones.
  std::string learn();
  Tally inject(unsigned part, unsigned parts);

 private:
  void power_up(Engine& engine);
  bool is_live(const Milestone& milestone);
  Milestone milestone_here(const Engine& engine, std::uint32_t pc);
  bool same(const Milestone& milestone, const Registers& now);
  StateDigest::Value digest_here(const Registers& now);
  bool is_known(const Registers& now);
  bool go_on_at(std::uint32_t pc);
  void learn_milestones();
  bool wanted(std::uint32_t pc, unsigned visit, std::uint64_t ordinal, unsigned part, unsigned parts) const;
  void fault_here(Engine& slow, std::uint32_t pc, unsigned visit);
  bool try_fault(Engine& slow, const Context& here, std::uint32_t target, unsigned visit, const Fault& fault);
  std::optional<Outcome> run_with(Engine& slow, const Context& here, std::uint32_t target, const Fault& fault);
  bool is_faulted(std::uint32_t pc) const {
    return !stubs_.contains(pc) && (options_.except == nullptr || !options_.except->contains(pc));
  }
  // Signatures visit their instructions millions of times: the last one, from where the end is near.
  bool is_candidate(std::uint32_t pc, unsigned visit) const {
    return options_.depth < Depth::kPostQuantum ? visit <= options_.visits : visit == visits_.at(pc);
  }
  void learn_if_then_blocks();
  std::uint32_t size_at(std::uint32_t pc) {
    return instruction_size(static_cast<std::uint16_t>(board_.at(pc)[0] | board_.at(pc)[1] << 8U));
  }
  std::uint32_t end_of(std::uint32_t pc);
  void try_faults(Engine& slow, const Context& here, std::uint32_t target, unsigned visit);
  Applied apply(Engine& slow, const Context& here, std::uint32_t target, const Fault& fault, Stop& stop);
  Applied set_faulty(std::uint8_t index, std::uint8_t value, FaultKind kind);
  bool skip(Engine& slow, const Context& here, std::uint32_t target, unsigned count, Stop& stop);
  bool step_over(Engine& slow, const Context& here, std::uint32_t end, Stop& stop);
  Stop run_fast();
  Outcome judge(Stop stop, const Engine& engine);
  bool is_started_as_permitted(std::uint32_t pc);
  bool is_spoilt(std::uint32_t pc);
  std::string lowered();

  const Elf& elf_;
  const Scenario& scenario_;
  const CampaignOptions& options_;
  Board board_;
  std::uint32_t first_ = 0;
  std::uint32_t end_ = 0;  // of the run without fault
  std::set<std::uint32_t> stubs_;
  // An If-Then instruction and what it governs are faulted one by one, but from the state before the first: the engine
  // cannot be stopped between them. From each inner address to its If-Then.
  std::map<std::uint32_t, std::uint32_t> if_then_;
  std::map<std::uint32_t, std::vector<std::uint32_t>> blocks_;
  std::unique_ptr<Engine> fast_;
  std::map<std::uint32_t, std::uint64_t> visits_;  // from boot_main on
  std::set<std::uint32_t> milestone_addresses_;
  std::vector<Milestone> milestones_;
  std::vector<std::uint32_t> milestone_pcs_;  // the same, for the search
  std::size_t next_milestone_ = 0;  // of the run without fault, at the present point
  std::size_t expected_ = 0;        // of the run with a fault
  bool converged_ = false;
  std::array<std::uint32_t, 4> different_{};  // where this run was last seen to differ, by what `same` compares
  bool differs(std::uint32_t address, const Bytes& expected, std::uint32_t& hint);
  // States that earlier faults of this campaign passed at a function's entry, and how those runs ended.
  struct Ended {
    Outcome outcome;
    std::string what;
  };
  std::unordered_map<StateDigest::Value, Ended, ValueHash> ended_;
  std::vector<StateDigest::Value> passed_;  // by this run
  const Ended* known_ = nullptr;            // this run's end, without running it to there
  std::uint64_t blocks_total_ = 0;
  std::string what_;
  SavedMemory memory_;
  std::uint32_t point_ = 0;  // where the slow engine stands
  std::set<std::tuple<FaultKind, std::uint8_t, std::uint32_t>> tried_;  // at this point: kind, index, value that came of it
  Bytes rom_;  // nothing may change it for good
  Tally tally_;
};

// A retained word pair as boot or application left it; anything else means that power was lost.
void retain(Board& board, std::uint32_t address, std::uint32_t cause) {
  const std::uint32_t words[] = {boot::cortex_m::kCauseMagic | cause, ~(boot::cortex_m::kCauseMagic | cause)};
  std::memcpy(board.at(address), words, sizeof words);
}

void Campaign::power_up(Engine& engine) {
  board_.undo_dirty();
  std::ranges::fill(board_.ram, std::uint8_t{0});
  if (scenario_.commanded) {
    constexpr std::uint32_t kCommanded = 3, kSoftware = 6;
    retain(board_, elf_.symbols.at("__retained"), kSoftware);
    retain(board_, kLoad.begin + kLoad.size - kRetainedSize, kCommanded);
  }
  engine.reset_to(elf_.entry);
}

Milestone Campaign::milestone_here(const Engine& engine, std::uint32_t pc) {
  Milestone m;
  m.registers = engine.registers();
  m.registers[kPc] = pc;
  m.blocks = engine.blocks();
  const std::uint32_t sp = m.registers[kSp];
  if (kRam.contains(sp)) m.stack.assign(board_.at(sp), board_.ram.data() + kRam.size);
  auto flash = std::make_shared<SavedMemory>();
  board_.save(*flash);
  flash->ram.clear();
  if (!milestones_.empty() && milestones_.back().flash->boot_sectors == flash->boot_sectors &&
      milestones_.back().flash->shared_sectors == flash->shared_sectors && milestones_.back().flash->load_front == flash->load_front)
    m.flash = milestones_.back().flash;
  else
    m.flash = flash;
  return m;
}

// What differed at the last milestone mostly differs still: that is looked at first.
bool Campaign::differs(std::uint32_t address, const Bytes& expected, std::uint32_t& hint) {
  constexpr std::size_t kStep = 64;
  const std::uint8_t* const now = board_.at(address);
  const auto differs_at = [&](std::size_t at) { return std::memcmp(now + at, expected.data() + at, std::min(kStep, expected.size() - at)) != 0; };
  if (hint - address < expected.size() && differs_at(hint - address)) return true;
  if (std::memcmp(now, expected.data(), expected.size()) == 0) return false;
  std::size_t at = 0;
  while (!differs_at(at))
    at += kStep;
  hint = address + static_cast<std::uint32_t>(at);
  return true;
}

// What lies below the stack pointer is dead, flags and r12 are no part of a call.
bool Campaign::same(const Milestone& m, const Registers& now) {
  for (std::size_t i = 0; i <= kPc; ++i)
    if (i != 12 && now[i] != m.registers[i]) return false;
  return !m.stack.empty() && !differs(now[kSp], m.stack, different_[0]) &&
         !differs(kBootSectors.begin, m.flash->boot_sectors, different_[1]) &&
         !differs(kSharedSectors.begin, m.flash->shared_sectors, different_[2]) &&
         !differs(kLoad.begin, m.flash->load_front, different_[3]);
}

// What `same` compares, and the system registers.
StateDigest::Value Campaign::digest_here(const Registers& now) {
  StateDigest digest;
  for (std::size_t i = 0; i <= kPc; ++i)
    if (i != 12) digest.add(now[i]);
  digest.add({board_.at(now[kSp]), board_.ram.data() + kRam.size});
  digest.add({board_.at(kBootSectors.begin), kBootSectors.size});
  digest.add({board_.at(kSharedSectors.begin), kSharedSectors.size});
  digest.add({board_.at(kLoad.begin), kLoadFront});
  digest.add(fast_->system_bytes());
  return digest.value();
}

bool Campaign::is_known(const Registers& now) {
  if (board_.dirty() || !kRam.contains(now[kSp]) || now[kSp] % 4 != 0) return false;
  const StateDigest::Value digest = digest_here(now);
  const auto found = ended_.find(digest);
  if (found == ended_.end()) return passed_.push_back(digest), false;
  known_ = &found->second;
  return true;
}

std::string Campaign::learn() {
  Engine slow(board_, elf_, {}, options_.depth);
  bool begun = false;
  slow.on_instruction = [&](std::uint32_t pc) {
    begun = begun || pc == first_;
    if (begun) ++visits_[pc];
    return true;
  };
  power_up(slow);
  const Stop stop = slow.run(kBlocksMax);
  blocks_total_ = slow.blocks();
  end_ = slow.get_register(kPc);
  for (const auto& [pc, count] : visits_)
    if (is_faulted(pc)) tally_.executed.insert(pc);
  learn_if_then_blocks();
  const Outcome outcome = judge(stop, slow);
  const bool starts = outcome == Outcome::kStarted;
  if (outcome != Outcome::kStarted && outcome != Outcome::kStopped)
    return fmt::format("{}: without fault: {} at {}", scenario_.name, what_, elf_.where(slow.get_register(kPc)));
  if (starts == scenario_.permitted.empty())
    return fmt::format("{}: without fault {} at {}", scenario_.name, starts ? "an image starts" : "nothing starts",
                       elf_.where(slow.get_register(kPc)));
  for (const auto& [address, function] : elf_.functions) {
    const auto found = visits_.find(address);
    if (found != visits_.end() && found->second <= kMilestoneVisitsMax && !stubs_.contains(address))
      milestone_addresses_.insert(address);
  }
  return "";
}

void Campaign::learn_if_then_blocks() {
  for (const auto& [pc, count] : visits_) {
    const auto opcode = static_cast<std::uint32_t>(board_.at(pc)[0] | board_.at(pc)[1] << 8U);
    if ((opcode & 0xFF00U) != 0xBF00U || (opcode & 15U) == 0 || if_then_.contains(pc)) continue;
    std::uint32_t at = pc + 2;
    for (unsigned left = 4 - static_cast<unsigned>(std::countr_zero(opcode & 15U)); left > 0; --left) {
      if_then_[at] = pc;
      blocks_[pc].push_back(at);
      if (is_faulted(at)) tally_.executed.insert(at);
      at += size_at(at);
    }
  }
}

// Behind the instruction at `pc`, or behind all that an If-Then at `pc` governs.
std::uint32_t Campaign::end_of(std::uint32_t pc) {
  const auto block = blocks_.find(pc);
  const std::uint32_t last = block == blocks_.end() ? pc : block->second.back();
  return last + size_at(last);
}

void Campaign::learn_milestones() {
  Engine slow(board_, elf_, milestone_addresses_, options_.depth);
  bool begun = false;
  slow.on_instruction = [&](std::uint32_t pc) {
    begun = begun || pc == first_;
    if (begun) milestones_.push_back(milestone_here(slow, pc));
    return true;
  };
  power_up(slow);
  static_cast<void>(slow.run(kBlocksMax));
  for (const Milestone& m : milestones_)
    milestone_pcs_.push_back(m.registers[kPc]);
}

bool Campaign::wanted(std::uint32_t pc, unsigned visit, std::uint64_t ordinal, unsigned part, unsigned parts) const {
  const auto block = if_then_.find(options_.address);
  if (options_.address != 0 && pc != (block == if_then_.end() ? options_.address : block->second)) return false;
  return is_candidate(pc, visit) && ordinal % parts == part;
}

Tally Campaign::inject(unsigned part, unsigned parts) {
  learn_milestones();
  rom_ = board_.rom;
  Engine slow(board_, elf_, {}, options_.depth);
  std::set<std::uint32_t> entries = milestone_addresses_;
  for (const auto& [address, function] : elf_.functions)
    if (!visits_.contains(address) && !stubs_.contains(address) && kRom.contains(address)) entries.insert(address);
  fast_ = std::make_unique<Engine>(board_, elf_, entries, options_.depth);
  std::map<std::uint32_t, unsigned> seen;
  std::uint64_t ordinal = 0;
  bool begun = false;
  std::uint32_t resumed = 0;  // stopped here last; a condition that fails keeps the engine from asking a second time
  const std::function<bool(std::uint32_t)> watch = [&](std::uint32_t pc) {
    if (std::exchange(resumed, 0) == pc) return true;
    begun = begun || pc == first_;
    if (!begun) return true;
    if (milestone_addresses_.contains(pc)) ++next_milestone_;
    const unsigned visit = ++seen[pc];
    if (!is_faulted(pc) || if_then_.contains(pc)) return true;
    const bool candidate = is_candidate(pc, visit);
    if (candidate) ++ordinal;
    return !(candidate && wanted(pc, visit, ordinal, part, parts));
  };
  slow.on_instruction = watch;
  power_up(slow);
  while (slow.run(kBlocksMax) == Stop::kAsked) {
    const std::uint32_t pc = slow.get_register(kPc);
    if (options_.until_bypass && !tally_.bypasses.empty()) return tally_;
    fault_here(slow, pc, seen[pc]);
    slow.on_instruction = watch;
    resumed = pc;
  }
  if (slow.get_register(kPc) != end_)
    tally_.trouble = fmt::format("{}: the run between the faults lost its way and ended at {}", scenario_.name,
                                 elf_.where(slow.get_register(kPc)));
  return tally_;
}

// Memory, both engines and the kept image of everything else are as they were when this returns.
void Campaign::fault_here(Engine& slow, std::uint32_t pc, unsigned visit) {
  if (board_.dirty()) {
    board_.keep();
    slow.protect_again();
  }
  board_.save(memory_);
  const Context here(slow.new_context());
  slow.save(here.get());
  point_ = pc;
  try_faults(slow, here, pc, visit);
  const auto block = blocks_.find(pc);
  if (block != blocks_.end())
    for (const std::uint32_t inner : block->second)
      try_faults(slow, here, inner, visit);
  slow.restore(here.get());
  // Once more, now that the core is in a good state: from a wild one the engine does not find the code to forget.
  slow.forget_code(pc, end_of(pc) + kSkipBytesMax - pc);
}

// Of each kind at least one that fires; skips of up to `skips` instructions, all; of the rest every n-th.
void Campaign::try_faults(Engine& slow, const Context& here, std::uint32_t target, unsigned visit) {
  if (options_.address != 0 && target != options_.address) return;
  if (options_.until_bypass && !tally_.bypasses.empty()) return;
  std::vector<Fault> faults = faults_of(board_, target);
  if (options_.kind) std::erase_if(faults, [&](const Fault& fault) { return fault.kind != *options_.kind; });
  const std::uint64_t place = mix(options_.seed ^ (std::uint64_t{target} << 8U) ^ visit ^ mix(std::hash<std::string>{}(scenario_.name)));
  std::array<bool, kFaultKindCount> fired{}, possible{};
  tried_.clear();
  const auto attempt = [&](const Fault& fault) {
    const auto kind = static_cast<std::size_t>(fault.kind);
    if (try_fault(slow, here, target, visit, fault)) fired[kind] = true;
  };
  for (std::size_t i = 0; i < faults.size(); ++i) {
    possible[static_cast<std::size_t>(faults[i].kind)] = true;
    const bool always = faults[i].kind == FaultKind::kSkip && faults[i].index <= options_.skips;
    if (always || (place + i) % options_.thinning == 0) attempt(faults[i]);
  }
  for (std::size_t n = 0; n < faults.size(); ++n) {
    const Fault& fault = faults[(place + n) % faults.size()];
    if (!fired[static_cast<std::size_t>(fault.kind)]) attempt(fault);
  }
  if (board_.rom != rom_) throw std::logic_error(fmt::format("{}: the faults at {} changed the ROM for good", scenario_.name, elf_.where(target)));
  ++tally_.points;
  (fired == possible ? tally_.tried : tally_.incomplete).insert(target);
}

// False when the fault changes nothing, or what another fault tried here has changed in the same way: it does not count.
bool Campaign::try_fault(Engine& slow, const Context& here, std::uint32_t target, unsigned visit, const Fault& fault) {
  const std::optional<Outcome> outcome = run_with(slow, here, target, fault);
  if (board_.dirty()) board_.undo_dirty();
  board_.restore(memory_);
  fast_->protect_again();
  slow.protect_again();
  if (!outcome) return false;
  ++tally_.faults;
  ++tally_.by_kind[static_cast<std::size_t>(fault.kind)];
  tally_.known += known_ != nullptr ? 1 : 0;
  std::uint64_t* const counters[] = {&tally_.unchanged, &tally_.stopped, &tally_.trapped, &tally_.reset, &tally_.hung, &tally_.started, &tally_.spoilt};
  if (*outcome == Outcome::kBypass)
    tally_.bypasses.push_back({scenario_.name, options_.depth, target, visit, fault, what_});
  else
    ++*counters[static_cast<std::size_t>(*outcome)];
  return true;
}

// Nothing: the fault did not fire.
std::optional<Outcome> Campaign::run_with(Engine& slow, const Context& here, std::uint32_t target, const Fault& fault) {
  Stop stop = Stop::kAsked;
  expected_ = next_milestone_;
  converged_ = false;
  known_ = nullptr;
  passed_.clear();
  different_ = {};
  fast_->restore(here.get());
  fast_->take_system_of(slow);
  switch (apply(slow, here, target, fault, stop)) {
    case Applied::kNot:
      return std::nullopt;
    case Applied::kAndStopped:
      return judge(stop, slow);
    case Applied::kAndRuns:
      break;
  }
  stop = run_fast();
  Ended ended{Outcome::kUnchanged, ""};
  if (known_ != nullptr) {
    ended = *known_;
    what_ = ended.what;
  } else if (!converged_) {
    ended.outcome = judge(stop, *fast_);
    ended.what = what_;
  }
  for (const StateDigest::Value& digest : passed_)
    ended_.emplace(digest, ended);
  return ended.outcome;
}

// Executes the ROM as it is now from the point to the first instruction outside [point, end) on the slow engine, and
// hands its state to the fast one. False when the device stopped on the way.
bool Campaign::step_over(Engine& slow, const Context& here, std::uint32_t end, Stop& stop) {
  slow.restore(here.get());
  slow.forget_code(point_, end - point_);
  slow.on_instruction = [&](std::uint32_t pc) { return pc - point_ < end - point_; };
  stop = slow.run(1000);
  slow.forget_code(point_, end - point_);
  if (stop != Stop::kAsked) return false;
  fast_->take_state_of(slow);
  return true;
}

bool Campaign::skip(Engine& slow, const Context& here, std::uint32_t target, unsigned count, Stop& stop) {
  std::uint32_t next = target;
  for (unsigned n = 0; n < count; ++n)
    next += size_at(next);
  if (!if_then_.contains(target)) {
    fast_->set_register(kPc, next | 1U);
    return true;
  }
  // Governed by an If-Then, the skipped instructions still count for it: they become no-operations.
  const Bytes kept(board_.at(target), board_.at(next));
  for (std::uint32_t at = target; at < next;) {
    const std::uint32_t size = size_at(at);
    constexpr std::uint8_t kNop[] = {0x00, 0xBF}, kWideNop[] = {0xAF, 0xF3, 0x00, 0x80};
    std::memcpy(board_.at(at), size == 4 ? kWideNop : kNop, size);
    at += size;
  }
  const std::uint32_t end = std::max(next, end_of(point_));
  const bool goes_on = step_over(slow, here, end, stop);
  std::ranges::copy(kept, board_.at(target));
  slow.forget_code(point_, end - point_);
  return goes_on;
}

Applied Campaign::set_faulty(std::uint8_t index, std::uint8_t value, FaultKind kind) {
  const std::uint32_t good = fast_->get_register(index);
  const std::uint32_t faulty = faulty_value(good, value);
  if (faulty == good || !tried_.insert({kind, index, faulty}).second) return Applied::kNot;
  fast_->set_register(index, faulty | (index == kPc ? 1U : 0U));
  return Applied::kAndRuns;
}

Applied Campaign::apply(Engine& slow, const Context& here, std::uint32_t target, const Fault& fault, Stop& stop) {
  const auto applied = [](bool goes_on) { return goes_on ? Applied::kAndRuns : Applied::kAndStopped; };
  if ((fault.kind == FaultKind::kSkip || fault.kind == FaultKind::kOpcodeBit || fault.kind == FaultKind::kFlag) &&
      !tried_.insert({fault.kind, fault.index, fault.value}).second)
    return Applied::kNot;
  switch (fault.kind) {
    case FaultKind::kSkip:
      return applied(skip(slow, here, target, fault.index, stop));
    case FaultKind::kOpcodeBit: {
      std::uint8_t& byte = board_.at(target)[fault.index / 8];
      const auto bit = static_cast<std::uint8_t>(1U << (fault.index % 8));
      const std::uint32_t end = end_of(point_);
      byte ^= bit;
      const bool goes_on = step_over(slow, here, end, stop);
      byte ^= bit;
      slow.forget_code(point_, end - point_);
      return applied(goes_on);
    }
    case FaultKind::kRegister:
      return set_faulty(fault.index, fault.value, fault.kind);
    case FaultKind::kFlag:
      fast_->set_register(kXpsr, fast_->get_register(kXpsr) ^ (1U << fault.value));
      return Applied::kAndRuns;
    case FaultKind::kLoaded:
      if (!step_over(slow, here, end_of(point_), stop)) return Applied::kNot;
      return set_faulty(fault.index, fault.value, fault.kind);
  }
  return Applied::kNot;
}

// At a function's entry. False when the end of this run is known from here: it is the run without fault again, or
// another fault led to the same state before.
bool Campaign::go_on_at(std::uint32_t pc) {
  const auto from = milestone_pcs_.begin() + static_cast<std::ptrdiff_t>(std::min(expected_, milestone_pcs_.size()));
  const auto end = milestone_pcs_.begin() + static_cast<std::ptrdiff_t>(std::min(expected_ + kResyncWindow, milestone_pcs_.size()));
  const auto found = std::find(from, end, pc);
  const bool on_the_way = found != end;
  if (on_the_way) expected_ = static_cast<std::size_t>(found - milestone_pcs_.begin()) + 1;
  const bool often = on_the_way ? (expected_ % (passed_.size() < 8 ? 16 : 128) != 0) : visits_.contains(pc) && visits_.at(pc) > kRareVisitsMax;
  if (!on_the_way && often) return true;
  Registers now = fast_->registers();
  now[kPc] = pc;
  if (on_the_way) converged_ = !board_.dirty() && same(milestones_[expected_ - 1], now);
  if (converged_) return false;
  return often || passed_.size() >= kPassedMax || !is_known(now);
}

Stop Campaign::run_fast() {
  fast_->on_instruction = [this](std::uint32_t pc) { return go_on_at(pc); };
  const std::uint64_t gone = next_milestone_ == 0 ? 0 : milestones_[next_milestone_ - 1].blocks;
  const std::uint64_t left = blocks_total_ - std::min(gone, blocks_total_);
  return fast_->run(left + scenario_.blocks_margin, kCyclesFrom);
}

// The permitted image at its entry; or anywhere in load memory when that holds the image and behind it the zeros that boot
// wrote: nothing that boot has not judged is there.
bool Campaign::is_started_as_permitted(std::uint32_t pc) {
  if (!kLoadNonSecure.contains(pc)) return false;
  const auto starts = [&](const Bytes& code) {
    if (code.empty() || !std::equal(code.begin(), code.end(), board_.load.begin())) return false;
    std::uint32_t entry = 0;
    std::memcpy(&entry, code.data() + 4, sizeof entry);
    const auto behind = board_.load.begin() + static_cast<std::ptrdiff_t>(code.size());
    const auto end = board_.load.begin() + (kLoad.size - kRetainedSize);
    return pc == (entry & ~1U) || std::all_of(behind, end, [](std::uint8_t byte) { return byte == 0; });
  };
  const bool forced = *board_.at(kRunKind) == static_cast<std::uint8_t>(boot::RunKind::kForcedTrial);
  return starts(scenario_.permitted) || (forced && starts(scenario_.last_resort));
}

// The permitted image at its entry, but for one aligned word, which a store that went astray behind the last measurement
// has overwritten: what a fault in that memory after the start does as well.
bool Campaign::is_spoilt(std::uint32_t pc) {
  const Bytes& code = scenario_.permitted;
  std::uint32_t entry = 0;
  if (code.empty()) return false;
  std::memcpy(&entry, code.data() + 4, sizeof entry);
  if (pc != (entry & ~1U)) return false;
  std::size_t words = 0;
  for (std::size_t at = 0; at + 4 <= code.size(); at += 4)
    words += std::memcmp(code.data() + at, board_.load.data() + at, 4) != 0 ? 1 : 0;
  return words == 1;
}

// Empty while nothing in the monotonic store has fallen. A store that does not read stops the device.
std::string Campaign::lowered() {
  const StoreInForce now = store_in_force(board_.at(kFlash.begin + kMonotonicOffset));
  if (!now.readable) return "";
  if (now.floor < scenario_.floor) return fmt::format("the floor fell from {} to {}", scenario_.floor, now.floor);
  if ((scenario_.revoked & ~now.revoked) != 0) return fmt::format("revocations {:#x} became {:#x}", scenario_.revoked, now.revoked);
  if (now.generation < scenario_.generation) return fmt::format("the generation fell from {} to {}", scenario_.generation, now.generation);
  return "";
}

Outcome Campaign::judge(Stop stop, const Engine& engine) {
  what_ = lowered();
  if (!what_.empty()) return Outcome::kBypass;
  const std::uint32_t pc = engine.get_register(kPc);
  switch (stop) {
    case Stop::kLeftRom: {
      if (is_started_as_permitted(pc)) return Outcome::kStarted;
      if (is_spoilt(pc)) return Outcome::kSpoilt;
      if (board_.at(pc) == nullptr) return Outcome::kTrapped;
      // SECURITY: in the secure state only ROM is executable once boot has set its memory protection unit.
      // In the non-secure state nothing secure is fetched: bit 28 of an address says so, and before the attribution unit
      // is on, everything is.
      if (engine.went_non_secure() && ((pc & kSecureAlias) != 0 || (engine.system_word(kSauControl) & 1U) == 0)) return Outcome::kTrapped;
      if (!engine.went_non_secure() && (engine.system_word(kMpuControl) & 1U) != 0) return Outcome::kTrapped;
      const std::uint8_t kind = *board_.at(kRunKind);
      what_ = fmt::format("runs bytes at {:#x}{}, run kind {}", pc, engine.went_non_secure() ? "" : " in the secure state", kind);
      return Outcome::kBypass;
    }
    case Stop::kTrapped:
      what_ = "trapped";
      return Outcome::kTrapped;
    case Stop::kReset:
      what_ = "reset";
      return Outcome::kReset;
    case Stop::kTooLong:
    case Stop::kAsked:
      what_ = "does not end";
      return Outcome::kHung;
    case Stop::kHalted:
      return Outcome::kStopped;
  }
  return Outcome::kStopped;
}

}  // namespace

void Tally::add(const Tally& other) {
  faults += other.faults;
  for (std::size_t i = 0; i < kFaultKindCount; ++i)
    by_kind[i] += other.by_kind[i];
  unchanged += other.unchanged;
  stopped += other.stopped;
  trapped += other.trapped;
  reset += other.reset;
  hung += other.hung;
  started += other.started;
  spoilt += other.spoilt;
  known += other.known;
  points += other.points;
  executed.insert(other.executed.begin(), other.executed.end());
  tried.insert(other.tried.begin(), other.tried.end());
  incomplete.insert(other.incomplete.begin(), other.incomplete.end());
  bypasses.insert(bypasses.end(), other.bypasses.begin(), other.bypasses.end());
  if (trouble.empty()) trouble = other.trouble;
}

std::string check_without_fault(const Elf& elf, const Scenario& scenario) {
  const CampaignOptions options;
  return Campaign(elf, scenario, options).learn();
}

Tally run_campaign(const Elf& elf, const Scenario& scenario, const CampaignOptions& options, unsigned part, unsigned parts) {
  Campaign campaign(elf, scenario, options);
  Tally failed;
  failed.trouble = campaign.learn();
  return failed.trouble.empty() ? campaign.inject(part, parts) : failed;
}

}  // namespace aseptic::test
