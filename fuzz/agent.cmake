# SPDX-License-Identifier: Apache-2.0
if(TARGET aseptic::agent)
  aseptic_fuzz(agent_message SOURCE agent_message.cpp LINKS aseptic::agent)
  aseptic_fuzz(device_log SOURCE device_log.cpp LINKS aseptic::device_log)
endif()
