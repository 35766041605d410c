// SPDX-License-Identifier: Apache-2.0
#include "tests/e2e/hostile_site.h"

#include <charconv>
#include <filesystem>
#include <stdexcept>

#include "aseptic/core/hash.h"
#include "aseptic/platform/posix/file_key_store.h"
#include "aseptic/trust/envelope.h"
#include "aseptic/trust/release_manifest.h"
#include "platform/posix/tests/temporary_directory.h"

namespace aseptic::test {
namespace {

namespace fs = std::filesystem;
using core::JsonObject;
using core::JsonValue;

std::int64_t number_of(const JsonObject& object, const char* name) { return *object.at(name).as_integer(); }

JsonObject& child(JsonObject& object, const std::string& name) { return *object.at(name).as_object(); }

JsonObject parse_object(const std::string& text) {
  auto value = core::parse_json_value(core::as_bytes(text));
  if (!value || value->as_object() == nullptr) throw std::runtime_error("hostile site: not a JSON object");
  return *value->as_object();
}

std::string dropped(std::string_view text, std::string_view prefix) { return std::string(text.substr(prefix.size())); }

// "releases/x/release.json" and a hash: where a consistent snapshot keeps it.
std::string stored_name(const std::string& path, const std::string& hash) {
  const auto slash = path.rfind('/');
  const auto name = slash == std::string::npos ? 0 : slash + 1;
  return "targets/" + path.substr(0, name) + hash + "." + path.substr(name);
}

// The members of a component that its set digest covers.
std::vector<trust::Component> components_of(const JsonObject& release) {
  std::vector<trust::Component> components;
  for (const auto& value : *release.at("components").as_array()) {
    const JsonObject& part = *value.as_object();
    trust::Component component;
    component.id = *core::Uuid::parse(*part.at("id").as_string());
    component.image_digest = *core::Digest::from_hex(*part.at("image_digest").as_string());
    component.sequence = static_cast<std::uint64_t>(number_of(part, "sequence"));
    component.epoch = static_cast<std::uint32_t>(number_of(part, "epoch"));
    components.push_back(std::move(component));
  }
  return components;
}

}  // namespace

HostileSite::HostileSite(const std::string& repository, std::string keys)
    : signers{{"targets", {"release-engineering", "release-quality"}}, {"payload-index", {"payload-index"}}, {"snapshot", {"snapshot"}},
              {"timestamp", {"timestamp"}}, {"root", {"root-1", "root-2"}}},
      keys_(std::move(keys)) {
  for (const auto& entry : fs::recursive_directory_iterator(repository))
    if (entry.is_regular_file()) files[fs::relative(entry.path(), repository)] = platform::read_file(entry.path());
  for (const char* name : {"root", "targets", "payload-index", "snapshot", "timestamp"}) {
    roles_[name] = *parse_object(files.at(file_name(name))).at("signed").as_object();
  }
}

std::string HostileSite::file_name(const std::string& role) const {
  if (role == "timestamp") return "metadata/timestamp.json";
  std::string newest;
  int version_max = 0;
  for (const auto& [name, bytes] : files) {
    if (!name.starts_with("metadata/") || !name.ends_with("." + role + ".json")) continue;
    int version = 0;
    const std::string text = dropped(name, "metadata/");
    std::from_chars(text.data(), text.data() + text.size(), version);
    if (version > version_max) newest = name, version_max = version;
  }
  return newest;
}

JsonObject& HostileSite::role(const std::string& name) { return roles_.at(name); }

const std::string& HostileSite::target_file(const std::string& part) const {
  const std::string* found = nullptr;
  for (const auto& [name, bytes] : files) {
    if (!name.starts_with("targets/") || name.find(part) == std::string::npos) continue;
    if (found != nullptr) throw std::runtime_error("hostile site: several files " + part);
    found = &name;
  }
  if (found == nullptr) throw std::runtime_error("hostile site: no file " + part);
  return *found;
}

std::string HostileSite::target(const std::string& path) const {
  for (const char* role : {"targets", "payload-index"}) {
    const JsonObject& listed = *roles_.at(role).at("targets").as_object();
    const auto found = listed.find(path);
    if (found == listed.end()) continue;
    return files.at(stored_name(path, *found->second.as_object()->at("hashes").as_object()->at("sha256").as_string()));
  }
  throw std::runtime_error("hostile site: no target " + path);
}

std::string HostileSite::sign(const JsonObject& part, const std::vector<std::string>& keys, const std::vector<std::string>& as) const {
  const auto store = *platform::FileKeyStore::open_directory(keys_);
  trust::Envelope envelope;
  envelope.signed_part = part;
  const std::string message = envelope.signed_bytes();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto signer = *store->open(keys[i]);
    const auto name = *store->open(as.empty() ? keys[i] : as[i]);
    envelope.signatures.push_back({trust::TufKey::from_public_key(name->public_key()).default_id(), *signer->sign(core::as_bytes(message))});
  }
  return envelope.encode();
}

void HostileSite::store_role(const std::string& name, bool with_version) {
  const JsonObject& part = roles_.at(name);
  const std::string prefix = with_version ? std::to_string(number_of(part, "version")) + "." : "";
  files["metadata/" + prefix + name + ".json"] = sign(part, signers.at(name));
}

void HostileSite::publish(const std::vector<std::string>& roles) {
  for (const auto& name : roles) {
    JsonObject& part = role(name);
    part["version"] = number_of(part, "version") + 1;
    store_role(name, true);
    const std::string& bytes = files.at(file_name(name));
    JsonObject meta{{"version", part["version"]}, {"length", static_cast<std::int64_t>(bytes.size())}, {"hashes", JsonObject{{"sha256", core::sha256(bytes).hex()}}}};
    child(role("snapshot"), "meta")[name + ".json"] = meta;
  }
  publish_snapshot();
}

void HostileSite::publish_snapshot() {
  JsonObject& snapshot = role("snapshot");
  snapshot["version"] = number_of(snapshot, "version") + 1;
  store_role("snapshot", true);
  const std::string& bytes = files.at(file_name("snapshot"));
  child(role("timestamp"), "meta")["snapshot.json"] = JsonObject{
      {"version", snapshot["version"]}, {"length", static_cast<std::int64_t>(bytes.size())}, {"hashes", JsonObject{{"sha256", core::sha256(bytes).hex()}}}};
  publish_timestamp();
}

void HostileSite::publish_timestamp() {
  JsonObject& timestamp = role("timestamp");
  timestamp["version"] = number_of(timestamp, "version") + 1;
  store_role("timestamp", false);
}

void HostileSite::set_key(const std::string& role_name, const std::string& label) {
  const auto store = *platform::FileKeyStore::open_directory(keys_);
  const auto key = trust::TufKey::from_public_key((*store->open(label))->public_key());
  child(role("root"), "keys")[key.default_id()] = key.encode();
  child(child(role("root"), "roles"), role_name)["keyids"] = core::JsonArray{JsonValue(key.default_id())};
  signers[role_name] = {label};
}

void HostileSite::publish_root() {
  role("root")["version"] = number_of(role("root"), "version") + 1;
  store_role("root", true);
}

std::string HostileSite::put_target(const std::string& role_name, const std::string& path, const std::string& bytes) {
  const std::string hash = core::sha256(bytes).hex();
  child(role(role_name), "targets")[path] = JsonObject{{"length", static_cast<std::int64_t>(bytes.size())}, {"hashes", JsonObject{{"sha256", hash}}}};
  files[stored_name(path, hash)] = bytes;
  return hash;
}

void HostileSite::edit_channel(const std::function<void(JsonObject&)>& edit) {
  for (const auto& [path, entry] : child(role("targets"), "targets")) {
    if (!path.starts_with("channels/")) continue;
    JsonObject channel = parse_object(target(path));
    channel["revision"] = number_of(channel, "revision") + 1;
    edit(channel);
    put_target("targets", path, core::canonical_json(channel));
    return publish({"targets"});
  }
}

void HostileSite::edit_release(const std::function<void(JsonObject&)>& edit) {
  edit_channel([&](JsonObject& channel) {
    const std::string path = "releases/" + *channel.at("release_id").as_string() + "/release.json";
    JsonObject index = parse_object(target("payload-index/" + *channel.at("release").as_string() + ".json"));
    JsonObject release = parse_object(target(path));
    edit(release);
    release["set_digest"] = trust::release_set_digest(components_of(release)).hex();
    const std::string digest = put_target("targets", path, core::canonical_json(release));
    channel["release"] = digest;
    channel["sequence"] = release.at("sequence");
    index["release"] = digest;
    put_target("payload-index", "payload-index/" + digest + ".json", core::canonical_json(index));
  });
  publish({"payload-index"});
}

void HostileSite::edit_index(const std::function<void(JsonObject&)>& edit) {
  edit_payloads([&](core::JsonArray& payloads) { edit(*payloads.front().as_object()); });
}

void HostileSite::edit_payloads(const std::function<void(core::JsonArray&)>& edit) {
  std::string path;
  edit_channel([&](JsonObject& channel) { path = "payload-index/" + *channel.at("release").as_string() + ".json"; });
  JsonObject index = parse_object(target(path));
  JsonObject& image = *index.at("images").as_array()->front().as_object();
  edit(*image.at("payloads").as_array());
  put_target("payload-index", path, core::canonical_json(index));
  publish({"payload-index"});
}

void HostileSite::write_to(const std::string& folder) const {
  for (const auto& [name, bytes] : files) {
    const fs::path path = fs::path(folder) / name;
    fs::create_directories(path.parent_path());
    platform::write_file(path, bytes);
  }
}

HostileServer::HostileServer(HostileSite& site, const Credential& identity, const std::string& client_ca_pem)
    : site_(site),
      server_(std::make_unique<TestServer>([this](const Request& request, Peer& peer) { answer(request, peer); },
                                           ServerTls{.certificate_chain_pem = identity.certificate_pem, .key_pem = identity.key_pem, .client_ca_pem = client_ca_pem})) {}

std::size_t HostileServer::served(const std::string& part) const {
  std::size_t count = 0;
  for (const auto& request : server_->requests()) count += request.find(part) != std::string::npos ? 1 : 0;
  return count;
}

std::string HostileServer::all_requests() const {
  std::string text;
  for (const auto& request : server_->requests()) text += request + "\n";
  return text;
}

void HostileServer::answer(const Request& request, Peer& peer) {
  if (request.method == "POST") return peer.reply(200, "{}");
  const std::string path = request.target.substr(1);
  if (instead && instead(path, peer)) return;
  const auto file = site_.files.find(path);
  if (file == site_.files.end()) return peer.reply(404, "no such file");
  const std::string range = request.header("range");  // "bytes=FIRST-[LAST]"
  std::size_t first = 0;
  if (!has_ranges || !range.starts_with("bytes=") || std::from_chars(range.data() + 6, range.data() + range.size(), first).ec != std::errc()) {
    return peer.reply(200, file->second);
  }
  std::size_t last = file->second.size() - 1;
  std::from_chars(range.data() + range.find('-') + 1, range.data() + range.size(), last);
  if (first > last || last >= file->second.size()) return peer.reply(416, "");
  peer.reply(206, std::string_view(file->second).substr(first, last - first + 1),
             "Content-Range: bytes " + std::to_string(first) + "-" + std::to_string(last) + "/" + std::to_string(file->second.size()) + "\r\n");
}

}  // namespace aseptic::test
