// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "aseptic/payload/make/maker.h"
#include "aseptic/payload/make/seal.h"
#include "self_check.h"

namespace aseptic::payload {
namespace {

core::Error io_error(const std::string& path, const char* what) {
  return {PayloadCode::kSourceIo, path + ": cannot " + what + ": " + std::strerror(errno)};
}

class FileHandle {
 public:
  FileHandle(std::string path, int flags)
      : path_(std::move(path)), fd_(::open(path_.c_str(), flags | O_CLOEXEC, 0644)) {}
  ~FileHandle() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileHandle(FileHandle&& other) noexcept : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}
  FileHandle(const FileHandle&) = delete;
  FileHandle& operator=(const FileHandle&) = delete;

  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] int descriptor() const { return fd_; }

  core::Result<void> read(std::uint64_t offset, core::ByteSpan out) {
    while (!out.empty()) {
      const ssize_t got = ::pread(fd_, out.data(), out.size(), static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return io_error(path_, "read");
      if (got == 0)
        return core::Error(PayloadCode::kSourceIo, path_ + " ended early; it was changed meanwhile");
      out = out.subspan(static_cast<std::size_t>(got));
      offset += static_cast<std::uint64_t>(got);
    }
    return {};
  }
  core::Result<void> write(std::uint64_t offset, core::ByteView bytes) {
    while (!bytes.empty()) {
      const ssize_t put = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return io_error(path_, "write");
      bytes = bytes.subspan(static_cast<std::size_t>(put));
      offset += static_cast<std::uint64_t>(put);
    }
    return {};
  }

 private:
  std::string path_;
  int fd_;
};

class FileImage final : public ImageSource {
 public:
  FileImage(FileHandle& file, std::uint64_t size) : file_(file), size_(size) {}
  ~FileImage() override {
    if (map_ != MAP_FAILED) ::munmap(map_, static_cast<std::size_t>(size_));
  }
  FileImage(const FileImage&) = delete;
  FileImage& operator=(const FileImage&) = delete;

  // For a delta: the matcher reads the image in no order. A file that shrinks meanwhile ends the publisher's process.
  void map() { map_ = ::mmap(nullptr, static_cast<std::size_t>(size_), PROT_READ, MAP_PRIVATE, file_.descriptor(), 0); }
  void release() override {
    if (map_ != MAP_FAILED) static_cast<void>(::madvise(map_, static_cast<std::size_t>(size_), MADV_DONTNEED));
  }
  [[nodiscard]] core::ByteView mapped() const override {
    if (map_ == MAP_FAILED) return {};
    return {static_cast<const std::uint8_t*>(map_), static_cast<std::size_t>(size_)};
  }
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  core::Result<void> read(std::uint64_t offset, core::ByteSpan out) override {
    return file_.read(offset, out);
  }

 private:
  FileHandle& file_;
  std::uint64_t size_;
  void* map_ = MAP_FAILED;
};

class FilePayload final : public PayloadFile {
 public:
  explicit FilePayload(FileHandle& file) : file_(file) {}
  core::Result<void> write(std::uint64_t offset, core::ByteView bytes) override {
    return file_.write(offset, bytes);
  }
  core::Result<void> read(std::uint64_t offset, core::ByteSpan out) override {
    return file_.read(offset, out);
  }

 private:
  FileHandle& file_;
};

// DURABILITY: data, then name, then directory: after a power cut the name leads to the whole payload or to
// nothing.
core::Result<void> publish_file(FileHandle& file, const std::string& path) {
  if (::fsync(file.descriptor()) != 0) return io_error(file.path(), "flush");
  if (::rename(file.path().c_str(), path.c_str()) != 0) return io_error(path, "create");
  const auto slash = path.rfind('/');
  FileHandle directory(slash == std::string::npos ? "." : path.substr(0, slash + 1), O_RDONLY | O_DIRECTORY);
  if (!directory.is_open() || ::fsync(directory.descriptor()) != 0)
    return io_error(directory.path(), "flush");
  return {};
}

}  // namespace

namespace {

core::Result<FileHandle> open_image(const std::string& path, std::uint64_t& size) {
  FileHandle file(path, O_RDONLY);
  struct stat status {};
  if (!file.is_open() || ::fstat(file.descriptor(), &status) != 0) return io_error(path, "open");
  size = static_cast<std::uint64_t>(status.st_size);
  return file;
}

// Makes the payload under a temporary name and publishes it, or leaves nothing.
template <class Make>
core::Result<PayloadSummary> make_file(const std::string& image_path, const std::string& payload_path, Make&& make) {
  const std::string temporary = payload_path + ".part";
  FileHandle out_file(temporary, O_RDWR | O_CREAT | O_TRUNC);
  if (!out_file.is_open()) return io_error(temporary, "create");
  FilePayload out(out_file);
  core::Result<PayloadSummary> summary = make(out);
  auto published = summary ? publish_file(out_file, payload_path) : core::Result<void>();
  if (summary && published) return summary;
  ::unlink(temporary.c_str());
  if (!summary) return std::move(summary).within(image_path);
  return published.error();
}

}  // namespace

namespace {

// A file as the slot that an image is restored to: plain writes, holes for zeros.
class FileSlot final : public platform::BlockDevice {
 public:
  FileSlot(FileHandle& file, std::uint64_t size) : file_(file), size_(size) {}
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  core::Result<void> read(std::uint64_t offset, core::ByteSpan out) override { return file_.read(offset, out); }
  core::Result<void> read_back(std::uint64_t offset, core::ByteSpan out) override { return file_.read(offset, out); }
  core::Result<void> write(std::uint64_t offset, core::ByteView bytes) override { return file_.write(offset, bytes); }
  core::Result<void> discard(std::uint64_t, std::uint64_t) override { return {}; }  // a new file is all holes
  core::Result<void> flush() override { return {}; }

 private:
  FileHandle& file_;
  std::uint64_t size_;
};

}  // namespace

core::Result<PayloadSummary> restore_image_file(const std::string& payload_path, const std::string& image_path) {
  std::uint64_t payload_size = 0;
  ASEPTIC_TRY(FileHandle payload_file, open_image(payload_path, payload_size));
  FilePayload payload(payload_file);
  FileHandle image_file(image_path, O_RDWR | O_CREAT | O_TRUNC);
  if (!image_file.is_open()) return io_error(image_path, "create");
  ASEPTIC_TRY(const PayloadHeader header, PayloadSelfCheck::header_of(payload));
  const std::uint64_t size = header.image_size;
  if (::ftruncate(image_file.descriptor(), static_cast<off_t>(size)) != 0) return io_error(image_path, "make room in");
  FileSlot slot(image_file, size);
  ASEPTIC_TRY(const ImageFacts facts, PayloadSelfCheck::restore(payload, slot));
  PayloadSummary summary;
  summary.payload_size = payload_size;
  summary.manifest_digest = facts.manifest_digest;
  summary.image_digest = facts.image_digest;
  summary.image_size = facts.image_size;
  return summary;
}

core::Result<PayloadSummary> make_payload_file(const std::string& image_path, const std::string& payload_path,
                                               const MakeOptions& options) {
  std::uint64_t size = 0;
  ASEPTIC_TRY(FileHandle image_file, open_image(image_path, size));
  FileImage image(image_file, size);
  return make_file(image_path, payload_path,
                   [&](PayloadFile& out) { return make_payload(image, out, options); });
}

core::Result<SealedPayload> seal_payload_file(const std::string& plain_path, const std::string& sealed_path,
                                              const std::string& image_path, const std::string& base_path,
                                              platform::Entropy& entropy) {
  std::uint64_t plain_size = 0;
  std::uint64_t size = 0;
  ASEPTIC_TRY(FileHandle plain_file, open_image(plain_path, plain_size));
  ASEPTIC_TRY(FileHandle image_file, open_image(image_path, size));
  FilePayload plain(plain_file);
  FileImage image(image_file, size);
  std::optional<FileHandle> base_file;
  std::optional<FileImage> base;
  if (!base_path.empty()) {
    ASEPTIC_TRY(FileHandle file, open_image(base_path, size));
    base_file.emplace(std::move(file));
    base.emplace(*base_file, size);
  }
  SealedPayload sealed;
  ASEPTIC_TRY_VOID(make_file(image_path, sealed_path, [&](PayloadFile& out) -> core::Result<PayloadSummary> {
    ASEPTIC_TRY(sealed, seal_payload(plain, out, image, base ? &*base : nullptr, entropy));
    return sealed.summary;
  }));
  return sealed;
}

core::Result<PayloadSummary> make_delta_payload_file(const std::string& base_path, const std::string& image_path,
                                                     const std::string& payload_path, const MakeOptions& options) {
  std::uint64_t base_size = 0;
  std::uint64_t size = 0;
  ASEPTIC_TRY(FileHandle base_file, open_image(base_path, base_size));
  ASEPTIC_TRY(FileHandle image_file, open_image(image_path, size));
  FileImage base(base_file, base_size);
  FileImage image(image_file, size);
  base.map();
  image.map();
  return make_file(image_path, payload_path,
                   [&](PayloadFile& out) { return make_delta_payload(base, image, out, options); });
}

}  // namespace aseptic::payload
