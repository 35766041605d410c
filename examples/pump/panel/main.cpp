// SPDX-License-Identifier: Apache-2.0
// pump-panel: the buttons and the screen of the simulated pump.
// Exit status: 0 done, 1 refused or no pump there, 2 bad usage.
#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "pump/therapy/packet_socket.h"

namespace {

constexpr int kAnswerTimeoutMs = 5000;

int usage() {
  std::fprintf(stderr,
               "usage: pump-panel DEVICE COMMAND\n"
               "commands: status, start, stop, connect, disconnect, program [ML_PER_HOUR ML], power-off\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return usage();
  std::string command = argv[2];
  for (int i = 3; i < argc; ++i)
    command += std::string(" ") + argv[i];
  if (chdir(argv[1]) != 0) {
    std::fprintf(stderr, "pump-panel: there is no device folder %s\n", argv[1]);
    return 1;
  }
  const aseptic::pump::Descriptor pump = aseptic::pump::connect_to("run/panel.sock");
  const std::span bytes(reinterpret_cast<const std::uint8_t*>(command.data()), command.size());
  if (!pump.is_open() || !aseptic::pump::send_packet(pump, bytes)) {
    std::fprintf(stderr, "pump-panel: the pump of %s does not run; start it with: aseptic-boot run DEVICE\n",
                 argv[1]);
    return 1;
  }
  pollfd watched{pump.get(), POLLIN, 0};
  std::vector<std::uint8_t> answer;
  if (poll(&watched, 1, kAnswerTimeoutMs) != 1 ||
      aseptic::pump::receive_packet(pump, answer) != aseptic::pump::Received::kPacket) {
    std::fprintf(stderr, "pump-panel: the pump did not answer\n");
    return 1;
  }
  const std::string text(answer.begin(), answer.end());
  const bool ok = text.starts_with("ok ");
  const std::size_t begin = text.find(' ') == std::string::npos ? 0 : text.find(' ') + 1;
  std::fprintf(ok ? stdout : stderr, "%s\n", text.substr(begin).c_str());
  return ok ? 0 : 1;
}
