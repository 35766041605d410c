// SPDX-License-Identifier: Apache-2.0
#include "tests/e2e/repository_server.h"

#include <algorithm>
#include <charconv>

namespace aseptic::test {
namespace {

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size() && std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ec == std::errc()) {
      out.push_back(static_cast<char>(value));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

}  // namespace

RepositoryServer::RepositoryServer(trust::test::HostileRepository& repository, std::optional<ServerTls> tls)
    : repository_(repository), server_([this](const Request& request, Peer& peer) { answer(request, peer); }, std::move(tls)) {}

std::vector<std::string> RepositoryServer::requests() const {
  std::vector<std::string> names = server_.requests();
  for (auto& name : names) {
    if (name.starts_with("GET ")) name.erase(0, 4);
    if (name.starts_with("/metadata/")) name.erase(0, 10);
  }
  return names;
}

void RepositoryServer::answer(const Request& request, Peer& peer) {
  std::string_view path = request.target;
  const bool is_metadata = path.starts_with("/metadata/");
  if (!is_metadata && !path.starts_with("/targets/")) return peer.reply(404, "no such folder");
  path.remove_prefix(is_metadata ? 10 : 9);
  const std::string name = percent_decoded(path);
  if (instead && instead(name, peer)) return;
  const auto file = is_metadata ? metadata(name) : target(name);
  if (file) peer.reply(200, *file);
  else peer.reply(404, "no such file");
}

std::optional<std::string> RepositoryServer::metadata(const std::string& name) const {
  if (!name.ends_with(".json")) return std::nullopt;
  std::string role = name.substr(0, name.size() - 5);
  std::uint64_t version = 0;
  const auto [end, error] = std::from_chars(role.data(), role.data() + role.size(), version);
  const bool has_version = error == std::errc() && end != role.data() + role.size() && *end == '.';
  if (has_version) role.erase(0, static_cast<std::size_t>(end - role.data()) + 1);
  if (role == "root") {
    const auto root = repository_.roots.find(version);
    return has_version && root != repository_.roots.end() ? std::optional(root->second) : std::nullopt;
  }
  if (role == "timestamp") return has_version ? std::nullopt : std::optional(repository_.timestamp_file());
  if (has_version != repository_.root.consistent_snapshot) return std::nullopt;
  if (role == "snapshot") return repository_.snapshot_file();
  if (!repository_.roles.contains(role)) return std::nullopt;
  return repository_.role_file(role);
}

std::optional<std::string> RepositoryServer::target(const std::string& path) const {
  std::string plain = path;
  std::string hash;
  if (repository_.root.consistent_snapshot) {
    const auto begin = path.rfind('/') == std::string::npos ? 0 : path.rfind('/') + 1;
    const auto dot = path.find('.', begin);
    if (dot == std::string::npos) return std::nullopt;
    hash = path.substr(begin, dot - begin);
    plain.erase(begin, dot + 1 - begin);
  }
  const auto content = repository_.contents.find(plain);
  if (content == repository_.contents.end()) return std::nullopt;
  return content->second;
}

}  // namespace aseptic::test
