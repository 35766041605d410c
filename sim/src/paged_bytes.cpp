// SPDX-License-Identifier: Apache-2.0
#include "aseptic/sim/paged_bytes.h"

#include <algorithm>

#include "aseptic/core/assert.h"

namespace aseptic::sim {
namespace {

// The part of a range that lies in one page.
struct Piece {
  std::uint64_t page;
  std::size_t inside;
  std::size_t size;
};

Piece first_piece(std::uint64_t offset, std::uint64_t size) {
  const std::size_t inside = offset % PagedBytes::kPageSize;
  return {offset / PagedBytes::kPageSize, inside,
          static_cast<std::size_t>(std::min<std::uint64_t>(PagedBytes::kPageSize - inside, size))};
}

}  // namespace

PagedBytes::PagedBytes(core::ByteView bytes) : size_(bytes.size()) {
  write(0, bytes);
}

void PagedBytes::resize(std::uint64_t size) {
  if (size < size_) clear(size, size_ - size);
  size_ = size;
}

const PagedBytes::Page* PagedBytes::page(std::uint64_t index) const {
  const std::uint64_t node = index / kPagesPerNode;
  if (node >= nodes_.size() || !nodes_[node]) return nullptr;
  return (*nodes_[node])[index % kPagesPerNode].get();
}

std::shared_ptr<PagedBytes::Node> PagedBytes::node_for_writing(std::uint64_t index) {
  const std::uint64_t node = index / kPagesPerNode;
  if (node >= nodes_.size()) nodes_.resize(node + 1);
  if (nodes_[node] && nodes_[node].use_count() == 1) return std::const_pointer_cast<Node>(nodes_[node]);
  auto fresh = nodes_[node] ? std::make_shared<Node>(*nodes_[node]) : std::make_shared<Node>();
  nodes_[node] = fresh;
  return fresh;
}

// A page that only this object holds may be changed in place; a shared one is copied first.
PagedBytes::Page& PagedBytes::page_for_writing(std::uint64_t index) {
  auto node = node_for_writing(index);
  std::shared_ptr<const Page>& slot = (*node)[index % kPagesPerNode];
  if (!slot) {
    slot = std::make_shared<Page>();
  } else if (slot.use_count() != 1) {
    slot = std::make_shared<Page>(*slot);
  }
  // The page was made here as a mutable object, and nobody else holds it.
  return const_cast<Page&>(*slot);  // NOLINT(const_cast: see above)
}

void PagedBytes::drop_page(std::uint64_t index) {
  if (page(index) == nullptr) return;
  (*node_for_writing(index))[index % kPagesPerNode].reset();
}

void PagedBytes::read(std::uint64_t offset, core::ByteSpan out) const {
  ASEPTIC_ASSERT(offset <= size_ && out.size() <= size_ - offset);
  while (!out.empty()) {
    const Piece piece = first_piece(offset, out.size());
    const Page* found = page(piece.page);
    if (found == nullptr) {
      std::fill_n(out.begin(), piece.size, std::uint8_t{0});
    } else {
      std::copy_n(found->begin() + static_cast<std::ptrdiff_t>(piece.inside), piece.size, out.begin());
    }
    offset += piece.size;
    out = out.subspan(piece.size);
  }
}

void PagedBytes::write(std::uint64_t offset, core::ByteView bytes) {
  ASEPTIC_ASSERT(offset <= size_ && bytes.size() <= size_ - offset);
  while (!bytes.empty()) {
    const Piece piece = first_piece(offset, bytes.size());
    std::copy_n(bytes.begin(), piece.size,
                page_for_writing(piece.page).begin() + static_cast<std::ptrdiff_t>(piece.inside));
    offset += piece.size;
    bytes = bytes.subspan(piece.size);
  }
}

void PagedBytes::clear(std::uint64_t offset, std::uint64_t size) {
  ASEPTIC_ASSERT(offset <= size_ && size <= size_ - offset);
  const std::uint64_t end = std::min<std::uint64_t>(offset + size, nodes_.size() * kPagesPerNode * kPageSize);
  while (offset < end) {
    const Piece piece = first_piece(offset, end - offset);
    if (piece.size == kPageSize) {
      drop_page(piece.page);
    } else if (page(piece.page) != nullptr) {
      std::fill_n(page_for_writing(piece.page).begin() + static_cast<std::ptrdiff_t>(piece.inside),
                  piece.size, std::uint8_t{0});
    }
    offset += piece.size;
  }
}

core::Bytes PagedBytes::bytes() const {
  core::Bytes all(static_cast<std::size_t>(size_));
  read(0, all);
  return all;
}

std::uint64_t PagedBytes::allocated_bytes() const {
  std::uint64_t pages = 0;
  for (const auto& node : nodes_)
    if (node)
      pages += static_cast<std::uint64_t>(
          std::count_if(node->begin(), node->end(), [](const auto& p) { return p != nullptr; }));
  return pages * kPageSize;
}

bool operator==(const PagedBytes& a, const PagedBytes& b) {
  if (a.size_ != b.size_) return false;
  const std::uint64_t pages = std::max(a.nodes_.size(), b.nodes_.size()) * PagedBytes::kPagesPerNode;
  static constexpr PagedBytes::Page kZeros{};
  for (std::uint64_t i = 0; i < pages; ++i) {
    const auto* left = a.page(i);
    const auto* right = b.page(i);
    if (left != right && (left ? *left : kZeros) != (right ? *right : kZeros)) return false;
  }
  return true;
}

}  // namespace aseptic::sim
