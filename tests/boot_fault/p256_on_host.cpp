// SPDX-License-Identifier: Apache-2.0
#include "p256_on_host.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include <map>
#include <memory>
#include <mutex>

namespace aseptic::test {
namespace {

struct Free {
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(BN_CTX* context) const { BN_CTX_free(context); }
  void operator()(EC_GROUP* group) const { EC_GROUP_free(group); }
  void operator()(EC_POINT* point) const { EC_POINT_free(point); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

Owned<BIGNUM> number(const std::uint8_t* bytes) {
  return Owned<BIGNUM>(BN_bin2bn(bytes, 32, nullptr));
}

// SEC 1, 4.1.4.
P256Answer compute(const P256Question& q) {
  P256Answer answer;
  const Owned<BN_CTX> context(BN_CTX_new());
  const Owned<EC_GROUP> group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  const BIGNUM* n = EC_GROUP_get0_order(group.get());
  const auto r = number(q.signature.data()), s = number(q.signature.data() + 32), e = number(q.digest.data());
  const auto x = number(q.key.data()), y = number(q.key.data() + 32);
  const Owned<EC_POINT> key(EC_POINT_new(group.get())), sum(EC_POINT_new(group.get()));
  const bool in_range = !BN_is_zero(r.get()) && !BN_is_zero(s.get()) && BN_cmp(r.get(), n) < 0 && BN_cmp(s.get(), n) < 0;
  if (!in_range || EC_POINT_set_affine_coordinates(group.get(), key.get(), x.get(), y.get(), context.get()) != 1) return answer;
  const Owned<BIGNUM> inverse(BN_mod_inverse(nullptr, s.get(), n, context.get())), u(BN_new()), v(BN_new()), found(BN_new());
  BN_mod_mul(u.get(), e.get(), inverse.get(), n, context.get());
  BN_mod_mul(v.get(), r.get(), inverse.get(), n, context.get());
  EC_POINT_mul(group.get(), sum.get(), u.get(), key.get(), v.get(), context.get());
  if (EC_POINT_is_at_infinity(group.get(), sum.get()) == 1) return answer;
  EC_POINT_get_affine_coordinates(group.get(), sum.get(), found.get(), nullptr, context.get());
  BN_nnmod(found.get(), found.get(), n, context.get());
  BN_bn2binpad(found.get(), answer.x.data(), 32);
  answer.valid = BN_cmp(found.get(), r.get()) == 0;
  return answer;
}

}  // namespace

P256Answer p256_on_host(const P256Question& question) {
  static std::mutex mutex;
  static std::map<P256Question, P256Answer> known;
  {
    const std::lock_guard lock(mutex);
    const auto found = known.find(question);
    if (found != known.end()) return found->second;
  }
  const P256Answer answer = compute(question);
  const std::lock_guard lock(mutex);
  return known.emplace(question, answer).first->second;
}

}  // namespace aseptic::test
