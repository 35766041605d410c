// SPDX-License-Identifier: Apache-2.0
// Runs the same small task for 0 .. count-1 on several threads; the caller's thread works too and reports progress.
#pragma once

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

namespace aseptic::publish {

// `make_worker` is called once per thread and gives what does one task.
inline void run_parallel(unsigned threads, std::size_t count, const std::function<std::function<void(std::size_t)>()>& make_worker,
                         const std::function<void(unsigned percent)>& progress) {
  if (threads == 0) threads = std::max(1u, std::thread::hardware_concurrency());
  std::atomic<std::size_t> next{0};
  const auto work = [&](bool reports) {
    const auto task = make_worker();
    unsigned shown = 0;
    for (std::size_t i = next++; i < count; i = next++) {
      task(i);
      const auto percent = static_cast<unsigned>((i + 1) * 100 / count);
      if (reports && progress && percent > shown) progress(shown = percent);
    }
  };
  std::vector<std::jthread> helpers;
  for (unsigned i = 1; i < threads; ++i) helpers.emplace_back(work, false);
  work(true);
}

}  // namespace aseptic::publish
