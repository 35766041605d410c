// SPDX-License-Identifier: Apache-2.0
// The pump's image: one static executable, started by boot as {"init", DEVICE} with an empty environment.
#include <cstdio>
#include <cstring>

#include "pump/init/supervisor.h"

int main(int argc, char** argv) {
  if (argc != 2 || argv[1][0] != '/') {
    std::fprintf(stderr, "usage: %s DEVICE (an absolute path; boot gives it)\n", argc > 0 ? argv[0] : "init");
    return 2;
  }
  return aseptic::pump::run_init(argv[1]);
}
