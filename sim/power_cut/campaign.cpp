// SPDX-License-Identifier: Apache-2.0
#include "campaign.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdio>
#include <mutex>
#include <sstream>
#include <thread>
#include <vector>

#include "geometries.h"
#include "life.h"

namespace aseptic::sim {
namespace {

using boot::Area;
constexpr std::uint64_t kNone = CaseId::kNone;
constexpr std::uint64_t kSecondCutWithin = 90;  // operations after the power came back
constexpr std::size_t kDoubleCutEvery = 12;     // of the single cuts of an ordinary run
constexpr std::uint64_t kBadShown = 12;

// One configuration and its undisturbed life.
class Configuration {
 public:
  Configuration(std::size_t g, std::size_t s)
      : geometry_(g),
        scenario_(s),
        product_(geometries()[g], scenarios()[s], static_cast<StoreKind>((g + s) % 3), (g + s / 2) % 2 == 0) {
  }

  // Empty when the undisturbed life ends as it should.
  std::string prepare() {
    if (auto why = check_images(product_); !why.empty()) return why;
    Life life(product_);
    life.device().flash.log_to(&log_);
    first_ = life.device().flash.operations();
    const Life::End end = life.play([this](const Life& at) {
      checkpoints_.push_back(at);
      checkpoints_.back().device().flash.log_to(nullptr);
    });
    return end == Life::End::kRest ? std::string() : "the undisturbed life: " + life.checker().wrong();
  }

  std::uint64_t operations() const { return log_.size(); }
  const FlashOperation& operation(std::uint64_t k) const { return log_[k]; }
  std::uint64_t power_ups() const { return checkpoints_.size(); }
  std::size_t geometry() const { return geometry_; }
  std::size_t scenario() const { return scenario_; }
  const Product& product() const { return product_; }

  // The device as it was before the power-up in which operation `cut` happens.
  Life before(std::uint64_t cut) const {
    std::size_t at = 0;
    while (at + 1 < checkpoints_.size() && operations_at(at + 1) <= first_ + cut)
      ++at;
    return checkpoints_[at];
  }
  Life before_power_up(std::uint64_t number) const { return checkpoints_[static_cast<std::size_t>(number)]; }
  std::uint64_t first() const { return first_; }

 private:
  std::uint64_t operations_at(std::size_t checkpoint) const {
    return checkpoints_[checkpoint].device().flash.operations();
  }

  std::size_t geometry_, scenario_;
  Product product_;
  std::vector<FlashOperation> log_;
  std::uint64_t first_ = 0;
  std::vector<Life> checkpoints_;
};

struct Outcome {
  bool fired = true;
  std::string wrong;
  std::uint64_t boots = 0;
};

std::uint64_t seed_of(const CaseId& id) {
  return mix(mix(id.cut, id.tear + 8 * id.geometry + 1024 * id.scenario), mix(id.second, id.second_tear));
}

Outcome play_case(const Configuration& configuration, const CaseId& id, std::string* trace) {
  Outcome out;
  const auto judged = [&](const Life& life, Life::End end) {
    out.boots += life.boots();
    if (end == Life::End::kWrong) out.wrong = life.checker().wrong();
    return out;
  };
  if (id.broken_sector != kNone) {
    Life life = configuration.before_power_up(id.broken_at);
    const auto area = static_cast<Area>(id.broken_sector / 65536);
    std::uint64_t offset = 0;
    for (std::uint64_t i = 0; i < id.broken_sector % 65536; ++i)
      offset = life.device().flash.sector_end(area, offset);
    life.tell(trace);
    life.break_sector(area, offset);
    return judged(life, life.play());
  }
  Life life = configuration.before(id.cut);
  life.tell(trace);
  NorFlash& flash = life.device().flash;
  flash.cut_at(configuration.first() + id.cut, id.tear, seed_of(id));
  Life::End end = life.play();
  if (id.tear == kSilentBit) {
    out.fired = flash.operations() > configuration.first() + id.cut;
    return judged(life, end);
  }
  out.fired = end == Life::End::kCut;
  if (!out.fired) return judged(life, end);
  if (trace != nullptr) *trace += "-- cut in operation " + std::to_string(id.cut) + "\n";
  flash.no_cut();
  life.power_returns();
  if (id.second != kNone) {
    flash.cut_at(flash.operations() + id.second, id.second_tear, seed_of(id) + 1);
    end = life.play();
    flash.no_cut();
    if (end != Life::End::kCut) return judged(life, end);  // it came to rest before the second cut
    if (trace != nullptr) *trace += "-- second cut\n";
    life.power_returns();
  }
  return judged(life, life.play());
}

class Campaign {
 public:
  explicit Campaign(const CampaignOptions& options) : options_(options) {
    for (std::size_t g = 0; g < geometries().size(); ++g)
      for (std::size_t s = 0; s < scenarios().size(); ++s)
        if ((options.only_geometry < 0 || g == static_cast<std::size_t>(options.only_geometry)) &&
            (options.only_scenario < 0 || s == static_cast<std::size_t>(options.only_scenario)))
          todo_.emplace_back(g, s);
  }

  CampaignResult run() {
    const unsigned threads =
        options_.threads != 0 ? options_.threads : std::max(1U, std::thread::hardware_concurrency());
    std::vector<std::thread> workers;
    for (unsigned i = 0; i < threads; ++i)
      workers.emplace_back([this] { work(); });
    for (auto& worker : workers)
      worker.join();
    return result_;
  }

 private:
  bool stopped() const { return options_.stop_at_first && bad_ != 0; }
  void work() {
    for (std::size_t i = next_++; i < todo_.size() && !stopped(); i = next_++)
      play(todo_[i].first, todo_[i].second);
  }
  void play(std::size_t g, std::size_t s) {
    Configuration configuration(g, s);
    CampaignResult mine;
    if (const std::string why = configuration.prepare(); !why.empty()) {
      CaseId id;
      id.geometry = g;
      id.scenario = s;
      report(id, why, mine);
    } else {
      mine.operations = configuration.operations();
      const std::uint64_t quota = (options_.cases + todo_.size() - 1) / todo_.size();
      broken_sectors(configuration, quota, mine);
      lost_bits(configuration, quota, mine);
      single_cuts(configuration, quota, mine);
      second_cuts(configuration, quota, mine);
    }
    collect(mine);
  }
  void one(const Configuration& configuration, const CaseId& id, CampaignResult& mine) {
    const Outcome outcome = play_case(configuration, id, nullptr);
    ++mine.cases;
    mine.boots += outcome.boots;
    if (id.second != kNone) ++mine.double_cuts;
    if (id.broken_sector != kNone) ++mine.broken_sectors;
    if (id.tear == kSilentBit) ++mine.lost_bits;
    if (!outcome.fired) ++mine.not_fired;
    if (!outcome.fired && outcome.wrong.empty()) return report(id, "the cut did not happen", mine);
    if (!outcome.wrong.empty()) report(id, outcome.wrong, mine);
  }
  // Rounds over all operations, each with another tear, until the quota is used; the first is always
  // complete, and what boot writes in small pieces is never left out of the second.
  void single_cuts(const Configuration& configuration, std::uint64_t quota, CampaignResult& mine) {
    for (unsigned round = 0; round < kTearCount; ++round)
      for (std::uint64_t k = 0; k < configuration.operations(); ++k) {
        if (stopped() || (round != 0 && mine.cases >= quota)) return;
        const Area area = configuration.operation(k).area;
        const bool bulk = area == Area::kSlotA || area == Area::kSlotB || area == Area::kRecovery;
        if (round == 1 && bulk && quota < configuration.operations() * 3) continue;
        CaseId id;
        id.geometry = configuration.geometry();
        id.scenario = configuration.scenario();
        id.cut = k;
        id.tear = static_cast<unsigned>((k + round + id.scenario) % kTearCount);
        one(configuration, id, mine);
        if (k % kDoubleCutEvery != round) continue;
        add_second(id);
        one(configuration, id, mine);
      }
  }
  static void add_second(CaseId& id, std::uint64_t salt = 0) {
    Random random(mix(seed_of(id), salt));
    id.second = random.below(kSecondCutWithin);
    id.second_tear = static_cast<unsigned>(random.below(kTearCount));
  }
  // What is left of the quota: both cuts anywhere.
  void second_cuts(const Configuration& configuration, std::uint64_t quota, CampaignResult& mine) {
    Random random(mix(configuration.geometry(), configuration.scenario()));
    for (std::uint64_t salt = 1; mine.cases < quota && !stopped(); ++salt) {
      CaseId id;
      id.geometry = configuration.geometry();
      id.scenario = configuration.scenario();
      id.cut = random.below(configuration.operations());
      id.tear = static_cast<unsigned>(random.below(kTearCount));
      add_second(id, salt);
      one(configuration, id, mine);
    }
  }
  // One bit that does not take, in each program but those of the store (an NV memory or fuses verify
  // themselves).
  void lost_bits(const Configuration& configuration, std::uint64_t quota, CampaignResult& mine) {
    const std::uint64_t step =
        std::max<std::uint64_t>(1, configuration.operations() / std::max<std::uint64_t>(1, quota / 5));
    for (std::uint64_t k = configuration.scenario() % step; k < configuration.operations() && !stopped();
         k += step) {
      const FlashOperation& operation = configuration.operation(k);
      if (operation.kind != FlashOperation::Kind::kProgram || operation.area == Area::kMonotonic) continue;
      CaseId id;
      id.geometry = configuration.geometry();
      id.scenario = configuration.scenario();
      id.cut = k;
      id.tear = kSilentBit;
      one(configuration, id, mine);
    }
  }
  // Each sector of each area, unreadable from some power-up on: a tenth of the quota at most.
  void broken_sectors(const Configuration& configuration, std::uint64_t quota, CampaignResult& mine) {
    std::vector<std::uint64_t> sectors;
    // Without recovery, or after a revocation at once, there is no way back while the other slot is written
    // or holds what failed; and a dead sector in the middle of a journal half takes records from between
    // others.
    const Scenario& scenario = scenarios()[configuration.scenario()];
    bool way_back = scenario.recovery;
    for (const OfferedRelease& release : scenario.releases)
      way_back = way_back && (release.image.policy_flags & boot::kPolicyRevokeNow) == 0;
    for (const Area area :
         {Area::kJournal, Area::kSlotA, Area::kSlotB, Area::kRecovery, Area::kRequests, Area::kPermit}) {
      const auto& all = geometries()[configuration.geometry()].areas[static_cast<std::size_t>(area)].sectors;
      const bool whole_half = area == Area::kJournal && all.size() == 2;
      if (!way_back && !whole_half && area != Area::kRequests && area != Area::kPermit) continue;
      for (std::size_t i = 0; i < all.size(); ++i)
        sectors.push_back(static_cast<std::uint64_t>(area) * 65536 + i);
    }
    const std::uint64_t all = sectors.size() * configuration.power_ups();
    const std::uint64_t step = std::max<std::uint64_t>(1, all / std::max<std::uint64_t>(1, quota / 10));
    for (std::uint64_t n = 0; n < all && !stopped(); n += step) {
      CaseId id;
      id.geometry = configuration.geometry();
      id.scenario = configuration.scenario();
      id.broken_sector = sectors[n % sectors.size()];
      id.broken_at = n / sectors.size();
      one(configuration, id, mine);
    }
  }
  void report(const CaseId& id, const std::string& why, CampaignResult& mine) {
    ++mine.bad;
    const std::lock_guard lock(mutex_);
    if (++bad_ <= kBadShown)
      std::printf("bad: seed=%s (%s; %s): %s\n", text_of(id).c_str(), geometries()[id.geometry].name.c_str(),
                  scenarios()[id.scenario].name, why.c_str());
    std::fflush(stdout);
  }
  void collect(const CampaignResult& mine) {
    const std::lock_guard lock(mutex_);
    result_.cases += mine.cases;
    result_.boots += mine.boots;
    result_.bad += mine.bad;
    result_.not_fired += mine.not_fired;
    result_.double_cuts += mine.double_cuts;
    result_.broken_sectors += mine.broken_sectors;
    result_.lost_bits += mine.lost_bits;
    result_.operations += mine.operations;
    ++done_;
    if (options_.progress && (done_ % 10 == 0 || done_ == todo_.size()))
      std::fprintf(stderr, "%zu of %zu configurations, %llu cases, %llu bad\n", done_, todo_.size(),
                   static_cast<unsigned long long>(result_.cases),
                   static_cast<unsigned long long>(result_.bad));
  }

  CampaignOptions options_;
  std::vector<std::pair<std::size_t, std::size_t>> todo_;
  std::atomic<std::size_t> next_{0};
  std::atomic<std::uint64_t> bad_{0};
  std::mutex mutex_;
  CampaignResult result_;
  std::size_t done_ = 0;
};

}  // namespace

std::string text_of(const CaseId& id) {
  const auto field = [](std::uint64_t value) {
    return value == kNone ? std::string("-") : std::to_string(value);
  };
  return std::to_string(id.geometry) + "." + std::to_string(id.scenario) + "." + field(id.cut) + "." +
         std::to_string(id.tear) + "." + field(id.second) + "." + std::to_string(id.second_tear) + "." +
         field(id.broken_sector) + "." + std::to_string(id.broken_at);
}

bool parse_case(const std::string& text, CaseId& out) {
  std::istringstream in(text);
  std::vector<std::uint64_t> fields;
  for (std::string field; std::getline(in, field, '.');) {
    std::uint64_t value = kNone;
    if (field != "-") {
      const char* const end = field.data() + field.size();
      const auto read = std::from_chars(field.data(), end, value);
      if (read.ec != std::errc() || read.ptr != end) return false;
    }
    fields.push_back(value);
  }
  if (fields.size() != 8 || fields[0] >= geometries().size() || fields[1] >= scenarios().size()) return false;
  out = {static_cast<std::size_t>(fields[0]),
         static_cast<std::size_t>(fields[1]),
         fields[2],
         static_cast<unsigned>(fields[3]),
         fields[4],
         static_cast<unsigned>(fields[5]),
         fields[6],
         fields[7]};
  return true;
}

CampaignResult run_campaign(const CampaignOptions& options) {
  return Campaign(options).run();
}

bool replay(const CaseId& id) {
  Configuration configuration(id.geometry, id.scenario);
  std::printf("%s; %s; %s; %s\n", geometries()[id.geometry].name.c_str(), scenarios()[id.scenario].name,
              name_of(configuration.product().store), configuration.product().secret ? "HMAC" : "checksum");
  std::string trace;
  if (const std::string why = configuration.prepare(); !why.empty()) {
    Life life(configuration.product());
    life.tell(&trace);
    static_cast<void>(life.play());
    std::printf("%s%s\n", trace.c_str(), why.c_str());
    return false;
  }
  if (id.cut == kNone && id.broken_sector == kNone) return true;
  if (id.cut < configuration.operations())
    std::printf("operation %llu: kind %d, area %d\n", static_cast<unsigned long long>(id.cut),
                static_cast<int>(configuration.operation(id.cut).kind),
                static_cast<int>(configuration.operation(id.cut).area));
  const Outcome outcome = play_case(configuration, id, &trace);
  std::printf("%s%s\n", trace.c_str(), outcome.wrong.empty() ? "good" : outcome.wrong.c_str());
  return outcome.wrong.empty() && outcome.fired;
}

}  // namespace aseptic::sim
