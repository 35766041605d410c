// SPDX-License-Identifier: Apache-2.0
#include "engine.h"

#include <bearssl.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "aseptic/boot/cortex_m/flash_map.h"
#include "aseptic/boot/cortex_m/hardware.h"
#include "aseptic/boot/cortex_m/p256.h"
#include "aseptic/boot/format/checksum.h"
#include "p256_on_host.h"
#include "slh_dsa_on_host.h"

namespace aseptic::test {
using namespace boot::an505;
namespace {

constexpr std::uint32_t kLongFill = 4096;
constexpr unsigned kPatience = 3;

constexpr std::array<int, 17> kIds = {UC_ARM_REG_R0, UC_ARM_REG_R1, UC_ARM_REG_R2,  UC_ARM_REG_R3,  UC_ARM_REG_R4, UC_ARM_REG_R5,
                                      UC_ARM_REG_R6, UC_ARM_REG_R7, UC_ARM_REG_R8,  UC_ARM_REG_R9,  UC_ARM_REG_R10, UC_ARM_REG_R11,
                                      UC_ARM_REG_R12, UC_ARM_REG_SP, UC_ARM_REG_LR, UC_ARM_REG_PC, UC_ARM_REG_XPSR};

void must(uc_err error) {
  if (error != UC_ERR_OK) throw std::runtime_error(uc_strerror(error));
}

template <class Function>
void* pointer_of(Function function) {
  return reinterpret_cast<void*>(function);
}

}  // namespace

Engine::Engine(Board& board, const Elf& elf, const std::set<std::uint32_t>& milestones, Depth depth) : board_(board) {
  must(uc_open(UC_ARCH_ARM, static_cast<uc_mode>(UC_MODE_THUMB | UC_MODE_MCLASS), &engine_));
  must(uc_ctl_set_cpu_model(engine_, UC_CPU_ARM_CORTEX_M33));
  own_ = new_context();
  save(own_);
  for (const auto& [name, address] : elf.symbols)
    if (name.find("13AreaSignatureE") != std::string::npos && name.starts_with("_ZTV")) area_signature_ = address + 8;
  map();
  uc_hook hook = 0;
  add_host_functions(elf, depth);
  if (milestones.empty()) {
    must(uc_hook_add(engine_, &hook, UC_HOOK_CODE, pointer_of(&on_code), this, kRom.begin, kRom.begin + kRom.size - 1));
  } else {
    // Asked from the one hook of all blocks: a hook each would be searched for at every call.
    is_milestone_.resize(kRom.size / 2);
    for (const std::uint32_t address : milestones)
      is_milestone_[(address - kRom.begin) / 2] = true;
  }
  must(uc_hook_add(engine_, &hook, UC_HOOK_BLOCK, pointer_of(&on_block), this, 1, 0));
  must(uc_hook_add(engine_, &hook, UC_HOOK_MEM_WRITE_PROT, pointer_of(&on_protected), this, 1, 0));
}

// A context carries pointers to parts of the engine that it was taken from: at the end each engine frees its own.
Engine::~Engine() {
  restore(own_);
  uc_context_free(own_);
  uc_close(engine_);
}

void Engine::map() {
  const auto give = [this](const Range& range, std::uint32_t permissions, std::uint8_t* memory) {
    must(uc_mem_map_ptr(engine_, range.begin, range.size, permissions, memory));
  };
  give(kRom, UC_PROT_READ | UC_PROT_EXEC, board_.rom.data());
  give(kRam, UC_PROT_READ | UC_PROT_WRITE, board_.ram.data());
  for (const Range& alias : {kLoad, kLoadNonSecure}) {
    give({alias.begin, kLoadFront}, UC_PROT_READ | UC_PROT_WRITE, board_.load.data());
    give({alias.begin + kLoadFront, alias.size - kLoadFront}, UC_PROT_READ, board_.load.data() + kLoadFront);
  }
  give(kBootSectors, UC_PROT_READ | UC_PROT_WRITE, board_.flash.data());
  const std::uint32_t between = kSharedSectors.begin - kFlash.begin;
  give({kFlash.begin + kBootSectors.size, between - kBootSectors.size}, UC_PROT_READ, board_.flash.data() + kBootSectors.size);
  give(kSharedSectors, UC_PROT_READ | UC_PROT_WRITE, board_.flash.data() + between);
  const std::uint32_t behind = between + kSharedSectors.size;
  give({kFlash.begin + behind, kFlash.size - behind}, UC_PROT_READ, board_.flash.data() + behind);
  for (const std::uint32_t device : {kPeripheralControl, kMpcSsram2})
    must(uc_mem_map(engine_, device, 0x1000, UC_PROT_READ | UC_PROT_WRITE));
  must(uc_mmio_map(engine_, kUart, 0x1000, &on_uart_read, this, &on_uart_write, this));
  for (const std::uint32_t space : {kSystemSpace, kSystemSpaceNonSecure})
    must(uc_mmio_map(engine_, space, 0x1000, &on_system_read, this, &on_system_write, this));
}

// The memory functions do the whole call at once when its memory is boot's own and plain, and let the code run otherwise.
const std::vector<Engine::HostFunction>& Engine::host_functions() {
  static const std::vector<HostFunction> functions = {
      {"br_sha2small_round", &on_sha256, true, {Depth::kHash}},
      {"4boot8checksumE", &on_checksum, true, {Depth::kHash}},
      {"6Sha2566updateE", &on_update, false, {Depth::kHash, Depth::kMemory}},
      {"aseptic_p256_verify", &on_p256, true, {Depth::kP256}},
      {"aseptic_p256_sign", &on_sign, true, {Depth::kSign}},
      {"4boot12slh_dsa_rootE", &on_slh_dsa, false, {Depth::kPostQuantum}},
      {"memcpy", &on_copy, false, {Depth::kMemory}},
      {"memmove", &on_copy, false, {Depth::kMemory}},
      {"memset", &on_set, false, {Depth::kMemory}},
      {"3raw5equalE", &on_equal, false, {Depth::kMemory}},
      {"3raw7all_areE", &on_all_are, false, {Depth::kMemory}},
      {"5Flash12erase_sectorE", &on_erase, false, {Depth::kMemory}},
  };
  return functions;
}

// A host function runs before the first instruction of its own, in this board's copy of the ROM.
void Engine::add_host_functions(const Elf& elf, Depth depth) {
  for (const HostFunction& function : host_functions()) {
    const std::uint32_t address = elf.find(function.name);
    if (address == 0 || std::ranges::count(function.runs, depth) != 0) continue;
    uc_hook hook = 0;
    must(uc_hook_add(engine_, &hook, UC_HOOK_CODE, pointer_of(function.call), this, address, address));
    constexpr std::uint8_t kReturn[] = {0x70, 0x47};
    if (function.returns) std::memcpy(board_.at(address), kReturn, sizeof kReturn);
  }
}

const char* depth_name(Depth depth) {
  constexpr std::array kNames = {"decision", "memory", "hash", "post-quantum", "p256", "sign"};
  return kNames[static_cast<std::size_t>(depth)];
}

std::vector<const char*> functions_on_host(Depth depth) {
  std::vector<const char*> names;
  for (const Engine::HostFunction& function : Engine::host_functions())
    if (std::ranges::count(function.runs, depth) == 0) names.push_back(function.name);
  return names;
}

void Engine::leave(std::uint32_t result) {
  set_register(0, result);
  set_register(kPc, get_register(kLr));
}

namespace {
bool holds(const Range& range, std::uint32_t address, std::uint32_t size) {
  return range.contains(address) && size <= range.size - (address - range.begin);
}
}  // namespace

// Only what is mapped as writable from the start: no protection is passed by.
std::uint8_t* Engine::writable(std::uint32_t address, std::uint32_t size) const {
  for (const Range& range : {kRam, Range{kLoad.begin, kLoadFront}, kBootSectors, kSharedSectors})
    if (holds(range, address, size)) return board_.at(address);
  return nullptr;
}
const std::uint8_t* Engine::readable(std::uint32_t address, std::uint32_t size) const {
  for (const Range& range : {kRom, kRam, kLoad, kLoadNonSecure, kFlash})
    if (holds(range, address, size)) return board_.at(address);
  return nullptr;
}

// memcpy and memmove(to, from, size). Overlaps are rare and left to the code.
void Engine::on_copy(uc_engine*, std::uint64_t, std::uint32_t, void* self) {
  auto& me = *static_cast<Engine*>(self);
  const std::uint32_t to = me.get_register(0), from = me.get_register(1), size = me.get_register(2);
  std::uint8_t* const out = me.writable(to, size);
  const std::uint8_t* const in = me.readable(from, size);
  if (out == nullptr || in == nullptr || (to - from < size) || (from - to < size)) return;
  std::memcpy(out, in, size);
  me.leave(to);
}

void Engine::on_set(uc_engine* engine, std::uint64_t pc, std::uint32_t length, void* self) {
  auto& me = *static_cast<Engine*>(self);
  const std::uint32_t to = me.get_register(0), size = me.get_register(2);
  std::uint8_t* const out = me.writable(to, size);
  if (out == nullptr) return on_fill(engine, pc, length, self);
  std::memset(out, static_cast<int>(me.get_register(1) & 0xFFU), size);
  me.leave(to);
}

// equal(a, b, size)
void Engine::on_equal(uc_engine*, std::uint64_t, std::uint32_t, void* self) {
  auto& me = *static_cast<Engine*>(self);
  const std::uint32_t size = me.get_register(2);
  const std::uint8_t* const a = me.readable(me.get_register(0), size);
  const std::uint8_t* const b = me.readable(me.get_register(1), size);
  if (a != nullptr && b != nullptr) me.leave(std::memcmp(a, b, size) == 0 ? 1 : 0);
}

// all_are(bytes, size, value)
void Engine::on_all_are(uc_engine*, std::uint64_t, std::uint32_t, void* self) {
  auto& me = *static_cast<Engine*>(self);
  const std::uint32_t size = me.get_register(1), value = me.get_register(2);
  const std::uint8_t* const bytes = me.readable(me.get_register(0), size);
  if (bytes == nullptr || value > 0xFF) return;
  me.leave(std::all_of(bytes, bytes + size, [&](std::uint8_t byte) { return byte == value; }) ? 1 : 0);
}

// Flash::erase_sector(self, address) of a sector that boot owns.
void Engine::on_erase(uc_engine*, std::uint64_t, std::uint32_t, void* self) {
  auto& me = *static_cast<Engine*>(self);
  std::uint8_t* const out = me.writable(kFlash.begin + me.get_register(1), boot::cortex_m::kSectorSize);
  if (out == nullptr) return;
  std::memset(out, 0xFF, boot::cortex_m::kSectorSize);
  me.leave(static_cast<std::uint32_t>(boot::Status::kOk));
}

extern "C" void br_sha2small_round(const unsigned char* block, std::uint32_t* state);  // libbearssl

// Sha256::update(self, data, size) of crypto.h: {functions, state[8], size, block[64]}.
void Engine::on_update(uc_engine*, std::uint64_t, std::uint32_t, void* self) {
  auto& me = *static_cast<Engine*>(self);
  struct Context {
    std::uint32_t functions, state[8], size;
    std::uint8_t block[64];
  };
  std::uint32_t left = me.get_register(2);
  std::uint8_t* const object = me.writable(me.get_register(0), sizeof(Context));
  const std::uint8_t* from = me.readable(me.get_register(1), left);
  if (object == nullptr || from == nullptr) return;
  Context context;
  std::memcpy(&context, object, sizeof context);
  while (left != 0) {
    const std::uint32_t at = context.size % 64, part = std::min(left, 64 - at);
    std::memcpy(context.block + at, from, part);
    from += part;
    left -= part;
    context.size += part;
    if (at + part == 64) br_sha2small_round(context.block, context.state);
  }
  std::memcpy(object, &context, sizeof context);
  me.leave(me.get_register(0));
}

void Engine::on_code(uc_engine* engine, std::uint64_t pc, std::uint32_t, void* self) {
  auto& me = *static_cast<Engine*>(self);
  if (me.ask(static_cast<std::uint32_t>(pc))) return;
  me.asked_ = true;
  uc_emu_stop(engine);
}

// The engine keeps no program counter at the begin of a block: it is the hook that knows it.
bool Engine::comes_again(std::uint32_t pc) {
  constexpr unsigned kComparedMax = 64;
  if (blocks_ == next_passed_) {
    next_passed_ *= 2;
    passed_.registers = registers();
    passed_.registers[kPc] = pc;
    passed_.system = system_;
    passed_.compared = 0;
    board_.save(passed_.memory);
    return false;
  }
  if (pc != passed_.registers[kPc] || passed_.compared == kComparedMax || board_.dirty()) return false;
  ++passed_.compared;
  Registers now = registers();
  now[kPc] = pc;
  return now == passed_.registers && system_ == passed_.system && board_.holds(passed_.memory);
}

void Engine::on_block(uc_engine* engine, std::uint64_t pc, std::uint32_t size, void* self) {
  auto& me = *static_cast<Engine*>(self);
  const auto address = static_cast<std::uint32_t>(pc);
  me.last_block_end_ = address + size;
  ++me.blocks_;
  if (!me.is_milestone_.empty() && kRom.contains(address) && me.is_milestone_[(address - kRom.begin) / 2] && !me.ask(address))
    me.asked_ = true;
  else if (me.blocks_ >= me.blocks_max_ || (me.blocks_ >= me.cycles_from_ && me.comes_again(address)))
    me.too_long_ = true;
  else
    return;
  uc_emu_stop(engine);
}

// br_sha2small_round(block, state).
void Engine::on_sha256(uc_engine*, std::uint64_t, std::uint32_t, void* self) {
  auto& me = *static_cast<Engine*>(self);
  std::array<std::uint8_t, 64> block{};
  std::array<std::uint32_t, 8> state{};
  if (uc_mem_read(me.engine_, me.get_register(0), block.data(), block.size()) != UC_ERR_OK ||
      uc_mem_read(me.engine_, me.get_register(1), state.data(), sizeof state) != UC_ERR_OK)
    return;
  std::array<std::uint8_t, 32> bytes{};
  for (std::size_t i = 0; i < 32; ++i)
    bytes[i] = static_cast<std::uint8_t>(state[i / 4] >> (24 - 8 * (i % 4)));
  br_sha256_context context;
  br_sha256_init(&context);
  br_sha256_set_state(&context, bytes.data(), 64);
  br_sha256_update(&context, block.data(), block.size());
  br_sha256_state(&context, bytes.data());
  for (std::size_t i = 0; i < 8; ++i)
    state[i] = static_cast<std::uint32_t>(bytes[4 * i] << 24U | bytes[4 * i + 1] << 16U | bytes[4 * i + 2] << 8U | bytes[4 * i + 3]);
  if (!me.write(me.get_register(1), state.data(), sizeof state)) me.trap();
}

// aseptic_p256_verify(key, digest, signature).
void Engine::on_p256(uc_engine*, std::uint64_t, std::uint32_t, void* self) {
  auto& me = *static_cast<Engine*>(self);
  P256Question question;
  if (uc_mem_read(me.engine_, me.get_register(0), question.key.data(), question.key.size()) != UC_ERR_OK ||
      uc_mem_read(me.engine_, me.get_register(1), question.digest.data(), question.digest.size()) != UC_ERR_OK ||
      uc_mem_read(me.engine_, me.get_register(2), question.signature.data(), question.signature.size()) != UC_ERR_OK)
    return me.set_register(0, 0);
  const P256Answer answer = p256_on_host(question);
  me.set_register(0, answer.valid ? 1 : 0);
}

// aseptic_p256_sign(secret, nonce, digest, signature).
void Engine::on_sign(uc_engine*, std::uint64_t, std::uint32_t, void* self) {
  auto& me = *static_cast<Engine*>(self);
  SignQuestion question;
  for (std::size_t i = 0; i < 3; ++i)
    if (!me.read(me.get_register(i), question[i].data(), question[i].size())) return me.set_register(0, 0);
  const SignAnswer answer = sign_on_host(question);
  me.set_register(0, answer.good);
  if (!me.write(me.get_register(3), answer.signature.data(), answer.signature.size())) me.trap();
}

// As a store of the core would do it: never to ROM, and what `save` does not copy is undone later.
bool Engine::write(std::uint32_t address, const void* from, std::uint32_t size) {
  std::uint8_t* out = writable(address, size);
  for (const Range& range : {kLoad, kLoadNonSecure, kFlash})
    if (out == nullptr && holds(range, address, size)) {
      out = board_.at(address);
      board_.mark_dirty();
    }
  if (out == nullptr) return false;
  std::memcpy(out, from, size);
  return true;
}

// The store of a function that runs on the host faulted: the run goes on where nothing is, which ends it as a trap.
void Engine::trap() {
  constexpr std::uint32_t kNowhere = 0xDEAD0000;
  set_register(kPc, kNowhere);
}

bool Engine::read(std::uint32_t view, Bytes& to, std::uint32_t size_max) const {
  std::uint32_t words[2] = {};
  if (!read(view, words, sizeof words) || words[1] > size_max) return false;
  to.resize(words[1]);
  return read(words[0], to.data(), to.size());
}

// slh_dsa_root(hasher, key, message, signature, root), with an unspoilt AreaSignature {functions, storage, area, at}. With
// anything else the function itself runs.
void Engine::on_slh_dsa(uc_engine*, std::uint64_t, std::uint32_t, void* self) {
  auto& me = *static_cast<Engine*>(self);
  constexpr std::uint32_t kMessagePartMax = 2048;
  std::uint32_t object[4] = {}, root_at = 0;
  SlhQuestion question;
  const std::uint32_t message = me.get_register(2);
  if (!me.read(me.get_register(3), object, sizeof object) || object[0] != me.area_signature_ || !me.read(me.get_register(kSp), &root_at, 4) ||
      !me.read(me.get_register(1), question.key.data(), question.key.size()) || !me.read(message, question.domain, kMessagePartMax) ||
      !me.read(message + 8, question.body, kMessagePartMax))
    return;
  const std::uint32_t area = object[2] & 0xFFU, at = object[3];
  if (area >= boot::kAreaCount || at > boot::cortex_m::kFlashMap[area].size ||
      boot::cortex_m::kFlashMap[area].size - at < question.signature.size())
    return;
  const std::uint32_t first = kFlash.begin + boot::cortex_m::kFlashMap[area].offset + at;
  if (!me.read(first, question.signature.data(), question.signature.size())) return;
  const std::uint32_t object_at = me.get_register(3);
  if (me.writable(root_at, sizeof(boot::SlhNode)) == nullptr || me.writable(object_at, sizeof object) == nullptr) return;
  const SlhAnswer answer = slh_dsa_on_host(question);
  object[3] += static_cast<std::uint32_t>(question.signature.size());
  me.write(root_at, answer.root.data(), sizeof answer.root);
  me.write(object_at, object, sizeof object);
  me.set_register(0, static_cast<std::uint32_t>(answer.status));
  me.set_register(kPc, me.get_register(kLr));
}

// checksum(data, size): 64 bits in r0 and r1.
void Engine::on_checksum(uc_engine*, std::uint64_t, std::uint32_t, void* self) {
  auto& me = *static_cast<Engine*>(self);
  constexpr std::uint32_t kLongest = 0x10000;
  Bytes bytes(std::min(me.get_register(1), kLongest));
  if (uc_mem_read(me.engine_, me.get_register(0), bytes.data(), bytes.size()) != UC_ERR_OK) bytes.clear();
  const std::uint64_t sum = boot::checksum(bytes);
  me.set_register(0, static_cast<std::uint32_t>(sum));
  me.set_register(1, static_cast<std::uint32_t>(sum >> 32U));
}

// memset of more than a page: the blank end of the load memory, two megabytes. The loop itself runs (and is faulted)
// with every other length.
void Engine::on_fill(uc_engine*, std::uint64_t, std::uint32_t, void* self) {
  auto& me = *static_cast<Engine*>(self);
  const std::uint32_t to = me.get_register(0), size = me.get_register(2);
  if (size <= kLongFill || !kLoad.contains(to) || !kLoad.contains(std::uint64_t{to} + size - 1)) return;
  std::uint8_t* memory = me.board_.at(to);
  const auto value = static_cast<std::uint8_t>(me.get_register(1));
  const std::uint32_t offset = to - kLoad.begin;
  const std::uint32_t front = offset < kLoadFront ? std::min(size, kLoadFront - offset) : 0;
  std::memset(memory, value, front);
  if (size > front && !me.board_.load_behind_is(offset + front, size - front, value)) {
    me.board_.mark_dirty();
    std::memset(memory + front, value, size - front);
  }
  me.set_register(2, 0);
}

bool Engine::on_protected(uc_engine* engine, uc_mem_type, std::uint64_t address, int, std::int64_t, void* self) {
  auto& me = *static_cast<Engine*>(self);
  if (kRom.contains(address) || me.board_.at(static_cast<std::uint32_t>(address)) == nullptr) return false;
  me.board_.mark_dirty();
  me.opened_ = true;
  uc_mem_region* regions = nullptr;
  std::uint32_t count = 0;
  if (uc_mem_regions(engine, &regions, &count) != UC_ERR_OK) return false;
  bool good = false;
  for (std::uint32_t i = 0; i < count; ++i)
    if (address >= regions[i].begin && address <= regions[i].end)
      good = uc_mem_protect(engine, regions[i].begin, regions[i].end - regions[i].begin + 1, UC_PROT_READ | UC_PROT_WRITE) == UC_ERR_OK;
  uc_free(regions);
  return good;
}

void Engine::protect_again() {
  if (!opened_) return;
  opened_ = false;
  const std::uint32_t between = kSharedSectors.begin - kFlash.begin;
  const std::uint32_t behind = between + kSharedSectors.size;
  const Range ranges[] = {{kLoad.begin + kLoadFront, kLoad.size - kLoadFront},
                          {kLoadNonSecure.begin + kLoadFront, kLoadNonSecure.size - kLoadFront},
                          {kFlash.begin + kBootSectors.size, between - kBootSectors.size},
                          {kFlash.begin + behind, kFlash.size - behind}};
  for (const Range& range : ranges)
    must(uc_mem_protect(engine_, range.begin, range.size, UC_PROT_READ));
}

bool Engine::went_non_secure() const {
  std::uint16_t last = 0;
  if (kRom.contains(last_block_end_ - 2)) std::memcpy(&last, board_.rom.data() + (last_block_end_ - 2 - kRom.begin), sizeof last);
  return (last & 0xFF87U) == 0x4704U;
}

std::uint64_t Engine::on_system_read(uc_engine*, std::uint64_t offset, unsigned, void* self) {
  return static_cast<Engine*>(self)->system_[offset / 4 % 0x400];
}

void Engine::on_system_write(uc_engine* engine, std::uint64_t offset, unsigned, std::uint64_t value, void* self) {
  auto& me = *static_cast<Engine*>(self);
  me.system_[offset / 4 % 0x400] = static_cast<std::uint32_t>(value);
  if (kSystemSpace + offset != boot::cortex_m::kResetControl || (value & boot::cortex_m::kResetRequest) == 0) return;
  me.reset_ = true;
  uc_emu_stop(engine);
}

// Nobody speaks on the line: whoever asks again and again without a word of his own waits for ever.
std::uint64_t Engine::on_uart_read(uc_engine* engine, std::uint64_t, unsigned, void* self) {
  if (++static_cast<Engine*>(self)->silent_reads_ > kPatience) uc_emu_stop(engine);
  return 0;
}
void Engine::on_uart_write(uc_engine*, std::uint64_t, unsigned, std::uint64_t, void* self) {
  static_cast<Engine*>(self)->silent_reads_ = 0;
}

Stop Engine::run(std::uint64_t blocks_max, std::uint64_t cycles_from) {
  blocks_ = 0;
  cycles_from_ = next_passed_ = cycles_from;
  silent_reads_ = 0;
  blocks_max_ = blocks_max;
  reset_ = too_long_ = asked_ = false;
  const uc_err error = uc_emu_start(engine_, get_register(kPc) | 1U, 0xFFFFFFFE, 0, 0);
  if (!kRom.contains(get_register(kPc))) return Stop::kLeftRom;
  if (error != UC_ERR_OK) return Stop::kTrapped;
  if (asked_) return Stop::kAsked;
  if (reset_) return Stop::kReset;
  return too_long_ ? Stop::kTooLong : Stop::kHalted;
}

Registers Engine::registers() const {
  Registers values{};
  std::array<void*, 17> to{};
  auto ids = kIds;
  for (std::size_t i = 0; i < to.size(); ++i)
    to[i] = &values[i];
  uc_reg_read_batch(engine_, ids.data(), to.data(), static_cast<int>(ids.size()));
  return values;
}

void Engine::set_register(std::size_t index, std::uint32_t value) {
  uc_reg_write(engine_, kIds[index], &value);
}

std::uint32_t Engine::get_register(std::size_t index) const {
  std::uint32_t value = 0;
  uc_reg_read(engine_, kIds[index], &value);
  return value;
}

void Engine::reset_to(std::uint32_t pc) {
  for (std::size_t i = 0; i < kPc; ++i)
    set_register(i, 0);
  std::uint32_t stack = 0;
  std::memcpy(&stack, board_.rom.data(), sizeof stack);
  set_register(kSp, stack);
  set_register(kPc, pc | 1U);
}

void Engine::take_state_of(const Engine& other) {
  uc_context* context = other.new_context();
  other.save(context);
  restore(context);
  uc_context_free(context);
  system_ = other.system_;
}

uc_context* Engine::new_context() const {
  uc_context* context = nullptr;
  must(uc_context_alloc(engine_, &context));
  return context;
}

void Engine::forget_code(std::uint32_t address, std::uint32_t size) {
  must(uc_ctl_remove_cache(engine_, address, address + size));
}

}  // namespace aseptic::test
