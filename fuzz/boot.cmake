# SPDX-License-Identifier: Apache-2.0
aseptic_fuzz(boot_manifest SOURCE boot_manifest.cpp LINKS aseptic::boot_format)
aseptic_fuzz(boot_journal SOURCE boot_journal.cpp LINKS aseptic::boot_journal)
aseptic_fuzz(boot_requests SOURCE boot_requests.cpp LINKS aseptic::boot_journal)
aseptic_fuzz(boot_uart SOURCE boot_uart.cpp LINKS aseptic::boot_core)
aseptic_fuzz(boot_slh_dsa SOURCE boot_slh_dsa.cpp LINKS aseptic::boot_host aseptic::boot_signatures)
aseptic_fuzz(boot_lms SOURCE boot_lms.cpp LINKS aseptic::boot_host aseptic::boot_signatures)
