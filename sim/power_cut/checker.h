// SPDX-License-Identifier: Apache-2.0
// Judges every power-up of a case from raw bytes: what lies in executable memory, in the slots and in the
// store. It knows the signed images as bytes and shares no code with boot, journal or installer
// (sim/checkers/ proves the images themselves once, with another SHA-256). What boot claims (`Decision`) is
// compared, never believed.
#pragma once

#include <set>
#include <string>

#include "device.h"

namespace aseptic::sim {

// What the application did before the reset that led to a power-up.
struct BeforeReset {
  bool armed = false;  // arm and permit durable, then a commanded reset without a cut
};

class Checker {
 public:
  explicit Checker(const Product& product) : product_(&product) {}

  void power_up(const Device& device, boot::Status status, const boot::Decision& decision,
                const boot::testing::Bytes& exec, const BeforeReset& before);
  // The application is about to ask for the confirm; REQ_REVERT is durable.
  void confirm_is_asked(std::size_t release) { confirmable_.insert(release); }
  void trial_is_failed(std::size_t release, unsigned attempt) { failing_ = {release, attempt}; }
  void tolerate_a_broken_sector() { broken_sector_ = true; }
  void end(const Device& device);

  // Empty: nothing wrong so far.
  const std::string& wrong() const { return wrong_; }
  void blame(const std::string& what) {
    if (wrong_.empty()) wrong_ = what;
  }
  // Which signed release lies whole at the start of these bytes; 0: none.
  std::size_t release_in(boot::ByteView area) const;

 private:
  struct Floor {
    std::uint32_t floor = 0;
    std::uint32_t revoked = 0;
    bool readable = false;
  };
  Floor read_store(const Device& device) const;
  void recovery(const Device& device);
  bool confirm_is_in_force(const Device& device, std::size_t wanted) const;
  void run(const Device& device, const boot::Decision& decision, std::size_t release,
           const BeforeReset& before);

  const Product* product_;
  std::uint32_t floor_ = 0;
  std::uint32_t revoked_ = 0;
  std::size_t recovery_ = 1;  // what recovery held after the last power-up
  std::set<std::size_t> confirmable_{1};
  std::size_t confirmed_ = 0;
  std::pair<std::size_t, unsigned> failing_{0, 0};     // its failure may be recorded in the next boot
  std::set<std::pair<std::size_t, unsigned>> failed_;  // ... and surely is
  bool broken_sector_ = false;
  std::string wrong_;
};

// Says why the images of a product are not what they should be; empty: they are.
std::string check_images(const Product& product);

}  // namespace aseptic::sim
