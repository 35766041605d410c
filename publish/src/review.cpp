// SPDX-License-Identifier: Apache-2.0
#include "aseptic/publish/review.h"

#include <algorithm>

#include "aseptic/publish/codes.h"
#include "statement_review.h"

namespace aseptic::publish {
namespace {

std::string short_id(std::string_view id) { return printable(id.substr(0, 16)) + "..."; }

std::string role_keys_text(const core::JsonValue& role) {
  std::string text = std::to_string(role.count_at("threshold").value_or(0)) + " of";
  if (const auto ids = role.array_at("keyids"))
    for (const core::JsonValue& id : **ids) text += " " + short_id(id.as_string() ? *id.as_string() : "?");
  return text;
}

const core::JsonValue* role_of(const Document* root, const std::string& role) {
  const core::JsonValue* roles = root ? root->signed_part.find("roles") : nullptr;
  return roles ? roles->find(role) : nullptr;
}

std::string root_changes(const SigningFile& file) {
  const Document* before = file.chain.empty() ? nullptr : &file.chain.back().document;
  std::string text = "Who may sign, as this root says it:\n";
  for (const std::string role : {"root", "targets", "snapshot", "timestamp"}) {
    const core::JsonValue* now = role_of(&file.document, role);
    const core::JsonValue* old = role_of(before, role);
    text += "  " + role + (role == "targets" ? " (release)" : "") + ": " + (now ? role_keys_text(*now) : "MISSING") + "\n";
    if (!before) continue;
    if (now && old && *now == *old)
      text += "      unchanged\n";
    else
      text += "      before: " + (old ? role_keys_text(*old) : std::string("none")) + "\n";
  }
  return text;
}

std::string delegation_line(const core::JsonValue& role) {
  std::string text = printable(role.string_at("name").value_or("?")) + ": " + role_keys_text(role) + ", paths";
  if (const auto paths = role.array_at("paths"))
    for (const core::JsonValue& path : **paths) text += " " + printable(path.as_string() ? *path.as_string() : "?");
  return text;
}

std::string delegation_changes(const core::JsonValue* before, const core::JsonValue* after) {
  const core::JsonValue nothing;
  if ((before ? *before : nothing) == (after ? *after : nothing)) return "Delegations: unchanged\n";
  std::string text = "Delegations CHANGE. After this signature:\n";
  if (!after) return text + "  none\n";
  if (const auto roles = after->array_at("roles"))
    for (const core::JsonValue& role : **roles) text += "  " + delegation_line(role) + "\n";
  if (const core::JsonValue* bins = after->find("succinct_roles"))
    text += "  hash bins " + printable(bins->string_at("name_prefix").value_or("?")) + "-*: " +
            std::to_string(bins->count_at("bit_length").value_or(0)) + " bits, " + role_keys_text(*bins) + "\n";
  return text;
}

std::string entry_line(const TargetEntry& entry) {
  return printable(entry.path) + "  (" + grouped(entry.length) + " bytes, sha256 " + entry.sha256.hex() + ")";
}

core::Result<std::string> target_changes(const SigningFile& file) {
  ASEPTIC_TRY(const std::vector<TargetEntry> after, targets_of(file.document));
  std::vector<TargetEntry> before;
  if (file.previous) {
    ASEPTIC_TRY(before, targets_of(*file.previous));
  }
  std::string text;
  for (const TargetEntry& entry : after) {
    const auto old = std::ranges::find(before, entry.path, &TargetEntry::path);
    if (old != before.end() && old->sha256 == entry.sha256 && old->length == entry.length) continue;
    text += (old == before.end() ? "  + " : "  ~ ") + entry_line(entry) + "\n";
    text += statement_review(file, entry.path);
  }
  for (const TargetEntry& entry : before)
    if (std::ranges::find(after, entry.path, &TargetEntry::path) == after.end()) text += "  - " + entry_line(entry) + "\n";
  return text.empty() ? std::string("Targets: unchanged\n") : "Targets that change:\n" + text;
}

// Whether the version that the text compares with is one that the role's keys signed.
std::string previous_line(const SigningFile& file) {
  if (!file.previous) return "  follows: nothing; this is the first version\n";
  std::string text = "  follows: version " + std::to_string(file.previous->version());
  const auto keys = file.signing_keys();
  const bool vouched = keys && check_threshold(*file.previous, file.role == "root" ? keys->back() : keys->front(), "previous").has_value();
  return text + (vouched ? ", signed by this role\n" : ", NOT SIGNED BY THE PRESENT KEYS OF THIS ROLE\n");
}

core::Result<std::string> header(const SigningFile& file, const std::optional<Document>& trusted_root) {
  std::string text = "About to be signed: " + file.role + " version " + std::to_string(file.document.version()) + "\n";
  text += previous_line(file);
  if (const auto expires = file.document.expires()) text += "  expires: " + core::format_utc(*expires) + "\n";
  ASEPTIC_TRY(const auto sets, file.progress());
  for (std::size_t i = 0; i < sets.size(); ++i)
    text += "  signatures so far: " + std::to_string(sets[i].valid) + " of " + std::to_string(sets[i].needed) +
            (i == 1 ? " by the keys of the root before\n" : "\n");
  if (trusted_root) {
    ASEPTIC_TRY_VOID(check_chain(file, *trusted_root));
    text += "  authority: root version " + std::to_string(trusted_root->version()) + ", trusted by you\n";
  } else if (file.chain.empty()) {
    text += "  authority: none, this is the first root; compare the digest with the other root people before you sign\n";
  } else {
    text += "  authority: NOT CHECKED; give the root that you trust with --root\n";
  }
  return text + "  digest of what is signed: " + file.digest().hex() + "\n";
}

}  // namespace

core::Result<Presentation> review(const SigningFile& file, const std::optional<Document>& trusted_root) {
  ASEPTIC_TRY(std::string text, header(file, trusted_root));
  if (file.role == "root") {
    text += root_changes(file);
  } else if (file.role == kPolicySigningRole) {
    ASEPTIC_TRY(const std::string policy, policy_review(file.document));
    text += policy;
  } else {
    ASEPTIC_TRY(const std::string targets, target_changes(file));
    text += targets;
    text += delegation_changes(file.previous ? file.previous->signed_part.find("delegations") : nullptr,
                               file.document.signed_part.find("delegations"));
  }
  return Presentation{file.role + " version " + std::to_string(file.document.version()), std::move(text), file.digest()};
}

std::string printable(std::string_view text) {
  std::string safe;
  for (const char c : text) safe += static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f ? '?' : c;
  return safe;
}

std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

}  // namespace aseptic::publish
