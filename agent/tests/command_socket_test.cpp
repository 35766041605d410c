// SPDX-License-Identifier: Apache-2.0
#include "apply/command_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

namespace aseptic::agent {
namespace {

int connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  return ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 ? fd : -1;
}

std::string answer_from(int fd) {
  char buffer[512];
  const ssize_t size = ::recv(fd, buffer, sizeof buffer, 0);
  return std::string(buffer, size > 0 ? static_cast<std::size_t>(size) : 0);
}

class CommandSocketTest : public ::testing::Test {
 protected:
  std::string path = "/tmp/aseptic-command-" + std::to_string(::getpid()) + ".sock";
  void TearDown() override { ::unlink(path.c_str()); }
  static std::string echo(const std::string& command, const LocalCaller& caller) {
    return command + (caller.may_command ? " allowed" : " read-only") + " " + std::to_string(caller.uid);
  }
};

// Answers: ID-09, T-59
TEST_F(CommandSocketTest, KnowsTheCallerFromTheKernel) {
  auto socket = CommandSocket::listen(path);
  ASSERT_TRUE(socket.has_value()) << socket.error().sentence();
  const int fd = connect_to(path);
  ASSERT_GE(fd, 0);
  ASSERT_EQ(::send(fd, "status\n", 7, 0), 7);
  socket->serve(echo);
  EXPECT_EQ(answer_from(fd), "status allowed " + std::to_string(::getuid()) + "\n");
  ::close(fd);
}

// Answers: ID-09, T-59
TEST_F(CommandSocketTest, AnotherUserMayOnlyRead) {
  if (::getuid() != 0) GTEST_SKIP() << "needs root to become another user";  // NOLINT(skip: rights or kernel of this machine)
  auto socket = CommandSocket::listen(path);
  ASSERT_TRUE(socket.has_value());
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setuid(65534) != 0) ::_exit(2);
    const int fd = connect_to(path);
    if (fd < 0 || ::send(fd, "install\n", 8, 0) != 8) ::_exit(3);
    ::_exit(answer_from(fd) == "install read-only 65534\n" ? 0 : 1);
  }
  int status = 0;
  for (int i = 0; i < 2000 && ::waitpid(child, &status, WNOHANG) == 0; ++i) {
    socket->serve(echo);
    ::usleep(1000);
  }
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST_F(CommandSocketTest, DropsALineThatIsTooLongAndACallerThatSaysNothingBlocksNobody) {
  auto socket = CommandSocket::listen(path);
  ASSERT_TRUE(socket.has_value());
  const int silent = connect_to(path), endless = connect_to(path), good = connect_to(path);
  const std::string flood(kCommandMax + 1, 'x');
  ASSERT_EQ(::send(endless, flood.data(), flood.size(), 0), static_cast<ssize_t>(flood.size()));
  ASSERT_EQ(::send(good, "status\n", 7, 0), 7);
  for (int i = 0; i < 3; ++i) socket->serve(echo);
  EXPECT_EQ(answer_from(endless), "");
  EXPECT_NE(answer_from(good), "");
  for (const int fd : {silent, endless, good}) ::close(fd);
}

}  // namespace
}  // namespace aseptic::agent
