// SPDX-License-Identifier: Apache-2.0
#include "statement_review.h"

#include <algorithm>

#include "aseptic/publish/codes.h"
#include "aseptic/trust/authority_policy.h"
#include "aseptic/trust/channel.h"
#include "aseptic/trust/release_manifest.h"

namespace aseptic::publish {
namespace {

constexpr std::string_view kIndent = "      ";

class Lines {
 public:
  void add(std::string_view line) { text_ += std::string(kIndent) + printable(line) + "\n"; }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text.empty() ? "none" : text;
}

std::string_view restart_text(trust::Restart restart) {
  switch (restart) {
    case trust::Restart::kNone: return "no restart";
    case trust::Restart::kComponent: return "restart of the component";
    case trust::Restart::kDevice: return "restart of the device";
  }
  return "unknown restart";
}

// The release that stands in the previous version of the targets document with the highest sequence.
std::optional<trust::ReleaseManifest> previous_release(const SigningFile& file, const core::Uuid& product) {
  std::optional<trust::ReleaseManifest> newest;
  if (!file.previous) return newest;
  const auto entries = targets_of(*file.previous);
  if (!entries) return newest;
  for (const TargetEntry& entry : *entries) {
    if (!entry.path.starts_with("releases/") || !entry.path.ends_with("/release.json")) continue;
    const core::Bytes* bytes = file.attachment(*file.previous, entry.path);
    if (!bytes) continue;
    auto release = trust::ReleaseManifest::parse(*bytes);
    if (release && release->product == product && (!newest || release->sequence > newest->sequence)) newest = *std::move(release);
  }
  return newest;
}

const core::Bytes* sbom_bytes(const SigningFile& file, const core::Digest& digest) {
  for (const auto& [path, bytes] : file.attachments)
    if (core::sha256(bytes) == digest) return &bytes;
  return nullptr;
}

void add_sbom(Lines& lines, const SigningFile& file, const trust::ReleaseManifest& release,
              const std::optional<trust::ReleaseManifest>& before) {
  if (release.sbom.empty()) {
    lines.add("SBOM: NONE");
    return;
  }
  const trust::SbomReference& now = release.sbom.front();
  lines.add("SBOM: " + now.format + ", sha256 " + now.digest.hex());
  const core::Bytes* bytes = sbom_bytes(file, now.digest);
  if (!bytes) {
    lines.add("  the SBOM file is not attached: its difference cannot be shown");
    return;
  }
  const core::Bytes* old = before && !before->sbom.empty() ? sbom_bytes(file, before->sbom.front().digest) : nullptr;
  if (!old) {
    const auto packages = sbom_packages(*bytes);
    lines.add(packages ? "  " + std::to_string(packages->size()) + " packages; no earlier SBOM to compare with" : "  " + packages.error().sentence());
    return;
  }
  const auto difference = sbom_difference(*old, *bytes);
  if (!difference) {
    lines.add("  " + difference.error().sentence());
    return;
  }
  lines.add("  difference to release " + before->release_id + ": " + (difference->empty() ? "none" : std::to_string(difference->size()) + " changes"));
  for (const std::string& line : *difference) lines.add("    " + line);
}

void add_safety(Lines& lines, const trust::Safety& safety) {
  lines.add("safety: class " + std::string(trust::to_string(safety.update_class)) + ", allowed in states: " + joined(safety.states));
  lines.add("  downtime at most " + std::to_string(safety.downtime_s_max) + " s, " + std::string(restart_text(safety.restart)) +
            ", energy at least " + std::to_string(safety.energy_mwh_min) + " mWh");
  lines.add("  effect on essential performance: " + safety.essential_performance);
  std::vector<std::string> where;
  for (const trust::Jurisdiction& jurisdiction : safety.jurisdictions) where.push_back(jurisdiction.code + " (" + jurisdiction.approval + ")");
  lines.add("  jurisdictions: " + joined(where));
  std::vector<std::string> languages;
  for (const auto& [language, digest] : safety.consent) languages.push_back(language);
  lines.add("  consent texts: " + joined(languages));
  if (!safety.recall_class.empty()) lines.add("  RECALL class " + safety.recall_class);
}

void add_components(Lines& lines, const trust::ReleaseManifest& release, const std::optional<trust::ReleaseManifest>& before) {
  for (const trust::Component& component : release.components) {
    const trust::Component* old = before ? before->find(component.id) : nullptr;
    lines.add("component " + component.name + " (" + std::string(trust::to_string(component.type)) + ", at " + component.location + ")");
    lines.add("  size " + grouped(component.size) + " bytes" + (old ? ", before " + grouped(old->size) : "") + "; sequence " +
              std::to_string(component.sequence) + "; epoch " + std::to_string(component.epoch) +
              (old && old->epoch != component.epoch ? " (RAISED from " + std::to_string(old->epoch) + ": older epochs will be refused for ever)" : ""));
    lines.add("  boot manifest " + component.manifest_digest.hex());
    lines.add("  image         " + component.image_digest.hex());
  }
}

std::string release_review(const SigningFile& file, const trust::ReleaseManifest& release) {
  const auto before = previous_release(file, release.product);
  Lines lines;
  lines.add("RELEASE " + release.release_id + ", version " + release.version.text() + ", sequence " + std::to_string(release.sequence) +
            (before ? "; before: " + before->release_id + ", version " + before->version.text() + ", sequence " + std::to_string(before->sequence) : ""));
  lines.add("product " + release.product.text() + ", vendor " + release.vendor.text() + ", class " + release.device_class.text());
  for (const trust::HardwareRange& range : release.hardware)
    lines.add("hardware " + range.id.text() + ", revisions " + std::to_string(range.revision_min) + " to " + std::to_string(range.revision_max));
  lines.add("updates from sequence " + std::to_string(release.sources.sequence_min) + " to " + std::to_string(release.sources.sequence_max));
  add_components(lines, release, before);
  add_safety(lines, release.safety);
  add_sbom(lines, file, release, before);
  if (release.not_after) lines.add("not to be installed after " + core::format_utc(*release.not_after));
  if (release.end_of_support) lines.add("end of support " + core::format_utc(*release.end_of_support));
  return lines.text();
}

std::string channel_review(const SigningFile& file, std::string_view path, const trust::Channel& channel) {
  Lines lines;
  lines.add("CHANNEL " + channel.name + " of product " + channel.product.text() + ", revision " + std::to_string(channel.revision));
  lines.add("selects release " + channel.release_id + ", sequence " + std::to_string(channel.sequence) + ", attempt " +
            std::to_string(channel.attempt) + ", digest " + channel.release.hex());
  if (const core::Bytes* bytes = file.previous ? file.attachment(*file.previous, path) : nullptr)
    if (const auto old = trust::Channel::parse(*bytes))
      lines.add("before: release " + old->release_id + ", sequence " + std::to_string(old->sequence) + ", attempt " + std::to_string(old->attempt) +
                ", " + std::to_string(old->withdrawn.size()) + " withdrawn");
  if (channel.withdrawn.empty()) lines.add("withdrawn: none");
  for (const trust::Withdrawal& withdrawal : channel.withdrawn)
    lines.add("WITHDRAWN: sequence " + std::to_string(withdrawal.sequence) + ", " + withdrawal.release.hex() + ": " + withdrawal.reason);
  return lines.text();
}

std::string unreadable(std::string_view why) { return std::string(kIndent) + "DO NOT SIGN unread: " + printable(why) + "\n"; }

template <typename Statement, typename Show>
std::string shown(const core::Bytes& bytes, const Show& show) {
  const auto statement = Statement::parse(bytes);
  return statement ? show(*statement) : unreadable("no device will accept this file: " + statement.error().sentence());
}

std::string_view need_text(trust::Need need) { return need == trust::Need::kRequired ? "required" : "not used"; }

}  // namespace

std::string statement_review(const SigningFile& file, std::string_view path) {
  const bool is_release = path.starts_with("releases/") && path.ends_with("/release.json");
  const bool is_channel = path.starts_with("channels/");
  if (!is_release && !is_channel) return {};
  const core::Bytes* bytes = file.attachment(file.document, path);
  if (!bytes) return unreadable("the file is not attached, or the attached one is not the one that would be signed");
  if (is_channel) return shown<trust::Channel>(*bytes, [&](const auto& channel) { return channel_review(file, path, channel); });
  return shown<trust::ReleaseManifest>(*bytes, [&](const auto& release) { return release_review(file, release); });
}

core::Result<std::string> policy_review(const Document& document) {
  ASEPTIC_TRY(const trust::AuthorityPolicy policy, trust::AuthorityPolicy::parse(document.signed_part));
  Lines lines;
  lines.add("AUTHORITY POLICY of product " + policy.product.text() + ": what a device demands before it installs");
  lines.add("image repository: " + std::string(need_text(policy.image_repository)));
  lines.add("director: " + std::string(need_text(policy.director)));
  lines.add("site: " + std::string(need_text(policy.site)));
  lines.add("log: " + std::string(need_text(policy.log)));
  for (const trust::TufKey& key : policy.provisioning_keys) lines.add("a device must be provisioned by the key " + key.default_id());
  if (policy.provisioning_keys.empty()) lines.add("WITHOUT a provisioning key: a device believes its own configuration about what it is");
  lines.add(std::string("arming without a fresh director statement: ") + (policy.offline_allowed ? "allowed to a site" : "refused"));
  return lines.text();
}

}  // namespace aseptic::publish
