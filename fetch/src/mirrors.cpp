// SPDX-License-Identifier: Apache-2.0
#include "mirrors.h"

#include <algorithm>

#include "aseptic/fetch/codes.h"
#include "aseptic/platform/codes.h"

namespace aseptic::fetch {

using core::ActionClass;
using core::Error;
using core::Result;

namespace {

// No other mirror can help against a full or broken medium.
bool is_our_own(const Error& error) {
  return error.action() == ActionClass::kHalt || error.action() == ActionClass::kBug ||
         error.is(platform::PlatformCode::kStorageFull);
}

}  // namespace

Mirrors::Mirrors(const std::vector<std::string>& base_urls) : base_urls_(base_urls) {
  for (auto& url : base_urls_)
    if (!url.ends_with('/')) url.push_back('/');
  order_ = base_urls_;
}

Result<void> Mirrors::try_each(const std::function<Result<void>(const std::string&)>& attempt,
                               const std::function<void(const Error&)>& note) {
  Result<void> outcome = Error(FetchCode::kConfiguration, "no address is configured for these files");
  for (std::size_t i = 0; i < base_urls_.size(); ++i) {
    outcome = attempt(base_urls_[i]);
    if (outcome) {
      std::rotate(base_urls_.begin(), base_urls_.begin() + static_cast<std::ptrdiff_t>(i), base_urls_.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      return {};
    }
    if (base_urls_.size() == 1 || is_our_own(outcome.error())) return outcome;
    if (note) note(outcome.error().within("mirror " + std::to_string(i + 1)));
  }
  // SECURITY(T-18): one bad mirror delays, it does not stop; when all are bad, the last reason stands for them.
  if (base_urls_.empty()) return outcome;
  return std::move(outcome).within("every mirror failed, the last one with");
}

void Mirrors::put_last(std::string_view base_url) {
  const auto at = std::ranges::find(base_urls_, base_url);
  if (at != base_urls_.end()) std::rotate(at, at + 1, base_urls_.end());
}

void Mirrors::put_back(std::size_t count) {
  for (auto url = order_.end() - static_cast<std::ptrdiff_t>(std::min(count, order_.size())); url != order_.end(); ++url) put_last(*url);
}

}  // namespace aseptic::fetch
