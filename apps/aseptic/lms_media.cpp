// SPDX-License-Identifier: Apache-2.0
#include "lms_media.h"

#include <sys/stat.h>

#include <algorithm>

#include <CLI/App.hpp>

#include "aseptic/platform/posix/posix_storage.h"
#include "aseptic/publish/codes.h"

namespace aseptic::app {
namespace {

namespace fs = std::filesystem;
using platform::PosixStorage;

bool is_below(const Path& inner, const Path& outer) {
  return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

bool lies_on_same_medium(const Path& one, const Path& other) {
  struct stat a{}, b{};
  return ::stat(one.c_str(), &a) == 0 && ::stat(other.c_str(), &b) == 0 && a.st_dev == b.st_dev;
}

// SECURITY(T-20): what one backup holds is put back together, and then nothing notices.
core::Result<void> check_apart(const Path& keys, const Path& witness) {
  std::error_code error;
  if (!fs::is_directory(witness, error))
    return core::Error(publish::PublishCode::kOneTimeState, "there is no folder " + witness.string() + " for the witness; is its medium mounted?");
  const Path own = fs::weakly_canonical(keys, error), second = fs::canonical(witness, error);
  if (error) return core::Error(publish::PublishCode::kFileIo, "cannot find out where " + witness.string() + " lies: " + error.message());
  if (is_below(second, own) || is_below(own, second))
    return core::Error(publish::PublishCode::kOneTimeState, "the witness must not lie in the folder of keys or around it: one backup would hold both");
  if (lies_on_same_medium(own, second))
    std::cerr << "DEVELOPMENT: the LMS key and its witness lie on the same medium; whoever puts that back as a whole uses an index twice.\n";
  return {};
}

}  // namespace

core::Result<LmsMedia> open_lms_media(const Workbench& bench, const std::string& witness_folder, MediaUse use) {
  const PosixStorage::Options options{.lock = use == MediaUse::kSign ? PosixStorage::Lock::kExclusive : PosixStorage::Lock::kNone};
  LmsMedia media;
  ASEPTIC_TRY(media.state, PosixStorage::open(bench.keys_folder, options).within("the folder of keys"));
  if (witness_folder.empty()) return media;
  ASEPTIC_TRY_VOID(check_apart(bench.keys_folder, witness_folder));
  ASEPTIC_TRY(media.witness, PosixStorage::open(witness_folder, options).within("the witness"));
  return media;
}

void add_witness_option(CLI::App* command, std::string& folder) {
  command->add_option("--witness", folder, "Folder on a second medium that counts what an LMS key signed")->envname("ASEPTIC_LMS_WITNESS");
}

}  // namespace aseptic::app
