// SPDX-License-Identifier: Apache-2.0
// The search over hostile delegations: the input is the signed part of the top-level targets file, and the same part,
// signed by the delegated key, is every delegated role's file. The search ends, visits no role twice and no more than
// the limit, and finds a target only in a role that was verified.
#include <cstdint>
#include <cstdlib>
#include <set>

#include "aseptic/trust/limits.h"
#include "trust/tests/hostile_repository.h"

using namespace aseptic;
using namespace aseptic::trust;

namespace {

struct Stage {
  test::HostileRepository repository;
  test::TestKey delegated = test::TestKey::ed25519(40);
  TrustedMetadata trusted = *TrustedMetadata::from_root(core::as_bytes(repository.roots[1]));

  Stage() {
    for (const char* role : {"a", "b", "c", "d", "\n", "../x"}) repository.snapshot.meta.emplace(role, MetaFile{});
    for (int bin = 0; bin < 16; ++bin) repository.snapshot.meta.emplace("bin-" + std::string(1, "0123456789abcdef"[bin]), MetaFile{});
    (void)trusted.finish_root(repository.now);
    (void)trusted.update_timestamp(core::as_bytes(repository.timestamp_file()));
    if (!trusted.update_snapshot(core::as_bytes(repository.snapshot_file()))) std::abort();
  }
};

void search_for(const TrustedMetadata& trusted, std::string_view path, core::ByteView role_file) {
  auto search = TargetSearch::begin(trusted, path);
  if (!search) return;
  std::set<std::string> asked{"targets"};
  while (const auto request = search->needed()) {
    if (!asked.insert(request->role).second || asked.size() > kDelegatedRolesVisitedMax + 1) std::abort();
    if (!search->supply(role_file)) break;
  }
  if (search->needed()) return;
  if (const auto found = search->result(); found && (!asked.contains((*found)->role) || (*found)->path != path)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Stage stage;
  if (size < 1) return 0;
  const core::ByteView bytes(data + 1, size - 1);
  const auto part = core::parse_json_value(bytes, {.bytes_max = kRootBytesMax, .depth_max = 24});
  if (!part) return 0;
  TrustedMetadata trusted = stage.trusted;
  const std::string top = test::signed_file(*part, stage.repository.signers.find("targets")->second);
  if (!trusted.update_targets(core::as_bytes(top))) return 0;
  const std::string role_file = test::signed_file(*part, {stage.delegated});
  for (const char* path : {"file", "a/b", "", "file\xff"}) search_for(trusted, path, core::as_bytes(role_file));
  return 0;
}
