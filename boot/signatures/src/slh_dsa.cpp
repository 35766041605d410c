// SPDX-License-Identifier: Apache-2.0
#include "aseptic/boot/signatures/slh_dsa.h"

#include "aseptic/boot/signatures/slh_dsa_address.h"

namespace aseptic::boot {
namespace {

// One verification: the hasher with PK.seed in its mark, the address, the signature's next bytes.
struct Verifier {
  Hasher& hasher;
  SignatureSource& signature;
  SlhAddress address;

  // F, H and T_l (section 11.2.1): Trunc_n(SHA-256(PK.seed ‖ toByte(0, 64 − n) ‖ ADRSc ‖ M)). The first block is
  // the same for all of them, so it is hashed once and marked.
  void hash(ByteView first, ByteView second, SlhNode& out) {
    Digest digest;
    hasher.rewind();
    hasher.update(address.bytes());
    hasher.update(first);
    hasher.update(second);
    hasher.finish(digest);
    copy_bytes(out, digest);
  }

  // The path from a leaf to the root of its tree: the loops of algorithms 11 and 17, which differ in the first index only.
  Status climb(std::uint32_t index, unsigned height, std::uint32_t tree_index, SlhNode& node) {
    for (unsigned level = 0; level < height; ++level) {
      SlhNode sibling;
      ASEPTIC_BOOT_TRY(signature.next(sibling));
      tree_index >>= 1U;
      address.set_height_and_index(level + 1, tree_index);
      if (((index >> level) & 1U) == 0)
        hash(node, sibling, node);
      else
        hash(sibling, node, node);
    }
    return Status::kOk;
  }

  // Algorithm 17, fors_pkFromSig. `digits` is md: k numbers of a bits (algorithm 4, base_2b).
  Status fors_public_key(ByteView digits, std::uint32_t leaf, SlhNode& out) {
    std::array<SlhNode, kSlhForsTrees> roots;
    address.set_type(SlhAddressType::kForsTree, leaf);
    for (unsigned tree = 0; tree < kSlhForsTrees; ++tree) {
      const std::size_t byte = tree / 2 * 3;  // two digits of 12 bits in three bytes
      const std::uint32_t index = tree % 2 == 0 ? (std::uint32_t{digits[byte]} << 4U) | (digits[byte + 1] >> 4U)
                                                : ((digits[byte + 1] & 15U) << 8U) | digits[byte + 2];
      const std::uint32_t tree_index = (tree << kSlhForsHeight) + index;
      SlhNode& node = roots[tree];
      ASEPTIC_BOOT_TRY(signature.next(node));
      address.set_height_and_index(0, tree_index);
      hash(node, {}, node);
      ASEPTIC_BOOT_TRY(climb(index, kSlhForsHeight, tree_index, node));
    }
    address.set_type(SlhAddressType::kForsRoots, leaf);
    hash({roots[0].data(), sizeof roots}, {}, out);
    return Status::kOk;
  }

  // Algorithm 8, wots_pkFromSig: each chain is completed from the signed digit to its end.
  Status wots_public_key(const SlhNode& message, std::uint32_t leaf, SlhNode& out) {
    std::array<SlhNode, kSlhChains> ends;
    address.set_type(SlhAddressType::kWotsHash, leaf);
    unsigned checksum = 0;
    for (unsigned chain = 0; chain < kSlhChains; ++chain) {
      const unsigned digit = slh_chain_digit(message, checksum, chain);
      SlhNode& node = ends[chain];
      ASEPTIC_BOOT_TRY(signature.next(node));
      for (unsigned step = digit; step < kSlhChainMax; ++step) {  // algorithm 5, chain
        address.set_chain(chain, step);
        hash(node, {}, node);
      }
    }
    address.set_type(SlhAddressType::kWotsPublicKey, leaf);
    hash({ends[0].data(), sizeof ends}, {}, out);
    return Status::kOk;
  }

  // Algorithms 13 and 11, ht_verify and xmss_pkFromSig: from the FORS key through d trees to the root.
  Status hypertree_root(std::uint64_t tree, std::uint32_t leaf, SlhNode& node) {
    for (unsigned layer = 0; layer < kSlhLayers; ++layer) {
      address.set_tree(layer, tree);
      SlhNode key;
      ASEPTIC_BOOT_TRY(wots_public_key(node, leaf, key));
      address.set_type(SlhAddressType::kTree, 0);
      ASEPTIC_BOOT_TRY(climb(leaf, kSlhTreeHeight, leaf, key));
      node = key;
      leaf = static_cast<std::uint32_t>(tree) & ((1U << kSlhTreeHeight) - 1U);
      tree >>= kSlhTreeHeight;
    }
    return Status::kOk;
  }
};

}  // namespace

// Algorithm 20, slh_verify_internal, over M' = toByte(0, 1) ‖ toByte(0, 1) ‖ M (algorithm 24, empty context).
Status slh_dsa_root(Hasher& hasher, SlhDsaPublicKey key, const SignedMessage& message, SignatureSource& signature,
                    SlhNode& root) {
  SlhNode randomizer;
  ASEPTIC_BOOT_TRY(signature.next(randomizer));
  Digest digest;
  slh_message_digest(hasher, randomizer, key, message, digest);

  std::array<std::uint8_t, 64> first_block{};
  copy_bytes(first_block, key.first<kSlhN>());
  hasher.reset();
  hasher.update(first_block);
  hasher.mark();

  const SlhPosition position = slh_position(digest);
  Verifier verifier{hasher, signature, {}};
  verifier.address.set_tree(0, position.tree);
  SlhNode node;
  ASEPTIC_BOOT_TRY(verifier.fors_public_key(digest, position.leaf, node));
  ASEPTIC_BOOT_TRY(verifier.hypertree_root(position.tree, position.leaf, node));
  root = node;
  return Status::kOk;
}

Status verify_slh_dsa(Hasher& hasher, SlhDsaPublicKey key, const SignedMessage& message, SignatureSource& signature) {
  SlhNode root;
  ASEPTIC_BOOT_TRY(slh_dsa_root(hasher, key, message, signature, root));
  return equal(root, key.last<kSlhN>()) ? Status::kOk : Status::kBadPostQuantumSignature;
}

}  // namespace aseptic::boot
