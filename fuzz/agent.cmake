# SPDX-License-Identifier: Apache-2.0
if(TARGET aseptic::agent)
  aseptic_fuzz(agent_message SOURCE agent_message.cpp LINKS aseptic::agent)
  aseptic_fuzz(device_log SOURCE device_log.cpp LINKS aseptic::device_log)
endif()
if(TARGET aseptic::component_link)
  aseptic_fuzz(component_frame SOURCE component_frame.cpp LINKS aseptic::component_link)
endif()
