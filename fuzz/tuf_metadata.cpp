// SPDX-License-Identifier: Apache-2.0
// Every top-level role file, twice: the bytes as they are, and as the signed part of a file that the right keys signed,
// so that the checks behind the signatures are reached. First byte: r, t, s, g(targets), e(nvelope).
#include <cstdint>
#include <cstdlib>

#include "aseptic/trust/limits.h"
#include "trust/tests/hostile_repository.h"

using namespace aseptic;
using namespace aseptic::trust;

namespace {

struct Stage {
  test::HostileRepository repository;
  TrustedMetadata root = *TrustedMetadata::from_root(core::as_bytes(repository.roots[1]));
  TrustedMetadata timestamp = root;
  TrustedMetadata snapshot = root;
  TrustedMetadata targets = root;

  Stage() {
    (void)timestamp.finish_root(repository.now);
    snapshot = timestamp;
    (void)snapshot.update_timestamp(core::as_bytes(repository.timestamp_file()));
    targets = snapshot;
    (void)targets.update_snapshot(core::as_bytes(repository.snapshot_file()));
    if (!targets.snapshot_is_current()) std::abort();
  }
};

void offer(const Stage& stage, char role, core::ByteView file) {
  TrustedMetadata trusted = role == 'r' ? stage.root : role == 't' ? stage.timestamp : role == 's' ? stage.snapshot : stage.targets;
  if (role == 'r') {
    if (trusted.update_root(file) && trusted.root().version != 2) std::abort();
  } else if (role == 't') {
    if (trusted.update_timestamp(file) && !(trusted.timestamp()->expires > *trusted.update_start())) std::abort();
  } else if (role == 's') {
    if (trusted.update_snapshot(file) && trusted.snapshot()->version != 1) std::abort();
  } else if (trusted.update_targets(file)) {
    if (trusted.targets_version() != 1) std::abort();
    auto search = TargetSearch::begin(trusted, "file");
    if (search && search->needed() == std::nullopt) (void)search->result();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Stage stage;
  if (size < 1) return 0;
  const char role = static_cast<char>(data[0]);
  const core::ByteView bytes(data + 1, size - 1);
  if (role == 'e') {
    if (const auto envelope = Envelope::parse(bytes, kRootBytesMax)) {
      const std::string written = envelope->encode();
      const auto again = Envelope::parse(core::as_bytes(written), 4 * kRootBytesMax);
      if (!again || again->signed_bytes() != envelope->signed_bytes()) std::abort();
    }
    offer(stage, 't', bytes);
    return 0;
  }
  offer(stage, role, bytes);
  const auto part = core::parse_json_value(bytes, {.bytes_max = kRootBytesMax, .depth_max = 24});
  if (!part) return 0;
  const char* const name = role == 'r' ? "root" : role == 't' ? "timestamp" : role == 's' ? "snapshot" : "targets";
  const auto& signers = stage.repository.signers.find(name)->second;
  offer(stage, role, core::as_bytes(test::signed_file(*part, signers)));
  return 0;
}
