// SPDX-License-Identifier: Apache-2.0
// What both kinds of factory steps check and write: the plan, the factory image, the provisioning record. Private.
#pragma once

#include "aseptic/boot/format/provisioning.h"
#include "aseptic/publish/provision.h"

namespace aseptic::publish {

core::Result<void> check_provision_plan(const ProvisionPlan& plan);
core::Result<void> check_factory_image(const ProvisionPlan& plan, const ImageInfo& info);
core::Result<boot::Provisioning> provisioning_record(const ProvisionPlan& plan, const ImageInfo& info);

}  // namespace aseptic::publish
