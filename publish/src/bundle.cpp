// SPDX-License-Identifier: Apache-2.0
#include "aseptic/publish/bundle.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <map>

#include "aseptic/publish/codes.h"
#include "aseptic/trust/channel.h"
#include "aseptic/trust/payload_index.h"

namespace aseptic::publish {
namespace {

using core::Error;
using core::Result;

constexpr std::size_t kBlock = 512;
constexpr std::size_t kNameMax = 100, kPrefixMax = 155;
constexpr std::uint64_t kFileMax = 077777777777;  // eleven octal digits
constexpr std::size_t kFilesMax = 16'384;         // what a device reads

struct BundleFile {
  Path source;
  std::optional<TargetEntry> entry;  // of a target
};
using BundleFiles = std::map<std::string, BundleFile>;  // in the order in which they are written

void put_octal(std::array<char, kBlock>& header, std::size_t at, std::size_t digits, std::uint64_t number) {
  for (std::size_t i = digits; i-- > 0; number /= 8) header[at + i] = static_cast<char>('0' + number % 8);
}

// A regular file of nobody, from the beginning of time.
Result<std::array<char, kBlock>> header_of(const std::string& name, std::uint64_t size) {
  std::array<char, kBlock> header{};
  std::size_t split = 0;  // behind the slash between prefix and name
  if (name.size() > kNameMax) split = name.find('/', name.size() - kNameMax - 1) + 1;
  if (split > kPrefixMax + 1 || name.size() - split > kNameMax || (name.size() > kNameMax && split == 0))
    return Error(PublishCode::kTargetPath, name + " is too long a name for a bundle");
  if (size > kFileMax) return Error(PublishCode::kInput, name + " is larger than the 8 GiB that a file of a bundle may have");
  std::copy(name.begin() + static_cast<std::ptrdiff_t>(split), name.end(), header.begin());
  if (split > 0) std::copy_n(name.begin(), split - 1, header.begin() + 345);
  put_octal(header, 100, 7, 0644);
  put_octal(header, 108, 7, 0);
  put_octal(header, 116, 7, 0);
  put_octal(header, 124, 11, size);
  put_octal(header, 136, 11, 0);
  std::fill_n(header.begin() + 148, 8, ' ');
  header[156] = '0';
  std::ranges::copy(std::string_view("ustar\0" "00", 8), header.begin() + 257);
  std::uint64_t sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  put_octal(header, 148, 6, sum);
  header[154] = '\0';
  return header;
}

void add_metadata(const Repository& repository, BundleFiles& files) {
  const auto add = [&](std::string_view role, std::uint64_t version) {
    const Path source = repository.metadata_file(role, version);
    files["metadata/" + source.filename().string()] = {source, std::nullopt};
  };
  for (std::uint64_t version = 1; version <= repository.root()->version(); ++version) add("root", version);
  add("snapshot", repository.snapshot()->version());
  for (const std::string& role : repository.roles()) add(role, repository.version_of(role));
  files["metadata/timestamp.json"] = {repository.folder() / "metadata/timestamp.json", std::nullopt};
}

Result<std::map<std::string, TargetEntry>> listed_targets(const Repository& repository) {
  std::map<std::string, TargetEntry> listed;
  for (const std::string& role : repository.roles()) {
    ASEPTIC_TRY(const Document document, repository.load(role));
    ASEPTIC_TRY(std::vector<TargetEntry> entries, targets_of(document));
    for (TargetEntry& entry : entries) listed.try_emplace(entry.path, entry);
  }
  return listed;
}

// What a device of this channel asks for.
Result<std::vector<std::string>> wanted_by(const Repository& repository, const BundleChannel& wanted, const std::map<std::string, TargetEntry>& listed) {
  std::vector<std::string> paths{trust::channel_target_path(wanted.product, wanted.name)};
  const auto read = [&](const std::string& path) -> Result<core::Bytes> {
    const auto at = listed.find(path);
    if (at == listed.end()) return Error(PublishCode::kRepositoryState, "the repository lists no " + path);
    return repository.read_target(at->second);
  };
  ASEPTIC_TRY(const core::Bytes channel_bytes, read(paths.front()));
  ASEPTIC_TRY(const trust::Channel channel, trust::Channel::parse(channel_bytes));
  paths.push_back(channel.release_path());
  paths.push_back(trust::payload_index_target_path(channel.release));
  ASEPTIC_TRY(const core::Bytes index_bytes, read(paths.back()));
  ASEPTIC_TRY(const trust::PayloadIndex index, trust::PayloadIndex::parse(index_bytes));
  for (const trust::ImagePayloads& image : index.images)
    for (const trust::PayloadEntry& payload : image.payloads)
      if (listed.contains(payload.target_path())) paths.push_back(payload.target_path());
  const std::string envelopes = "envelopes/" + channel.release.hex() + ".";
  for (auto at = listed.lower_bound(envelopes); at != listed.end() && at->first.starts_with(envelopes); ++at) paths.push_back(at->first);
  return paths;
}

Result<BundleFiles> files_of(const Repository& repository, const std::optional<BundleChannel>& channel) {
  if (!repository.root() || !repository.snapshot() || !repository.timestamp())
    return Error(PublishCode::kRepositoryState, repository.folder().string() + " has nothing published yet");
  BundleFiles files;
  add_metadata(repository, files);
  ASEPTIC_TRY(const auto listed, listed_targets(repository));
  std::vector<std::string> paths;
  for (const auto& [path, entry] : listed) paths.push_back(path);
  if (channel) {
    ASEPTIC_TRY(paths, wanted_by(repository, *channel, listed));
  }
  for (const std::string& path : paths) {
    const auto at = listed.find(path);
    if (at == listed.end()) return Error(PublishCode::kRepositoryState, "the repository lists no " + path);
    files["targets/" + path] = {repository.target_file(at->second), at->second};
  }
  if (files.size() > kFilesMax) return Error(PublishCode::kInput, "a bundle has at most 16384 files; name a product and channel");
  return files;
}

// Written and hashed at once; a file that is not what its metadata says goes into no bundle.
class BundleWriter {
 public:
  explicit BundleWriter(const Path& path) : out_(path, std::ios::binary | std::ios::trunc) {}

  Result<void> add(const std::string& name, const BundleFile& file) {
    std::ifstream in(file.source, std::ios::binary);
    std::error_code error;
    const std::uint64_t size = std::filesystem::file_size(file.source, error);
    if (!in || error) return Error(PublishCode::kFileIo, "cannot read " + file.source.string());
    ASEPTIC_TRY(const auto header, header_of(name, size));
    put({header.data(), header.size()});
    core::Sha256 content;
    std::array<char, 64u << 10> piece{};
    std::uint64_t left = size;
    while (left > 0) {
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), left));
      if (!in.read(piece.data(), static_cast<std::streamsize>(count))) return Error(PublishCode::kFileIo, file.source.string() + " became shorter while it was read");
      content.update(core::as_bytes({piece.data(), count}));
      put({piece.data(), count});
      left -= count;
    }
    put(std::string((kBlock - size % kBlock) % kBlock, '\0'));
    if (file.entry && (file.entry->length != size || file.entry->sha256 != content.finish()))
      return Error(PublishCode::kUnverifiable, file.source.string() + " is not what its metadata says");
    return {};
  }
  Result<BundleInfo> finish(std::size_t files) {
    put(std::string(2 * kBlock, '\0'));
    out_.close();
    if (!out_) return Error(PublishCode::kFileIo, "the bundle cannot be written");
    return BundleInfo{files, bytes_, hash_.finish()};
  }

 private:
  void put(std::string_view bytes) {
    out_.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    hash_.update(core::as_bytes(bytes));
    bytes_ += bytes.size();
  }

  std::ofstream out_;
  core::Sha256 hash_;
  std::uint64_t bytes_ = 0;
};

}  // namespace

Result<BundleInfo> write_bundle(const Path& folder, const std::optional<BundleChannel>& channel, const Path& out) {
  ASEPTIC_TRY(const Repository repository, Repository::open(folder));
  ASEPTIC_TRY(const BundleFiles files, files_of(repository, channel));
  const Path temporary = out.string() + ".new";
  const auto written = [&]() -> Result<BundleInfo> {
    BundleWriter writer(temporary);
    for (const auto& [name, file] : files) ASEPTIC_TRY_VOID(writer.add(name, file));
    return writer.finish(files.size());
  }();
  std::error_code ignored;
  if (!written) std::filesystem::remove(temporary, ignored);
  if (!written) return written.error();
  ASEPTIC_TRY_VOID(append_durable(temporary, {}));
  ASEPTIC_TRY_VOID(move_durable(temporary, out));
  return *written;
}

}  // namespace aseptic::publish
