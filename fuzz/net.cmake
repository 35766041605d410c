# SPDX-License-Identifier: Apache-2.0
if(TARGET aseptic::fleet)
  aseptic_fuzz(http_reply SOURCE http_reply.cpp LINKS aseptic::platform_posix)
  aseptic_fuzz(certificate_role SOURCE certificate_role.cpp LINKS aseptic::platform_posix)
  aseptic_fuzz(fleet_request SOURCE fleet_request.cpp LINKS aseptic::fleet)
endif()
