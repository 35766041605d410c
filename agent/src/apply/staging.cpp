// SPDX-License-Identifier: Apache-2.0
#include "apply/staging.h"

#include "aseptic/agent/codes.h"
#include "aseptic/payload/apply/expander.h"
#include "aseptic/payload/decode/short_form.h"
#include "aseptic/platform/codes.h"
#include "slots/witnessed_slot.h"

namespace aseptic::agent {
namespace {

using core::Error;
using core::Result;

// Dropped connections that made progress are taken up again this often before the caller waits (DL-03).
constexpr int kStreamTriesMax = 8;
// A resume that jumps further than this asks the server anew instead of skipping bytes it paid for.
constexpr std::uint64_t kSkipMax = 1u << 20;

// A full payload's chunks are looked for in their place on the slot that is overwritten, all of them.
constexpr std::uint64_t kLookEverywhere = ~std::uint64_t{0};

using VerifiedHeader = core::Verified<payload::PayloadHeader>;

// What a payload begins with: its header, or, of a short one, all of it.
struct Opening {
  std::optional<VerifiedHeader> header;
  core::Bytes expanded;  // not empty: the long form of a short payload; nothing else needs to be fetched
};

// Verified while it is received, so that whoever served another one is known.
Result<Opening> read_opening(const PayloadWay& way, const payload::ImageReference& image, const payload::BaseSlot& running,
                             ReleaseSource& source) {
  ASEPTIC_TRY(const core::AuthenticatedDigest file_digest, trust::DigestIssuer::target_sha256(way.target));
  core::Bytes bytes;
  Opening opening;
  auto streamed = source.stream(way.target, 0, [&](core::ByteView part) -> Result<void> {
    // SECURITY(T-42): by what the first bytes claim no more is kept than a short payload may have.
    const auto collect = [&](std::size_t size) {
      const std::size_t count = std::min(part.size(), size - std::min(size, bytes.size()));
      bytes.insert(bytes.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(count));
      part = part.subspan(count);
      return bytes.size() >= size;
    };
    const auto short_size = static_cast<std::size_t>(std::min<std::uint64_t>(way.size, payload::kShortSizeMax));
    if (!collect(std::min(payload::kHeaderSize, short_size))) return {};
    if (!payload::PayloadExpander::is_short(bytes)) {
      ASEPTIC_TRY(opening.header, payload::HeaderVerifier::verify(core::Untrusted<core::ByteView>(bytes), {way.header, way.size}, image));
    } else {
      if (!collect(short_size)) return {};
      ASEPTIC_TRY(auto expanded, payload::PayloadExpander::expand(core::Untrusted<core::ByteView>(bytes), {file_digest, way.header, way.size},
                                                                  image, running));
      opening.header = expanded.header;
      opening.expanded = std::move(expanded.file);
    }
    return Error(AgentCode::kUnreachable, "what the payload begins with is complete");  // ends this request
  });
  if (opening.header) return opening;
  ASEPTIC_TRY_VOID(std::move(streamed));
  return Error(AgentCode::kMeasured, "the payload is shorter than its header");
}

class Stager {
 public:
  Stager(const PayloadWay& way, ReleaseSource& source, payload::PayloadInstaller installer, const StagingHooks& hooks)
      : way_(way), source_(source), installer_(std::move(installer)), hooks_(hooks) {}

  Result<void> run() {
    for (int tries = 0; !installer_.is_complete();) {
      const std::uint64_t before = installer_.next_offset();
      const auto streamed = stream_once();
      if (installer_.is_complete()) break;
      if (streamed || jumped_) {
        if (streamed && installer_.next_offset() == before) return Error(AgentCode::kMeasured, "the payload ends early");
        continue;
      }
      if (streamed.error().action() != core::ActionClass::kRetry) return streamed.error();
      if (streamed.error().is(platform::PlatformCode::kNetStatus)) {
        ASEPTIC_TRY_VOID(do_without_ranges(streamed.error()));
        continue;
      }
      tries = installer_.next_offset() > before ? 0 : tries + 1;
      if (tries >= kStreamTriesMax) return streamed.error();
    }
    ASEPTIC_TRY_VOID(installer_.finish());
    return keep_progress();
  }

  // The same with a payload that is here already.
  Result<void> run_with(core::ByteView file) {
    fetched_ = way_.size;
    if (hooks_.progress) hooks_.progress(way_.size, way_.size);
    while (!installer_.is_complete()) {
      const auto at = static_cast<std::size_t>(installer_.next_offset());
      ASEPTIC_TRY_VOID(installer_.feed(at, file.subspan(at, static_cast<std::size_t>(installer_.wanted_bytes()))));
      ASEPTIC_TRY_VOID(keep_progress());
      if (hooks_.breathe) hooks_.breathe();
    }
    ASEPTIC_TRY_VOID(installer_.finish());
    return keep_progress();
  }

  [[nodiscard]] payload::InstallProgress progress() const { return installer_.progress(); }
  [[nodiscard]] std::uint64_t bytes_fetched() const { return fetched_; }

 private:
  // The server answered, but not with these bytes: once more for the whole file, whose known part is skipped.
  Result<void> do_without_ranges(const Error& error) {
    if (!has_ranges_ || installer_.next_offset() == 0) return error;
    has_ranges_ = false;
    if (hooks_.fell_back) hooks_.fell_back(error, "range of a payload");
    return {};
  }

  Result<void> stream_once() {
    jumped_ = false;
    std::uint64_t at = has_ranges_ ? installer_.next_offset() : 0;
    return source_.stream(way_.target, at, [&](core::ByteView bytes) -> Result<void> {
      fetched_ += bytes.size();
      ASEPTIC_TRY_VOID(installer_.feed(at, bytes));
      at += bytes.size();
      ASEPTIC_TRY_VOID(keep_progress());
      if (hooks_.progress) hooks_.progress(installer_.next_offset(), way_.size);
      if (hooks_.breathe) hooks_.breathe();
      jumped_ = installer_.is_complete() || (has_ranges_ && installer_.next_offset() > at + kSkipMax);
      if (jumped_) return Error(AgentCode::kUnreachable, "the rest of this reply is not needed");
      return {};
    });
  }

  Result<void> keep_progress() {
    const std::uint64_t durable = installer_.progress().chunks_durable;
    if (durable == kept_) return {};
    kept_ = durable;
    return hooks_.keep ? hooks_.keep(durable) : Result<void>{};
  }

  const PayloadWay& way_;
  ReleaseSource& source_;
  payload::PayloadInstaller installer_;
  const StagingHooks& hooks_;
  std::uint64_t kept_ = 0;
  std::uint64_t fetched_ = 0;
  bool jumped_ = false;
  bool has_ranges_ = true;
};

struct Medium {
  platform::BlockDevice& slot;
  const payload::BaseSlot& running;
  std::uint64_t chunks_hint;
};

std::string name_of(const PayloadWay& way) { return way.base ? "delta payload" : "full payload"; }

Result<Staged> take_way(const Offer& offer, const PayloadWay& way, ReleaseSource& source, const Medium& medium,
                        const StagingHooks& hooks) {
  const payload::ImageReference image{offer.manifest, offer.image, offer.image_size};
  ASEPTIC_TRY(Opening opening, read_opening(way, image, medium.running, source));
  const VerifiedHeader& header = *opening.header;
  WitnessedSlot witnessed(medium.slot);
  const payload::ResumeHint hint{way.base ? medium.chunks_hint : kLookEverywhere};
  std::optional<core::SecretKey> key;
  if (way.is_encrypted && hooks.content_key) {
    ASEPTIC_TRY(key, hooks.content_key(offer.release_digest, way.payload));
  }
  ASEPTIC_TRY(auto installer, payload::PayloadInstaller::begin(header, witnessed, hint, {.content_key = key ? &*key : nullptr},
                                                               medium.running));
  key.reset();
  Stager stager(way, source, std::move(installer), hooks);
  ASEPTIC_TRY_VOID(opening.expanded.empty() ? stager.run() : stager.run_with(opening.expanded));
  opening.expanded = core::Bytes();
  ASEPTIC_TRY(auto measured, payload::measure_slot(medium.slot, image));
  // SECURITY(T-46): the signatures lie outside of every digest; the payload's table vouched for these very bytes.
  ASEPTIC_TRY_VOID(witnessed.confirms(measured));
  return Staged{std::move(measured), name_of(way), stager.progress(), stager.bytes_fetched(), way.size};
}

// Another payload cures what is wrong with one of them or with its file; it does not cure the medium or the agent itself.
bool may_fall_back(const Error& error) {
  if (error.is(AgentCode::kUnreachable)) return false;
  return error.action() == core::ActionClass::kReject || error.action() == core::ActionClass::kRetry;
}

}  // namespace

Result<Staged> stage_image(const Offer& offer, ReleaseSource& source, platform::BlockDevice& slot,
                           const payload::BaseSlot& running, std::uint64_t chunks_hint, const StagingHooks& hooks) {
  const Medium medium{slot, running, chunks_hint};
  for (std::size_t i = 0; i < offer.ways.size(); ++i) {
    auto staged = take_way(offer, offer.ways[i], source, medium, hooks);
    // SECURITY(T-18): what one mirror served was refused; the source asks another one first now.
    for (std::size_t others = source.mirrors() - 1; others > 0 && !staged && staged.error().action() == core::ActionClass::kReject; --others) {
      if (hooks.fell_back) hooks.fell_back(staged.error(), "mirror, " + name_of(offer.ways[i]));
      staged = take_way(offer, offer.ways[i], source, {slot, running, kLookEverywhere}, hooks);
    }
    if (staged || i + 1 == offer.ways.size() || !may_fall_back(staged.error())) return staged;
    // SECURITY(T-31, T-43): whatever is wrong with a delta costs the device a larger download and nothing else.
    if (hooks.fell_back) hooks.fell_back(staged.error(), name_of(offer.ways[i]));
  }
  return Error(AgentCode::kUnsupported, "the offer has no payload");
}

}  // namespace aseptic::agent
