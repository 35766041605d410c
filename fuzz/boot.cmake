# SPDX-License-Identifier: Apache-2.0
aseptic_fuzz(boot_manifest SOURCE boot_manifest.cpp LINKS aseptic::boot_format)
aseptic_fuzz(boot_journal SOURCE boot_journal.cpp LINKS aseptic::boot_journal)
aseptic_fuzz(boot_requests SOURCE boot_requests.cpp LINKS aseptic::boot_journal)
aseptic_fuzz(boot_uart SOURCE boot_uart.cpp LINKS aseptic::boot_core)
