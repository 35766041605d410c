// SPDX-License-Identifier: Apache-2.0
// The image that the host port's tests boot: a static ELF that looks around, writes what it found to
// DEVICE/agent/found, and ends as DEVICE/agent/script says.
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

extern char** environ;

namespace {

bool can_open(const std::string& path, int flags) {
  const int fd = open(path.c_str(), flags, 0600);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

int open_descriptors() {
  int count = 0;
  for (int fd = 0; fd < 256; ++fd)
    if (fcntl(fd, F_GETFD) >= 0) ++count;
  return count;
}

void look_around(const std::string& device, int argc, char** argv) {
  std::FILE* found = std::fopen((device + "/agent/found").c_str(), "a");
  if (found == nullptr) return;
  int variables = 0;
  while (environ[variables] != nullptr)
    ++variables;
  std::fprintf(found, "args=%d name=%s environment=%d descriptors=%d\n", argc, argv[0], variables,
               open_descriptors() - 1);
  std::fprintf(
      found,
      "journal_write=%d journal_read=%d secret_read=%d store_write=%d recovery_write=%d boot_create=%d\n",
      can_open(device + "/boot/journal.bin", O_WRONLY), can_open(device + "/boot/journal.bin", O_RDONLY),
      can_open(device + "/boot/secret.bin", O_RDONLY), can_open(device + "/boot/monotonic.bin", O_RDWR),
      can_open(device + "/boot/recovery.img", O_RDWR), can_open(device + "/boot/new", O_CREAT | O_RDWR));
  std::fprintf(found, "mailbox_read=%d mailbox_write=%d slot_write=%d requests_write=%d permit_write=%d\n",
               can_open(device + "/mailbox/report.bin", O_RDONLY),
               can_open(device + "/mailbox/report.bin", O_WRONLY), can_open(device + "/slots/b.img", O_RDWR),
               can_open(device + "/requests/requests.bin", O_RDWR),
               can_open(device + "/permit/permit.bin", O_RDWR));
  std::fprintf(found, "rename_boot=%d link_journal=%d\n",
               rename((device + "/boot").c_str(), (device + "/old").c_str()) == 0,
               link((device + "/boot/journal.bin").c_str(), (device + "/requests/link").c_str()) == 0);
  char shell[] = "/bin/true";
  char* const arguments[] = {shell, nullptr};
  const pid_t child = fork();
  if (child == 0) {
    execv(shell, arguments);
    _exit(77);
  }
  int status = 0;
  waitpid(child, &status, 0);
  std::fprintf(found, "ran_other_program=%d\n", !(WIFEXITED(status) && WEXITSTATUS(status) == 77));
  std::fclose(found);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 1;
  const std::string device = argv[1];
  look_around(device, argc, argv);
  // One character per boot: the file is shortened as it is used.
  char script[256] = {};
  const int fd = open((device + "/agent/script").c_str(), O_RDWR);
  const ssize_t length = fd >= 0 ? read(fd, script, sizeof script - 1) : 0;
  if (length <= 0) return 83;
  const bool shortened = pwrite(fd, script + 1, static_cast<std::size_t>(length - 1), 0) == length - 1 &&
                         ftruncate(fd, length - 1) == 0;
  close(fd);
  if (!shortened) return 1;
  switch (script[0]) {
    case 'r':
      return 82;
    case 'o':
      return 83;
    case 'w':  // until the test has written its requests, then the commanded reset
      while (!can_open(device + "/agent/go", O_RDONLY))
        usleep(1000);
      return 82;
    case 'k':
      std::abort();
    case 'h':
      for (;;)
        pause();
    case 'c': {  // leaves a child in a session of its own behind
      const pid_t child = fork();
      if (child == 0) {
        setsid();
        std::FILE* pid = std::fopen((device + "/agent/straggler").c_str(), "w");
        std::fprintf(pid, "%ld", static_cast<long>(getpid()));
        std::fclose(pid);
        for (;;)
          pause();
      }
      usleep(100'000);
      return 82;
    }
    default:
      return 1;
  }
}
