// SPDX-License-Identifier: Apache-2.0
#include "apply/staging.h"

#include "aseptic/agent/codes.h"
#include "slots/witnessed_slot.h"

namespace aseptic::agent {
namespace {

using core::Error;
using core::Result;

// Dropped connections that made progress are taken up again this often before the caller waits (DL-03).
constexpr int kStreamTriesMax = 8;
// A resume that jumps further than this asks the server anew instead of skipping bytes it paid for.
constexpr std::uint64_t kSkipMax = 1u << 20;

Result<core::Bytes> read_header(const Offer& offer, ReleaseSource& source) {
  core::Bytes header;
  header.reserve(payload::kHeaderSize);
  bool enough = false;
  auto streamed = source.stream(offer.payload, 0, [&](core::ByteView bytes) -> Result<void> {
    const auto missing = payload::kHeaderSize - header.size();
    header.insert(header.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(std::min(missing, bytes.size())));
    enough = header.size() == payload::kHeaderSize;
    if (enough) return Error(AgentCode::kUnreachable, "the header is complete");  // ends this request
    return {};
  });
  if (enough) return header;
  ASEPTIC_TRY_VOID(std::move(streamed));
  return Error(AgentCode::kMeasured, "the payload is shorter than its header");
}

class Stager {
 public:
  Stager(const Offer& offer, ReleaseSource& source, payload::PayloadInstaller installer, const StagingHooks& hooks)
      : offer_(offer), source_(source), installer_(std::move(installer)), hooks_(hooks) {}

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
      tries = installer_.next_offset() > before ? 0 : tries + 1;
      if (tries >= kStreamTriesMax) return streamed.error();
    }
    ASEPTIC_TRY_VOID(installer_.finish());
    return keep_progress();
  }

 private:
  Result<void> stream_once() {
    jumped_ = false;
    std::uint64_t at = installer_.next_offset();
    return source_.stream(offer_.payload, at, [&](core::ByteView bytes) -> Result<void> {
      ASEPTIC_TRY_VOID(installer_.feed(at, bytes));
      at += bytes.size();
      ASEPTIC_TRY_VOID(keep_progress());
      if (hooks_.breathe) hooks_.breathe();
      jumped_ = installer_.is_complete() || installer_.next_offset() > at + kSkipMax;
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

  const Offer& offer_;
  ReleaseSource& source_;
  payload::PayloadInstaller installer_;
  const StagingHooks& hooks_;
  std::uint64_t kept_ = 0;
  bool jumped_ = false;
};

}  // namespace

Result<payload::Measured> stage_image(const Offer& offer, ReleaseSource& source, platform::BlockDevice& slot,
                                      std::uint64_t chunks_hint, const StagingHooks& hooks) {
  const payload::ImageReference image{offer.manifest, offer.image, offer.image_size};
  ASEPTIC_TRY(const core::Bytes bytes, read_header(offer, source));
  ASEPTIC_TRY(const auto header,
              payload::HeaderVerifier::verify(core::Untrusted<core::ByteView>(bytes),
                                              {offer.payload_header, offer.payload_size}, image));
  WitnessedSlot witnessed(slot);
  ASEPTIC_TRY(auto installer, payload::PayloadInstaller::begin(header, witnessed, {.chunks_written = chunks_hint}));
  ASEPTIC_TRY_VOID(Stager(offer, source, std::move(installer), hooks).run());
  ASEPTIC_TRY(auto measured, payload::measure_slot(slot, image));
  // SECURITY(T-46): the signatures lie outside of every digest; the payload's table vouched for these very bytes.
  ASEPTIC_TRY_VOID(witnessed.confirms(measured));
  return measured;
}

}  // namespace aseptic::agent
