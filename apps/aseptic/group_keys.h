// SPDX-License-Identifier: Apache-2.0
// Keys of device groups, as files KEYS/groups/<group>.<epoch>.pem (DEVELOPMENT custody).
#pragma once

#include "aseptic/platform/posix/agreement_key.h"
#include "workbench.h"

namespace aseptic::app {

struct GroupKey {
  std::string file;
  std::uint64_t epoch = 0;
};
core::Result<GroupKey> newest_group_key(const Workbench& bench, const std::string& group);

}  // namespace aseptic::app
