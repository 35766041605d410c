// SPDX-License-Identifier: Apache-2.0
// The factory step of a virtual device (EMULATED): its whole folder, from a signed factory image, a signed root, keys
// and a certificate.
//
// Called by `aseptic device provision`. The folder is made under another name and renamed when it is complete.
// Security: refuses an image that does not verify, a root that does not carry its own signatures, a policy that root
// did not sign, and keys whose private half is published (RB-08). The life cycle is the profile's: a production device
// takes production images only, for ever. The device's private keys are made by the caller's key stores in
// the folders given by device_key_folder() and therapy_key_folder().
// Thread contract: one call per folder.
#pragma once

#include "aseptic/platform/entropy.h"
#include "aseptic/publish/image.h"
#include "aseptic/publish/release_description.h"
#include "aseptic/publish/role_signer.h"

namespace aseptic::publish {

struct DeviceSite {
  std::string repository_url;       // holds metadata/ and targets/; empty: the media alone
  std::vector<std::string> mirrors;  // further addresses of the same, all untrusted
  std::vector<std::string> media;    // paths of folders or bundles on removable media, likewise
  std::uint64_t rate_max_bytes_per_s = 0;  // of payload downloads; 0: no ceiling
  std::string report_url;           // empty: reports are only queued
  std::string channel = "stable";
  std::string approval = "automatic";           // or "local"
  std::string return_to_service = "automatic";  // or "local"
  std::uint32_t poll_s = 60;
  std::vector<std::string> windows;
  std::uint32_t therapy_uid = 0;
};

struct ProvisionPlan {
  std::string device_id;
  std::uint32_t hardware_revision = 1;
  std::string jurisdiction;
  ReleaseDescription description;    // vendor, product, class, hardware, component of the factory image
  std::string component;             // name; empty: the only one
  Path image;                        // signed factory image
  std::vector<ImageKeys> keys;       // one key slot each, at most four
  std::uint64_t slot_size = 0;       // 0: twice the image, at least 16 MiB
  Path root;                         // TUF root metadata
  std::optional<Path> policy;        // authority policy, signed by that root
  std::vector<std::string> groups;   // of the device, for its provisioning attributes
  std::string location_site;         // likewise; empty: none
  std::string anchors_pem;           // the private authority of server certificates
  DeviceSite site;
  Profile profile = Profile::kDevelopment;
};

// What the device's own keys say; made between prepare() and finish().
struct DeviceIdentity {
  core::PublicKey device;
  core::PublicKey therapy;
  std::string certificate_pem;
};

class DeviceFolder {
 public:
  // Checks the plan and makes everything that needs no key of the device, in FOLDER.new.
  static core::Result<DeviceFolder> prepare(const Path& folder, ProvisionPlan plan, platform::Entropy& entropy);
  // The device's provisioning attributes, signed by the factory's key; refused unless the policy names that key. A policy that
  // names provisioning keys demands this call before finish().
  core::Result<void> attest(ProvisioningSigner& factory);
  [[nodiscard]] Path device_key_folder() const { return work_ / "agent" / "keys"; }   // label "device"
  [[nodiscard]] Path therapy_key_folder() const { return work_ / "therapy"; }         // label "key"
  [[nodiscard]] Path tls_key_file() const { return work_ / "agent" / "tls" / "device.key"; }
  core::Result<void> finish(const DeviceIdentity& identity);

 private:
  DeviceFolder(Path folder, Path work, ProvisionPlan plan) : folder_(std::move(folder)), work_(std::move(work)), plan_(std::move(plan)) {}
  Path folder_, work_;
  ProvisionPlan plan_;
};

// The 16 bytes by which boot and the interlock know a device: from its textual id.
core::Uuid boot_device_id(std::string_view device_id);

}  // namespace aseptic::publish
