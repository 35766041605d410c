// SPDX-License-Identifier: Apache-2.0
#include "offer/lookout.h"

#include <algorithm>
#include <tuple>

#include "aseptic/agent/codes.h"
#include "aseptic/agent/version.h"
#include "aseptic/payload/format/header.h"
#include "aseptic/trust/codes.h"
#include "aseptic/trust/limits.h"

namespace aseptic::agent {
namespace {

using core::Result;
using core::Verified;

// SECURITY(T-06): boot remembers what the agent's wiped files forgot; the higher of both counts.
bool cache_is_newer(const LookoutFacts& facts) {
  return facts.memory.confirmed_sequence > facts.boot.report.confirmed_sequence;
}

void add_component(const ComponentSet::Member& member, trust::DeviceFacts& out) {
  trust::DeviceComponent component;
  component.id = member.component->id();
  component.location = member.component->location();
  component.epoch_floor = member.view->report.floor;
  component.confirmed_sequence = member.view->report.confirmed_sequence;
  component.confirmed_manifest = member.view->confirmed();
  out.components.push_back(std::move(component));
  const auto count = std::min<std::size_t>(member.view->report.quarantine_count, boot::kQuarantineMax);
  for (std::size_t i = 0; i < count; ++i) {
    const boot::Quarantined& entry = member.view->report.quarantine[i];
    out.quarantine.push_back({core::Digest{entry.digest}, entry.attempt});
  }
}

trust::DeviceFacts device_facts(const LookoutFacts& facts, core::UtcTime now) {
  const DeviceConfig& device = facts.config.device;
  trust::DeviceFacts out;
  out.vendor = device.vendor;
  out.product = device.product;
  out.device_class = device.device_class;
  out.hardware = device.hardware;
  out.hardware_revision = device.hardware_revision;
  out.jurisdiction = device.jurisdiction;
  out.agent_version = kAgentVersion;
  out.can_decrypt = facts.can_decrypt;
  out.now = now;
  trust::DeviceComponent component;
  component.id = device.component;
  component.location = device.location;
  component.epoch_floor = facts.boot.report.floor;
  component.confirmed_sequence = facts.boot.report.confirmed_sequence;
  component.confirmed_manifest = facts.boot.confirmed();
  if (cache_is_newer(facts)) {
    component.confirmed_sequence = facts.memory.confirmed_sequence;
    component.confirmed_manifest = facts.memory.confirmed_manifest;
  }
  out.confirmed_sequence = component.confirmed_sequence;
  out.components.push_back(std::move(component));
  for (const ComponentSet::Member& member : facts.others) add_component(member, out);
  const auto count = std::min<std::size_t>(facts.boot.report.quarantine_count, boot::kQuarantineMax);
  for (std::size_t i = 0; i < count; ++i) {
    const boot::Quarantined& entry = facts.boot.report.quarantine[i];
    out.quarantine.push_back({core::Digest{entry.digest}, entry.attempt});
  }
  for (const FailedImage& failed : facts.memory.failed) out.quarantine.push_back({failed.manifest, failed.attempt});
  return out;
}

template <typename Read>
auto read_statement(ReleaseSource& source, const std::string& path, Read&& verify)
    -> decltype(verify(std::declval<const Verified<trust::TargetInfo>&>(), core::ByteView{})) {
  ASEPTIC_TRY(const auto target, source.find(path).within(path));
  ASEPTIC_TRY(const core::Bytes bytes, source.read(target, trust::kStatementBytesMax).within(path));
  return verify(target, bytes);
}

bool is_decodable(const trust::PayloadEntry& entry) {
  return std::ranges::all_of(entry.codecs, [](std::uint32_t codec) {
    return codec < 32 && (payload::kEncodingsSupported >> codec & 1u) != 0;
  });
}

// SECURITY(T-31): a delta counts only when it starts from the very image that boot measured and runs; the digest is compared
// again in the payload's own header, and every old byte when it is used.
std::vector<std::size_t> payload_order(const trust::ImagePayloads& image, const core::Digest& running_image) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < image.payloads.size(); ++i) {
    const trust::PayloadEntry& entry = image.payloads[i];
    if (is_decodable(entry) && (!entry.base || *entry.base == running_image)) order.push_back(i);
  }
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::tuple(!image.payloads[i].base.has_value(), image.payloads[i].payload_size, i); });
  return order;
}

Result<Offer> make_offer(ReleaseSource& source, const LookoutFacts& facts, const core::Uuid& component_id,
                         const Verified<trust::Channel>& channel, Verified<trust::ReleaseManifest> release) {
  const trust::Component* component = release->find(component_id);
  if (component == nullptr) {
    return core::Error(trust::TrustCode::kComponentUnknown, "the release has no image for component " + component_id.text());
  }
  ASEPTIC_TRY(const auto index,
              read_statement(source, trust::payload_index_target_path(channel->release),
                             [&](const Verified<trust::TargetInfo>& target, core::ByteView bytes) {
                               return trust::StatementVerifier::payload_index(target, bytes, release);
                             }));
  const trust::ImagePayloads* payloads = index->find(component->image_digest);
  if (payloads == nullptr) return core::Error(AgentCode::kUnsupported, "the payload index names no way to this image");
  std::vector<PayloadWay> ways;
  for (const std::size_t i : payload_order(*payloads, core::Digest{facts.boot.report.running_image})) {
    const trust::PayloadEntry& entry = payloads->payloads[i];
    auto target = source.find(entry.target_path());
    if (!target && entry.base) continue;  // a delta that is not published is no reason to stay behind
    if (!target) return std::move(target).error().within("payload");
    ASEPTIC_TRY(const auto header, trust::DigestIssuer::payload_header(index, component->image_digest, i));
    ways.push_back({entry.base, header, entry.payload_size, entry.payload_digest, entry.key_id.has_value(), *std::move(target)});
  }
  if (ways.empty()) return core::Error(AgentCode::kUnsupported, "no payload of this image can be decoded by this agent");
  ASEPTIC_TRY(auto manifest, trust::DigestIssuer::manifest(release, component_id));
  ASEPTIC_TRY(auto image, trust::DigestIssuer::image(release, component_id));
  const std::uint64_t image_size = component->size;
  return Offer{std::move(release), channel->release, channel->attempt, manifest, image, image_size, std::move(ways), component_id, {}};
}

Result<std::optional<Offer>> evaluate(ReleaseSource& source, const LookoutFacts& facts,
                                      const Verified<trust::Channel>& channel) {
  ASEPTIC_TRY(auto release, read_statement(source, channel->release_path(),
                                           [](const Verified<trust::TargetInfo>& target, core::ByteView bytes) {
                                             return trust::StatementVerifier::release(target, bytes);
                                           }));
  ASEPTIC_TRY_VOID(trust::StatementVerifier::selects(channel, release));
  if (const trust::Component* component = release->find(facts.config.device.component);
      component != nullptr && component->manifest_digest == facts.boot.confirmed()) {
    return std::optional<Offer>{};
  }
  ASEPTIC_TRY_VOID(trust::applicable(*release, channel->release, {channel->attempt, channel->withdrawn},
                                     device_facts(facts, source.judged_now())));
  ASEPTIC_TRY(auto offer, make_offer(source, facts, facts.config.device.component, channel, release));
  // SI-17: a set is whole or it is no set; a component that the release leaves out would run beside a main image it never met.
  for (const ComponentSet::Member& member : facts.others) {
    ASEPTIC_TRY(auto other, make_offer(source, facts, member.component->id(), channel, release));
    offer.others.push_back(std::move(other));
  }
  return std::optional<Offer>{std::move(offer)};
}

}  // namespace

Result<Sighting> look_for_release(ReleaseSource& source, const LookoutFacts& facts) {
  ASEPTIC_TRY_VOID(source.refresh().within("refresh"));
  // SECURITY(T-06): a wiped metadata cache starts from the provisioned root again; boot keeps the lowest allowed one.
  if (source.root_version() < facts.boot.report.min_root_version) {
    return core::Error(trust::TrustCode::kRollback, "the repository's root is older than the confirmed image demands");
  }
  const std::string channel_path =
      trust::channel_target_path(facts.config.device.product, facts.config.repository.channel);
  ASEPTIC_TRY(const auto channel, read_statement(source, channel_path,
                                                 [](const Verified<trust::TargetInfo>& target, core::ByteView bytes) {
                                                   return trust::StatementVerifier::channel(target, bytes);
                                                 }));
  for (const ComponentSet::Member& member : facts.others)
    if (!member.view) return core::Error(AgentCode::kUnreachable, "a component of the device does not answer");
  Sighting sighting;
  sighting.selected = channel->release;
  sighting.withdrawn = channel->withdrawn;
  auto offer = evaluate(source, facts, channel);
  if (!offer) {
    sighting.refusal = std::move(offer).error();
  } else if (*offer) {
    sighting.offer.emplace(**std::move(offer));
  }
  return sighting;
}

}  // namespace aseptic::agent
