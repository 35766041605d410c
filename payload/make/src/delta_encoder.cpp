// SPDX-License-Identifier: Apache-2.0
#include "delta_encoder.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "range_encoder.h"

namespace aseptic::payload {
namespace {

// Records what the device will have to be told; run lengths are known only when the next difference shows up.
struct Step {
  enum class Kind : std::uint8_t { kRun, kDifference, kLiterals };
  Kind kind;
  std::uint8_t value = 0;  // a difference
  BytePlace place;         // literals: the first one's phase
  std::uint64_t size = 0;  // of a run or of literals
  std::uint64_t at = 0;    // literals: in the chunk
};

class RecordingSink {
 public:
  RecordingSink(const std::uint8_t* buffer, const std::uint8_t* target, std::uint64_t new_at)
      : buffer_(buffer), target_(target), phase_(static_cast<std::uint32_t>(new_at)) {}

  void plain(std::uint8_t* bytes, std::uint32_t count, std::uint32_t phase) {
    phase_ = phase + count;
    const std::uint8_t* wanted = target_ + (bytes - buffer_);
    for (std::uint32_t i = 0; i < count; ++i) {
      if (bytes[i] == wanted[i]) {
        const std::uint32_t from = i;
        while (i < count && bytes[i] == wanted[i])
          ++i;
        zeros({0, phase + from}, i - from);
        if (i == count) return;
      }
      difference({0, phase + i}, static_cast<std::uint8_t>(wanted[i] - bytes[i]));
      bytes[i] = wanted[i];
    }
  }
  void field(std::uint8_t* bytes, std::uint64_t predicted, std::uint32_t count, unsigned first_class) {
    phase_ += count;
    std::uint64_t wanted = 0;
    std::memcpy(&wanted, target_ + (bytes - buffer_), count);
    const std::uint64_t gap = wanted - predicted;
    for (std::uint32_t i = 0; i < count; ++i) {
      const BytePlace place{first_class + (i < 3 ? i : 3), 0};
      if (const auto value = static_cast<std::uint8_t>(gap >> (8U * i)); value != 0) {
        difference(place, value);
      } else {
        zeros(place, 1);
      }
    }
    std::memcpy(bytes, &wanted, count);
  }
  void literals(std::uint64_t at, std::uint64_t count) {
    steps_.push_back({.kind = Step::Kind::kLiterals, .place = {0, phase_}, .size = count, .at = at});
    phase_ += static_cast<std::uint32_t>(count);
  }
  [[nodiscard]] const std::vector<Step>& steps() const { return steps_; }

 private:
  void start_run(const BytePlace& place) {
    if (run_ != kNone) return;
    run_ = steps_.size();
    steps_.push_back({.kind = Step::Kind::kRun, .place = place});
  }
  void zeros(const BytePlace& place, std::uint64_t count) {
    start_run(place);
    steps_[run_].size += count;
  }
  void difference(const BytePlace& place, std::uint8_t value) {
    start_run(place);
    steps_.push_back({.kind = Step::Kind::kDifference, .value = value, .place = place});
    run_ = kNone;
  }

  static constexpr std::size_t kNone = ~std::size_t{0};
  const std::uint8_t* buffer_;
  const std::uint8_t* target_;
  std::vector<Step> steps_;
  std::size_t run_ = kNone;
  std::uint32_t phase_;
};

}  // namespace

core::Bytes encode_delta_section(DeltaMap<LinuxProfile>& map) {
  core::Bytes section(kDeltaSectionHeaderSize);
  encode_delta_section_header({static_cast<std::uint32_t>(map.segments.size()),
                               static_cast<std::uint32_t>(map.elements.size()),
                               static_cast<std::uint32_t>(map.ranges.size()),
                               static_cast<std::uint32_t>(map.areas.size())},
                              section);
  RangeEncoder coder;
  auto models = std::make_unique<MapModels<LinuxProfile>>();
  code_map(coder, *models, map);
  const core::Bytes coded = coder.finish();
  section.insert(section.end(), coded.begin(), coded.end());
  return section;
}

template <class Profile>
DeltaChunkEncoder<Profile>::DeltaChunkEncoder(const DeltaMap<Profile>& map, core::ByteView old_image,
                                              core::ByteView new_image)
    : map_(map), old_(old_image), new_(new_image), state_(std::make_unique<DeltaState<Profile>>()) {}
template <class Profile>
DeltaChunkEncoder<Profile>::~DeltaChunkEncoder() = default;

template <class Profile>
void DeltaChunkEncoder<Profile>::reset() {
  state_ = std::make_unique<DeltaState<Profile>>();
}

template <class Profile>
bool DeltaChunkEncoder<Profile>::take_plain_copy(std::uint64_t new_at, std::uint64_t size) {
  bool is_copy = true;
  for_each_part(
      map_, new_at, size,
      [&](std::uint64_t offset, std::uint64_t old_at, std::uint64_t count) {
        is_copy = is_copy && std::memcmp(old_.data() + old_at, new_.data() + new_at + offset, static_cast<std::size_t>(count)) == 0;
      },
      [&](std::uint64_t, std::uint64_t) { is_copy = false; });
  if (is_copy) shares_.copied += size;
  return is_copy;
}

template <class Profile>
core::Bytes DeltaChunkEncoder<Profile>::encode(std::uint64_t new_at, std::uint64_t size) {
  buffer_.assign(static_cast<std::size_t>(size), 0);
  const std::uint8_t* target = new_.data() + new_at;
  RecordingSink sink(buffer_.data(), target, new_at);
  RunWalker<Profile, RecordingSink> walker(map_, state_->learned, sink);
  for (std::uint64_t piece = 0; piece < size;) {
    const std::uint64_t piece_size = std::min(Profile::kPieceSize, size - piece);
    for_each_part(
        map_, new_at + piece, piece_size,
        [&](std::uint64_t offset, std::uint64_t old_at, std::uint64_t count) {
          const auto at = static_cast<std::size_t>(piece + offset);
          std::memcpy(buffer_.data() + at, old_.data() + old_at, static_cast<std::size_t>(count));
          walker.walk(core::ByteSpan(buffer_).subspan(at, static_cast<std::size_t>(count)), old_at, new_at + at);
          shares_.copied += count;
        },
        [&](std::uint64_t offset, std::uint64_t count) {
          sink.literals(piece + offset, count);
          shares_.literals += count;
        });
    piece += piece_size;
  }
  RangeEncoder coder;
  for (const Step& step : sink.steps()) {
    switch (step.kind) {
      case Step::Kind::kRun:
        code_zero_run(coder, *state_, step.place, step.size);
        break;
      case Step::Kind::kDifference:
        code_difference(coder, *state_, step.place, step.value);
        ++shares_.differences;
        break;
      case Step::Kind::kLiterals:
        for (std::uint64_t i = step.at; i < step.at + step.size; ++i) {
          const auto in_piece = static_cast<std::size_t>(i % Profile::kPieceSize);
          const std::uint32_t before = bytes_before({target + (i - in_piece), in_piece}, in_piece);
          code_literal(coder, *state_, step.place.phase + static_cast<std::uint32_t>(i - step.at), before, target[i]);
        }
        break;
    }
  }
  return coder.finish();
}

template class DeltaChunkEncoder<LinuxProfile>;
template class DeltaChunkEncoder<McuProfile>;

}  // namespace aseptic::payload
