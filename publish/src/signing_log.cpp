// SPDX-License-Identifier: Apache-2.0
#include "aseptic/publish/signing_log.h"

#include "aseptic/publish/codes.h"

namespace aseptic::publish {
namespace {

constexpr std::uint64_t kSigningLogMax = 256u << 20;

}  // namespace

core::Result<SigningLog::State> SigningLog::verify() const {
  State state;
  std::error_code ignored;
  if (!std::filesystem::exists(file_, ignored)) return state;
  ASEPTIC_TRY(const core::Bytes content, read_file(file_, kSigningLogMax));
  std::string_view rest = core::as_text(content);
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    const std::string where = file_.string() + ", line " + std::to_string(state.lines + 1);
    if (end == rest.npos) return core::Error(PublishCode::kRepositoryState, where + " is cut off; keep the file and start a new signing log");
    const std::string_view line = rest.substr(0, end);
    ASEPTIC_TRY(const core::JsonValue value, core::parse_json_value(core::as_bytes(line)).within(where));
    // SECURITY(T-81): each line carries the digest of the one before and its own number.
    if (value.string_at("previous").value_or("") != state.last.hex() || value.count_at("line").value_or(0) != state.lines + 1)
      return core::Error(PublishCode::kRepositoryState, where + " does not follow the line before it: the signing log was changed");
    state.last = core::sha256(line);
    ++state.lines;
    rest.remove_prefix(end + 1);
  }
  return state;
}

core::Result<core::Digest> SigningLog::append(const SigningRecord& record) {
  const Path folder = file_.has_parent_path() ? file_.parent_path() : Path(".");
  ASEPTIC_TRY_VOID(make_folders(folder));
  ASEPTIC_TRY(const FolderLock lock, FolderLock::take(folder));
  ASEPTIC_TRY(const State state, verify());
  std::string line = core::canonical_json(core::JsonObject{{"line", static_cast<std::int64_t>(state.lines + 1)},
                                                           {"previous", state.last.hex()},
                                                           {"time", core::format_utc(record.time)},
                                                           {"what", record.what},
                                                           {"key", record.key_id},
                                                           {"custody", platform::to_string(record.custody)},
                                                           {"signed", record.signed_digest.hex()},
                                                           {"shown", record.shown_digest.hex()}});
  const core::Digest digest = core::sha256(line);
  line += '\n';
  ASEPTIC_TRY_VOID(append_durable(file_, core::as_bytes(line)));
  return digest;
}

}  // namespace aseptic::publish
