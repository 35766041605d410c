// SPDX-License-Identifier: Apache-2.0
#include "aseptic/publish/slh_dsa.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "aseptic/boot/signatures/slh_dsa_address.h"
#include "aseptic/publish/codes.h"
#include "parallel.h"
#include "sha256_lane.h"

namespace aseptic::publish {
namespace {

using boot::SlhAddress;
using boot::SlhAddressType;
using boot::SlhNode;

constexpr std::size_t kLeaves = std::size_t{1} << boot::kSlhTreeHeight;
constexpr std::size_t kForsLeaves = std::size_t{1} << boot::kSlhForsHeight;
constexpr std::size_t kXmssBytes = boot::kSlhN * (boot::kSlhChains + boot::kSlhTreeHeight);
constexpr std::size_t kForsTreeBytes = boot::kSlhN * (1 + boot::kSlhForsHeight);

core::ByteView secret_seed(const SlhDsaKey& key) { return core::ByteView(key.private_bytes()).first(boot::kSlhN); }

// One thread's hashing for one key: the mark holds the block with PK.seed.
class Lane {
 public:
  explicit Lane(const SlhDsaKey& key) : seed_(secret_seed(key)) {
    std::array<std::uint8_t, 64> block{};
    std::ranges::copy(key.public_bytes().first(boot::kSlhN), block.begin());
    hasher_.update(block);
    hasher_.mark();
  }

  SlhNode hash(core::ByteView first, core::ByteView second = {}) {
    boot::Digest digest{};
    hasher_.rewind();
    hasher_.update(address.bytes());
    hasher_.update(first);
    if (!second.empty()) hasher_.update(second);
    hasher_.finish(digest);
    SlhNode node;
    std::copy_n(digest.begin(), node.size(), node.begin());
    return node;
  }
  SlhNode secret() { return hash(seed_); }  // PRF: the address says which

  // Algorithm 5.
  SlhNode chain(SlhNode node, unsigned index, unsigned steps) {
    for (unsigned step = 0; step < steps; ++step) {
      address.set_chain(index, step);
      node = hash(node);
    }
    return node;
  }
  SlhNode chain_secret(std::uint32_t key_pair, unsigned index) {
    address.set_type(SlhAddressType::kWotsSecret, key_pair);
    address.set_chain(index, 0);
    const SlhNode node = secret();
    address.set_type(SlhAddressType::kWotsHash, key_pair);
    return node;
  }

  // Algorithm 6: the leaf of a tree of the hypertree.
  SlhNode wots_public_key(std::uint32_t key_pair) {
    std::array<SlhNode, boot::kSlhChains> ends;
    for (unsigned i = 0; i < boot::kSlhChains; ++i) ends[i] = chain(chain_secret(key_pair, i), i, boot::kSlhChainMax);
    address.set_type(SlhAddressType::kWotsPublicKey, key_pair);
    return hash({ends[0].data(), sizeof ends});
  }
  // Algorithm 7.
  void wots_sign(const SlhNode& message, std::uint32_t key_pair, core::ByteSpan out) {
    unsigned checksum = 0;
    for (unsigned i = 0; i < boot::kSlhChains; ++i) {
      const unsigned digit = boot::slh_chain_digit(message, checksum, i);
      std::ranges::copy(chain(chain_secret(key_pair, i), i, digit), out.begin() + i * boot::kSlhN);
    }
  }

  // Algorithms 9 and 15, level by level: `nodes` shrinks to the root; the siblings of `index` go to `path`.
  SlhNode build(std::vector<SlhNode> nodes, std::uint32_t offset, std::uint32_t index, core::ByteSpan path) {
    for (std::uint32_t level = 0; nodes.size() > 1; ++level, index >>= 1, offset >>= 1) {
      if (!path.empty()) std::ranges::copy(nodes[index ^ 1], path.begin() + level * boot::kSlhN);
      for (std::uint32_t i = 0; i < nodes.size() / 2; ++i) {
        address.set_height_and_index(level + 1, (offset >> 1) + i);
        nodes[i] = hash(nodes[2 * i], nodes[2 * i + 1]);
      }
      nodes.resize(nodes.size() / 2);
    }
    return nodes.front();
  }

  // One tree of algorithm 16: secret value and path to `out`; gives the root.
  SlhNode fors_tree(unsigned tree, std::uint32_t index, std::uint32_t key_pair, core::ByteSpan out) {
    const auto offset = static_cast<std::uint32_t>(tree * kForsLeaves);
    std::vector<SlhNode> leaves(kForsLeaves);
    for (std::uint32_t i = 0; i < kForsLeaves; ++i) {
      address.set_type(SlhAddressType::kForsSecret, key_pair);
      address.set_height_and_index(0, offset + i);
      const SlhNode value = secret();
      if (i == index) std::ranges::copy(value, out.begin());
      address.set_type(SlhAddressType::kForsTree, key_pair);
      address.set_height_and_index(0, offset + i);
      leaves[i] = hash(value);
    }
    address.set_type(SlhAddressType::kForsTree, key_pair);
    return build(std::move(leaves), offset, index, out.subspan(boot::kSlhN));
  }

  SlhAddress address;

 private:
  Sha256Lane hasher_;
  core::ByteView seed_;
};

std::uint32_t fors_index(const boot::Digest& digest, unsigned tree) {  // algorithm 4, digits of 12 bits
  const std::size_t byte = tree / 2 * 3;
  return tree % 2 == 0 ? std::uint32_t{digest[byte]} << 4 | digest[byte + 1] >> 4
                       : (digest[byte + 1] & 15u) << 8 | digest[byte + 2];
}

// PRF_msg, section 11.2.1: HMAC-SHA-256(SK.prf, opt_rand || M'), the first 16 bytes.
SlhNode message_randomizer(const SlhDsaKey& key, core::ByteView optional_random, core::ByteView message) {
  Sha256Lane hasher;
  boot::Digest padded_key{};
  std::copy_n(key.private_bytes().begin() + boot::kSlhN, boot::kSlhN, padded_key.begin());  // HMAC pads a short key with zeros
  core::Bytes first(optional_random.begin(), optional_random.end());
  first.insert(first.end(), {0, 0});  // M' = 0 || 0 || M
  const boot::Digest mac = boot::hmac(hasher, padded_key, first, message);
  OPENSSL_cleanse(padded_key.data(), padded_key.size());
  SlhNode randomizer;
  std::copy_n(mac.begin(), randomizer.size(), randomizer.begin());
  return randomizer;
}

// Everything of a signature that does not depend on another part of it, so that threads can share the work.
struct Work {
  std::array<std::vector<SlhNode>, boot::kSlhLayers> leaves;
  std::array<SlhNode, boot::kSlhForsTrees> fors_roots;
};

}  // namespace

SlhDsaKey::~SlhDsaKey() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

// Algorithm 18: the root is that of the highest layer's only tree.
SlhDsaKey SlhDsaKey::from_seeds(const std::array<std::uint8_t, 48>& seeds) {
  SlhDsaKey key;
  std::ranges::copy(seeds, key.bytes_.begin());
  std::vector<SlhNode> leaves(kLeaves);
  run_parallel(0, kLeaves / 8, [&] {
    return [&leaves, lane = std::make_shared<Lane>(key)](std::size_t task) {
      lane->address.set_tree(boot::kSlhLayers - 1, 0);
      for (std::size_t i = task * 8; i < task * 8 + 8; ++i) leaves[i] = lane->wots_public_key(static_cast<std::uint32_t>(i));
    };
  }, {});
  Lane lane(key);
  lane.address.set_tree(boot::kSlhLayers - 1, 0);
  lane.address.set_type(SlhAddressType::kTree, 0);
  std::ranges::copy(lane.build(std::move(leaves), 0, 0, {}), key.bytes_.begin() + 48);
  return key;
}

core::Result<SlhDsaKey> SlhDsaKey::from_private_bytes(core::ByteView bytes) {
  if (bytes.size() != kSlhDsaPrivateBytes) return core::Error(PublishCode::kInput, "an SLH-DSA-SHA2-128s private key has 64 bytes");
  std::array<std::uint8_t, 48> seeds{};
  std::copy_n(bytes.begin(), seeds.size(), seeds.begin());
  SlhDsaKey key = from_seeds(seeds);
  OPENSSL_cleanse(seeds.data(), seeds.size());
  if (!std::ranges::equal(key.bytes_, bytes))
    return core::Error(PublishCode::kInput, "the SLH-DSA private key is damaged: its root does not belong to its seeds");
  return key;
}

core::Bytes sign_slh_dsa(const SlhDsaKey& key, core::ByteView message, const SlhDsaSigning& how) {
  const core::ByteView optional_random = how.randomizer ? core::ByteView(*how.randomizer) : key.public_bytes().first(boot::kSlhN);
  const SlhNode randomizer = message_randomizer(key, optional_random, message);
  Sha256Lane hasher;
  boot::Digest digest{};
  boot::slh_message_digest(hasher, randomizer, key.public_bytes().first<kSlhDsaPublicBytes>(), {{}, message}, digest);
  const boot::SlhPosition lowest = boot::slh_position(digest);
  std::array<boot::SlhPosition, boot::kSlhLayers> at;  // algorithm 12: where the path runs in each layer
  for (unsigned layer = 0; layer < boot::kSlhLayers; ++layer)
    at[layer] = layer == 0 ? lowest
                           : boot::SlhPosition{at[layer - 1].tree >> boot::kSlhTreeHeight,
                                               static_cast<std::uint32_t>(at[layer - 1].tree & (kLeaves - 1))};

  core::Bytes signature(kSlhDsaSignatureBytes);
  std::ranges::copy(randomizer, signature.begin());
  const core::ByteSpan fors = core::ByteSpan(signature).subspan(boot::kSlhN);
  const core::ByteSpan hypertree = fors.subspan(kForsTreeBytes * boot::kSlhForsTrees);
  Work work;
  for (auto& leaves : work.leaves) leaves.resize(kLeaves);
  constexpr std::size_t kLeavesPerTask = 16;
  constexpr std::size_t kTasksPerLayer = kLeaves / kLeavesPerTask;
  run_parallel(how.threads, boot::kSlhForsTrees + boot::kSlhLayers * kTasksPerLayer, [&] {
    return [&, lane = std::make_shared<Lane>(key)](std::size_t task) {
      if (task < boot::kSlhForsTrees) {
        const auto tree = static_cast<unsigned>(task);
        lane->address.set_tree(0, lowest.tree);
        work.fors_roots[tree] = lane->fors_tree(tree, fors_index(digest, tree), lowest.leaf, fors.subspan(tree * kForsTreeBytes, kForsTreeBytes));
        return;
      }
      const std::size_t layer = (task - boot::kSlhForsTrees) / kTasksPerLayer;
      const std::size_t first = (task - boot::kSlhForsTrees) % kTasksPerLayer * kLeavesPerTask;
      lane->address.set_tree(static_cast<unsigned>(layer), at[layer].tree);
      for (std::size_t i = first; i < first + kLeavesPerTask; ++i) work.leaves[layer][i] = lane->wots_public_key(static_cast<std::uint32_t>(i));
    };
  }, how.progress);

  Lane lane(key);
  lane.address.set_tree(0, lowest.tree);
  lane.address.set_type(SlhAddressType::kForsRoots, lowest.leaf);
  SlhNode node = lane.hash({work.fors_roots[0].data(), sizeof work.fors_roots});
  for (unsigned layer = 0; layer < boot::kSlhLayers; ++layer) {  // algorithm 12, and 10 for each layer
    const core::ByteSpan xmss = hypertree.subspan(layer * kXmssBytes, kXmssBytes);
    lane.address.set_tree(layer, at[layer].tree);
    lane.wots_sign(node, at[layer].leaf, xmss.first(boot::kSlhN * boot::kSlhChains));
    lane.address.set_type(SlhAddressType::kTree, 0);
    node = lane.build(std::move(work.leaves[layer]), 0, at[layer].leaf, xmss.subspan(boot::kSlhN * boot::kSlhChains));
  }
  return signature;
}

}  // namespace aseptic::publish
