// SPDX-License-Identifier: Apache-2.0
// Several untrusted sources of the same files. Private to fetch.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "aseptic/core/result.h"

namespace aseptic::fetch {

class Mirrors {
 public:
  // Each base address gets exactly one slash at its end.
  explicit Mirrors(const std::vector<std::string>& base_urls);
  [[nodiscard]] const std::vector<std::string>& base_urls() const { return base_urls_; }

  // Runs `attempt` with each base address until one succeeds; the one that served last comes first. An error that is no
  // fault of the mirror (halt, bug: our own medium) ends the round at once.
  core::Result<void> try_each(const std::function<core::Result<void>(const std::string& base_url)>& attempt,
                              const std::function<void(const core::Error&)>& note);
  // What `base_url` served was refused behind our back: it is asked last from now on.
  void put_last(std::string_view base_url);
  // The addresses that were the last `count` ones at first stand behind all others again, in their order.
  void put_back(std::size_t count);

 private:
  std::vector<std::string> base_urls_;
  std::vector<std::string> order_;  // as they were given
};

}  // namespace aseptic::fetch
