// SPDX-License-Identifier: Apache-2.0
#include "recoding_plan.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <string_view>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "range_encoder.h"

namespace aseptic::payload {
namespace {

std::string_view text_view(core::ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
core::ByteView stored_of(core::ByteView image, const CompressedBlock& block) {
  return image.subspan(static_cast<std::size_t>(block.at), block.size);
}

// Calls work(index, recoder) for each index below `count`, on several cores.
template <class Work>
void on_all(std::size_t count, unsigned workers, Work&& work) {
  std::atomic<std::size_t> next{0};
  const auto loop = [&] {
    Recoder recoder;
    for (std::size_t i = next++; i < count; i = next++)
      work(i, recoder);
  };
  std::vector<std::jthread> threads;
  for (unsigned i = 1; i < workers; ++i)
    threads.emplace_back(loop);
  loop();
}

// What the xz stream says itself about how it was made.
CodecSetting with_xz_header(CodecSetting setting, core::ByteView stored) {
  // Stream header of 12 bytes; block header: its size, flags, two sizes if the flags say so, then filters: identifier, size
  // of properties, properties. The last filter is LZMA2 (0x21), whose property is the dictionary.
  constexpr std::size_t kHeaderStart = 12;
  constexpr std::size_t kRoom = 40;  // a header with sizes and two filters fits
  if (stored.size() < kHeaderStart + kRoom) return setting;
  const std::uint8_t flags = stored[kHeaderStart + 1];
  std::size_t at = kHeaderStart + 2;
  for (const unsigned bit : {0x40U, 0x80U}) {
    if ((flags & bit) == 0) continue;
    constexpr std::size_t kNumberMax = 9;
    for (const std::size_t end = at + kNumberMax; at < end && (stored[at] & 0x80U) != 0;)
      ++at;
    ++at;
  }
  if ((flags & 3U) == 1 && stored[at] != 0x21) {
    setting.filter = stored[at];
    at += 2 + std::size_t{stored[at + 1]};
  }
  if (at + 2 >= stored.size() || stored[at] != 0x21 || stored[at + 1] != 1) return setting;
  const unsigned bits = stored[at + 2] & 0x3FU;
  if (bits < 40) setting.dictionary = (2U | (bits & 1U)) << (bits / 2 + 11);
  return setting;
}

// Settings that tools use, the likely one first.
std::vector<CodecSetting> candidates_for(const CompressedBlock& block, core::ByteView stored) {
  std::vector<CodecSetting> out = {block.likely};
  CodecSetting base = block.likely;
  const auto add = [&](Codec codec, int level) {
    CodecSetting setting = base;
    setting.codec = codec;
    setting.level = static_cast<std::uint8_t>(level);
    if (std::find(out.begin(), out.end(), setting) == out.end()) out.push_back(setting);
  };
  switch (block.likely.codec) {
    case Codec::kZlib:
    case Codec::kDeflate:
      for (int level = 9; level >= 1; --level)
        add(base.codec, level);
      break;
    case Codec::kXz:
      base = with_xz_header(base, stored);
      for (const int level : {6, 9, 3, 1})
        add(Codec::kXz, level);
      break;
    case Codec::kZstd:
      for (const int level : {15, 3, 9, 19, 22, 1, 6, 12, 16, 18, 20, 21, 5, 10, 11, 13, 14, 17, 8, 7, 4, 2})
        add(Codec::kZstd, level);
      break;
    case Codec::kLz4:
    case Codec::kLz4Hc:
      add(Codec::kLz4, 0);
      for (const int level : {12, 9, 11, 10, 3})
        add(Codec::kLz4Hc, level);
      break;
    case Codec::kLz4Cluster:
    case Codec::kLz4HcCluster:
      break;  // see cluster_candidates
  }
  std::erase_if(out, [](const CodecSetting& setting) { return !ok(check_setting(setting)); });
  return out;
}

// Encoders of clusters, the likely one first, and how much of what follows they were shown. The fast one works otherwise on
// texts of 64 KiB and more; the slow one looks as far as 4096 bytes; at the end of a file nothing follows.
constexpr std::array<std::uint8_t, 13> kClusterLevels = {9, 12, 0, 10, 11, 3, 4, 5, 6, 7, 8, 1, 2};  // 0: the fast one
constexpr std::array<std::uint32_t, 3> kFollowing = {kFollowingMax, 4096, 0};

CodecSetting cluster_setting(std::uint8_t level, std::uint8_t units, std::uint32_t following) {
  const Codec codec = level == 0 ? Codec::kLz4Cluster : Codec::kLz4HcCluster;
  return {codec, level, units, Recoder::version_of(codec), following};
}

// One image's blocks on the way into its text.
struct Side {
  core::ByteView image;
  const CompressedParts* parts = nullptr;
  std::vector<bool> is_listed;
  std::vector<core::Bytes> texts;
  std::vector<std::uint8_t> setting;

  Side(core::ByteView image_bytes, const CompressedParts& found)
      : image(image_bytes), parts(&found), is_listed(found.blocks.size()), texts(found.blocks.size()), setting(found.blocks.size()) {}

  [[nodiscard]] core::ByteView stored(std::size_t i) const { return stored_of(image, parts->blocks[i]); }

  bool decode(std::size_t i, Recoder& recoder) {
    const CompressedBlock& block = parts->blocks[i];
    core::Bytes text(block.room);
    const auto decoded = recoder.decode(block.likely.codec, stored(i), text);
    if (!decoded || decoded->produced == 0 || decoded->consumed != block.size) return false;
    text.resize(decoded->produced);
    texts[i] = std::move(text);
    return true;
  }
  void drop(std::size_t i) {
    is_listed[i] = false;
    texts[i] = core::Bytes();
  }
};

class RecodingPlanner {
 public:
  explicit RecodingPlanner(const RecodingPlanInput& input)
      : input_(input), old_(input.old_image, *input.old_parts), new_(input.new_image, *input.new_parts) {}

  std::optional<RecodingPlan> plan() {
    if (old_.parts->blocks.empty() || new_.parts->blocks.empty()) return {};
    choose_new();
    find_settings();
    find_cluster_settings();
    if (plan_.settings.empty()) return {};
    prove_new();
    bound_chunks();
    prove_clusters();
    choose_old();
    decode_old();
    plan_.new_text = make_text(new_, plan_.new_blocks);
    plan_.old_text = make_text(old_, plan_.old_blocks);
    if (plan_.new_blocks.empty()) return {};
    plan_.facts.equal = equal_segments();
    plan_.facts.old_elements = elements_of(old_, plan_.old_blocks, plan_.old_text);
    plan_.facts.new_elements = elements_of(new_, plan_.new_blocks, plan_.new_text);
    return std::move(plan_);
  }

 private:
  using Stored = std::unordered_set<std::string_view>;
  static constexpr std::size_t kReserved = 4;  // settings for old blocks of codecs that the new image no longer uses

  // Blocks that are stored as they were stay as they are. A file of which one block has changed is looked at whole, unless the
  // device's time counts more: its references go everywhere.
  void choose_new() {
    Stored old_stored;
    for (std::size_t i = 0; i < old_.parts->blocks.size(); ++i)
      old_stored.insert(text_view(old_.stored(i)));
    std::unordered_map<std::uint64_t, std::size_t> at_index;
    for (std::size_t i = 0; i < new_.parts->blocks.size(); ++i) {
      at_index.emplace(new_.parts->blocks[i].at, i);
      new_.is_listed[i] = !old_stored.contains(text_view(new_.stored(i)));
    }
    if (input_.files == RecodedFiles::kChangedBlocks) return;
    const auto blocks_changed = new_.is_listed;
    for (const FilePieces& file : new_.parts->files) {
      bool is_changed = false;
      const auto each = [&](auto&& act) {
        for (const FilePiece& piece : file)
          if (piece.kind == FilePiece::Kind::kBlock)
            if (const auto it = at_index.find(piece.at); it != at_index.end()) act(it->second);
      };
      each([&](std::size_t i) { is_changed = is_changed || blocks_changed[i]; });
      if (is_changed) each([&](std::size_t i) { new_.is_listed[i] = true; });
    }
  }

  // Which settings made these blocks: tried on some of each kind, in order, so that the result does not depend on workers.
  void find_settings() {
    constexpr std::size_t kSamples = 12;
    // By codec, room (metadata or content) and what an xz stream says of its filter and dictionary.
    std::map<std::tuple<Codec, std::uint32_t, std::uint8_t, std::uint32_t>, std::vector<std::size_t>> kinds;
    for (std::size_t i = 0; i < new_.is_listed.size(); ++i) {
      if (!new_.is_listed[i] || is_cluster(i)) continue;
      const CompressedBlock& block = new_.parts->blocks[i];
      CodecSetting said = block.likely;
      if (said.codec == Codec::kXz) said = with_xz_header(said, new_.stored(i));
      kinds[{said.codec, said.codec == Codec::kDeflate ? 0 : block.room, said.filter, said.dictionary}].push_back(i);
    }
    Recoder recoder;
    std::vector<std::pair<std::size_t, CodecSetting>> found;  // with how often
    for (const auto& [kind, indices] : kinds) {
      const std::size_t step = std::max<std::size_t>(1, indices.size() / kSamples);
      for (std::size_t k = 0; k < indices.size(); k += step) {
        const std::size_t i = indices[k];
        if (!new_.decode(i, recoder)) continue;
        auto candidates = candidates_for(new_.parts->blocks[i], new_.stored(i));
        for (auto it = found.rbegin(); it != found.rend(); ++it)
          if (it->second.codec == std::get<0>(kind)) candidates.insert(candidates.begin(), it->second);
        for (const CodecSetting& candidate : candidates) {
          if (!comes_out(candidate, i, recoder)) continue;
          const auto known = std::find_if(found.begin(), found.end(), [&](const auto& f) { return f.second == candidate; });
          if (known == found.end()) {
            found.emplace_back(1, candidate);
          } else {
            ++known->first;
          }
          break;
        }
      }
    }
    const auto rank = [](const auto& f) {
      return std::tuple(~f.first, f.second.codec, f.second.level, f.second.filter, f.second.dictionary);
    };
    std::sort(found.begin(), found.end(), [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
    for (const auto& [count, setting] : found)
      if (plan_.settings.size() < kCodecSettingsMax - kReserved) plan_.settings.push_back(setting);
  }

  bool comes_out(const CodecSetting& setting, std::size_t i, Recoder& recoder) const {
    const core::ByteView coded = recoder.encode(setting, new_.texts[i]);
    const core::ByteView stored = new_.stored(i);
    return coded.size() == stored.size() && std::memcmp(coded.data(), stored.data(), coded.size()) == 0;
  }

  [[nodiscard]] bool is_cluster(std::size_t i) const { return codes_clusters(new_.parts->blocks[i].likely.codec); }

  // Tried on some clusters over the whole image; all that is known of where they end goes with each encoder found.
  void find_cluster_settings() {
    constexpr std::size_t kSamples = 24;
    std::vector<std::size_t> indices;
    std::uint32_t largest = 0;
    for (std::size_t i = 0; i < new_.is_listed.size(); ++i) {
      if (!new_.is_listed[i] || !is_cluster(i)) continue;
      indices.push_back(i);
      largest = std::max(largest, new_.parts->blocks[i].size);
    }
    Recoder recoder;
    std::vector<CodecSetting> found;
    const std::size_t step = std::max<std::size_t>(1, indices.size() / kSamples);
    for (std::size_t k = 0; k < indices.size(); k += step) {
      const std::size_t i = indices[k];
      if (!new_.decode(i, recoder)) continue;
      if (i + 1 < new_.texts.size() && new_.is_listed[i + 1] && new_.texts[i + 1].empty())
        static_cast<void>(new_.decode(i + 1, recoder));
      const core::Bytes following = following_of(i);
      const auto try_with = [&](const CodecSetting& base) {
        return std::any_of(kFollowing.begin(), kFollowing.end(), [&](std::uint32_t count) {
          CodecSetting setting = base;
          setting.dictionary = count;
          return comes_out(setting, i, following, recoder);
        });
      };
      if (std::any_of(found.begin(), found.end(), try_with)) continue;
      for (const CodecSetting& candidate : cluster_candidates(new_.parts->blocks[i].size, largest)) {
        if (!try_with(candidate)) continue;
        found.push_back(candidate);
        break;
      }
    }
    for (CodecSetting setting : found) {
      for (const std::uint32_t count : kFollowing) {
        if (setting.codec == Codec::kLz4HcCluster && count == kFollowingMax) continue;
        setting.dictionary = count;
        if (plan_.settings.size() < kCodecSettingsMax - kReserved) plan_.settings.push_back(setting);
      }
    }
  }
  // The encoder's room is that of the largest cluster, or this one's where somebody set it for a file.
  static std::vector<CodecSetting> cluster_candidates(std::uint32_t size, std::uint32_t largest) {
    std::vector<CodecSetting> out;
    for (const std::uint32_t room : {largest, size})
      for (const std::uint8_t level : kClusterLevels)
        if (const std::uint32_t units = room / kClusterUnit; units != 0 && units <= 255)
          out.push_back(cluster_setting(level, static_cast<std::uint8_t>(units), 0));
    return out;
  }

  // What the device has behind this block's text when it makes the block: the rest of the chunk's, as far as an encoder looks.
  [[nodiscard]] core::Bytes following_of(std::size_t i) const {
    const auto& blocks = new_.parts->blocks;
    const std::uint64_t chunk_end = (blocks[i].at / input_.chunk_size + 1) * input_.chunk_size;
    const std::uint64_t end = std::min<std::uint64_t>(chunk_end, new_.image.size());
    core::Bytes out;
    std::uint64_t at = blocks[i].at + blocks[i].size;
    for (std::size_t next = i + 1; at < end && out.size() < kFollowingMax; ++next) {
      while (next < blocks.size() && (!new_.is_listed[next] || new_.texts[next].empty()))
        ++next;
      const std::uint64_t raw_end = next < blocks.size() ? std::min(end, blocks[next].at) : end;
      const std::uint64_t raw = std::min<std::uint64_t>(raw_end - at, kFollowingMax);
      out.insert(out.end(), new_.image.begin() + static_cast<std::ptrdiff_t>(at), new_.image.begin() + static_cast<std::ptrdiff_t>(at + raw));
      if (raw_end == end) break;
      out.insert(out.end(), new_.texts[next].begin(), new_.texts[next].end());
      at = blocks[next].at + blocks[next].size;
    }
    return out;
  }

  bool comes_out(const CodecSetting& setting, std::size_t i, core::ByteView following, Recoder& recoder) const {
    const core::ByteView stored = new_.stored(i);
    const core::ByteView coded = recoder.encode(setting, new_.texts[i], following, static_cast<std::uint32_t>(stored.size()));
    return coded.size() == stored.size() && std::memcmp(coded.data(), stored.data(), coded.size()) == 0;
  }

  // SECURITY(T-31): as in prove_new. What follows a cluster is settled before the cluster is: chunk by chunk, from the end.
  void prove_clusters() {
    std::vector<std::vector<std::size_t>> by_chunk;
    std::uint64_t chunk = ~std::uint64_t{0};
    for (std::size_t i = 0; i < new_.is_listed.size(); ++i) {
      if (!new_.is_listed[i] || !is_cluster(i)) continue;
      if (new_.parts->blocks[i].at / input_.chunk_size != chunk) by_chunk.emplace_back();
      chunk = new_.parts->blocks[i].at / input_.chunk_size;
      by_chunk.back().push_back(i);
    }
    on_all(by_chunk.size(), input_.workers, [&](std::size_t c, Recoder& recoder) {
      for (auto it = by_chunk[c].rbegin(); it != by_chunk[c].rend(); ++it) {
        const std::size_t i = *it;
        const core::Bytes following = following_of(i);
        bool is_proved = false;
        for (std::size_t s = 0; s < plan_.settings.size() && !is_proved; ++s) {
          if (!codes_clusters(plan_.settings[s].codec) || !comes_out(plan_.settings[s], i, following, recoder)) continue;
          new_.setting[i] = static_cast<std::uint8_t>(s);
          is_proved = true;
        }
        if (!is_proved) new_.texts[i] = core::Bytes();  // is_listed is shared by threads
      }
    });
    for (const auto& indices : by_chunk)
      for (const std::size_t i : indices)
        if (new_.texts[i].empty()) new_.drop(i);
  }

  static bool is_same_family(Codec a, Codec b) {
    const auto family = [](Codec codec) {
      return codec == Codec::kLz4Hc ? Codec::kLz4 : codec == Codec::kLz4HcCluster ? Codec::kLz4Cluster : codec;
    };
    return family(a) == family(b);
  }

  // SECURITY(T-31): a block is recoded only when its exact bytes came out here; all others are plain bytes.
  void prove_new() {
    std::vector<std::uint8_t> is_proved(new_.is_listed.size());  // not bool: written by several threads
    on_all(new_.is_listed.size(), input_.workers, [&](std::size_t i, Recoder& recoder) {
      if (!new_.is_listed[i] || (new_.texts[i].empty() && !new_.decode(i, recoder))) return;
      if (is_cluster(i)) {  // later, when all else is settled
        is_proved[i] = 1;
        return;
      }
      for (std::size_t s = 0; s < plan_.settings.size() && is_proved[i] == 0; ++s) {
        if (!is_same_family(plan_.settings[s].codec, new_.parts->blocks[i].likely.codec)) continue;
        if (!comes_out(plan_.settings[s], i, recoder)) continue;
        new_.setting[i] = static_cast<std::uint8_t>(s);
        is_proved[i] = 1;
      }
    });
    std::size_t listed = 0;
    for (std::size_t i = 0; i < new_.is_listed.size(); ++i) {
      if (is_proved[i] != 0 && listed < kRecodedBlocksMax) {
        ++listed;
      } else {
        new_.drop(i);
      }
    }
  }

  // The device has one buffer for what a chunk touches.
  void bound_chunks() {
    std::map<std::uint64_t, std::uint64_t> sums;  // of texts, by chunk
    for (std::size_t i = 0; i < new_.is_listed.size(); ++i) {
      if (!new_.is_listed[i]) continue;
      const CompressedBlock& block = new_.parts->blocks[i];
      const std::uint64_t first = block.at / input_.chunk_size;
      const std::uint64_t last = (block.at + block.size - 1) / input_.chunk_size;
      const std::uint64_t text = new_.texts[i].size();
      bool fits = true;
      for (std::uint64_t chunk = first; chunk <= last; ++chunk)
        fits = fits && sums[chunk] + text + input_.chunk_size <= kChunkTextMax;
      if (!fits) {
        new_.drop(i);
        continue;
      }
      for (std::uint64_t chunk = first; chunk <= last; ++chunk)
        sums[chunk] += text;
    }
  }

  // An old block stays as it is where the new image needs it so.
  void choose_old() {
    Stored new_plain;
    for (std::size_t i = 0; i < new_.is_listed.size(); ++i)
      if (!new_.is_listed[i]) new_plain.insert(text_view(new_.stored(i)));
    std::size_t listed = 0;
    for (std::size_t i = 0; i < old_.is_listed.size(); ++i) {
      old_.is_listed[i] = listed < kRecodedBlocksMax && !new_plain.contains(text_view(old_.stored(i)));
      if (old_.is_listed[i]) ++listed;
    }
  }
  void decode_old() {
    std::vector<std::uint8_t> is_decoded(old_.is_listed.size());
    on_all(old_.is_listed.size(), input_.workers, [&](std::size_t i, Recoder& recoder) {
      if (old_.is_listed[i] && old_.decode(i, recoder)) is_decoded[i] = 1;
    });
    for (std::size_t i = 0; i < old_.is_listed.size(); ++i) {
      if (is_decoded[i] == 0 || !name_old_setting(i)) old_.drop(i);
    }
  }
  // Only the codec matters where nothing is encoded.
  bool name_old_setting(std::size_t i) {
    const CodecSetting& likely = old_.parts->blocks[i].likely;
    for (std::size_t s = 0; s < plan_.settings.size(); ++s) {
      if (!is_same_family(plan_.settings[s].codec, likely.codec)) continue;
      old_.setting[i] = static_cast<std::uint8_t>(s);
      return true;
    }
    if (plan_.settings.size() == kCodecSettingsMax) return false;
    old_.setting[i] = static_cast<std::uint8_t>(plan_.settings.size());
    plan_.settings.push_back(likely);
    return true;
  }

  static core::Bytes make_text(Side& side, std::vector<RecodedBlock>& blocks) {
    std::uint64_t size = side.image.size();
    for (std::size_t i = 0; i < side.is_listed.size(); ++i)
      if (side.is_listed[i]) size += side.texts[i].size() - side.parts->blocks[i].size;
    core::Bytes text;
    text.reserve(static_cast<std::size_t>(size));
    std::uint64_t done = 0;
    const auto plain_up_to = [&](std::uint64_t end) {
      text.insert(text.end(), side.image.begin() + static_cast<std::ptrdiff_t>(done), side.image.begin() + static_cast<std::ptrdiff_t>(end));
      done = end;
    };
    for (std::size_t i = 0; i < side.is_listed.size(); ++i) {
      if (!side.is_listed[i]) continue;
      const CompressedBlock& block = side.parts->blocks[i];
      plain_up_to(block.at);
      blocks.push_back({block.at, text.size(), block.size, static_cast<std::uint32_t>(side.texts[i].size()), side.setting[i]});
      text.insert(text.end(), side.texts[i].begin(), side.texts[i].end());
      side.texts[i] = core::Bytes();
      done = block.at + block.size;
    }
    plain_up_to(side.image.size());
    return text;
  }

  // Compressed blocks that both images have as they are, and equal blocks of what else there is.
  Segments equal_segments() const {
    const ImageText old_text{plan_.old_blocks, old_.image.size()};
    const ImageText new_text{plan_.new_blocks, new_.image.size()};
    std::unordered_map<std::string_view, std::uint64_t> old_at;
    for (std::size_t i = 0; i < old_.is_listed.size(); ++i)
      if (!old_.is_listed[i]) old_at.emplace(text_view(old_.stored(i)), old_text.text_of(old_.parts->blocks[i].at));
    Segments given;
    for (std::size_t i = 0; i < new_.is_listed.size(); ++i) {
      if (new_.is_listed[i]) continue;
      const CompressedBlock& block = new_.parts->blocks[i];
      const auto it = old_at.find(text_view(new_.stored(i)));
      if (it == old_at.end()) continue;
      const std::uint64_t new_at = new_text.text_of(block.at);
      if (!given.empty() && given.back().new_at + given.back().size == new_at && given.back().old_at + given.back().size == it->second &&
          given.back().size < (1U << 30U)) {
        given.back().size += block.size;
      } else {
        given.push_back({new_at, it->second, block.size});
      }
    }
    for (const Segment& segment : match_equal_blocks(plan_.old_text, plan_.new_text))
      given.push_back(segment);
    const auto rank = [](const Segment& s) { return std::tuple(s.new_at, ~s.size, s.old_at); };  // the longer one first
    std::sort(given.begin(), given.end(), [&](const Segment& a, const Segment& b) { return rank(a) < rank(b); });
    Segments out;
    for (const Segment& segment : given)
      if (out.empty() || segment.new_at >= out.back().new_at + out.back().size) out.push_back(segment);
    return out;
  }

  static std::vector<FoundElement> elements_of(const Side& side, const std::vector<RecodedBlock>& blocks, core::ByteView text_bytes);

  const RecodingPlanInput& input_;
  Side old_;
  Side new_;
  RecodingPlan plan_;
};

// Programs outside of compressed file systems, as the text has them.
std::vector<FoundElement> elements_outside(core::ByteView image, const std::vector<ImageExtent>& file_systems, const ImageText& text) {
  constexpr std::uint64_t kStep = 4096;
  std::vector<FoundElement> out;
  const auto is_moved = [&](std::uint64_t& at, std::uint64_t size) {
    const std::size_t i = text.first_behind(at);
    if (i < text.blocks.size() && text.blocks[i].at < at + size) return false;
    at = text.text_of(at);
    return true;
  };
  const auto search = [&](std::uint64_t from, std::uint64_t to) {
    from = (from + kStep - 1) / kStep * kStep;
    if (from >= to) return;
    for (FoundElement& element : find_elements(image.subspan(static_cast<std::size_t>(from), static_cast<std::size_t>(to - from)))) {
      const auto shift = [&](auto& part) {
        part.at += from;
        return !is_moved(part.at, part.size);
      };
      std::erase_if(element.ranges, shift);
      std::erase_if(element.areas, shift);
      if (!element.ranges.empty()) out.push_back(std::move(element));
    }
  };
  std::uint64_t at = 0;
  for (const ImageExtent& system : file_systems) {
    search(at, system.at);
    at = system.at + system.size;
  }
  search(at, image.size());
  return out;
}

std::vector<FoundElement> RecodingPlanner::elements_of(const Side& side, const std::vector<RecodedBlock>& blocks, core::ByteView text_bytes) {
  const ImageText text{blocks, side.image.size()};
  std::vector<FoundElement> out = elements_outside(side.image, side.parts->file_systems, text);
  std::unordered_map<std::uint64_t, const RecodedBlock*> by_at;
  for (const RecodedBlock& block : blocks)
    by_at.emplace(block.at, &block);
  std::unordered_set<std::uint64_t> seen;  // duplicates share their blocks
  for (const FilePieces& file : side.parts->files) {
    FileExtents extents;
    const auto add = [&](std::uint64_t file_at, std::uint64_t at, std::uint64_t size) {
      if (!extents.empty() && extents.back().file_at + extents.back().size == file_at && extents.back().at + extents.back().size == at) {
        extents.back().size += size;
      } else {
        extents.push_back({file_at, at, size});
      }
    };
    for (const FilePiece& piece : file) {
      if (piece.kind == FilePiece::Kind::kPlain) {
        add(piece.file_at, text.text_of(piece.at), piece.size);
      } else if (const auto it = by_at.find(piece.at); it != by_at.end() && piece.skip < it->second->text_size) {
        add(piece.file_at, it->second->text_at + piece.skip, std::min(piece.size, it->second->text_size - piece.skip));
      }
    }
    if (extents.empty() || extents.front().file_at != 0 || extents.front().size < 64) continue;
    const std::uint64_t start = extents.front().at;
    if (std::memcmp(text_bytes.data() + start, "\x7f" "ELF", 4) != 0 || !seen.insert(start).second) continue;
    add_program(text_bytes, std::move(extents), out);
  }
  return out;
}

}  // namespace

std::optional<RecodingPlan> plan_recoding(const RecodingPlanInput& input) {
  return RecodingPlanner(input).plan();
}

TextFacts plain_facts(const RecodingPlanInput& input) {
  const auto elements = [](core::ByteView image, const CompressedParts& parts) {
    return elements_outside(image, parts.file_systems, {{}, image.size()});
  };
  return {elements(input.old_image, *input.old_parts), elements(input.new_image, *input.new_parts),
          match_equal_blocks(input.old_image, input.new_image)};
}

core::Bytes encode_recoding(const RecodingPlan& plan) {
  RangeEncoder coder;
  recoding::BlockModels models;
  auto old_blocks = plan.old_blocks;
  auto new_blocks = plan.new_blocks;
  recoding::code_blocks(coder, models, std::span(old_blocks));
  recoding::code_blocks(coder, models, std::span(new_blocks));
  const core::Bytes lists = coder.finish();
  const RecodingHeader header{static_cast<std::uint32_t>(plan.settings.size()), static_cast<std::uint32_t>(plan.old_blocks.size()),
                              static_cast<std::uint32_t>(plan.new_blocks.size()), static_cast<std::uint32_t>(lists.size())};
  core::Bytes out(header.size() - lists.size());
  encode_recoding_header(header, plan.settings, out);
  out.insert(out.end(), lists.begin(), lists.end());
  return out;
}

}  // namespace aseptic::payload
