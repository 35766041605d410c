// SPDX-License-Identifier: Apache-2.0
// Every statement: no input crashes, and what is accepted is exactly what would be written again.
// First byte: the kind, see trust/tests/write_corpus.cpp.
#include <cstdint>
#include <cstdlib>

#include "trust/tests/samples.h"

using namespace aseptic;
using namespace aseptic::trust;

namespace {

template <typename Statement>
void read_canonical(core::ByteView bytes) {
  if (const auto statement = Statement::parse(bytes); statement && statement->encode() != core::as_text(bytes)) std::abort();
}

template <typename Statement>
void read_signed(core::ByteView bytes) {
  const auto part = core::parse_json_value(bytes);
  if (!part) return;
  const auto statement = Statement::parse(*part);
  if (!statement) return;
  const core::JsonValue written = statement->encode();
  const auto again = Statement::parse(written);
  if (!again || !(again->encode() == written)) std::abort();
}

void read_release(core::ByteView bytes) {
  read_canonical<ReleaseManifest>(bytes);
  const auto release = ReleaseManifest::parse(bytes);
  if (!release) return;
  (void)release->main_component();
  // Whatever a release says, it never takes a device back.
  DeviceFacts device = test::sample_device();
  if (applicable(*release, release->digest(), {}, device) && release->sequence < device.confirmed_sequence) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const core::ByteView bytes(data + 1, size - 1);
  switch (data[0]) {
    case 'r': read_release(bytes); break;
    case 'c': read_canonical<Channel>(bytes); break;
    case 'p': read_canonical<PayloadIndex>(bytes); break;
    case 'k': read_canonical<KeyEnvelope>(bytes); break;
    case 'l': read_canonical<LogProof>(bytes); break;
    case 'f': read_canonical<TimeFloor>(bytes); break;
    case 'a': read_signed<AuthorityPolicy>(bytes); break;
    case 'n': read_signed<ProvisioningAttributes>(bytes); break;
    case 'y': read_signed<BootKeyStatement>(bytes); break;
    case 'd': read_signed<DirectorStatement>(bytes); break;
    case 'w': read_signed<DowngradeToken>(bytes); break;
    case 'o': read_signed<OfflineBundle>(bytes); break;
    case 'v': read_signed<Report>(bytes); break;
    case 'b': read_signed<BootReport>(bytes); break;
    default: break;
  }
  return 0;
}
