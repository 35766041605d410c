# SPDX-License-Identifier: Apache-2.0
if(TARGET aseptic::fetch)
  aseptic_fuzz(bundle SOURCE bundle.cpp LINKS aseptic::fetch)
endif()
