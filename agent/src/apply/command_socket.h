// SPDX-License-Identifier: Apache-2.0
// DEVICE/run/asepticd.sock: the agent's only door for people on the device (ID-09). One text line in, one line of JSON
// out. Who asks is known from the kernel (SO_PEERCRED): everybody may read the status, only root and the agent's own
// user may command.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "aseptic/core/result.h"

namespace aseptic::agent {

inline constexpr std::size_t kCommandMax = 256;
inline constexpr std::size_t kCommandClientsMax = 8;  // more wait in the kernel's queue

struct LocalCaller {
  std::uint32_t uid = 0;
  bool may_command = false;
};

using CommandHandler = std::function<std::string(const std::string& command, const LocalCaller& caller)>;

class CommandSocket {
 public:
  static core::Result<CommandSocket> listen(const std::string& path);
  ~CommandSocket();
  CommandSocket(CommandSocket&& other) noexcept;
  CommandSocket& operator=(CommandSocket&&) = delete;

  // Accepts, reads whole lines, answers, closes. Never blocks.
  void serve(const CommandHandler& handler);
  [[nodiscard]] std::vector<int> descriptors() const;

 private:
  struct Client {
    int descriptor;
    LocalCaller caller;
    std::string line;
  };
  explicit CommandSocket(int descriptor) : listener_(descriptor) {}
  void accept_clients();
  bool read_line(Client& client, bool& complete);
  int listener_ = -1;
  std::vector<Client> clients_;
};

}  // namespace aseptic::agent
