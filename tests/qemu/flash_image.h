// SPDX-License-Identifier: Apache-2.0
// A flash image file of an emulated microcontroller (EMULATED): provisioned as a factory would, with images signed by
// real keys, in memory until it is written.
#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "aseptic/boot/cortex_m/flash_map.h"
#include "aseptic/boot/format/manifest.h"
#include "aseptic/boot/format/provisioning.h"
#include "aseptic/boot/journal/state.h"

namespace aseptic::test {

using Bytes = std::vector<std::uint8_t>;

// A P-256 key pair of this process.
class BuilderKey {
 public:
  BuilderKey();
  [[nodiscard]] std::array<std::uint8_t, boot::kP256PublicKeySize> public_key() const;
  [[nodiscard]] std::array<std::uint8_t, boot::kP256SignatureSize> sign(boot::ByteView message) const;

 private:
  std::shared_ptr<void> key_;
};

struct BoardFacts {
  std::string name;              // folder below build/: boot-<name>
  std::uint64_t load_address = 0;
  std::uint64_t file_size = 0;   // the flash image file
};

struct FirmwareSpec {
  std::uint64_t sequence = 1;
  std::uint32_t epoch = 1;
  std::size_t padding = 0;       // bytes behind the application, to make the image larger
  std::uint64_t load_address = 0;
};

// The post-quantum half of the pair that signs firmware.
struct ReleaseKey {
  boot::PostQuantumKey public_key;
  std::function<void(std::span<std::uint8_t> slot)> put_signature;  // over the region at the slot's start, into its block
};

class FlashImage {
 public:
  explicit FlashImage(const BoardFacts& board);

  // A signed image of the test application.
  Bytes firmware(const Bytes& application, std::uint32_t entry, const FirmwareSpec& spec) const;
  // Factory state: `image` confirmed, in both slots and recovery.
  void provision(const Bytes& image, std::uint32_t capabilities);
  void put(boot::Area area, const Bytes& content);
  void put_at(std::uint32_t offset, const Bytes& content);
  void script(const std::string& steps);
  void write(const std::filesystem::path& file) const;

  [[nodiscard]] const Bytes& bytes() const { return bytes_; }
  [[nodiscard]] const BuilderKey& key() const { return key_; }
  boot::Provisioning provisioning;
  ReleaseKey release;  // SLH-DSA, the development key of all tests, unless a test puts another one here

 private:
  BoardFacts board_;
  BuilderKey key_;
  Bytes bytes_;
};

boot::Digest device_secret();
// The journal of a flash image file as boot would fold it.
boot::JournalState journal_of(const std::filesystem::path& file);
boot::Digest manifest_of(const Bytes& image);
std::string hex(boot::ByteView bytes);

}  // namespace aseptic::test
