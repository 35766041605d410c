// SPDX-License-Identifier: Apache-2.0
// Writes the first files of the corpora of trust's fuzz targets; libFuzzer adds what it finds.
#include <filesystem>
#include <fstream>
#include <iostream>

#include "damage.h"
#include "json_generator.h"
#include "samples.h"

namespace aseptic::trust::test {
namespace {

class Corpus {
 public:
  explicit Corpus(std::filesystem::path folder) : folder_(std::move(folder)) { std::filesystem::create_directories(folder_); }

  void add(const std::string& bytes) {
    std::ofstream(folder_ / core::sha256(bytes).hex().substr(0, 16), std::ios::binary) << bytes;
  }
  // The value itself and every n-th of its damaged forms, behind a byte that selects the reader.
  void add_family(char selector, const core::JsonValue& value, std::size_t every) {
    add(selector + core::canonical_json(value));
    std::size_t count = 0;
    for_each_damage(value, [&](const core::JsonValue& damaged) {
      if (count++ % every == 0) add(selector + core::canonical_json(damaged));
    });
  }

 private:
  std::filesystem::path folder_;
};

core::JsonValue tree(const std::string& text) { return *core::parse_json_value(core::as_bytes(text)); }

void write_metadata(Corpus corpus) {
  HostileRepository repository;
  repository.meta_hashes = HostileRepository::MetaHashes::kYes;
  repository.add_target("targets", "file", "content");
  repository.delegate({.delegator = "targets", .role = "a", .keys = {TestKey::ed25519(40)}});
  repository.publish();
  corpus.add_family('r', repository.root.encode(), 12);
  corpus.add_family('t', repository.timestamp.encode(), 4);
  corpus.add_family('s', repository.snapshot.encode(), 6);
  corpus.add_family('g', repository.targets().encode(), 10);
  for (const std::string& file : {repository.timestamp_file(), repository.snapshot_file(), repository.role_file("targets")})
    corpus.add_family('e', tree(file), 10);
}

void write_search(Corpus corpus) {
  HostileRepository flat, bins, tree_like;
  const TestKey key = TestKey::ed25519(40);
  for (const char* role : {"a", "b", "c"}) flat.delegate({.delegator = "targets", .role = role, .keys = {key}});
  flat.add_target("targets", "elsewhere", "x");
  bins.delegate_bins("targets", "bin", 3, key);
  tree_like.delegate({.delegator = "targets", .role = "a", .paths = {"*/*", "f?le"}, .terminating = true, .keys = {key}});
  tree_like.delegate({.delegator = "targets", .role = "b", .keys = {key}});
  tree_like.targets().delegations->roles.back().rule = {.path_hash_prefixes = {"0", "3", "a"}, .by_hash = true};
  corpus.add_family('x', flat.targets().encode(), 6);
  corpus.add_family('x', bins.targets().encode(), 3);
  corpus.add_family('x', tree_like.targets().encode(), 5);
}

void write_statements(Corpus corpus) {
  const ReleaseManifest release = sample_release();
  corpus.add_family('r', tree(release.encode()), 30);
  corpus.add_family('c', tree(sample_channel(release).encode()), 8);
  corpus.add_family('p', tree(sample_index(release).encode()), 20);
  corpus.add_family('k', tree(sample_envelope().encode()), 8);
  corpus.add_family('a', sample_policy().encode(), 8);
  corpus.add_family('n', sample_attributes().encode(), 1);
  corpus.add_family('y', sample_boot_key().encode(), 2);
  AuthorityPolicy with_keys = sample_policy();
  with_keys.provisioning_keys = {TestKey::ed25519(60).tuf_key(), TestKey::ed25519(61).tuf_key()};
  corpus.add_family('a', with_keys.encode(), 4);
  corpus.add_family('d', sample_director().encode(), 10);
  corpus.add_family('w', sample_token().encode(), 10);
  corpus.add_family('o', sample_bundle().encode(), 15);
  corpus.add_family('v', sample_report().encode(), 15);
  corpus.add_family('b', sample_boot_report().encode(), 10);
  LogProof proof;
  proof.release = sample_digest("release");
  proof.inclusion = {sample_digest("a"), sample_digest("b")};
  proof.checkpoint = R"({"signatures":[],"signed":{}})";
  corpus.add_family('l', tree(proof.encode()), 8);
  corpus.add("f" + TimeFloor{.time = test_time(), .key = sample_digest("k")}.encode());
}

void write_envelopes(Corpus corpus) {
  KeyEnvelope envelope = sample_envelope();
  corpus.add_family('k', tree(envelope.encode()), 1);
  envelope.keys.push_back({sample_digest("another payload"), core::Bytes(64, 3), core::Bytes(40, 4)});
  corpus.add_family('k', tree(envelope.encode()), 2);
  corpus.add_family('g', tree(sample_membership().encode()), 1);
}

void write_json(Corpus corpus) {
  for (std::uint32_t seed = 0; seed < 200; ++seed) corpus.add(JsonGenerator(seed).document());
}

}  // namespace
}  // namespace aseptic::trust::test

int main(int argc, char** argv) {
  using namespace aseptic::trust::test;
  if (argc != 2) {
    std::cerr << "usage: trust_write_corpus fuzz/corpus\n";
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  write_metadata(Corpus(folder / "tuf_metadata"));
  write_search(Corpus(folder / "tuf_delegation_search"));
  write_statements(Corpus(folder / "release_statements"));
  write_envelopes(Corpus(folder / "key_envelope"));
  write_json(Corpus(folder / "strict_json"));
  return 0;
}
