// SPDX-License-Identifier: Apache-2.0
#include "aseptic/agent/repository_source.h"

#include "aseptic/agent/codes.h"
#include "aseptic/fetch/updater.h"
#include "aseptic/trust/authority_policy.h"
#include "aseptic/trust/time_floor.h"

namespace aseptic::agent {
namespace {

using core::Result;
using core::Verified;

constexpr std::string_view kFloorFile = "time_floor.json";
constexpr std::size_t kFloorBytesMax = 1024;

class RepositorySource final : public ReleaseSource {
 public:
  RepositorySource(platform::Storage& storage, platform::HttpClient& http, platform::Clock& clock,
                   RepositorySourceOptions options)
      : storage_(storage), http_(http), clock_(clock), options_(std::move(options)), store_(storage, "metadata") {}

  Result<void> open() {
    ASEPTIC_TRY_VOID(storage_.make_directory("metadata"));
    fetch::UpdaterOptions updater;
    for (const std::string& url : options_.urls) {
      updater.metadata_urls.push_back(url + "/metadata");
      updater.target_urls.push_back(url + "/targets");
    }
    updater.media = options_.media;
    updater.rate_min_bytes_per_s = options_.rate_min_bytes_per_s;
    updater.factory_root = options_.factory_root;
    updater.mirror_failed = options_.mirror_failed;
    ASEPTIC_TRY(updater_, fetch::Updater::open(store_, http_, std::move(updater)));
    load_floor();
    return {};
  }

  Result<void> refresh() override {
    if (options_.before_refresh) ASEPTIC_TRY_VOID(options_.before_refresh());
    auto refreshed = updater_->refresh(judged_now());
    // SECURITY(T-69): the root that just arrived may have removed the key that poisoned the floor.
    if (!refreshed && floor_ != trust::kept_floor(floor_, updater_->trusted().root())) {
      ASEPTIC_TRY_VOID(keep_floor(trust::kept_floor(floor_, updater_->trusted().root())));
      refreshed = updater_->refresh(judged_now());
    }
    ASEPTIC_TRY_VOID(std::move(refreshed));
    ASEPTIC_TRY_VOID(keep_floor(trust::raised_floor(floor_, updater_->trusted())));
    return check_authority();
  }

  Result<Verified<trust::TargetInfo>> find(std::string_view path) override { return updater_->find_target(path); }

  Result<core::Bytes> read(const Verified<trust::TargetInfo>& target, std::size_t bytes_max) override {
    return updater_->read_target(target, bytes_max);
  }

  Result<void> stream(const Verified<trust::TargetInfo>& target, std::uint64_t first,
                      const platform::BodySink& sink) override {
    return updater_->fetch_target_from(target, first, sink);
  }

  Result<void> post_report(core::ByteView report) override {
    platform::HttpPost post;
    post.url = options_.report_url;
    post.content_type = "application/json";
    post.body.assign(report.begin(), report.end());
    ASEPTIC_TRY(const auto reply, http_.post(post, [](core::ByteView) -> Result<void> { return {}; }));
    if (reply.status >= 200 && reply.status < 300) return {};
    const bool for_good = reply.status == 400 || reply.status == 409 || reply.status == 413;
    return core::Error(for_good ? AgentCode::kReportRefused : AgentCode::kReport,
                       "the server answered " + std::to_string(reply.status));
  }

  [[nodiscard]] std::size_t mirrors() const override { return options_.urls.size(); }
  [[nodiscard]] std::uint64_t root_version() const override { return updater_->trusted().root().version; }
  [[nodiscard]] core::UtcTime judged_now() override {
    return trust::judged_time(clock_.wall(), options_.build_time, floor_);
  }
  [[nodiscard]] core::UtcTime time_floor() const override { return floor_ ? floor_->time : core::UtcTime{}; }

 private:
  // A damaged floor is no floor: the next verified timestamp sets it again.
  void load_floor() {
    const auto bytes = storage_.read(kFloorFile, kFloorBytesMax);
    if (!bytes) return;
    if (auto floor = trust::TimeFloor::parse(*bytes)) floor_ = trust::kept_floor(*floor, updater_->trusted().root());
  }

  Result<void> keep_floor(const std::optional<trust::TimeFloor>& floor) {
    if (floor == floor_) return {};
    floor_ = floor;
    if (!floor_) return storage_.remove(kFloorFile);
    return storage_.replace(kFloorFile, core::as_bytes(floor_->encode()));
  }

  // SECURITY(T-19): which statements are demanded was fixed at provisioning; what this device cannot check yet, it
  // cannot do without either.
  Result<void> check_authority() const {
    if (options_.authority_policy.empty()) return {};
    ASEPTIC_TRY(const auto policy, trust::verify_provisioned_policy(options_.authority_policy, options_.factory_root));
    return trust::check_statements(policy, {.image_repository = true});
  }

  platform::Storage& storage_;
  platform::HttpClient& http_;
  platform::Clock& clock_;
  const RepositorySourceOptions options_;
  fetch::MetadataStore store_;
  std::unique_ptr<fetch::Updater> updater_;
  std::optional<trust::TimeFloor> floor_;
};

}  // namespace

Result<std::unique_ptr<ReleaseSource>> open_repository_source(platform::Storage& storage, platform::HttpClient& http,
                                                              platform::Clock& clock, RepositorySourceOptions options) {
  auto source = std::make_unique<RepositorySource>(storage, http, clock, std::move(options));
  ASEPTIC_TRY_VOID(source->open());
  return std::unique_ptr<ReleaseSource>(std::move(source));
}

}  // namespace aseptic::agent
