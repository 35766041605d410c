// SPDX-License-Identifier: Apache-2.0
// The TUF client with its I/O: fetches what trust asks for, gives it to trust, and keeps what trust accepted.
//
// Used by asepticd (acquire), the relay and aseptic-tuf:
//   ASEPTIC_TRY_VOID(Updater::trust_root(store, root_bytes));          once, at provisioning; no network
//   ASEPTIC_TRY(auto updater, Updater::open(store, http, options));    verifies the stored root; no network
//   ASEPTIC_TRY_VOID(updater->refresh(start_time));
//   ASEPTIC_TRY(auto target, updater->find_target("channels/x/stable.json"));
//   ASEPTIC_TRY(auto bytes, updater->read_target(target, cap));        or download(), or fetch_target_from() to a sink
//
// Requests: a first refresh is exactly <N+1>.root.json (404), timestamp.json, <V>.snapshot.json, <V>.targets.json. A
// file is asked for once per mirror; with one mirror nothing is ever asked for twice. Only 404 ends the root chain.
// Mirrors are all untrusted: when one fails, or serves what trust refuses, the next is tried and mirror_failed() is told; the one
// that served last is tried first (but see UpdaterOptions::media).
// Security: nothing is stored before trust accepted it; a failed refresh leaves the store as it was except for files
// that were accepted before the failure (each root, then timestamp, snapshot, targets), so the client can always go on.
// Thread contract: one thread at a time.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "aseptic/fetch/metadata_store.h"
#include "aseptic/platform/file_drop.h"
#include "aseptic/platform/net.h"
#include "aseptic/trust/target_search.h"
#include "aseptic/trust/trusted_metadata.h"

namespace aseptic::fetch {

struct UpdaterOptions {
  std::vector<std::string> metadata_urls;   // base addresses, in order of preference; at least one
  std::vector<std::string> target_urls;     // may be empty where no target is fetched
  // So many of the last addresses are media: each refresh() asks them after all others again, whoever served the one before.
  // SECURITY(T-17): what is left plugged in must not keep a device from what its servers say since.
  std::size_t media = 0;
  std::chrono::seconds stall_max{60};
  std::uint64_t rate_min_bytes_per_s = 0;   // see net.h
  // Read-only root of the factory: used when the store has none or a damaged one, or an older one.
  std::optional<core::Bytes> factory_root;
  // Things worth a log line that do not end the run: a damaged cached file ...
  std::function<void(const core::Error&)> note;
  // ... and a mirror that failed, or served what was refused, where another one is asked.
  std::function<void(const core::Error&)> mirror_failed;
};

enum class Download { kFetched, kAlreadyThere };

class Updater {
 public:
  // Stores `root` as the trusted root of an empty store, after checking its own signatures.
  static core::Result<void> trust_root(MetadataStore& store, core::ByteView root);

  // `store` and `http` must outlive the updater.
  static core::Result<std::unique_ptr<Updater>> open(MetadataStore& store, platform::HttpClient& http, UpdaterOptions options);
  ~Updater();

  // The whole top-level workflow; every expiry is judged at `start` (trust::judged_time, or the system's clock).
  core::Result<void> refresh(core::UtcTime start);

  // After a successful refresh(). Delegated roles are fetched as the search needs them.
  core::Result<core::Verified<trust::TargetInfo>> find_target(std::string_view path);

  // From byte `first` to the end, for content that the caller verifies piece by piece (payload chunks). Length is
  // enforced, the target's hash is not: DL-03 never trusts the part that is already there. When the sink refuses what came
  // (reject), the next call begins at another mirror.
  core::Result<void> fetch_target_from(const core::Verified<trust::TargetInfo>& target, std::uint64_t first,
                                       const platform::BodySink& sink);
  // In memory and verified (length and every listed hash); where mirrors served other bytes, each is asked for all of it by
  // itself. kNetTooLarge without a request when the target is larger than the cap.
  core::Result<core::Bytes> read_target(const core::Verified<trust::TargetInfo>& target, std::uint64_t bytes_max);
  // Into a directory of verified files as percent_encode(path); not asked for again when the file is already right.
  core::Result<Download> download(const core::Verified<trust::TargetInfo>& target, platform::FileDrop& directory);

  // The state after open() or the last refresh().
  [[nodiscard]] const trust::TrustedMetadata& trusted() const;

 private:
  struct State;
  explicit Updater(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace aseptic::fetch
