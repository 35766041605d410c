// SPDX-License-Identifier: Apache-2.0
#include "options.h"

#include <charconv>
#include <map>
#include <optional>
#include <string_view>

namespace aseptic::tuf {

const char* const kHelpText =
    "aseptic-tuf: a client for TUF 1.0 repositories\n"
    "\n"
    "  aseptic-tuf --metadata-dir DIR init ROOTFILE\n"
    "      Trust this root.json; no network.\n"
    "  aseptic-tuf --metadata-url URL --metadata-dir DIR refresh\n"
    "      Update the trusted top-level metadata in DIR.\n"
    "  aseptic-tuf --metadata-url URL --metadata-dir DIR --target-name T [--target-name T2 ...]\n"
    "              --target-dir TD --target-base-url URL download\n"
    "      Refresh, then fetch each target into TD in order; stops at the first failure.\n"
    "\n"
    "  --stall-seconds N   give up after N seconds without progress (default 60)\n"
    "  --min-rate N        give up below N bytes per second, averaged over 30 s or the stall time,\n"
    "                      whichever is shorter (default 16; 0 = off)\n"
    "\n"
    "Exit status: 0 success, 1 every failure.\n";

namespace {

using Words = std::vector<std::string_view>;
constexpr std::string_view kSeeHelp = "; see aseptic-tuf --help";
constexpr std::uint64_t kStallSecondsMax = 86'400;

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::unexpected<std::string> wrong(std::string sentence) { return std::unexpected(std::move(sentence) + std::string(kSeeHelp)); }

// Where each option's value goes; repeated use of a single-valued option is an error, not the last one wins.
class OptionReader {
 public:
  explicit OptionReader(Options& options) : options_(options) {
    texts_ = {{"--metadata-dir", &options.metadata_dir},
              {"--metadata-url", &options.metadata_url},
              {"--target-dir", &options.target_dir},
              {"--target-base-url", &options.target_base_url}};
  }

  std::expected<void, std::string> set(std::string_view name, std::string_view value) {
    if (value.empty()) return wrong("the option " + std::string(name) + " needs a value");
    if (name == "--target-name") {
      options_.target_names.emplace_back(value);
      return {};
    }
    if (!seen_.emplace(name, true).second) return wrong("the option " + std::string(name) + " is given twice");
    if (const auto text = texts_.find(name); text != texts_.end()) {
      *text->second = value;
      return {};
    }
    const auto count = number(value);
    if (name == "--stall-seconds") {
      if (!count || *count == 0 || *count > kStallSecondsMax) return wrong("--stall-seconds needs a number from 1 to 86400");
      options_.stall_max = std::chrono::seconds(*count);
      return {};
    }
    if (name == "--min-rate") {
      if (!count || *count > 1'000'000'000) return wrong("--min-rate needs a number of bytes per second up to 1000000000");
      options_.rate_min_bytes_per_s = *count;
      return {};
    }
    return wrong("the option " + std::string(name) + " is not known");
  }

 private:
  Options& options_;
  std::map<std::string_view, std::string*> texts_;
  std::map<std::string, bool, std::less<>> seen_;
};

std::expected<void, std::string> require(const std::string& value, std::string_view option, std::string_view command) {
  if (!value.empty()) return {};
  return wrong("the command " + std::string(command) + " needs the option " + std::string(option));
}

std::expected<Options, std::string> judge(Options options, const Words& words) {
  if (words.empty()) return wrong("a command is missing: init, refresh or download");
  const std::string_view command = words.front();
  if (command == "init") options.command = Command::kInit;
  else if (command == "refresh") options.command = Command::kRefresh;
  else if (command == "download") options.command = Command::kDownload;
  else return wrong("\"" + std::string(command) + "\" is not a command; use init, refresh or download");

  const std::size_t words_expected = options.command == Command::kInit ? 2 : 1;
  if (words.size() < words_expected) return wrong("the command init needs the file of the root to trust");
  if (words.size() > words_expected) return wrong("\"" + std::string(words[words_expected]) + "\" is one argument too many");
  if (options.command == Command::kInit) options.root_file = words[1];

  std::vector<std::pair<const std::string*, std::string_view>> needed{{&options.metadata_dir, "--metadata-dir"}};
  if (options.command != Command::kInit) needed.emplace_back(&options.metadata_url, "--metadata-url");
  if (options.command == Command::kDownload) {
    needed.emplace_back(&options.target_dir, "--target-dir");
    needed.emplace_back(&options.target_base_url, "--target-base-url");
    if (options.target_names.empty()) return wrong("the command download needs at least one --target-name");
  }
  for (const auto& [value, option] : needed)
    if (auto there = require(*value, option, command); !there) return std::unexpected(there.error());
  return options;
}

}  // namespace

std::expected<Options, std::string> parse_options(std::span<const char* const> arguments) {
  Options options;
  OptionReader reader(options);
  Words words;
  bool options_ended = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string_view word = arguments[i];
    if (options_ended || !word.starts_with("--")) {
      words.push_back(word);
      continue;
    }
    if (word == "--") {
      options_ended = true;
      continue;
    }
    if (word == "--help") return Options{};
    std::string_view value;
    if (const auto equals = word.find('='); equals != std::string_view::npos) {
      value = word.substr(equals + 1);
      word = word.substr(0, equals);
    } else if (i + 1 < arguments.size()) {
      value = arguments[++i];
    }
    if (auto set = reader.set(word, value); !set) return std::unexpected(set.error());
  }
  return judge(std::move(options), words);
}

}  // namespace aseptic::tuf
