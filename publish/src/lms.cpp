// SPDX-License-Identifier: Apache-2.0
#include "aseptic/publish/lms.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <memory>

#include "aseptic/boot/signatures/lms.h"
#include "aseptic/publish/codes.h"
#include "parallel.h"
#include "sha256_lane.h"

namespace aseptic::publish {
namespace {

using boot::Digest;
using Node = std::array<std::uint8_t, 32>;

constexpr unsigned kSubtreeHeight = 10;
constexpr std::size_t kSubtreeLeaves = std::size_t{1} << kSubtreeHeight;
constexpr std::string_view kMagic{"ASPTLMSK"};
constexpr std::size_t kHeadBytes = 8 + 4 + 16 + 32;  // magic, shape, I, seed

bool is_known(LmsShape shape) {
  return (shape.height == 10 || shape.height == 15 || shape.height == 20) && (shape.width == 4 || shape.width == 8);
}
std::uint32_t lms_type(LmsShape shape) { return 5 + shape.height / 5 - 1; }    // RFC 8554 section 5.1: H5 5, H10 6, ...
std::uint32_t one_time_type(LmsShape shape) { return shape.width == 4 ? 3 : 4; }  // section 4.1
unsigned chains(LmsShape shape) { return shape.width == 4 ? 67 : 34; }

void put(core::Bytes& out, std::uint32_t number) {
  for (const unsigned shift : {24u, 16u, 8u, 0u}) out.push_back(static_cast<std::uint8_t>(number >> shift));
}

// One thread's hashing for one key. Every hash begins I || u32str(number) || u16str(what).
class Lane {
 public:
  Lane(LmsShape shape, core::ByteView identifier, core::ByteView seed) : shape_(shape), seed_(seed) { std::ranges::copy(identifier, prefix_.begin()); }

  Node hash(std::uint32_t number, unsigned what, core::ByteView first, core::ByteView second = {}) {
    set(number, what);
    hasher_.reset();
    hasher_.update(core::ByteView(prefix_).first(22));
    hasher_.update(first);
    if (!second.empty()) hasher_.update(second);
    return finished();
  }
  // A chain of LM-OTS, section 4.3: from step `from` up to `to`.
  Node chain(std::uint32_t q, unsigned index, Node value, unsigned from, unsigned to) {
    set(q, index);
    for (unsigned step = from; step < to; ++step) value = step_hash(step, value);
    return value;
  }
  // Appendix A: x_q[i] = H(I || q || i || 0xff || SEED).
  Node secret(std::uint32_t q, unsigned index) {
    set(q, index);
    return step_hash(0xff, seed_);
  }
  // Algorithm 1 and section 5.3: the leaf of index q.
  Node leaf(std::uint32_t q) {
    const unsigned last = (1u << shape_.width) - 1;
    core::Bytes ends(32 * chains(shape_));
    for (unsigned i = 0; i < chains(shape_); ++i) std::ranges::copy(chain(q, i, secret(q, i), 0, last), ends.begin() + 32 * i);
    const Node key = hash(q, 0x8080, ends);
    return hash((1u << shape_.height) + q, 0x8282, key);
  }
  Node parent(std::uint32_t number, const Node& left, const Node& right) { return hash(number, 0x8383, left, right); }

 private:
  void set(std::uint32_t number, unsigned what) {
    for (unsigned i = 0; i < 4; ++i) prefix_[16 + i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
    prefix_[20] = static_cast<std::uint8_t>(what >> 8);
    prefix_[21] = static_cast<std::uint8_t>(what);
  }
  Node step_hash(unsigned step, core::ByteView value) {
    prefix_[22] = static_cast<std::uint8_t>(step);
    hasher_.reset();
    hasher_.update(prefix_);
    hasher_.update(value);
    return finished();
  }
  Node finished() {
    Node out;
    hasher_.finish(out);
    return out;
  }
  LmsShape shape_;
  core::ByteView seed_;
  std::array<std::uint8_t, 23> prefix_{};
  Sha256Lane hasher_;
};

// Combines nodes up to their root. `number` is the first one's number in the tree; the siblings of `index` go to `path`.
Node climb(Lane& lane, std::vector<Node> nodes, std::uint32_t number, std::uint32_t index, core::Bytes* path) {
  for (; nodes.size() > 1; index >>= 1) {
    if (path) path->insert(path->end(), nodes[index ^ 1].begin(), nodes[index ^ 1].end());
    number >>= 1;
    for (std::uint32_t i = 0; i < nodes.size() / 2; ++i) nodes[i] = lane.parent(number + i, nodes[2 * i], nodes[2 * i + 1]);
    nodes.resize(nodes.size() / 2);
  }
  return nodes.front();
}

std::vector<Node> subtree_leaves(LmsShape shape, core::ByteView identifier, core::ByteView seed, std::uint32_t first,
                                 const std::function<void(unsigned)>& progress) {
  constexpr std::size_t kPerTask = 32;
  std::vector<Node> leaves(kSubtreeLeaves);
  run_parallel(0, kSubtreeLeaves / kPerTask, [&] {
    return [&leaves, first, lane = std::make_shared<Lane>(shape, identifier, seed)](std::size_t task) {
      for (std::size_t i = task * kPerTask; i < (task + 1) * kPerTask; ++i) leaves[i] = lane->leaf(first + static_cast<std::uint32_t>(i));
    };
  }, progress);
  return leaves;
}

// The digits of Q and of its checksum, sections 3.1.3 and 4.4.
std::vector<unsigned> digits_of(LmsShape shape, const Node& q) {
  const unsigned max = (1u << shape.width) - 1;
  core::Bytes text(q.begin(), q.end());
  const auto digit = [&](std::size_t i) { return shape.width == 8 ? text[i] : (text[i / 2] >> (i % 2 == 0 ? 4 : 0)) & 15u; };
  unsigned sum = 0;
  for (std::size_t i = 0; i < 256 / shape.width; ++i) sum += max - digit(i);
  sum <<= shape.width == 4 ? 4 : 0;
  text.push_back(static_cast<std::uint8_t>(sum >> 8));
  text.push_back(static_cast<std::uint8_t>(sum));
  std::vector<unsigned> digits;
  for (std::size_t i = 0; i < chains(shape); ++i) digits.push_back(digit(i));
  return digits;
}

core::Error state_error(std::string sentence) { return {PublishCode::kOneTimeState, std::move(sentence)}; }

// "purpose key-id number\n": both records have this form.
core::Result<std::uint64_t> read_number(platform::Storage& storage, std::string_view name, std::string_view purpose, const core::Digest& key_id) {
  ASEPTIC_TRY(const core::Bytes bytes, storage.read(name, 256));
  const std::string head = std::string(purpose) + " " + key_id.hex() + " ";
  const std::string_view text = core::as_text(bytes);
  const std::string wrong = std::string(name) + " is damaged or belongs to another key; nothing is signed";
  if (!text.starts_with(head) || !text.ends_with('\n')) return state_error(wrong);
  const std::string_view digits = text.substr(head.size(), text.size() - head.size() - 1);
  if (digits.empty() || digits.size() > 10 || digits.find_first_not_of("0123456789") != digits.npos) return state_error(wrong);
  std::uint64_t number = 0;
  for (const char c : digits) number = number * 10 + static_cast<std::uint64_t>(c - '0');
  return number;
}
core::Result<void> write_number(platform::Storage& storage, std::string_view name, std::string_view purpose, const core::Digest& key_id, std::uint64_t number) {
  return storage.replace(name, core::as_bytes(std::string(purpose) + " " + key_id.hex() + " " + std::to_string(number) + "\n"));
}
constexpr std::string_view kWitnessPurpose = "aseptic-lms-witness-v1", kStatePurpose = "aseptic-lms-state-v1";
std::string witness_name(const core::Digest& key_id) { return key_id.hex().substr(0, 16) + ".lms-witness"; }
std::string state_name(const core::Digest& key_id) { return key_id.hex().substr(0, 16) + ".lms-state"; }

// One more than the last index that the record beside the key knows; 0 when there is none.
core::Result<std::uint64_t> used_by(platform::Storage& state, const core::Digest& key_id) {
  ASEPTIC_TRY(const std::vector<std::string> names, state.list(""));
  if (std::ranges::find(names, state_name(key_id)) == names.end()) return std::uint64_t{0};
  return read_number(state, state_name(key_id), kStatePurpose, key_id);
}

}  // namespace

LmsKey::~LmsKey() { OPENSSL_cleanse(seed_.data(), seed_.size()); }

core::Result<LmsKey> LmsKey::make(LmsShape shape, const std::array<std::uint8_t, 16>& identifier, const std::array<std::uint8_t, 32>& seed,
                                  const std::function<void(unsigned percent)>& progress) {
  if (!is_known(shape)) return core::Error(PublishCode::kInput, "an LMS key has height 10, 15 or 20 and width 4 or 8");
  LmsKey key;
  key.shape_ = shape;
  key.identifier_ = identifier;
  key.seed_ = seed;
  const std::size_t count = std::size_t{1} << (shape.height - kSubtreeHeight);
  Lane lane(shape, identifier, key.seed_);
  for (std::size_t tree = 0; tree < count; ++tree) {
    const auto first = static_cast<std::uint32_t>(tree * kSubtreeLeaves);
    key.subtrees_.push_back(climb(lane, subtree_leaves(shape, identifier, key.seed_, first, {}), (1u << shape.height) + first, 0, nullptr));
    if (progress) progress(static_cast<unsigned>((tree + 1) * 100 / count));
  }
  return key;
}

std::array<std::uint8_t, 32> LmsKey::root() const {
  Lane lane(shape_, identifier_, seed_);
  return climb(lane, subtrees_, static_cast<std::uint32_t>(subtrees_.size()), 0, nullptr);
}

core::Bytes LmsKey::public_bytes() const {
  core::Bytes out;
  put(out, 1);
  put(out, lms_type(shape_));
  put(out, one_time_type(shape_));
  out.insert(out.end(), identifier_.begin(), identifier_.end());
  const Node top = root();
  out.insert(out.end(), top.begin(), top.end());
  return out;
}

core::Bytes LmsKey::encode() const {
  core::Bytes out(kMagic.begin(), kMagic.end());
  put(out, shape_.height << 16 | shape_.width);
  out.insert(out.end(), identifier_.begin(), identifier_.end());
  out.insert(out.end(), seed_.begin(), seed_.end());
  for (const Node& node : subtrees_) out.insert(out.end(), node.begin(), node.end());
  const Node top = root();
  out.insert(out.end(), top.begin(), top.end());
  return out;
}

core::Result<LmsKey> LmsKey::decode(core::ByteView bytes) {
  const core::Error wrong(PublishCode::kInput, "the LMS key is damaged");
  if (bytes.size() < kHeadBytes || !std::ranges::equal(bytes.first(kMagic.size()), core::as_bytes(kMagic))) return wrong;
  LmsKey key;
  key.shape_ = {static_cast<unsigned>(bytes[8] << 8 | bytes[9]), static_cast<unsigned>(bytes[10] << 8 | bytes[11])};
  if (!is_known(key.shape_)) return wrong;
  const std::size_t count = std::size_t{1} << (key.shape_.height - kSubtreeHeight);
  if (bytes.size() != kHeadBytes + (count + 1) * 32) return wrong;
  std::ranges::copy(bytes.subspan(12, 16), key.identifier_.begin());
  std::ranges::copy(bytes.subspan(28, 32), key.seed_.begin());
  key.subtrees_.resize(count);
  for (std::size_t i = 0; i < count; ++i) std::ranges::copy(bytes.subspan(kHeadBytes + 32 * i, 32), key.subtrees_[i].begin());
  if (!std::ranges::equal(key.root(), bytes.last(32))) return wrong;
  return key;
}

core::Result<core::Bytes> LmsKey::sign(std::uint32_t index, core::ByteView message, const std::array<std::uint8_t, 32>& randomizer) const {
  if (index >= capacity()) return state_error("the LMS key has no signature " + std::to_string(index));
  const std::uint32_t tree = index / kSubtreeLeaves, first = tree * static_cast<std::uint32_t>(kSubtreeLeaves);
  Lane lane(shape_, identifier_, seed_);
  core::Bytes path;
  const Node subtree = climb(lane, subtree_leaves(shape_, identifier_, seed_, first, {}), (1u << shape_.height) + first, index - first, &path);
  if (subtree != subtrees_[tree]) return state_error("the LMS key is damaged: a subtree does not have its root; nothing was signed");
  climb(lane, subtrees_, static_cast<std::uint32_t>(subtrees_.size()), tree, &path);

  core::Bytes out;  // section 6.2 with L = 1: Nspk = 0, then the LMS signature of section 5.4
  put(out, 0);
  put(out, index);
  put(out, one_time_type(shape_));
  out.insert(out.end(), randomizer.begin(), randomizer.end());
  const std::vector<unsigned> digits = digits_of(shape_, lane.hash(index, 0x8181, randomizer, message));
  for (unsigned i = 0; i < digits.size(); ++i) {
    const Node value = lane.chain(index, i, lane.secret(index, i), 0, digits[i]);
    out.insert(out.end(), value.begin(), value.end());
  }
  put(out, lms_type(shape_));
  out.insert(out.end(), path.begin(), path.end());
  return out;
}

core::Result<void> StorageWitness::create() {
  ASEPTIC_TRY(const std::vector<std::string> names, storage_.list(""));
  if (std::ranges::find(names, witness_name(key_id_)) != names.end()) return state_error("this key has a witness already");
  return write_number(storage_, witness_name(key_id_), kWitnessPurpose, key_id_, 0);
}

core::Result<std::uint64_t> StorageWitness::taken() {
  return read_number(storage_, witness_name(key_id_), kWitnessPurpose, key_id_).within("the witness of the LMS key");
}

core::Result<std::uint64_t> StorageWitness::take() {
  ASEPTIC_TRY(const std::uint64_t next, taken());
  // DURABILITY: replace() is on the medium when it returns; a cut before that may or may not have used up the number, and it is
  // not handed out either way.
  ASEPTIC_TRY_VOID(write_number(storage_, witness_name(key_id_), kWitnessPurpose, key_id_, next + 1));
  return next;
}

core::Result<LmsIndexes> LmsIndexes::open(platform::Storage& state, SigningWitness* witness, const core::Digest& key_id, std::uint64_t capacity) {
  if (!witness)
    return state_error("an LMS key signs only with a witness of its one-time state (a TPM counter or a second medium); without one a restored "
                       "backup would use an index twice");
  LmsIndexes indexes(state, *witness, key_id, capacity);
  ASEPTIC_TRY_VOID(indexes.left());
  return indexes;
}

core::Result<std::uint64_t> LmsIndexes::left() {
  ASEPTIC_TRY(const std::uint64_t taken, witness_->taken());
  ASEPTIC_TRY(const std::uint64_t used, used_by(*state_, key_id_));
  // SECURITY(T-20): the witness counts at least what was signed; one that counts less was put back.
  if (taken < used) return state_error("the witness has been put back: it counts " + std::to_string(taken) + ", but " + std::to_string(used) +
                                       " indexes were used. This key must never sign again; make a new one");
  return taken < capacity_ ? capacity_ - taken : 0;
}

core::Result<std::uint64_t> LmsIndexes::left_at_most(platform::Storage& state, const core::Digest& key_id, std::uint64_t capacity) {
  ASEPTIC_TRY(const std::uint64_t used, used_by(state, key_id));
  return used < capacity ? capacity - used : 0;
}

core::Result<std::uint32_t> LmsIndexes::take() {
  ASEPTIC_TRY(const std::uint64_t before, left());
  if (before == 0) return state_error("the LMS key is used up: every one of its " + std::to_string(capacity_) + " signatures was made or lost");
  ASEPTIC_TRY(const std::uint64_t index, witness_->take());
  if (index >= capacity_) return state_error("the LMS key is used up");
  // The record beside the key only finds out about a witness that was put back; the witness alone decides what is free.
  ASEPTIC_TRY_VOID(write_number(*state_, state_name(key_id_), kStatePurpose, key_id_, index + 1));
  return static_cast<std::uint32_t>(index);
}

core::Result<std::unique_ptr<LmsSigner>> LmsSigner::start(LmsKey key, platform::Storage& state, SigningWitness* witness, platform::Entropy& entropy) {
  ASEPTIC_TRY(core::PostQuantumPublicKey public_key,
              core::PostQuantumPublicKey::from_raw(core::PostQuantumAlgorithm::kLmsSha256, key.public_bytes()));
  ASEPTIC_TRY(LmsIndexes indexes, LmsIndexes::open(state, witness, public_key.key_id(), key.capacity()));
  return std::unique_ptr<LmsSigner>(new LmsSigner(std::move(key), std::move(public_key), std::move(indexes), entropy));
}

core::Result<core::Bytes> LmsSigner::sign(core::ByteView message) {
  std::array<std::uint8_t, 32> randomizer{};
  entropy_.fill(randomizer);
  ASEPTIC_TRY(const std::uint32_t index, indexes_.take());
  return key_.sign(index, message, randomizer);
}

}  // namespace aseptic::publish
