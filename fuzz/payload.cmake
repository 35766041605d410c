# SPDX-License-Identifier: Apache-2.0
aseptic_fuzz(payload_header SOURCE payload_header.cpp LINKS aseptic::payload_format)
if(TARGET aseptic_sim_checkers)
  aseptic_fuzz(payload_stream SOURCE payload_stream.cpp LINKS aseptic::payload_make aseptic::sim_checkers ${ASEPTIC_ZSTD_LIBRARY})
endif()
aseptic_fuzz(delta_section SOURCE delta_section.cpp LINKS aseptic::payload_decode)
aseptic_fuzz(delta_chunk SOURCE delta_chunk.cpp LINKS aseptic::payload_decode aseptic::payload_apply)
aseptic_fuzz(mcu_delta SOURCE mcu_delta.cpp LINKS aseptic::payload_make)
