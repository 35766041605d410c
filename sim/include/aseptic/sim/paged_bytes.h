// SPDX-License-Identifier: Apache-2.0
// A sparse array of bytes of any length whose copies share their pages until one of them writes. A crash
// state of a disk is such a copy: thousands of them cost little more than the bytes in which they differ.
// Thread contract: one object is used by one thread; copies in other threads may share pages (they are never
// changed).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "aseptic/core/bytes.h"

namespace aseptic::sim {

class PagedBytes {
 public:
  static constexpr std::size_t kPageSize = 4096;

  PagedBytes() = default;
  explicit PagedBytes(std::uint64_t size) { resize(size); }
  explicit PagedBytes(core::ByteView bytes);

  [[nodiscard]] std::uint64_t size() const { return size_; }
  void resize(std::uint64_t size);  // new bytes are zero
  // The range must lie inside [0, size()).
  void read(std::uint64_t offset, core::ByteSpan out) const;
  void write(std::uint64_t offset, core::ByteView bytes);
  void clear(std::uint64_t offset, std::uint64_t size);  // to zero; whole pages are dropped
  [[nodiscard]] core::Bytes bytes() const;
  [[nodiscard]] std::uint64_t allocated_bytes() const;
  friend bool operator==(const PagedBytes& a, const PagedBytes& b);

 private:
  static constexpr std::size_t kPagesPerNode = 64;
  using Page = std::array<std::uint8_t, kPageSize>;
  using Node = std::array<std::shared_ptr<const Page>, kPagesPerNode>;

  [[nodiscard]] const Page* page(std::uint64_t index) const;
  Page& page_for_writing(std::uint64_t index);
  void drop_page(std::uint64_t index);
  std::shared_ptr<Node> node_for_writing(std::uint64_t index);

  std::uint64_t size_ = 0;
  std::vector<std::shared_ptr<const Node>> nodes_;  // grows on demand; null = zeros
};

}  // namespace aseptic::sim
