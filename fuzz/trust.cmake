# SPDX-License-Identifier: Apache-2.0
if(TARGET aseptic_hostile_repository)
  foreach(name key_envelope strict_json tuf_metadata tuf_delegation_search release_statements)
    aseptic_fuzz(${name} SOURCE ${name}.cpp LINKS aseptic_hostile_repository)
  endforeach()
endif()
