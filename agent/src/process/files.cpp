// SPDX-License-Identifier: Apache-2.0
#include "process/files.h"

#include <cstdio>
#include <memory>

#include "aseptic/agent/codes.h"

namespace aseptic::agent {

core::Result<std::string> read_text_file(const std::string& path) {
  constexpr std::size_t kMax = 1u << 20;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"), &std::fclose);
  if (!file) return core::Error(AgentCode::kConfig, path + " cannot be read; provision the device again");
  std::string text;
  char buffer[4096];
  for (std::size_t size = 0; (size = std::fread(buffer, 1, sizeof buffer, file.get())) != 0;) {
    text.append(buffer, size);
    if (text.size() > kMax) return core::Error(AgentCode::kConfig, path + " is larger than 1 MiB");
  }
  return text;
}

}  // namespace aseptic::agent
