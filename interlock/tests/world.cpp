// SPDX-License-Identifier: Apache-2.0
#include "world.h"

#include <memory>

namespace aseptic::interlock {
namespace {

constexpr std::uint64_t kTherapyKey = 0x5ca1ab1e0ddba11ULL;

// Ideal signature for exploration: a keyed mix that nobody in the world computes without the key.
Signature mix(Bytes region, std::uint64_t key) {
  Signature out;
  std::uint64_t hash = key;
  for (const std::uint8_t byte : region)
    hash = (hash ^ byte) * 1099511628211ULL;
  for (std::uint8_t& byte : out.bytes) {
    hash = hash * 6364136223846793005ULL + 1442695040888963407ULL;
    byte = static_cast<std::uint8_t>(hash >> 56);
  }
  return out;
}

template <class T>
T numbered(std::uint32_t number) {
  T value;
  for (std::size_t i = 0; i < 4; ++i)
    value.bytes[i] = static_cast<std::uint8_t>(number >> (8 * i));
  value.bytes[15] = 0x77;
  return value;
}

const DeviceId kDevice = numbered<DeviceId>(42);
const TransactionId kTransaction = numbered<TransactionId>(9);

ManifestDigest manifest_of(Runs runs) {
  return numbered<ManifestDigest>(runs == Runs::kOld ? 1 : 2);
}

GuardConfig guard_config() {
  return GuardConfig{};
}

HoldConfig client_config() {
  HoldConfig config;
  config.device_id = kDevice;
  return config;
}

}  // namespace

// The ports of both sides, over one world.
class WorldPorts final : Clock, LeaseSigner, LeaseVerifier, Entropy, PermitStore, TherapyProbe, ResetLine {
 public:
  explicit WorldPorts(World& world) : world_(world), to_client_(world.to_client), to_guard_(world.to_guard) {}

  GuardPorts guard() { return {*this, to_client_, *this, *this, *this, *this}; }
  HoldPorts client() { return {*this, to_guard_, *this, *this}; }

  // On a device the command does not return: what the code does after it never happened.
  bool was_reset() const { return at_reset_ != nullptr; }
  const World& at_reset() const { return *at_reset_; }

 private:
  class Queue final : public Link {
   public:
    explicit Queue(Packets& packets) : packets_(packets) {}
    Status send(Bytes frame) override { return packets_.push(frame) ? Status::kSuccess : Status::kTransport; }

   private:
    Packets& packets_;
  };

  std::uint64_t boottime_ms() override { return world_.now; }
  Status sign(Bytes region, Signature& out) override {
    out = mix(region, kTherapyKey);
    return Status::kSuccess;
  }
  Status verify(Bytes region, const Signature& signature) override {
    return mix(region, kTherapyKey) == signature ? Status::kSuccess : Status::kBadSignature;
  }
  Status fill(Nonce& out) override {
    out = numbered<Nonce>(++world_.nonces);
    return Status::kSuccess;
  }
  Status store(const PermitCell& cell) override {
    world_.permit_cached = cell;
    return Status::kSuccess;
  }
  Status sync() override {
    return world_.permit_cached == world_.permit_durable ? Status::kSuccess : Status::kPending;
  }
  Status read(PermitCell& out) override {
    out = world_.permit_durable;
    return Status::kSuccess;
  }
  Status answer(std::uint32_t challenge, UseReport& out) override {
    out.challenge = world_.frozen != 0 ? 0 : challenge;
    out.conditions = world_.treats != 0 ? bit(UseCondition::kTherapyActive) : 0;
    const bool connected = world_.treats != 0 || world_.connected != 0;
    out.patient_input_1 = connected ? PatientSignal::kConnected : PatientSignal::kDisconnected;
    out.patient_input_2 = out.patient_input_1;
    return Status::kSuccess;
  }
  SelfTestVerdict self_test() override {
    return world_.self_test_fails != 0 ? SelfTestVerdict::kFailed : SelfTestVerdict::kPassed;
  }
  void command_reset(ResetPurpose purpose) override {
    if (was_reset()) return;
    if (world_.treats != 0) world_.broken |= kResetInUse;
    if (purpose == ResetPurpose::kSwitch && world_.connected != 0) world_.broken |= kSwitchInUse;
    at_reset_ = std::make_unique<World>(world_);
  }

  World& world_;
  Queue to_client_;
  Queue to_guard_;
  std::unique_ptr<World> at_reset_;
};

static_assert(std::is_trivially_copyable_v<World>);
static_assert(std::has_unique_object_representations_v<TherapyGuard>, "explored and compared as bytes");
static_assert(std::has_unique_object_representations_v<HoldClient>, "explored and compared as bytes");
static_assert(std::has_unique_object_representations_v<World>, "explored and compared as bytes");

bool Packets::push(Bytes frame) {
  if (count == kMax || frame.size() > kFrameSizeMax) return false;
  Frame& slot = frames[count++];
  slot = Frame{};
  for (std::size_t i = 0; i < frame.size(); ++i)
    slot.bytes[i] = frame[i];
  slot.size = static_cast<std::uint32_t>(frame.size());
  return true;
}

Frame Packets::pop() {
  const Frame first = frames[0];
  for (std::uint32_t i = 1; i < count; ++i)
    frames[i - 1] = frames[i];
  frames[--count] = Frame{};
  return first;
}

World::World(const Budgets& bounds) : guard(guard_config()), client(client_config()), left(bounds) {}

HoldTerms World::terms(HoldKind kind) const {
  return HoldTerms{kind, kTransaction, manifest_of(Runs::kTrial), numbered<BootId>(boot_count)};
}

const char* name_of(Action action) {
  static constexpr const char* kNames[] = {"power on",
                                           "REQ_ARM reaches the medium",
                                           "PERMIT reaches the medium",
                                           "REQ_CONFIRM reaches the medium",
                                           "pump process starts",
                                           "guard polls",
                                           "guard receives",
                                           "guard hears that the agent hung up",
                                           "therapy ends",
                                           "patient disconnected",
                                           "application answers again",
                                           "agent does its next duty",
                                           "client receives",
                                           "client polls",
                                           "time passes",
                                           "THERAPY STARTS",
                                           "PATIENT CONNECTED",
                                           "PATIENT CONNECTED WHILE OFF",
                                           "APPLICATION FREEZES",
                                           "SELF-TEST WILL FAIL",
                                           "LEASE EXPIRES",
                                           "SILENCE T PASSES",
                                           "FORGED REQ_ARM",
                                           "KILL AGENT",
                                           "KILL PUMP",
                                           "POWER CUT 0",
                                           "POWER CUT 1",
                                           "POWER CUT 2",
                                           "POWER CUT 3",
                                           "POWER CUT 4",
                                           "POWER CUT 5",
                                           "POWER CUT 6",
                                           "POWER CUT 7",
                                           "HOSTILE HOLD_ASK",
                                           "HOSTILE RENEW",
                                           "HOSTILE RESET_ASK switch",
                                           "HOSTILE RESET_ASK confirm",
                                           "HOSTILE RESET_ASK revert",
                                           "HOSTILE RELEASE"};
  static_assert(sizeof kNames / sizeof kNames[0] == static_cast<std::size_t>(Action::kCount));
  return kNames[static_cast<std::size_t>(action)];
}

bool is_honest(Action action) {
  return action < Action::kTherapyStarts;
}

bool World::can(Action action) const {
  const bool agent_lives = is_on != 0 && duty != Duty::kDead;
  const bool pump_lives = is_on != 0 && pump_runs != 0;
  switch (action) {
    case Action::kPowerOn:
      return is_on == 0;
    case Action::kArmReachesMedium:
      return is_on != 0 && arm.cached != arm.durable;
    case Action::kPermitReachesMedium:
      return is_on != 0 && permit_cached != permit_durable;
    case Action::kConfirmReachesMedium:
      return is_on != 0 && confirm.cached != confirm.durable;
    case Action::kPumpStarts:
      return is_on != 0 && pump_runs == 0;
    case Action::kGuardPolls:
      return pump_lives;
    case Action::kGuardReceives:
      return pump_lives && to_guard.count != 0;
    case Action::kGuardHearsHangup:
      return pump_lives && hangup != 0;
    case Action::kTherapyEnds:
      return pump_lives && treats != 0;
    case Action::kPatientDisconnects:
      return connected != 0 && treats == 0;
    case Action::kApplicationThaws:
      return pump_lives && frozen != 0;
    case Action::kAgentStep:
      return is_on != 0;
    case Action::kClientReceives:
      return agent_lives && to_client.count != 0;
    case Action::kClientPolls:
      return agent_lives;
    case Action::kTimePasses:
      return is_on != 0 && left.ticks != 0;
    case Action::kTherapyStarts:
      return pump_lives && left.therapies != 0 && treats == 0 && frozen == 0;
    case Action::kPatientConnects:
      return is_on != 0 && left.connections != 0 && connected == 0;
    case Action::kPatientConnectsWhileOff:
      return is_on == 0 && left.connects_while_off != 0 && treats == 0;
    case Action::kApplicationFreezes:
      return pump_lives && left.freezes != 0 && frozen == 0;
    case Action::kSelfTestWillFail:
      return is_on != 0 && left.failing_tests != 0 && runs == Runs::kTrial;
    case Action::kLeaseExpires:
      return is_on != 0 && left.expiries != 0;
    case Action::kSilencePasses:
      return is_on != 0 && left.silences != 0;
    case Action::kForgedArm:
      return is_on != 0 && left.forged_arms != 0 && arm.cached == 0;
    case Action::kKillAgent:
      return agent_lives && left.agent_kills != 0;
    case Action::kKillPump:
      return pump_lives && left.pump_kills != 0;
    case Action::kCount:
      return false;
    default:
      break;
  }
  if (action <= Action::kPowerCut7) return is_on != 0 && left.cuts != 0;
  return is_on != 0 && left.hostile_messages != 0 && to_guard.count < Packets::kMax;
}

void World::apply(Action action) {
  WorldPorts ports(*this);
  switch (action) {
    case Action::kPowerOn:
      return boot(false);
    case Action::kArmReachesMedium:
      arm.durable = arm.cached;
      return;
    case Action::kPermitReachesMedium:
      permit_durable = permit_cached;
      return;
    case Action::kConfirmReachesMedium:
      confirm.durable = confirm.cached;
      return;
    case Action::kPumpStarts: {
      guard = TherapyGuard(guard_config());
      BootFacts facts;
      facts.device_id = kDevice;
      facts.boot_id = numbered<BootId>(boot_count);
      facts.running = manifest_of(runs);
      facts.boot_count = boot_count;
      facts.run_kind = runs == Runs::kTrial ? RunKind::kTrial : RunKind::kConfirmed;
      pump_runs = 1;
      static_cast<void>(guard.start(ports.guard(), facts));
      return;
    }
    case Action::kGuardPolls:
      guard.poll(ports.guard());
      break;
    case Action::kGuardReceives: {
      const Frame frame = to_guard.pop();
      guard.receive(ports.guard(), frame.view());
      break;
    }
    case Action::kGuardHearsHangup:
      hangup = 0;
      guard.agent_gone(ports.guard());
      break;
    case Action::kTherapyEnds:
      treats = 0;
      static_cast<void>(guard.end_therapy());
      return;
    case Action::kPatientDisconnects:
      connected = connected_while_off = 0;
      return;
    case Action::kApplicationThaws:
      frozen = 0;
      return;
    case Action::kAgentStep:
      return agent_step();
    case Action::kClientReceives: {
      const Frame frame = to_client.pop();
      static_cast<void>(client.receive(ports.client(), frame.view()));
      return;
    }
    case Action::kClientPolls:
      client.poll(ports.client());
      return;
    case Action::kTimePasses:
      --left.ticks;
      now += kRenewMsDefault;
      return;
    case Action::kTherapyStarts:
      --left.therapies;
      if (guard.begin_therapy(ports.guard()) != Status::kSuccess) {
        ++refused_therapies;
        return;
      }
      treats = 1;
      if (runs == Runs::kTrial) {
        treated_in_trial = 1;
        broken |= kTherapyInTrial;
      }
      return;
    case Action::kPatientConnects:
      --left.connections;
      connected = 1;
      return;
    case Action::kPatientConnectsWhileOff:
      --left.connects_while_off;
      connected = connected_while_off = 1;
      return;
    case Action::kApplicationFreezes:
      --left.freezes;
      frozen = 1;
      return;
    case Action::kSelfTestWillFail:
      --left.failing_tests;
      self_test_fails = 1;
      return;
    case Action::kLeaseExpires:
      --left.expiries;
      now += kLeaseValidMsMax;
      return;
    case Action::kSilencePasses:
      --left.silences;
      now += kSilenceMsDefault;
      return;
    case Action::kForgedArm:
      --left.forged_arms;
      arm.cached = boot_count;
      return;
    case Action::kKillAgent:
      --left.agent_kills;
      duty = Duty::kDead;
      client = HoldClient(client_config());
      to_client = Packets{};  // what it had sent already is still delivered
      hangup = 1;
      return;
    case Action::kKillPump:
      --left.pump_kills;
      pump_runs = 0;
      frozen = 0;
      guard = TherapyGuard(guard_config());
      to_guard = Packets{};
      hangup = 0;
      return;
    case Action::kCount:
      return;
    default:
      if (action <= Action::kPowerCut7) {
        return power_cut(static_cast<unsigned>(action) - static_cast<unsigned>(Action::kPowerCut0));
      }
      return hostile(action);
  }
  if (!ports.was_reset()) return;
  const World at_reset = ports.at_reset();
  *this = at_reset;
  ++commanded_resets;
  boot(true);
}

void World::power_cut(unsigned lost) {
  --left.cuts;
  if ((lost & 1) == 0) arm.durable = arm.cached;
  if ((lost & 2) == 0) permit_durable = permit_cached;
  if ((lost & 4) == 0) confirm.durable = confirm.cached;
  arm.cached = arm.durable;
  permit_cached = permit_durable;
  confirm.cached = confirm.durable;
  is_on = 0;
  pump_runs = frozen = hangup = 0;
  duty = Duty::kDead;
  guard = TherapyGuard(guard_config());
  client = HoldClient(client_config());
  to_guard = to_client = Packets{};
}

// Boot's rules 1 and 2 of the protocol, as far as the interlock needs them.
void World::boot(bool is_commanded) {
  const bool has_permit =
      permit_durable.state == PermitState::kGranted && permit_durable.boot_count == boot_count;
  const bool cause_allows = is_commanded || left.cause_unknown != 0;
  const bool is_armed = arm.durable == boot_count && runs == Runs::kOld && is_quarantined == 0;
  const bool starts_trial = cause_allows && has_permit && is_armed;
  const bool was_revert = wants_revert != 0;
  const Runs before = runs;
  if (runs == Runs::kTrial) {
    runs = confirm.durable == boot_count && !was_revert ? Runs::kNew : Runs::kOld;
    if (runs == Runs::kOld && (is_commanded || was_revert)) is_quarantined = 1;
  } else if (starts_trial) {
    runs = Runs::kTrial;
    ++trial_boots;
    if (treats != 0 || connected_while_off != 0) broken |= kTrialBootInUse;
    if (!has_permit) broken |= kTrialWithoutPermit;
  }
  if (before != runs && treated_in_trial != 0) broken |= kChangeUnderTherapy;
  ++boot_count;
  is_on = 1;
  pump_runs = frozen = hangup = wants_revert = self_test_fails = treated_in_trial = 0;
  duty = Duty::kStarting;
  guard = TherapyGuard(guard_config());
  client = HoldClient(client_config());
  to_guard = to_client = Packets{};
  arm = confirm = Cell{};
  permit_cached = permit_durable = PermitCell{};
}

// ---- the agent: what asepticd does around HoldClient, one duty per step

void World::start_agent_duties() {
  WorldPorts ports(*this);
  if (runs == Runs::kTrial) {
    if (left.trial_asks == 0) return;
    --left.trial_asks;
    if (client.ask(ports.client(), terms(HoldKind::kTrial)) == Status::kSuccess) duty = Duty::kTrialAsking;
    return;
  }
  if (runs == Runs::kNew || is_quarantined != 0) {
    duty = Duty::kDone;
    return;
  }
  if (arm.cached != 0) return cancel_arm();
  duty = Duty::kIdle;
}

void World::cancel_arm() {
  arm.cached = 0;
  duty = Duty::kCancelling;
}

void World::agent_step() {
  WorldPorts ports(*this);
  const bool is_lost = client.stage() == HoldStage::kLost;
  switch (duty) {
    case Duty::kDead:
      duty = Duty::kStarting;
      return;
    case Duty::kStarting:
      return start_agent_duties();
    case Duty::kIdle:
      if (left.holds == 0) return;
      --left.holds;
      now += client.retry_after_ms();  // the agent waits as long as it was told to
      if (client.ask(ports.client(), terms(HoldKind::kSwitch)) == Status::kSuccess) duty = Duty::kAsking;
      return;
    case Duty::kAsking:
      if (is_lost) duty = Duty::kIdle;
      if (client.stage() != HoldStage::kHeld) return;
      arm.cached = boot_count;
      duty = Duty::kArming;
      return;
    case Duty::kArming:
      if (is_lost || arm.cached == 0) return cancel_arm();
      if (arm.durable != boot_count) return;
      if (client.check_now(ports.client()) != Status::kSuccess) return cancel_arm();
      duty = Duty::kChecking;
      return;
    case Duty::kChecking:
      if (is_lost || client.stage() == HoldStage::kHeld) return cancel_arm();
      if (client.stage() != HoldStage::kChecked) return;
      if (client.ask_reset(ports.client(), ResetPurpose::kSwitch) != Status::kSuccess) return cancel_arm();
      duty = Duty::kResetting;
      return;
    case Duty::kResetting:
      if (is_lost) cancel_arm();
      return;
    case Duty::kCancelling:
      if (arm.cached != 0) return cancel_arm();
      if (arm.durable != 0) return;
      client.release(ports.client());
      duty = Duty::kIdle;
      return;
    case Duty::kDone:
      return;
    default:
      return trial_step();
  }
}

void World::trial_step() {
  WorldPorts ports(*this);
  if (client.stage() == HoldStage::kLost) {
    now += client.retry_after_ms();
    duty = Duty::kStarting;
    return;
  }
  switch (duty) {
    case Duty::kTrialAsking:
      if (client.stage() != HoldStage::kHeld) return;
      if (client.ask_self_test(ports.client()) == Status::kSuccess) duty = Duty::kSelfTesting;
      return;
    case Duty::kSelfTesting:
      if (client.self_test() == SelfTestVerdict::kPassed) {
        confirm.cached = boot_count;
        duty = Duty::kConfirming;
      }
      if (client.self_test() == SelfTestVerdict::kFailed) {
        wants_revert = 1;
        if (client.check_now(ports.client()) == Status::kSuccess) duty = Duty::kTrialChecking;
      }
      return;
    case Duty::kConfirming:
      if (confirm.durable != boot_count || client.stage() != HoldStage::kHeld) return;
      if (client.check_now(ports.client()) == Status::kSuccess) duty = Duty::kTrialChecking;
      return;
    case Duty::kTrialChecking: {
      if (client.stage() == HoldStage::kHeld) duty = Duty::kStarting;  // no answer in time
      if (duty == Duty::kStarting) client.release(ports.client());
      if (client.stage() != HoldStage::kChecked) return;
      const ResetPurpose purpose = wants_revert != 0 ? ResetPurpose::kRevert : ResetPurpose::kConfirm;
      if (client.ask_reset(ports.client(), purpose) == Status::kSuccess) duty = Duty::kTrialResetting;
      return;
    }
    default:
      return;
  }
}

// ---- a compromised agent process: it knows all identities and the last nonces, and lacks only the therapy
// key

void World::hostile(Action action) {
  --left.hostile_messages;
  AgentMessage message;
  message.hold = numbered<Nonce>(1000);
  if (action == Action::kHostileHoldAsk) message.type = AgentMessageType::kHoldAsk;
  if (action == Action::kHostileRenew) message.type = AgentMessageType::kRenew;
  if (action == Action::kHostileRelease) message.type = AgentMessageType::kRelease;
  if (action == Action::kHostileSwitch || action == Action::kHostileConfirm ||
      action == Action::kHostileRevert) {
    message.type = AgentMessageType::kResetAsk;
  }
  const bool is_reset = message.type == AgentMessageType::kResetAsk;
  if (is_reset || message.type == AgentMessageType::kRenew) message.challenge = numbered<Nonce>(2000);
  if (is_reset || message.type == AgentMessageType::kHoldAsk) {
    message.transaction = kTransaction;
    message.manifest = manifest_of(Runs::kTrial);
  }
  if (action == Action::kHostileSwitch) message.purpose = ResetPurpose::kSwitch;
  if (action == Action::kHostileConfirm) message.purpose = ResetPurpose::kConfirm;
  if (action == Action::kHostileRevert) message.purpose = ResetPurpose::kRevert;
  static_cast<void>(to_guard.push(encode(message).view()));
}

bool World::is_at_rest() const {
  const bool update_is_settled = runs == Runs::kNew || is_quarantined != 0 || left.holds == 0;
  const bool agent_rests = duty == Duty::kDone || duty == Duty::kIdle;
  return is_on != 0 && pump_runs != 0 && guard.state() == GuardState::kIdle && treats == 0 &&
         connected == 0 && agent_rests && update_is_settled && to_guard.count == 0;
}

}  // namespace aseptic::interlock
