# SPDX-License-Identifier: Apache-2.0
if(TARGET aseptic::publish)
  aseptic_fuzz(signing_file SOURCE signing_file.cpp LINKS aseptic::publish)
  aseptic_fuzz(inspect SOURCE inspect.cpp LINKS aseptic::publish)
  aseptic_fuzz(mcuboot_image SOURCE mcuboot_image.cpp LINKS aseptic::publish)
endif()
