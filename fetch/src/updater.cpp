// SPDX-License-Identifier: Apache-2.0
#include "aseptic/fetch/updater.h"

#include <algorithm>
#include <array>

#include "aseptic/fetch/codes.h"
#include "aseptic/fetch/percent_encode.h"
#include "aseptic/platform/codes.h"
#include "aseptic/trust/codes.h"
#include "aseptic/trust/limits.h"
#include "mirrors.h"
#include "target_check.h"

namespace aseptic::fetch {
namespace {

using core::Error;
using core::Result;
using core::Verified;
using platform::HttpGet;
using platform::HttpReply;
using platform::PlatformCode;
using trust::FileRequest;
using trust::TargetInfo;
using trust::TrustedMetadata;

constexpr int kStatusOk = 200;
constexpr int kStatusPartial = 206;
constexpr int kStatusNotFound = 404;

std::string url_name(const FileRequest& request) {
  const std::string name = percent_encode(request.role) + ".json";
  return request.version ? std::to_string(*request.version) + "." + name : name;
}

Error status_error(const std::string& url, int status) {
  return {PlatformCode::kNetStatus, url + ": the server answered with status " + std::to_string(status)};
}

bool is_top_level(std::string_view role) {
  const std::array<std::string_view, 4> names{trust::kRootRole, trust::kTimestampRole, trust::kSnapshotRole, trust::kTargetsRole};
  return std::ranges::find(names, role) != names.end();
}

// "dir/<hash>.name" in repositories with consistent snapshots.
std::string target_url_path(const TargetInfo& target, bool consistent) {
  if (!consistent) return percent_encode_path(target.path);
  const std::string hash = target.hashes.sha256 ? target.hashes.sha256->hex() : core::to_hex(*target.hashes.sha512);
  const auto slash = target.path.rfind('/');
  const auto name_begin = slash == std::string::npos ? 0 : slash + 1;
  return percent_encode_path(target.path.substr(0, name_begin)) + hash + "." + percent_encode_path(target.path.substr(name_begin));
}

}  // namespace

struct Updater::State {
  MetadataStore& store;
  platform::HttpClient& http;
  UpdaterOptions options;
  Mirrors metadata_mirrors;
  Mirrors target_mirrors;
  TrustedMetadata trusted;
  bool is_fresh = false;  // refresh() succeeded

  void note(const Error& error) const {
    if (options.note) options.note(error);
  }
  // One GET of a metadata file. Nothing when the server says 404.
  Result<std::optional<core::Bytes>> get(const std::string& base_url, const FileRequest& request);
  // Fetches, lets `accept` judge, over the mirrors; the bytes that were accepted.
  Result<core::Bytes> fetch_accepted(const FileRequest& request, const std::function<Result<void>(core::ByteView)>& accept);
  // The cached file, or nothing; damage is noted and counts as nothing.
  std::optional<core::Bytes> cached(const FileRequest& request);

  Result<bool> update_root_once();
  Result<void> update_timestamp();
  Result<void> update_snapshot();
  Result<void> update_targets();
  void load_reference(const FileRequest& request, Result<void> (TrustedMetadata::*load)(core::ByteView),
                      std::initializer_list<std::string_view> forget);
  Result<void> supply(trust::TargetSearch& search, const FileRequest& request);
  Result<void> stream(Mirrors& mirrors, const Verified<TargetInfo>& target, std::uint64_t first, const platform::BodySink& sink);
  Result<void> stream_checked(Mirrors& mirrors, const Verified<TargetInfo>& target, const platform::BodySink& sink);
  // `begin` gives the sink of each attempt; what an earlier one took is to be forgotten.
  Result<void> fetch_whole(const Verified<TargetInfo>& target, const std::function<Result<platform::BodySink>()>& begin);
};

Result<std::optional<core::Bytes>> Updater::State::get(const std::string& base_url, const FileRequest& request) {
  HttpGet exchange{.url = base_url + url_name(request), .bytes_max = request.bytes_max, .stall_max = options.stall_max,
                   .rate_min_bytes_per_s = options.rate_min_bytes_per_s};
  core::Bytes body;
  ASEPTIC_TRY(const HttpReply reply, http.get(exchange, [&](core::ByteView bytes) -> Result<void> {
    body.insert(body.end(), bytes.begin(), bytes.end());
    return {};
  }));
  if (reply.status == kStatusNotFound) return std::optional<core::Bytes>();
  if (reply.status != kStatusOk) return status_error(exchange.url, reply.status);
  return std::optional<core::Bytes>(std::move(body));
}

Result<core::Bytes> Updater::State::fetch_accepted(const FileRequest& request,
                                                   const std::function<Result<void>(core::ByteView)>& accept) {
  core::Bytes accepted;
  ASEPTIC_TRY_VOID(metadata_mirrors.try_each(
      [&](const std::string& base_url) -> Result<void> {
        ASEPTIC_TRY(auto file, get(base_url, request));
        if (!file) return status_error(base_url + url_name(request), kStatusNotFound);
        ASEPTIC_TRY_VOID(accept(*file));
        accepted = *std::move(file);
        return {};
      },
      options.mirror_failed));
  return accepted;
}

std::optional<core::Bytes> Updater::State::cached(const FileRequest& request) {
  auto file = store.load(request.role, request.bytes_max);
  if (file) return *std::move(file);
  note(file.error().within("cached metadata is not usable and will be fetched again"));
  return std::nullopt;
}

// True when there was a next root.
Result<bool> Updater::State::update_root_once() {
  bool is_last = false;
  core::Bytes accepted;
  ASEPTIC_TRY_VOID(metadata_mirrors.try_each(
      [&](const std::string& base_url) -> Result<void> {
        ASEPTIC_TRY(auto file, get(base_url, trusted.next_root_request()));
        is_last = !file.has_value();
        if (is_last) return {};
        ASEPTIC_TRY_VOID(trusted.update_root(*file));
        accepted = *std::move(file);
        return {};
      },
      options.mirror_failed));
  if (is_last) return false;
  // DURABILITY: each root is kept before the next is asked for, so a long chain goes on where it stopped.
  ASEPTIC_TRY_VOID(store.store(trust::kRootRole, accepted));
  return true;
}

// A cached file is the reference against rollback. One that today's keys no longer sign is no longer trusted metadata:
// `forget` leaves the store, in this order.
void Updater::State::load_reference(const FileRequest& request, Result<void> (TrustedMetadata::*load)(core::ByteView),
                                    std::initializer_list<std::string_view> forget) {
  const auto file = cached(request);
  if (!file) return;
  const auto loaded = (trusted.*load)(*file);
  if (loaded) return;
  note(loaded.error().within("cached metadata is not used"));
  if (!loaded.error().is(trust::TrustCode::kThreshold)) return;
  for (const auto role : forget)
    if (auto removed = store.remove(role); !removed) note(removed.error());
}

Result<void> Updater::State::update_timestamp() {
  auto change = trust::TimestampChange::kSame;
  ASEPTIC_TRY(const core::Bytes file, fetch_accepted(trusted.timestamp_request(), [&](core::ByteView bytes) -> Result<void> {
    ASEPTIC_TRY(change, trusted.update_timestamp(bytes));
    return {};
  }));
  if (change == trust::TimestampChange::kSame) return {};
  return store.store(trust::kTimestampRole, file);
}

Result<void> Updater::State::update_snapshot() {
  if (trusted.snapshot_is_current()) return {};
  ASEPTIC_TRY(const FileRequest request, trusted.snapshot_request());
  ASEPTIC_TRY(const core::Bytes file,
              fetch_accepted(request, [&](core::ByteView bytes) { return trusted.update_snapshot(bytes); }));
  return store.store(trust::kSnapshotRole, file);
}

Result<void> Updater::State::update_targets() {
  ASEPTIC_TRY(const FileRequest request, trusted.targets_request());
  if (const auto file = cached(request); file && trusted.update_targets(*file)) return {};
  ASEPTIC_TRY(const core::Bytes file,
              fetch_accepted(request, [&](core::ByteView bytes) { return trusted.update_targets(bytes); }));
  return store.store(trust::kTargetsRole, file);
}

Result<void> Updater::State::supply(trust::TargetSearch& search, const FileRequest& request) {
  // SECURITY(T-13): a delegated role must not take the file of a top-level one.
  if (is_top_level(request.role))
    return Error(FetchCode::kRoleName, "a delegated role is named \"" + request.role + "\" like a top-level role");
  if (const auto file = cached(request); file && search.supply(*file)) return {};
  ASEPTIC_TRY(const core::Bytes file, fetch_accepted(request, [&](core::ByteView bytes) { return search.supply(bytes); }));
  return store.store(request.role, file);
}

// Bytes [first, length) to the sink; where a mirror fails midway, the next one goes on behind the last byte delivered.
Result<void> Updater::State::stream(Mirrors& mirrors, const Verified<TargetInfo>& target, std::uint64_t first,
                                    const platform::BodySink& sink) {
  ASEPTIC_TRY_VOID(check_target_name(target->path));
  if (first > target->length) return Error(trust::TrustCode::kLength, "the download would start behind the end of the target");
  const std::string path = target_url_path(*target, trusted.root().consistent_snapshot);
  std::uint64_t position = first;
  std::optional<Error> stopped;  // by the sink: no other mirror is asked then
  std::string stopped_at;
  auto done = mirrors.try_each(
      [&](const std::string& base_url) -> Result<void> {
        if (position == target->length && position > first) return {};
        HttpGet request{.url = base_url + path, .bytes_max = target->length - position, .stall_max = options.stall_max,
                        .rate_min_bytes_per_s = options.rate_min_bytes_per_s};
        if (position > 0) request.range_first = position;
        auto answered = http.get(request, [&](core::ByteView bytes) -> Result<void> {
          auto taken = sink(bytes);
          if (!taken) stopped = taken.error();
          if (taken) position += bytes.size();
          return taken;
        });
        stopped_at = base_url;
        if (stopped) return {};
        ASEPTIC_TRY(const HttpReply reply, std::move(answered));
        if (reply.status != (request.range_first ? kStatusPartial : kStatusOk)) return status_error(request.url, reply.status);
        if (position != target->length)
          return Error(trust::TrustCode::kLength, request.url + ": the target ends after " + std::to_string(position) +
                                                      " of " + std::to_string(target->length) + " bytes");
        return {};
      },
      options.mirror_failed);
  if (!stopped) return done;
  if (stopped->action() == core::ActionClass::kReject) mirrors.put_last(stopped_at);
  return *stopped;
}

Result<void> Updater::State::stream_checked(Mirrors& mirrors, const Verified<TargetInfo>& target, const platform::BodySink& sink) {
  TargetCheck check(*target);
  ASEPTIC_TRY_VOID(stream(mirrors, target, 0, [&](core::ByteView bytes) -> Result<void> {
    ASEPTIC_TRY_VOID(check.update(bytes));
    return sink(bytes);
  }));
  return check.finish();
}

// SECURITY(T-18): only the end shows that a mirror served other bytes; each is then asked for the whole file by itself.
Result<void> Updater::State::fetch_whole(const Verified<TargetInfo>& target, const std::function<Result<platform::BodySink>()>& begin) {
  const std::vector<std::string> base_urls = target_mirrors.base_urls();
  ASEPTIC_TRY(const platform::BodySink first, begin());
  const auto outcome = stream_checked(target_mirrors, target, first);
  if (outcome || outcome.error().action() != core::ActionClass::kReject || base_urls.size() == 1) return outcome;
  if (options.mirror_failed) options.mirror_failed(outcome.error().within("mirror"));
  for (const std::string& base_url : base_urls) {
    Mirrors one({base_url});
    ASEPTIC_TRY(const platform::BodySink again, begin());
    if (stream_checked(one, target, again)) return {};
  }
  return outcome;
}

Result<void> Updater::trust_root(MetadataStore& store, core::ByteView root) {
  auto trusted = TrustedMetadata::from_root(root).within("the root file is not usable");
  if (!trusted) return std::move(trusted).error();
  return store.store(trust::kRootRole, root);
}

namespace {

// The newer of the stored root and the factory's; each must verify by itself.
Result<TrustedMetadata> initial_trust(MetadataStore& store, const UpdaterOptions& options) {
  auto file = store.load(trust::kRootRole, trust::kRootBytesMax);
  Result<TrustedMetadata> stored = Error(FetchCode::kNoTrustedRoot, "there is no trusted root; initialise the metadata directory with one first");
  if (!file) {
    stored = Error(FetchCode::kRootDamaged, file.error().sentence());
  } else if (*file) {
    stored = TrustedMetadata::from_root(**file);
    if (!stored)
      stored = Error(FetchCode::kRootDamaged, "the stored trusted root does not verify (" + stored.error().sentence() +
                                                  "); initialise the metadata directory again from a root that you trust");
  }
  if (!options.factory_root) return stored;
  auto factory = TrustedMetadata::from_root(*options.factory_root);
  if (!stored && !factory) return stored;
  if (!factory) return stored;
  if (stored && stored->root().version >= factory->root().version) return stored;
  if (!stored && options.note) options.note(stored.error().within("the factory root is used"));
  return factory;
}

}  // namespace

Result<std::unique_ptr<Updater>> Updater::open(MetadataStore& store, platform::HttpClient& http, UpdaterOptions options) {
  if (options.metadata_urls.empty()) return Error(FetchCode::kConfiguration, "no metadata address is configured");
  ASEPTIC_TRY(TrustedMetadata trusted, initial_trust(store, options));
  Mirrors metadata_mirrors(options.metadata_urls);
  Mirrors target_mirrors(options.target_urls);
  auto state = std::make_unique<State>(State{.store = store, .http = http, .options = std::move(options),
                                             .metadata_mirrors = std::move(metadata_mirrors),
                                             .target_mirrors = std::move(target_mirrors), .trusted = std::move(trusted)});
  return std::unique_ptr<Updater>(new Updater(std::move(state)));
}

Updater::Updater(std::unique_ptr<State> state) : state_(std::move(state)) {}
Updater::~Updater() = default;

Result<void> Updater::refresh(core::UtcTime start) {
  State& state = *state_;
  state.is_fresh = false;
  state.metadata_mirrors.put_back(state.options.media);
  // Each run starts from the root alone: whatever else is cached is verified again under today's keys.
  const std::string root = state.trusted.root_bytes();
  ASEPTIC_TRY(state.trusted, TrustedMetadata::from_root(core::as_bytes(root)));
  while (true) {
    auto more = state.update_root_once().within("update root");
    if (!more) return std::move(more).error();
    if (!*more) break;
  }
  ASEPTIC_TRY_VOID(state.trusted.finish_root(start).within("update root"));
  state.load_reference(state.trusted.timestamp_request(), &TrustedMetadata::load_timestamp, {trust::kTimestampRole});
  // The reference snapshot may be as large as any snapshot, whatever the timestamp says of the newest.
  // SECURITY(T-10): with replaced snapshot keys the timestamp goes as well, and first: a cut between the two removals must
  // not leave a fast-forwarded timestamp without the snapshot that exposes it.
  state.load_reference({.role = std::string(trust::kSnapshotRole), .version = {}, .bytes_max = trust::kSnapshotBytesMax},
                       &TrustedMetadata::load_snapshot, {trust::kTimestampRole, trust::kSnapshotRole});
  ASEPTIC_TRY_VOID(state.update_timestamp().within("update timestamp"));
  ASEPTIC_TRY_VOID(state.update_snapshot().within("update snapshot"));
  ASEPTIC_TRY_VOID(state.update_targets().within("update targets"));
  state.is_fresh = true;
  return {};
}

Result<Verified<TargetInfo>> Updater::find_target(std::string_view path) {
  if (!state_->is_fresh) return Error(trust::TrustCode::kOrder, "targets can be looked up only after a successful refresh");
  ASEPTIC_TRY_VOID(check_target_name(path));
  ASEPTIC_TRY(trust::TargetSearch search, trust::TargetSearch::begin(state_->trusted, path));
  while (const auto request = search.needed())
    ASEPTIC_TRY_VOID(state_->supply(search, *request).within("delegated role " + percent_encode(request->role)));
  return search.result();
}

Result<void> Updater::fetch_target_from(const Verified<TargetInfo>& target, std::uint64_t first, const platform::BodySink& sink) {
  return state_->stream(state_->target_mirrors, target, first, sink);
}

Result<core::Bytes> Updater::read_target(const Verified<TargetInfo>& target, std::uint64_t bytes_max) {
  if (target->length > bytes_max)
    return Error(PlatformCode::kNetTooLarge, "target " + percent_encode_path(target->path) + " has " + std::to_string(target->length) +
                                                 " bytes, more than the " + std::to_string(bytes_max) + " that are allowed for it");
  core::Bytes bytes;
  ASEPTIC_TRY_VOID(state_->fetch_whole(target, [&]() -> Result<platform::BodySink> {
    bytes.clear();
    return platform::BodySink([&](core::ByteView part) -> Result<void> {
      bytes.insert(bytes.end(), part.begin(), part.end());
      return {};
    });
  }));
  return bytes;
}

Result<Download> Updater::download(const Verified<TargetInfo>& target, platform::FileDrop& directory) {
  ASEPTIC_TRY_VOID(check_target_name(target->path));
  const std::string name = percent_encode(target->path);
  TargetCheck present(*target);
  const auto read = directory.read(name, [&](core::ByteView bytes) { return present.update(bytes); });
  if (read && present.finish()) return Download::kAlreadyThere;
  std::unique_ptr<platform::PendingFile> file;
  ASEPTIC_TRY_VOID(state_->fetch_whole(target, [&]() -> Result<platform::BodySink> {
    file.reset();
    ASEPTIC_TRY(file, directory.begin());
    return platform::BodySink([&](core::ByteView bytes) { return file->write(bytes); });
  }));
  // SECURITY(T-01): only what was verified to the last byte becomes visible.
  ASEPTIC_TRY_VOID(file->publish(name));
  return Download::kFetched;
}

const TrustedMetadata& Updater::trusted() const { return state_->trusted; }

}  // namespace aseptic::fetch
