// SPDX-License-Identifier: Apache-2.0
// What each half of the agent can no longer do once its sandbox is closed. Each claim is tried in a child process.
#include "process/sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <functional>
#include <string>

namespace aseptic::agent {
namespace {

class Sandbox : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/aseptic-sandbox-XXXXXX";
    folder_ = ::mkdtemp(pattern);
    ::mkdir((folder_ + "/own").c_str(), 0700);
    ::mkdir((folder_ + "/other").c_str(), 0700);
    touch(folder_ + "/own/file");
    touch(folder_ + "/other/file");
  }
  void TearDown() override {
    for (const char* file : {"/own/file", "/own/new", "/other/file", "/other/new"}) ::unlink((folder_ + file).c_str());
    for (const char* dir : {"/own", "/other", ""}) ::rmdir((folder_ + dir).c_str());
  }
  static void touch(const std::string& path) { ::close(::open(path.c_str(), O_CREAT | O_WRONLY, 0600)); }

  // Exit status of `attempt` inside the sandbox; 77: this kernel has no Landlock.
  int inside(SandboxRole role, const std::function<int()>& attempt) {
    const pid_t child = ::fork();
    if (child == 0) {
      const auto entered = enter_sandbox(role, {.writable = {folder_ + "/own"}, .readable = {}});
      if (!entered) ::_exit(99);
      ::_exit(attempt());
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  }
  // 0: the descriptor was given, else the error number.
  static int error_of(int result) { return result >= 0 ? 0 : errno; }
  [[nodiscard]] bool has_landlock() {
    const pid_t child = ::fork();
    if (child == 0) {
      const auto entered = enter_sandbox(SandboxRole::kApply, {});
      ::_exit(entered && *entered == Landlock::kEnforced ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }

  std::string folder_;
};

// Answers: AP-05, T-60, T-61
TEST_F(Sandbox, ApplyCannotMakeAnInternetSocket) {
  for (const int family : {AF_INET, AF_INET6, AF_PACKET, AF_NETLINK}) {
    EXPECT_EQ(inside(SandboxRole::kApply, [&] { return error_of(::socket(family, SOCK_STREAM, 0)); }), EAFNOSUPPORT);
  }
  EXPECT_EQ(inside(SandboxRole::kApply, [] { return error_of(::socket(AF_UNIX, SOCK_STREAM, 0)); }), 0);
}

// Answers: ID-09, T-60
TEST_F(Sandbox, AcquireCannotListen) {
  EXPECT_EQ(inside(SandboxRole::kAcquire, [] {
              const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
              sockaddr_in any{};
              any.sin_family = AF_INET;
              any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
              if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&any), sizeof any) != 0) return 98;
              return error_of(::listen(fd, 1));
            }),
            EPERM);
}

// Answers: AP-05, T-61
TEST_F(Sandbox, NeitherHalfCanExecuteAProgram) {
  for (const SandboxRole role : {SandboxRole::kAcquire, SandboxRole::kApply}) {
    EXPECT_EQ(inside(role, [] {
                char name[] = "/bin/true";
                char* const arguments[] = {name, nullptr};
                return error_of(::execv(name, arguments));
              }),
              EPERM);
  }
}

// Answers: AP-05, T-61
TEST_F(Sandbox, FilesOutsideTheOwnFoldersAreClosed) {
  if (!has_landlock()) GTEST_SKIP() << "this kernel has no Landlock";  // NOLINT(skip: rights or kernel of this machine)
  for (const SandboxRole role : {SandboxRole::kAcquire, SandboxRole::kApply}) {
    const auto open = [&](const char* name, int flags) {
      return inside(role, [&] { return error_of(::open((folder_ + name).c_str(), flags, 0600)); });
    };
    EXPECT_EQ(open("/own/file", O_RDWR), 0);
    EXPECT_EQ(open("/own/new", O_CREAT | O_RDWR), 0);
    EXPECT_EQ(open("/other/file", O_RDONLY), EACCES);
    EXPECT_EQ(open("/other/new", O_CREAT | O_RDWR), EACCES);
    EXPECT_EQ(inside(role, [] { return error_of(::open("/etc/passwd", O_RDONLY)); }), EACCES);
  }
}

}  // namespace
}  // namespace aseptic::agent
