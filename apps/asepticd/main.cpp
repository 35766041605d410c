// SPDX-License-Identifier: Apache-2.0
// asepticd: the device agent's command. `run` starts the two processes; the others ask the running one.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "aseptic/agent/agent.h"
#include "aseptic/core/json.h"

namespace {

using aseptic::core::JsonValue;

constexpr const char* kUsage =
    "usage: asepticd run DEVICE\n"
    "       asepticd status|check|install|log DEVICE [--json] [--last N]\n"
    "       asepticd return-to-service DEVICE --yes|--no [--json]\n"
    "DEVICE is the device's directory; agent/agent.toml in it is the configuration (see agent/README.md).\n";

struct Arguments {
  std::string command;
  std::string device;
  bool json = false;
  std::string decision;
  std::string last = "20";
};

bool parse(int argc, char** argv, Arguments& out) {
  std::vector<std::string> plain;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--json") {
      out.json = true;
    } else if (word == "--yes" || word == "--no") {
      out.decision = word.substr(2);
    } else if (word == "--last" && i + 1 < argc) {
      out.last = argv[++i];
    } else if (word.starts_with("-")) {
      return false;
    } else {
      plain.emplace_back(word);
    }
  }
  if (plain.size() != 2) return false;
  out.command = plain[0];
  out.device = plain[1];
  return true;
}

std::string describe_download(const JsonValue& download) {
  const auto number = [&](const char* name) { return static_cast<double>(download.integer_at(name).value_or(0)); };
  const double size = std::max(1.0, number("size"));
  char text[160];
  std::snprintf(text, sizeof text, "%.0f %% of %.1f MiB, %.2f MiB/s, about %.0f s left", 100 * number("at") / size, size / 1048576,
                number("bytes_per_s") / 1048576, number("seconds_left"));
  return text;
}

void print_value(const std::string& name, const JsonValue& value) {
  std::string text;
  if (value.as_object() != nullptr) {
    text = describe_download(value);
  } else if (const auto* string = value.as_string()) {
    text = *string;
  } else if (const auto* integer = value.as_integer()) {
    text = std::to_string(*integer);
  } else if (const auto* boolean = value.as_bool()) {
    text = *boolean ? "yes" : "no";
  }
  std::printf("%-20s %s\n", name.c_str(), text.c_str());
}

void print_record(const std::string& line) {
  const auto record = aseptic::core::parse_json_value(aseptic::core::as_bytes(line));
  if (!record) return;
  const auto text = [&](const char* name) { return record->string_at(name).value_or(""); };
  const auto type = text("type");
  std::printf("%6lld  boot %-4lld %s%s  %-34s %s\n", static_cast<long long>(record->integer_at("n").value_or(0)),
              static_cast<long long>(record->integer_at("boot").value_or(0)), text("wall").c_str(),
              text("wall_trust") == "untrusted" ? "?" : " ", type == "event" ? text("reason").c_str() : type.c_str(),
              text("text").c_str());
}

int print_answer(const Arguments& arguments, const std::string& answer) {
  const auto json = aseptic::core::parse_json_value(aseptic::core::as_bytes(answer));
  const auto* object = json ? json->as_object() : nullptr;
  if (object == nullptr) {
    std::fprintf(stderr, "asepticd: the agent gave no readable answer\n");
    return 1;
  }
  const bool refused = object->contains("error");
  if (arguments.json) {
    std::printf("%s\n", answer.c_str());
  } else if (refused) {
    std::fprintf(stderr, "asepticd: %s: %s\n", json->string_at("error").value_or("").c_str(),
                 json->string_at("text").value_or("").c_str());
  } else if (const auto records = json->array_at("records"); records) {
    for (const JsonValue& line : **records)
      if (const auto* text = line.as_string()) print_record(*text);
  } else {
    for (const auto& [name, value] : *object) print_value(name, value);
  }
  return refused ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!parse(argc, argv, arguments)) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  if (arguments.command == "run") return aseptic::agent::run_agent(arguments.device);
  std::string request = arguments.command;
  if (request == "log") request += " " + arguments.last;
  if (request == "return-to-service") request += " " + arguments.decision;
  const bool known = arguments.command == "status" || arguments.command == "check" || arguments.command == "install" ||
                     arguments.command == "log" || (arguments.command == "return-to-service" && !arguments.decision.empty());
  if (!known) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  std::string answer;
  if (aseptic::agent::ask_agent(arguments.device, request, answer) == 0) return print_answer(arguments, answer);
  std::fprintf(stderr, "asepticd: %s\n", answer.c_str());
  return 1;
}
