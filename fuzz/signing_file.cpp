// SPDX-License-Identifier: Apache-2.0
// The signing file comes from other machines: no input crashes, what is read is written again the same, and the review
// of whatever is accepted has an answer without control characters.
#include <cstdint>
#include <cstdlib>

#include "aseptic/publish/review.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace aseptic;
  const auto file = publish::SigningFile::parse({data, size});
  if (!file) return 0;
  const std::string text = file->file_text();
  const auto again = publish::SigningFile::parse(core::as_bytes(text));
  if (!again || again->file_text() != text || again->digest() != file->digest()) std::abort();
  if (const auto shown = publish::review(*file, std::nullopt))
    for (const char c : shown->text)
      if ((static_cast<unsigned char>(c) < 0x20 && c != '\n') || static_cast<unsigned char>(c) >= 0x7f) std::abort();
  publish::SigningFile merged = *again;
  if (!publish::merge_signatures(merged, *file)) std::abort();
  return 0;
}
