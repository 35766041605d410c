// SPDX-License-Identifier: Apache-2.0
// Makes a payload from a slot image: chunks it, chooses raw, zstd or zero per chunk, writes pages and header,
// and applies the result once to prove that it gives back the image. Called by publish and `aseptic payload`.
// Output depends on image and options only (same zstd version): not on the number of workers. Memory: a few
// chunks per worker plus 96 bytes per chunk.
#pragma once

#include <string>

#include "aseptic/core/hash.h"
#include "aseptic/core/result.h"
#include "aseptic/payload/apply/codes.h"

namespace aseptic::payload {

// Whether a delta looks into compressed parts of the images.
enum class Recompression : std::uint8_t {
  kSmaller,  // the smaller payload of both ways; the plain one is not tried where the other is clearly smaller
  kAlways,   // where there are such parts
  kNever,    // for devices without the compressors
};

// Which compressed blocks of a file that has changed a device makes again.
enum class RecodedFiles : std::uint8_t {
  kWhole,          // all: references to and from the unchanged ones are found, the delta is smaller
  kChangedBlocks,  // only what differs: less work for the device
};

struct MakeOptions {
  std::uint32_t chunk_size = 256U * 1024U;
  std::uint32_t page_entries = 256;
  int zstd_level = 9;
  unsigned workers = 2;
  unsigned delta_rounds = 3;           // matching rounds of a delta; more are slower and find a little more
  std::uint64_t delta_text_max = ~std::uint64_t{0};  // old bytes that are searched besides equal blocks; at most 2 GiB are
  std::uint32_t delta_group = 64;      // chunks that share what was learned; a resume makes a group again
  bool pack_table = true;  // of a delta, where it makes the table smaller
  bool shorten = true;     // of a delta: the short form where it pays; never of one that is going to be encrypted
  Recompression recompression = Recompression::kSmaller;
  RecodedFiles recoded_files = RecodedFiles::kWhole;
};

// What publish writes into the payload index and the release manifest.
struct PayloadSummary {
  core::Digest header_digest;  // payload index; of the long form
  bool is_short = false;
  core::Digest file_digest;    // SHA-256 of the whole file: payloads/<sha256>.payload
  std::uint64_t payload_size = 0;
  core::Digest manifest_digest;
  core::Digest image_digest;
  std::uint64_t image_size = 0;
  std::uint64_t chunks_raw = 0;
  std::uint64_t chunks_zstd = 0;
  std::uint64_t chunks_zero = 0;
  std::uint64_t chunks_delta = 0;
  std::uint64_t chunks_copied = 0;
  core::Digest base_image_digest;  // of a delta
  std::uint64_t base_image_size = 0;
  std::uint64_t table_size = 0;  // header and pages as stored
  std::uint64_t auxiliary_size = 0;
  std::uint64_t recoded_blocks = 0;   // of the new image, that the delta saw decoded
  std::uint64_t recoded_bytes = 0;    // what these decode to
};

// Random access to the image and the output, so that tests use memory and the command uses files.
class ImageSource {
 public:
  virtual ~ImageSource() = default;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  // Called by several threads at once.
  virtual core::Result<void> read(std::uint64_t offset, core::ByteSpan out) = 0;
  // All bytes at once where that costs nothing; empty otherwise.
  [[nodiscard]] virtual core::ByteView mapped() const { return {}; }
  // The mapped bytes are not needed for a while: memory may be given back.
  virtual void release() {}
};
class PayloadFile {
 public:
  virtual ~PayloadFile() = default;
  virtual core::Result<void> write(std::uint64_t offset, core::ByteView bytes) = 0;
  virtual core::Result<void> read(std::uint64_t offset, core::ByteSpan out) = 0;
};

// The image is slot bytes [0, image_size): manifest, regions, gaps. It may be longer than image_size only by
// zeros (a slot dump); the rest is not carried. Refuses an image whose regions do not match its manifest.
core::Result<PayloadSummary> make_payload(ImageSource& image, PayloadFile& out, const MakeOptions& options);

// The same as a delta: the payload can be installed only where `base` is the image of the other slot, and is a fraction of
// the size. Made, then applied to the base and compared. Memory: about six times the base.
core::Result<PayloadSummary> make_delta_payload(ImageSource& base, ImageSource& image, PayloadFile& out,
                                                const MakeOptions& options);

// The same for files. `payload_path` is written under a temporary name, flushed, renamed.
core::Result<PayloadSummary> make_payload_file(const std::string& image_path, const std::string& payload_path,
                                               const MakeOptions& options = {});
core::Result<PayloadSummary> make_delta_payload_file(const std::string& base_path, const std::string& image_path,
                                                     const std::string& payload_path, const MakeOptions& options = {});

// The image that a full payload carries, written to `image_path` and measured. The publisher's own file: its header is taken
// as it is, so the caller compares the digests with what was signed.
core::Result<PayloadSummary> restore_image_file(const std::string& payload_path, const std::string& image_path);

}  // namespace aseptic::payload
