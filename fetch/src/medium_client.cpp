// SPDX-License-Identifier: Apache-2.0
#include "aseptic/fetch/medium_client.h"

#include <algorithm>
#include <charconv>

#include "aseptic/fetch/codes.h"
#include "aseptic/platform/codes.h"
#include "plain_path.h"

namespace aseptic::fetch {
namespace {

using core::Error;
using core::Result;
using platform::HttpReply;
using platform::PlatformCode;

constexpr std::string_view kPrefix = "medium:";
constexpr std::size_t kPiece = 64u << 10;

struct Place {
  std::size_t medium = 0;
  std::string path;
};

// "medium:2/targets/x" -> medium 2 and the path behind it.
std::optional<Place> split(std::string_view url) {
  url.remove_prefix(kPrefix.size());
  Place place;
  const auto parsed = std::from_chars(url.data(), url.data() + url.size(), place.medium);
  if (parsed.ec != std::errc{} || parsed.ptr == url.data() + url.size() || *parsed.ptr != '/') return std::nullopt;
  auto path = place_path_of(url.substr(static_cast<std::size_t>(parsed.ptr + 1 - url.data())));
  if (!path) return std::nullopt;
  place.path = *std::move(path);
  return place;
}

// "targets/a/<hash>.b" -> "targets/a/b": a bundle holds one snapshot, so that its targets need no hash in their names, for which a
// ustar header has no room.
std::string without_hash(const std::string& path) {
  const auto name = path.rfind('/') + 1;
  const auto dot = path.find('.', name);
  const bool is_hashed = path.starts_with("targets/") && dot != std::string::npos && (dot - name == 64 || dot - name == 128);
  return is_hashed ? path.substr(0, name) + path.substr(dot + 1) : path;
}

std::uint64_t length_of(const platform::HttpGet& request, std::uint64_t size, std::uint64_t first) {
  return std::min(request.range_last.value_or(size - 1), size - 1) - first + 1;
}

}  // namespace

std::string medium_url(std::size_t medium) { return std::string(kPrefix) + std::to_string(medium); }
bool is_medium_url(std::string_view url) { return url.starts_with(kPrefix); }

Result<std::optional<MediumClient::Part>> MediumClient::find(std::size_t medium, const std::string& path) {
  ASEPTIC_TRY(platform::MediumContent content, media_[medium]->open());
  Part part;
  if (content.folder) {
    auto file = content.folder->open_file(path);
    if (!file && file.error().is(PlatformCode::kNotFound)) return std::optional<Part>();
    ASEPTIC_TRY(part.file, std::move(file));
    part.size = part.file->size();
    return std::optional<Part>(std::move(part));
  }
  auto known = bundles_.find(medium);
  if (known == bundles_.end() || known->second.stamp != content.stamp) {
    auto index = BundleIndex::read(content.file->size(), [&](std::uint64_t offset, core::ByteSpan out) { return content.file->read(offset, out); });
    // The medium went away: that says nothing about the bundle.
    if (!index && !index.error().is(FetchCode::kBundle)) return index.error();
    known = bundles_.insert_or_assign(medium, KnownBundle{content.stamp, std::move(index)}).first;
  }
  if (!known->second.index) return known->second.index.error();
  const BundleEntry* entry = known->second.index->find(without_hash(path));
  if (entry == nullptr) return std::optional<Part>();
  part.file = std::move(content.file);
  part.offset = entry->offset;
  part.size = entry->size;
  return std::optional<Part>(std::move(part));
}

Result<HttpReply> MediumClient::get(const platform::HttpGet& request, const platform::BodySink& sink) {
  if (!is_medium_url(request.url)) {
    if (network_ == nullptr) return Error(PlatformCode::kNetConnect, "this device has no network address");
    return network_->get(request, sink);
  }
  const auto place = split(request.url);
  if (!place || place->medium >= media_.size()) return Error(PlatformCode::kNameRefused, "an address that no medium has: " + request.url);
  ASEPTIC_TRY(const auto part, find(place->medium, place->path).within("medium " + std::to_string(place->medium + 1)));
  if (!part) return HttpReply{.status = 404};
  const std::uint64_t first = request.range_first.value_or(0);
  if (request.range_first && (first >= part->size || request.range_last.value_or(first) < first)) return HttpReply{.status = 416};
  HttpReply reply{.status = request.range_first ? 206 : 200};
  if (part->size == 0) return reply;
  const std::uint64_t length = length_of(request, part->size, first);
  // SECURITY(T-15): the same cap as a server's, before the first byte is read.
  if (length > request.bytes_max)
    return Error(PlatformCode::kNetTooLarge, place->path + " on the medium has more than the " + std::to_string(request.bytes_max) + " bytes that are allowed");
  core::Bytes piece(static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, length)));
  while (reply.body_bytes < length) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), length - reply.body_bytes));
    const core::ByteSpan now = core::ByteSpan(piece).first(size);
    ASEPTIC_TRY_VOID(part->file->read(part->offset + first + reply.body_bytes, now));
    ASEPTIC_TRY_VOID(sink(now));
    reply.body_bytes += size;
  }
  return reply;
}

Result<HttpReply> MediumClient::post(const platform::HttpPost& request, const platform::BodySink& sink) {
  if (network_ == nullptr || is_medium_url(request.url)) return Error(PlatformCode::kNetConnect, "nothing can be sent to a medium");
  return network_->post(request, sink);
}

}  // namespace aseptic::fetch
