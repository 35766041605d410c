// SPDX-License-Identifier: Apache-2.0
#include "aseptic/trust/channel.h"

#include "statement_parts.h"

namespace aseptic::trust {
namespace {

constexpr std::string_view kFormat = "aseptic-channel-1";

}  // namespace

core::Result<Channel> Channel::parse(core::ByteView bytes) {
  ASEPTIC_TRY(const core::JsonValue value, parse_canonical(bytes, kStatementBytesMax, "channel"));
  ASEPTIC_TRY(ObjectReader reader, open_format(value, "channel", kFormat));
  Channel channel;
  ASEPTIC_TRY(channel.critical, read_critical(reader));
  ASEPTIC_TRY(channel.product, reader.uuid("product"));
  ASEPTIC_TRY(channel.name, reader.text("name"));
  ASEPTIC_TRY_VOID(check_identifier(channel.name, "channel name"));
  ASEPTIC_TRY(channel.revision, reader.count("revision"));
  ASEPTIC_TRY(channel.release_id, reader.text("release_id"));
  ASEPTIC_TRY_VOID(check_identifier(channel.release_id, "release_id"));
  ASEPTIC_TRY(channel.release, reader.digest("release"));
  ASEPTIC_TRY(channel.sequence, reader.count("sequence"));
  ASEPTIC_TRY(channel.attempt, reader.count32("attempt"));
  ASEPTIC_TRY(channel.withdrawn, read_withdrawals(reader));
  if (channel.sequence < 1 || channel.attempt < 1 || channel.revision < 1)
    return reader.error("sequence, attempt and revision start at 1");
  ASEPTIC_TRY_VOID(check_critical(reader, channel.critical));
  channel.unrecognized = reader.rest();
  ASEPTIC_TRY_VOID(check_faithful(reader, channel.encode(), bytes));
  return channel;
}

std::string Channel::encode() const {
  core::JsonObject object = unrecognized;
  object["format"] = kFormat;
  object["critical"] = encode_texts(critical);
  object["product"] = product.text();
  object["name"] = name;
  object["revision"] = number(revision);
  object["release_id"] = release_id;
  object["release"] = release.hex();
  object["sequence"] = number(sequence);
  object["attempt"] = number(attempt);
  object["withdrawn"] = encode_withdrawals(withdrawn);
  return core::canonical_json(object);
}

std::string Channel::target_path() const { return channel_target_path(product, name); }
std::string Channel::release_path() const { return release_target_path(release_id); }

std::string channel_target_path(const core::Uuid& product, std::string_view channel) {
  return "channels/" + product.text() + "/" + std::string(channel) + ".json";
}

std::string release_target_path(std::string_view release_id) {
  return "releases/" + std::string(release_id) + "/release.json";
}

}  // namespace aseptic::trust
